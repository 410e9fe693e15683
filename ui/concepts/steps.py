"""The chapter of the six steps: one paragraph, then the lab."""

import streamlit as st

from ui.concepts.doors import door, read_next
from ui.concepts.lab import show as show_lab
from ui.concepts.prose import sections
from ui.language import translate as _


def show() -> None:
    """The lab first; the same six steps on a real network are one click away."""
    st.markdown(sections("steps")["intro"])
    show_lab()
    door(_("Train 1.2 million weights"), "train", dataset="digits", epochs=3)
    read_next("steps")
