"""A chapter's share of the link: what it adds stands there while it is open, and no longer.

Every chapter says with :func:`put` what of it the link shall hold; :func:`write` does it once a run, in one step of
the browser's history, and takes away what belongs to other chapters.
"""

from collections.abc import Iterable, Mapping

import streamlit as st

_WANTED = "concepts.link"


def begin() -> None:
    """Forget what the last run wanted; before a chapter is shown."""
    st.session_state[_WANTED] = None


def put(wanted: Mapping[str, str], instead_of: str = "") -> None:
    """What of the chapter on show belongs into the link; whatever else the chapter owns is taken away.

    ``instead_of``: names that begin so and were put before in this run are forgotten.
    """
    before: Mapping[str, str] = st.session_state.get(_WANTED) or {}
    kept = {name: value for name, value in before.items() if not (instead_of and name.startswith(instead_of))}
    st.session_state[_WANTED] = {**kept, **wanted}


def write(own: Iterable[str], foreign: Iterable[str], always: Mapping[str, str]) -> None:
    """Bring the link up to date.

    Args:
        own: the names of the chapter on show; a name ending in a dot stands for all that begin with it.
        foreign: the names of all other chapters, written the same way.
        always: what stands in the link whatever the chapter; an empty text takes a name away.
    """
    wanted: Mapping[str, str] | None = st.session_state.get(_WANTED)
    now = dict(st.query_params.items())
    gone = [*foreign, *(own if wanted is not None else ())]
    kept = {name: value for name, value in now.items() if not _belongs(name, gone) and name not in always}
    new = kept | {name: value for name, value in always.items() if value} | dict(wanted or {})
    if new != now:
        st.query_params.from_dict(new)


def _belongs(name: str, owned: Iterable[str]) -> bool:
    return any(name.startswith(item) if item.endswith(".") else name == item for item in owned)
