"""The visitor's runs: open one, start one."""

import re
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from dlcore.config import TrainConfig
from dlcore.messages import UserError
from dlcore.runs import keeping, queue
from dlcore.runs.directory import Run
from dlcore.runs.status import LIVE
from ui.language import translate as _
from ui.shell import show_error
from ui.training.state import TrainPage
from ui.training.words import ICONS, title
from ui.visitor import local_time

_STYLE = Path(__file__).with_name("runs.css")
_RUNS_PAGE = "pages/runs.py"
_SHOWN_AT_ONCE = 6
_MOST_SHOWN = 50


def start_run(state: TrainPage) -> None:
    """Make a run of the settings in the form; it trains at once or when its turn comes, and the page shows it."""
    state.problem = None
    state.refusals = ()
    try:
        run = queue.submit(TrainConfig.parse(state.config.model_dump()), owner=state.visitor)
    except UserError as error:
        state.problem = error
        return
    state.run_id = run.run_id


def runs_list(state: TrainPage, runs: list[Run]) -> None:
    """The visitor's runs, newest first, each a button that opens it and, if it is theirs, a menu beside it."""
    if not runs and not state.deleted:
        return
    st.markdown(_("**My runs**"))
    st.html(_STYLE)
    _undo(state)
    if state.keeping_problem is not None:
        show_error(state.keeping_problem)
    with st.container(key="train-runs", gap=None):
        for run in runs[:_SHOWN_AT_ONCE]:
            _row(state, run)
    if len(runs) > _SHOWN_AT_ONCE:
        with st.expander(_("{count} older").format(count=min(len(runs), _MOST_SHOWN) - _SHOWN_AT_ONCE)):
            for run in runs[_SHOWN_AT_ONCE:_MOST_SHOWN]:
                _row(state, run)
    st.page_link(_RUNS_PAGE, label=_("Find and compare runs"), icon=":material/compare_arrows:")


def _row(state: TrainPage, run: Run) -> None:
    summary, label, status = run.summary(), keeping.label(run), run.status()
    words = _escaped(label.name) or title(run.config)
    if summary is not None and summary.test_accuracy is not None:
        words = f"{summary.test_accuracy:.2%} · {words}"  # first: a long name may be cut off
    words = f"{local_time(run.created)[-5:]} · {words}"
    if label.pinned:
        words = f":material/keep: {words}"  # where it is not cut off
    with st.container(
        key=f"train-row-{run.run_id}",
        horizontal=True,
        vertical_alignment="center",
        gap=None,
        horizontal_alignment="distribute",
    ):
        st.button(
            f"**{words}**" if run.run_id == state.run_id else words,
            key=f"train.open.{run.run_id}",
            icon=ICONS["running" if status == "starting" else status],  # it will be, and this list is not drawn again
            type="tertiary",
            help=_("Started {time}. {epochs} epochs, learning rate {rate:g}.").format(
                time=local_time(run.created), epochs=run.config.epochs, rate=run.config.learning_rate
            ),
            on_click=_open,
            args=(state, run),
        )
        if run.owner == state.visitor:
            _menu(state, run, label, going=status in LIVE)


def _menu(state: TrainPage, run: Run, label: keeping.Label, *, going: bool) -> None:
    """What the owner may do with a run: pin it, name it, delete it."""
    name_key = f"train.name.{run.run_id}"
    with st.popover(":material/more_vert:", type="tertiary", key=f"train.menu.{run.run_id}"):
        st.button(
            _("Unpin") if label.pinned else _("Pin"),
            icon=":material/keep_off:" if label.pinned else ":material/keep:",
            key=f"train.pin.{run.run_id}",
            help=_("A pinned run is kept, however many newer ones there are."),
            width="stretch",
            on_click=_attempt,
            args=(state, lambda: keeping.pin(run, pinned=not label.pinned)),
        )
        st.text_input(
            _("Name"),
            value=label.name,
            key=name_key,
            max_chars=keeping.NAME_LENGTH,
            placeholder=title(run.config),
            on_change=lambda: _attempt(state, lambda: keeping.rename(run, st.session_state[name_key])),
        )
        st.button(
            _("Delete"),
            icon=":material/delete:",
            key=f"train.delete.{run.run_id}",
            disabled=going,
            help=_("Stop it first.") if going else _("You can undo this for a while."),
            width="stretch",
            on_click=_delete,
            args=(state, run),
        )


def _undo(state: TrainPage) -> None:
    """The run deleted last, and the way back."""
    if not state.deleted:
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(_("The run was deleted."), width="content")
        st.button(
            _("Undo"),
            icon=":material/undo:",
            type="tertiary",
            key="train.undo",
            on_click=_bring_back,
            args=(state,),
        )


def _attempt(state: TrainPage, action: Callable[[], object]) -> bool:
    state.keeping_problem = None
    try:
        action()
    except UserError as error:
        state.keeping_problem = error
        return False
    return True


def _delete(state: TrainPage, run: Run) -> None:
    if not _attempt(state, lambda: keeping.delete(run)):
        return
    state.deleted = run.run_id
    if state.run_id == run.run_id:
        state.run_id, state.watch, state.problem = "", None, None


def _bring_back(state: TrainPage) -> None:
    if _attempt(state, lambda: keeping.restore(state.deleted)):
        state.run_id = state.deleted
    state.deleted = ""


def _escaped(name: str) -> str:
    """A visitor's own words, with nothing in them read as Markdown."""
    return re.sub(r"([\\`*_{}\[\]()#+.!|<>~$:-])", r"\\\1", name)


def _open(state: TrainPage, run: Run) -> None:
    state.run_id, state.config = run.run_id, run.config
    state.problem, state.refusals = None, ()
