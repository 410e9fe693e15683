"""A chapter of several subjects: a card each, its words on the left, its figure on the right, what to read below."""

from collections.abc import Callable, Mapping

import streamlit as st

from ui.concepts.doors import read_next
from ui.concepts.prose import sections


def show_subjects(chapter: str, figures: Mapping[str, Callable[[], None]]) -> None:
    """The chapter's opening, then its subjects in the order of ``figures``; each is a lab of the catalogue."""
    text = sections(chapter)
    st.markdown(text["intro"])
    for name, draw in figures.items():
        with st.container(border=True):
            left, right = st.columns(2, gap="large", vertical_alignment="center")
            with left:
                st.markdown(text[name])
            with right:
                draw()
            read_next(f"{chapter.removesuffix('s')}-{name}")
