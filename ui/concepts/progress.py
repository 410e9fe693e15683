"""Which chapters a visitor has finished: kept in the link, so that it comes along wherever the link goes.

A chapter with a check is finished once each of its questions has been answered rightly.
"""

import streamlit as st

_STATE = "concepts.done"
NAME = "done"
"""The parameter of the link: chapters joined by underscores."""


def finished() -> set[str]:
    """The chapters finished so far; changing the set changes what is kept."""
    kept: set[str] = st.session_state.setdefault(_STATE, set())
    return kept


def arrive(text: str | None, chapters: list[str]) -> None:
    """Add what a link says was finished; names that are no chapters are passed over."""
    if text:
        finished().update(set(text[:400].split("_")) & set(chapters))


def written(chapters: list[str]) -> str:
    """The finished chapters for the link, in the order of the path."""
    return "_".join(name for name in chapters if name in finished())
