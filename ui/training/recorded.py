"""The recorded run that a first visit sees: a real one, read by the same code as any other, and played again on request."""

import time
from functools import cache

import streamlit as st

from dlcore.config import TrainConfig
from dlcore.presets import PRESETS
from dlcore.runs.directory import Run, open_directory
from dlcore.runs.history import RunHistory
from dlcore.training.events import Event, Stepped
from ui.clock import run_again
from ui.language import CONTENT
from ui.language import translate as _
from ui.training.curve_view import curves
from ui.training.live import progress_bar
from ui.training.results import draw_link
from ui.training.state import TrainPage
from ui.training.words import title

REPLAY_SECONDS = 12.0
_TICK_SECONDS = 0.5


@cache
def _run() -> Run:
    return open_directory(CONTENT / "recorded_run")


@cache
def _events() -> tuple[Event, ...]:
    events, _offset = _run().read()
    return tuple(events)


def history_until(share: float) -> RunHistory:
    """The recorded run as it looked when ``share`` of it had passed; 1 is all of it."""
    events = _events()
    history = RunHistory()
    if share >= 1:
        history.append(events)
        return history
    steps = [index for index, event in enumerate(events) if isinstance(event, Stepped)]
    last = steps[min(len(steps) - 1, int(share * len(steps)))]
    history.append(events[: last + 1])
    return history


def recorded_config() -> TrainConfig:
    """The settings of the recorded run."""
    return _run().config


def recorded_view(state: TrainPage) -> RunHistory:
    """Show the recording, labelled as one; the whole page runs once more when a replay ends."""
    replaying = state.replay_started is not None
    st.fragment(_tick)(state)
    return history_until(0 if replaying else 1)


def _tick(state: TrainPage) -> None:
    share = 1.0
    if state.replay_started is not None:
        share = (time.monotonic() - state.replay_started) / REPLAY_SECONDS
        if share >= 1:
            state.replay_started = None
            st.rerun()
    history = history_until(share)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.badge(_("Recording"), icon=":material/videocam:", color="violet")
            st.markdown(f"**{title(_run().config)}**", width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            _controls(state, replaying=share < 1)
    st.caption(_("You have no run yet, so this is one that we recorded earlier. Start your own at any time."))
    progress_bar(history, going=share < 1)
    curves(history, _run().config, revision="recorded")
    if share < 1:
        run_again(_TICK_SECONDS, key="train.replaying")


def _controls(state: TrainPage, *, replaying: bool) -> None:
    if _run().config == PRESETS["pretrained"].config:
        draw_link("pretrained")
    replay = st.button(
        _("Replay"),
        icon=":material/replay:",
        key="train.replay",
        disabled=replaying,
        help=_("The whole training again in {seconds:g} seconds.").format(seconds=REPLAY_SECONDS),
    )
    if replay:
        state.replay_started = time.monotonic()
        st.rerun()
