"""The live view: what a run is doing now, in words, as progress and as curves that move in place."""

import time
from collections.abc import Callable
from typing import Literal

import streamlit as st

from dlcore import formats
from dlcore.data.availability import available
from dlcore.machine import cores
from dlcore.messages import UserError
from dlcore.runs import queue
from dlcore.runs.directory import Run
from dlcore.runs.history import RunHistory
from dlcore.runs.status import LIVE, RESUMABLE, STATUSES, Status
from ui.clock import run_again
from ui.language import translate as _
from ui.shell import in_markdown, show_error
from ui.training import words
from ui.training.curve_view import curves, told
from ui.training.diagnosis import diagnosis_view, findings_of, in_words
from ui.training.feed import feed_of
from ui.training.inside import inside_view
from ui.training.results import draw_link
from ui.training.runs import start_run
from ui.training.state import TrainPage, Watch
from ui.training.steering import attempt, buttons, changes

LOOK_SECONDS = 0.45
"""Between two looks at a run in which something happens: with the way there and back, two a second."""
WAITING_SECONDS = 2.0
"""Between two looks at a run that waits: a whole class may wait at once, and each look reads the whole queue."""
SLOWEST_SECONDS = 3.0
_CALMER = 1.5
"""Where nothing is new, the next look comes so much later, up to a few seconds."""
_CALMEST_SECONDS = 3.0
_ONE_PAGE, _ALL_PAGES = 0.01, 0.03
"""Shares of the machine that one page, and all that watch a run, may take from it."""
_SHARES = {"pulse": 0.7, "rest": 0.3}
"""Of what a page may take, for the chart of the loss and for all else."""
_LEAST = {"pulse": LOOK_SECONDS, "rest": 1.5}
_AROUND = {"pulse": 3.6, "rest": 3.6}
"""A look costs so much more than what is measured here: Streamlit's own work before and after. Measured for the whole view;
for the chart alone it is too little: its two looks a second and the rest took 2.9% of two cores, not the one that is meant."""

Phase = Literal["waiting", "going", "over"]


def live_view(state: TrainPage, run: Run) -> Watch | None:
    """Show ``run`` and keep showing it while it lives; when it ends, the whole page runs once more.

    Returns:
        What is known of it if it is over, so that its results can be shown.
    """
    if state.watch is None or state.watch.run.run_id != run.run_id:
        state.watch = Watch(feed_of(run))
    phase = _phase(run.status())
    st.fragment(_tick)(state, state.watch, phase=phase)
    return state.watch if phase == "over" else None


def _phase(status: Status) -> Phase:
    if status == "queued":
        return "waiting"
    return "going" if status in LIVE else "over"


def next_look(
    phase: Phase,
    *,
    quiet: int,
    cost_seconds: float,
    pages: int,
    processors: int,
    share: float = 1.0,
    least: float = LOOK_SECONDS,
) -> float:
    """The seconds until the next look.

    Args:
        phase: what the run is at.
        quiet: looks in a row at which nothing was new.
        cost_seconds: processor time of a look.
        pages: how many pages watch the run.
        processors: how many the machine has.
        share: of what a page may take, for the part of it that looks.
        least: seconds between two looks where nothing makes it slower.
    """
    if phase == "waiting":
        return WAITING_SECONDS
    calm = min(_CALMEST_SECONDS, least * _CALMER**quiet)
    frugal = cost_seconds * max(1 / _ONE_PAGE, pages / _ALL_PAGES) / (share * processors)
    return min(SLOWEST_SECONDS, max(calm, frugal))


def _tick(state: TrainPage, watch: Watch, *, phase: Phase) -> None:
    """All of the view; the chart of the loss, which moves with each update, looks more often than the rest."""
    began = time.thread_time()
    status = _look(watch, phase)
    if phase != "going":  # whoever waits, or sees that a worker was killed, gives its place away
        try:
            queue.advance()
        except UserError as error:
            state.problem = error
    watch.shown = status
    with watch.feed.lock:
        _header(state, watch, status)
        mine = watch.run.owner in ("", state.visitor)
        changes(state, watch.run, watch.history, may_change=mine and status in LIVE and status != "stopping")
        view = curves(
            lambda: watch.history,
            watch.run.config,
            revision=watch.run.run_id,
            kept=watch.feed.kept,
            moving=lambda draw: st.fragment(_pulse)(watch, draw, phase=phase),
        )
        findings = findings_of(watch)
        diagnosis_view(state, watch.history, watch.run.config, findings, live=status in LIVE)
        told(watch.history, in_words(findings))
        inside_view(watch, view.axis)
    if phase != "over":
        seconds = _pace(watch, "rest", began, phase=phase)
        run_again(seconds, key="train.clock")


def _pulse(watch: Watch, draw: Callable[[], None], *, phase: Phase) -> None:
    """The chart of the loss and nothing else: a look at it costs a fraction of one at the whole view."""
    began = time.thread_time()
    status = _look(watch, phase)
    if watch.shown != status:  # paused, or going on: buttons and words have to follow
        st.rerun()
    with watch.feed.lock:
        draw()
    if phase == "going":
        run_again(_pace(watch, "pulse", began, phase=phase), key="train.pulse")


def _look(watch: Watch, phase: Phase) -> Status:
    status = watch.look()
    if phase != _phase(status):  # it began, ended, or was resumed: the rest of the page has to follow
        st.rerun()
    return status


def _pace(watch: Watch, part: str, began: float, *, phase: Phase) -> float:
    """Seconds until the next look at this part, which was drawn since ``began`` of the thread's own time."""
    cost = _AROUND[part] * (time.thread_time() - began)
    before = watch.costs.get(part, cost)
    watch.costs[part] = (before + cost) / 2
    pages = watch.feed.present(id(watch))
    seconds = next_look(
        phase,
        quiet=watch.quiet,
        cost_seconds=watch.costs[part],
        pages=pages,
        processors=cores(),
        share=_SHARES[part],
        least=_LEAST[part],
    )
    return round(seconds, 2)


def progress_bar(history: RunHistory, *, going: bool) -> None:
    """How far, how fast, how long still."""
    downloading = history.preparing if history.started is None else None
    share = downloading.bytes_done / downloading.bytes_total if downloading and downloading.bytes_total else None
    st.progress(min(1.0, history.progress if share is None else share), text=words.progress(history, going=going))


def _header(state: TrainPage, watch: Watch, status: Status) -> None:
    run = watch.run
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            st.badge(_(STATUSES[status]), icon=words.ICONS[status], color=words.COLOURS[status])
            st.markdown(f"**{words.title(run.config)}**", width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            if status not in LIVE and run.model_at_hand():
                draw_link(run.run_id)
            if run.owner in ("", state.visitor):
                _controls(state, run, status)
    st.caption(words.in_line(queue.place(run)) if status == "queued" else words.explanation(status, watch.history))
    if state.problem:
        show_error(state.problem)
    if status == "queued":
        st.progress(0.0, text=_("Not begun yet."))
    else:
        progress_bar(watch.history, going=status in LIVE)
    _advice(state, watch, status)


def _controls(state: TrainPage, run: Run, status: Status) -> None:
    if status in LIVE:
        buttons(state, run, status)
    elif status in RESUMABLE and run.checkpoints.exists() and run.checkpoints.recipe() in (None, formats.RECIPE):
        st.button(
            _("Resume"),
            icon=":material/play_arrow:",
            key="train.resume",
            help=_("Goes on from the last checkpoint."),
            on_click=attempt,
            args=(state, lambda: queue.resume(run)),
        )


def _advice(state: TrainPage, watch: Watch, status: Status) -> None:
    """What to do next, where something went wrong."""
    ended = watch.history.ended
    if (notice := watch.history.notice) is not None:
        st.warning(in_markdown(UserError(notice.message, **notice.values)), icon=":material/healing:")
    if watch.feed.damaged_lines:
        told = _("{count} lines of this run's log are damaged and were left out: the curves may have gaps.")
        st.warning(told.format(count=watch.feed.damaged_lines), icon=":material/healing:")
    if status in ("completed", "stopped", "diverged") and ended is None:
        told = _("The end of this run's log is missing: how it ended is known, but its curves may be cut off.")
        st.warning(told, icon=":material/healing:")
    if status == "diverged":
        _what_to_try(watch.history)
    elif status == "failed" and ended is not None and ended.message:
        show_error(UserError(ended.message, **ended.values))
        _use_what_is_at_hand(state, watch.run)
    elif status == "failed":
        st.error(_("The reason is in the run's worker.log."), icon=":material/error:")
    elif status == "interrupted" and not watch.run.checkpoints.exists():
        st.info(_("It ended before its first checkpoint: start it again with the same settings."))
    if status in RESUMABLE:
        _start_again(state, watch.run)


def _start_again(state: TrainPage, run: Run) -> None:
    """Offer a new run of the same settings, where this one cannot go on as it was."""
    recipe = run.checkpoints.recipe()
    if recipe not in (None, formats.RECIPE):
        try:
            formats.check_recipe(str(recipe))
        except UserError as error:
            st.info(in_markdown(error), icon=":material/update:")
    elif run.status() == "stopped":
        return
    if st.button(
        _("Start it again"),
        icon=":material/restart_alt:",
        key="train.again",
        help=_("A new run with the settings of this one."),
        on_click=_again,
        args=(state, run),
    ):
        st.rerun()


def _again(state: TrainPage, run: Run) -> None:
    state.config = run.config
    start_run(state)


def _use_what_is_at_hand(state: TrainPage, run: Run) -> None:
    if available(run.config.dataset, own_images=run.config.own_images):
        return
    if st.button(_("Use the small digits"), icon=":material/wifi_off:", key="train.at_hand"):
        state.config = run.config.model_copy(update={"dataset": "digits", "classes": ""})
        st.rerun()


def _what_to_try(history: RunHistory) -> None:
    ended = history.ended
    if ended is not None and ended.advice:
        lines = [in_markdown(UserError(text, **ended.values)) for text in ended.advice]
        st.markdown(_("What may help:") + "\n" + "\n".join(f"- {line}" for line in lines))
