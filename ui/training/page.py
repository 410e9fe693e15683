"""The Train page put together: settings at the left, the run at the right, its results below it."""

from contextlib import suppress
from html import escape
from pathlib import Path

import streamlit as st

from dlcore.config import TrainConfig
from dlcore.messages import UserError
from dlcore.runs import queue
from dlcore.runs.directory import Run, list_runs, open_run
from dlcore.runs.status import LIVE
from ui.concepts.doors import read_next
from ui.language import current
from ui.language import translate as _
from ui.part import part
from ui.resources.catalogue import tried_with
from ui.shell import show_error
from ui.training import link, words
from ui.training.architecture import pending
from ui.training.before import before_a_run, start_with_guess
from ui.training.form import form, planned_updates
from ui.training.lesson import lesson_fold
from ui.training.lesson import read as lesson_of
from ui.training.live import live_view
from ui.training.recorded import recorded_view
from ui.training.results import results
from ui.training.runs import runs_list
from ui.training.state import TrainPage, page, remember
from ui.training.take_home import take_home
from ui.visitor import visitor_token

_LIVE_STYLE = Path(__file__).with_name("live.css")


def train_page() -> None:
    """Everything below the title."""
    body, tail = st.container(), st.container()
    with tail:  # it shows nothing, and at the end its empty place disturbs nobody
        visitor = visitor_token()
    state = _enter()
    state.visitor = visitor
    mine = list_runs(visitor)
    run = _shown(state, mine)
    with body, st.container(key="train-body"):
        settings, view = st.columns([1, 2.3], gap="large")
        with settings:
            st.html('<div id="train-settings"></div>')
            part(_settings)(state, run, mine)
            runs_list(state, mine)
        if run is not None:
            st.html(_LIVE_STYLE)
        with view:
            if run is not None:
                words = escape(_("↓ Settings, and a new run"))
                st.html(f'<a class="train-jump" href="#train-settings">{words}</a>')
            watch = live_view(state, run) if run else recorded_view(state)
            if watch is not None:
                results(watch, guess=state.guesses.get(state.run_id))
                if run is not None:
                    take_home(state, run)
        fitting = tried_with("train", (run.config if run else state.config).model_dump())
        read_next("train", [resource.id for resource in fitting])
    _prepare(state)


def _prepare(state: TrainPage) -> None:
    """Whoever looks at this page may press Start: let a worker wait for it."""
    try:
        queue.prepare()
    except UserError as error:
        state.problem = error


def _enter() -> TrainPage:
    """The state of this page; where the visitor arrives by a link, the link decides."""
    state = page()
    arriving = "train.dataset" not in st.session_state
    if state is not None and not arriving:
        return state
    asked = link.parse(st.query_params.to_dict())
    if state is None:
        state = remember(TrainPage(config=link.default_config()))
    state.refusals = asked.refusals
    state.guess = asked.guess
    base = TrainConfig() if asked.values else state.config
    if asked.run_id:
        try:
            base = open_run(asked.run_id).config
            state.run_id = asked.run_id
            if asked.guess is not None:
                state.guesses[asked.run_id] = asked.guess
        except UserError as error:
            state.refusals = (*state.refusals, error)
    state.config, clashes = link.combine(base, asked.values)
    lesson, unknown = lesson_of(st.query_params.to_dict())
    state.refusals += unknown
    if lesson or asked.values:
        state.lesson = lesson.of(state.config)
    state.refusals += clashes
    state.linked = bool(asked.values or asked.run_id)
    return state


def _shown(state: TrainPage, mine: list[Run]) -> Run | None:
    """The run to show: the one asked for, else the visitor's newest, else None for the recorded one."""
    own = [run for run in mine if run.owner == state.visitor]
    if not state.run_id and not state.linked and own:
        newest = _worth_showing(own)
        state.run_id, state.config, state.linked = newest.run_id, newest.config, True
    if not state.run_id:
        return None
    try:
        return open_run(state.run_id)
    except UserError as error:
        state.problem, state.run_id = error, ""
        return None


def _worth_showing(own: list[Run]) -> Run:
    """The newest run, or of a search that is over its best: the last it began may have been cut off untested."""
    newest = own[0]
    if newest.sweep and newest.status() not in LIVE:
        from dlcore.sweeps.directory import open_sweep  # noqa: PLC0415  # only where there was a search

        with suppress(UserError):  # it was deleted, or the run was
            return open_run(open_sweep(newest.sweep).best_run())
    return newest


def _settings(state: TrainPage, run: Run | None, mine: list[Run]) -> None:
    state.config = state.lesson.hold(state.config)
    for refused in state.refusals:
        show_error(words.refusal(refused))
    if state.refusals:
        st.caption(_("What was refused has no effect. Choose a value that fits below."))
    unfinished = pending(state) is not None
    if st.button(
        _("Start training"),
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        key="train.start",
        disabled=unfinished,
        on_click=start_with_guess,
        args=(state,),
    ):
        st.rerun()
    if unfinished:
        st.caption(_("Your own layers do not make a network yet: see below."))
    per_epoch, in_all = planned_updates(state.config)
    if in_all:
        st.caption(_("{per_epoch:,} updates an epoch, {in_all:,} in all.").format(per_epoch=per_epoch, in_all=in_all))
    if run is not None and run.owner == state.visitor and run.status() in LIVE:
        st.caption(_("Your run is going; another one waits until it is done."))
    before_a_run(state)
    form(state, mine)
    if state.problem and run is None:
        show_error(state.problem)
    if not state.lesson:
        lesson_fold(state.config, link.parameters(state.config, "") | {"lang": current()})
    link.write(state.config, state.run_id, state.guesses.get(state.run_id, state.guess))
