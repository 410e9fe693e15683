"""The page: what the link refused, the five views, one of them shown."""

from pathlib import Path

import streamlit as st

from ui import shell
from ui.language import translate as _
from ui.resources import visit
from ui.resources.choose import choose
from ui.resources.compare import compare
from ui.resources.directory import directory
from ui.resources.progress import keep
from ui.resources.start import start
from ui.resources.today import today

_STYLE = Path(__file__).with_name("resources.css")


def show() -> None:
    """Everything below the page's title."""
    st.html(_STYLE)
    state = visit.arrive()
    for error in state.refused:
        shell.show_error(error)
    st.segmented_control(
        _("View"),
        list(visit.VIEWS),
        key=visit.key("view"),
        format_func={view: _(label) for view, label in visit.VIEWS.items()}.__getitem__,
        label_visibility="collapsed",
        required=True,
    )
    if state.view == "paths":
        start(state)
    elif state.view == "today":
        today()
    elif state.view == "frameworks":
        choose(state)
    elif state.view == "compare":
        compare(state)
    else:
        directory(state)
    keep(state)
