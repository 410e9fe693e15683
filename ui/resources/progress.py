"""What a visitor has ticked off, kept in their own browser and, if they like, in a file; the server forgets it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import streamlit as st

from dlcore.messages import N_, UserError
from ui.language import translate as _
from ui.packing import packed
from ui.resources.catalogue import known
from ui.resources.visit import Visit, current, key
from ui.shell import show_error

LARGEST_FILE = 20_000
"""Bytes; the ids of the whole catalogue fill a tenth of it."""
_JS = """
export default ({ data: sent, parentElement, setStateValue }) => {
  const data = JSON.parse(sent.json)
  const name = "dlcore.resources.done"
  // Later, because a browser that is asked at once still sends its boxes as they were before they were ticked from here.
  const tell = (kept) => {
    if (!parentElement.loaded && parentElement.isConnected) setStateValue("kept", kept)
  }
  try {
    const kept = localStorage.getItem(name) ?? "[]"
    parentElement.loaded = data.loaded
    if (data.loaded) localStorage.setItem(name, JSON.stringify(data.done))
    // Nothing is written before the server has seen what was kept; it is asked only if there is something to lose.
    else if (kept !== "[]" || data.done.length) setTimeout(tell, 800, kept)
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
    if not isinstance(kept, str) or len(kept) > LARGEST_FILE:
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
        state.done |= read_kept(answer.kept)
        st.rerun()


def to_file(done: set[str]) -> str:
    """What was ticked off as a file to keep."""
    saved = datetime.now(UTC).date().isoformat()
    return json.dumps({"format": 1, "saved": saved, "done": sorted(done)}, indent=1) + "\n"


def from_file(content: bytes) -> tuple[set[str], int]:
    """The entries that a file says were done, and how many of its names are no entries (any more).

    Raises:
        UserError: it is no file of ours; it came from outside and may be anything.
    """
    if len(content) > LARGEST_FILE:
        raise UserError(
            N_("The file has {size} bytes; a file of progress has at most {most}."),
            size=f"{len(content):,}",
            most=f"{LARGEST_FILE:,}",
        )
    try:
        values = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        values = None
    names = values.get("done") if isinstance(values, dict) and values.get("format") == 1 else None
    if not isinstance(names, list) or not all(isinstance(item, str) for item in names):
        raise UserError(N_("This is no file of progress. Choose one that was downloaded here."))
    done = {item for item in names if known(item)}
    return done, len(set(names) - done)


def _take_over() -> None:
    """Add what the uploaded file says; called once for each file."""
    uploaded = st.session_state[key("progress.file")]
    state = current()
    state.imported = state.import_error = None
    if uploaded is None:
        return
    try:
        done, unknown = from_file(uploaded.getvalue())
    except UserError as error:
        state.import_error = error
    else:
        state.imported = (len(done - state.done), len(done), unknown)
        state.done |= done


def _forget() -> None:
    state = current()
    state.done.clear()
    state.imported = state.import_error = None
    # The browser is to forget as well, and not to tell us what it remembers.
    st.session_state[key(_LOADED)] = True


def take_along(state: Visit) -> None:
    """The progress as a file: to keep, to bring back, to take to another browser."""
    answered = bool(state.imported or state.import_error)  # another label makes another fold, which begins closed
    label = _("Your progress: {count} done").format(count=len(state.done))
    with st.expander(label, icon=":material/task_alt:", expanded=answered):
        st.markdown(_("It is kept in this browser, nowhere else. As a file you can take it to another one."))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.download_button(
                _("Save as a file"),
                lambda: to_file(state.done),
                file_name="progress.json",
                mime="application/json",
                key=key("progress.save"),
                icon=":material/download:",
                on_click="ignore",
                disabled=not state.done,
            )
            st.button(
                _("Forget all of it"),
                key=key("progress.forget"),
                type="tertiary",
                icon=":material/delete:",
                on_click=_forget,
                disabled=not state.done,
            )
        st.file_uploader(
            _("Bring a file back; what it says is added"),
            type=["json"],
            max_upload_size=1,
            key=key("progress.file"),
            on_change=_take_over,
        )
        if state.import_error:
            show_error(state.import_error)
        elif state.imported:
            new, done, unknown = state.imported
            told = _("{done} done according to the file, {new} of them new here.").format(done=done, new=new)
            if unknown:
                told += " " + _("{unknown} are not in the directory and were left out.").format(unknown=unknown)
            st.success(told, icon=":material/check_circle:")
