"""What a visitor has ticked off, kept in their own browser; the server forgets it with the session."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import streamlit as st

from ui.packing import packed
from ui.resources.catalogue import known
from ui.resources.visit import Visit, key

_JS = """
export default ({ data: sent, setStateValue }) => {
  const data = JSON.parse(sent.json)
  const name = "dlcore.resources.done"
  try {
    const kept = localStorage.getItem(name) ?? "[]"
    if (!data.loaded && kept !== "[]") setStateValue("kept", kept)
    else localStorage.setItem(name, JSON.stringify(data.done))
  } catch {
    // Storage is forbidden: what is ticked off lasts as long as this session.
  }
}
"""
_LOADED = "progress.loaded"


@cache
def _keeper() -> Callable[..., Any]:
    component: Callable[..., Any] = st.components.v2.component("resources_progress", js=_JS, isolate_styles=False)
    return component


def read_kept(kept: object) -> set[str]:
    """The entries that a browser says were done; whatever is not the id of an entry is dropped."""
    if not isinstance(kept, str) or len(kept) > 20_000:
        return set()
    try:
        names = json.loads(kept)
    except (ValueError, RecursionError):
        return set()
    return {item for item in names if isinstance(item, str) and known(item)} if isinstance(names, list) else set()


def keep(state: Visit) -> None:
    """Take over what the browser remembers, once; afterwards let it remember what is ticked here."""
    loaded = bool(st.session_state.get(key(_LOADED)))
    answer = _keeper()(
        data=packed({"loaded": loaded, "done": sorted(state.done)}),
        key="resources.progress",
        default={"kept": ""},
        on_kept_change=lambda: None,
    )
    if not loaded and answer.kept:
        st.session_state[key(_LOADED)] = True
        if remembered := read_kept(answer.kept) - state.done:
            state.done |= remembered
            st.rerun()
