"""Steering a run while it trains: pause, one update, continue, stop, and three values that may change."""

from collections.abc import Callable

import streamlit as st

from dlcore.config import KNOBS, TrainConfig
from dlcore.messages import UserError
from dlcore.runs import queue
from dlcore.runs.control import VALUES
from dlcore.runs.directory import Run
from dlcore.runs.history import RunHistory
from dlcore.runs.status import Status
from ui.language import translate as _
from ui.training import words
from ui.training.state import TrainPage

_SHOWN_CHANGES = 6


def buttons(state: TrainPage, run: Run, status: Status) -> None:
    """Pause or continue, one update, and stop, for whoever owns a run that is going on."""
    if status == "paused":
        _button(state, "go", _("Continue"), ":material/play_arrow:", lambda: run.steer(then="go"), primary=True)
    elif status in ("starting", "running"):
        wait = _("It waits after the current update, and keeps all it knows.")
        _button(state, "pause", _("Pause"), ":material/pause:", lambda: run.steer(then="pause"), words=wait)
    if status in ("paused", "running"):
        one = _("One update, then it waits.")
        _button(state, "step", _("Single step"), ":material/skip_next:", lambda: run.steer(then="step"), words=one)
    _button(
        state,
        "stop",
        _("Stop"),
        ":material/stop:",
        lambda: queue.stop(run),
        words=_("What was learned is tested and kept."),
        disabled=status == "stopping",
    )


def changes(state: TrainPage, run: Run, history: RunHistory, *, may_change: bool) -> None:
    """The fold with the values that may change, and in words what was changed so far."""
    if may_change:
        fold = st.expander(_("Change while it trains"), key="train.steering", on_change="rerun")
        if fold.open:  # drawn with each look
            with fold:
                _form(state, run, history)
    if told := words.changes(history, run.config):
        lines = told[-_SHOWN_CHANGES:]
        if len(told) > len(lines):
            lines = [_("{count} earlier changes").format(count=len(told) - len(lines)), *lines]
        st.caption("  \n".join(lines))


def attempt(state: TrainPage, action: Callable[[], object]) -> None:
    """Do it, or remember why it could not be done."""
    state.problem = None
    if state.watch is not None:
        state.watch.quiet = 0  # something is about to happen
    try:
        action()
    except UserError as error:
        state.problem = words.refusal(error)


def _button(
    state: TrainPage,
    name: str,
    label: str,
    icon: str,
    action: Callable[[], object],
    *,
    words: str | None = None,
    disabled: bool = False,
    primary: bool = False,
) -> None:
    st.button(
        label,
        icon=icon,
        key=f"train.{name}",
        type="primary" if primary else "secondary",
        disabled=disabled,
        help=words,
        on_click=attempt,
        args=(state, action),
    )


def _form(state: TrainPage, run: Run, history: RunHistory) -> None:
    keys = {name: f"train.steer.{name}.{run.run_id}" for name in VALUES}
    with st.form("train.steer", border=False):
        columns = st.columns(len(VALUES), vertical_alignment="bottom")
        for column, (name, key) in zip(columns, keys.items(), strict=True):
            knob = KNOBS[name]
            column.text_input(
                _(knob.title),
                value=f"{getattr(run.config, name):.12g}",
                key=key,
                max_chars=24,
                help=f"{_(knob.description)} " + _("Allowed: {allowed}.").format(allowed=knob.allowed),
            )
        st.form_submit_button(
            _("Use from the next update on"),
            icon=":material/tune:",
            key="train.steer.use",
            on_click=attempt,
            args=(state, lambda: _change(run, history, {name: st.session_state[key] for name, key in keys.items()})),
        )
    st.caption(
        _("A schedule goes on from the new learning rate; what was changed is kept with the run and resumes with it.")
    )


def _change(run: Run, history: RunHistory, entered: dict[str, str]) -> None:
    """Ask for those values that are not in force already."""
    asked = TrainConfig.parse({name: text.strip() for name, text in entered.items()})
    now = words.in_force(history, run.config)
    news = {name: getattr(asked, name) for name in VALUES if getattr(asked, name) != now[name]}
    if news:
        run.steer(**news)
