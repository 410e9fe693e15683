"""The live view: what a run is doing now, in words, as progress and as curves that move in place."""

import time
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
from ui.part import part
from ui.shell import in_markdown, show_error
from ui.training import words
from ui.training.curve_view import curves, told
from ui.training.diagnosis import diagnosis_view, findings_of, in_words
from ui.training.feed import feed_of
from ui.training.inside import inside_view
from ui.training.progress import not_begun, progress
from ui.training.results import draw_link
from ui.training.runs import start_run
from ui.training.state import TrainPage, Watch
from ui.training.steering import attempt, buttons, changes

LOOK_SECONDS = 0.35
"""Between two looks at a run in which something happens: with the way there and back, two a second."""
WAITING_SECONDS = 2.0
"""Between two looks at a run that waits: a whole class may wait at once, and each look reads the whole queue."""
SLOWEST_SECONDS = 3.0
_CALMER = 1.5
"""Where nothing is new, the next look comes so much later, up to a few seconds."""
_ONE_PAGE, _ALL_PAGES = 0.01, 0.02
"""Shares of the machine that one page, and all that watch a run, may take from it, as long as looks are not so far apart
that nobody would call them live: from then on a class takes what it takes."""
_AROUND_SECONDS = 0.004
"""Of processor time that a look costs beside what is measured here: Streamlit's own work before and after."""
WORDS_SECONDS = 4.0
"""The page's words and buttons follow what moves so much later at most, and not sooner than they may."""
OPEN_WORDS_SECONDS = 10.0
"""Words that tell of each update, in folds, are told anew so often at least."""
_LOOKS_SHARE = 0.75
"""Of what a page may take, for looks; the rest is for words and buttons."""
_CLOCK = "train.clock"

Phase = Literal["waiting", "going", "over"]


def live_view(state: TrainPage, run: Run) -> Watch | None:
    """Show ``run`` and keep showing it while it lives; when it ends, the whole page runs once more.

    Returns:
        What is known of it if it is over, so that its results can be shown.
    """
    if state.watch is None or state.watch.run.run_id != run.run_id:
        state.watch = Watch(feed_of(run))
    phase = _phase(run.status())
    part(_tick)(state, state.watch, phase=phase)
    return state.watch if phase == "over" else None


def _phase(status: Status) -> Phase:
    if status == "queued":
        return "waiting"
    return "going" if status in LIVE else "over"


def next_look(phase: Phase, *, quiet: int, cost_seconds: float, pages: int, processors: int) -> float:
    """The seconds until the next look.

    Args:
        phase: what the run is at.
        quiet: looks in a row at which nothing was new.
        cost_seconds: processor time of a look.
        pages: how many pages watch the run.
        processors: how many the machine has.
    """
    if phase == "waiting":
        return WAITING_SECONDS
    calm = LOOK_SECONDS * _CALMER**quiet
    return min(SLOWEST_SECONDS, max(calm, _frugal(cost_seconds, _LOOKS_SHARE, pages, processors)))


def next_words(*, cost_seconds: float, pages: int, processors: int) -> float:
    """The seconds until the page may be drawn anew for words and buttons; arguments as for :func:`next_look`."""
    return min(WORDS_SECONDS, _frugal(cost_seconds, 1 - _LOOKS_SHARE, pages, processors))


def _frugal(cost_seconds: float, share: float, pages: int, processors: int) -> float:
    """How far apart things of this cost are that take this share of what a page may take from the machine."""
    return cost_seconds * max(1 / _ONE_PAGE, pages / _ALL_PAGES) / (share * processors)


def _tick(state: TrainPage, watch: Watch, *, phase: Phase) -> None:
    """All of the view, drawn anew where words or buttons have to follow what moves."""
    began = time.thread_time()
    status = _look(watch, phase)
    if phase != "going":  # whoever waits, or sees that a worker was killed, gives its place away
        try:
            queue.advance()
        except UserError as error:
            state.problem = error
    watch.moving.forget()
    with watch.feed.lock:
        watch.told = watch.to_tell(status)
        _header(state, watch, status)
        mine = watch.run.owner in ("", state.visitor)
        changes(state, watch.run, watch.history, may_change=mine and status in LIVE and status != "stopping")
        view = curves(
            lambda: watch.history,
            watch.run.config,
            revision=watch.run.run_id,
            kept=watch.feed.kept,
            moving=watch.moving,
        )
        findings = findings_of(watch)
        diagnosis_view(state, watch.history, watch.run.config, findings, live=status in LIVE)
        told(watch.history, in_words(findings))
        inside_view(watch, view.axis)
    if phase == "waiting":
        run_again(WAITING_SECONDS, key=_CLOCK)
    elif phase == "going":
        part(_pulse)(watch)
        cost = _spent(watch, "words", began)
        watch.due = time.monotonic() + next_words(cost_seconds=cost, pages=_present(watch), processors=cores())
        run_again(OPEN_WORDS_SECONDS, key=_CLOCK)


def _pulse(watch: Watch) -> None:
    """A look at the run that draws nothing: what moved is sent to where it stands on the page."""
    began = time.thread_time()
    status = _look(watch, "going")
    told, tell = watch.told, watch.to_tell(status)
    if told is not None and told[0] != status:  # paused, or going on: buttons and words have to follow at once
        st.rerun()
    with watch.feed.lock:
        news = watch.moving.news()
    cost = _spent(watch, "look", began)
    seconds = next_look("going", quiet=watch.quiet, cost_seconds=cost, pages=_present(watch), processors=cores())
    late = told != tell and time.monotonic() >= watch.due
    run_again(round(seconds, 2), key="train.pulse", news=news, rouse=_CLOCK if late else "")


def _look(watch: Watch, phase: Phase) -> Status:
    status = watch.look()
    if phase != _phase(status):  # it began, ended, or was resumed: the rest of the page has to follow
        st.rerun()
    return status


def _spent(watch: Watch, part: str, began: float) -> float:
    """Processor seconds that this part takes of late, drawn just now since ``began`` of the thread's own time."""
    cost = _AROUND_SECONDS + time.thread_time() - began
    watch.costs[part] = (watch.costs.get(part, cost) + cost) / 2
    return watch.costs[part]


def _present(watch: Watch) -> int:
    return watch.feed.present(id(watch))


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
        _say_what_holds_it()
        watch.moving.part(not_begun)
    else:
        watch.moving.part(lambda: progress(watch.history, going=status in LIVE, paused=status == "paused"))
    _advice(state, watch, status)


def _say_what_holds_it() -> None:
    """Why a waiting run does not begin though its turn has come."""
    try:
        queue.check_disk()
    except UserError as error:
        st.warning(in_markdown(error), icon=":material/hard_drive:")


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
