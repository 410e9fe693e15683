"""Ways out of a chapter: to a page with the experiment set up, and to what to read next."""

import streamlit as st

from ui import language

_ICONS = {"train": ":material/model_training:", "draw": ":material/draw:", "concepts": ":material/school:"}


def door(label: str, page: str, **query: object) -> None:
    """A link to a page of this dashboard with its settings filled in; the language goes along."""
    values = {name: str(value) for name, value in query.items()} | {"lang": language.current()}
    st.page_link(f"pages/{page}.py", label=label, icon=_ICONS[page], query_params=values)
