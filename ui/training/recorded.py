"""The recorded run that a first visit sees: a real one, read by the same code as any other, and played again on request."""

import time
from functools import cache

import streamlit as st

from dlcore.config import TrainConfig
from dlcore.runs.directory import Run, open_directory
from dlcore.runs.history import RunHistory
from dlcore.training.events import Event, Stepped
from ui.clock import run_again
from ui.language import CONTENT
from ui.language import translate as _
from ui.part import part
from ui.training.curve_view import curves, told
from ui.training.diagnosis import diagnosis_view, findings_of, in_words
from ui.training.feed import Feed, feed_of
from ui.training.inside import inside_view
from ui.training.progress import progress
from ui.training.state import TrainPage, Watch
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


def watch_until(share: float, watch: Watch | None = None) -> Watch:
    """What a page that follows the recording would hold when ``share`` of it had passed.

    ``watch`` is what it held before: the visitor's choices stay.
    """
    feed = whole = feed_of(_run())
    whole.update("completed")
    if share < 1:
        history = history_until(share)
        reached = history.latest.step if history.latest else 0
        looks = [look for look in whole.glimpses if look.step <= reached]
        feed = Feed(_run(), history=history, offset=reached, wall=whole.wall, glimpses=looks)
    if watch is None:
        return Watch(feed)
    watch.feed = feed
    return watch


def recorded_view(state: TrainPage) -> Watch:
    """Show the recording, labelled as one; the whole page runs once more when a replay ends."""
    replaying = state.replay_started is not None
    state.recording = watch_until(0 if replaying else 1, state.recording)
    part(_tick)(state, state.recording)
    return state.recording


def _tick(state: TrainPage, watch: Watch) -> None:
    share = 1.0
    if state.replay_started is not None:
        share = (time.monotonic() - state.replay_started) / REPLAY_SECONDS
        if share >= 1:
            state.replay_started = None
            st.rerun()
        watch_until(share, watch)
    history, config = watch.history, recorded_config()
    watch.moving.forget()
    with watch.feed.lock:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            with st.container(horizontal=True, vertical_alignment="center", width="content"):
                st.badge(_("Recording"), icon=":material/videocam:", color="violet")
                st.markdown(f"**{title(config)}**", width="content")
            with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
                _controls(state, replaying=share < 1)
        st.caption(_("You have no run yet, so this is one that we recorded earlier. Start your own at any time."))
        watch.moving.part(lambda: progress(history, going=share < 1))
        view = curves(lambda: history, config, revision="recorded", kept=watch.feed.kept, moving=watch.moving)
        findings = findings_of(watch)
        diagnosis_view(state, history, config, findings, live=True)  # its button fills the form, and starts nothing
        told(history, in_words(findings))
        inside_view(watch, view.axis)
    if share < 1:
        run_again(_TICK_SECONDS, key="train.replaying")


def _controls(state: TrainPage, *, replaying: bool) -> None:
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
