"""The visitor's runs: open one, start one."""

import streamlit as st

from dlcore.config import TrainConfig
from dlcore.messages import UserError
from dlcore.runs import queue
from dlcore.runs.directory import Run
from ui.language import translate as _
from ui.training.state import TrainPage
from ui.training.words import ICONS, title
from ui.visitor import local_time

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
    """The visitor's runs, newest first, each a button that opens it."""
    if not runs:
        return
    st.markdown(_("**My runs**"))
    with st.container(key="train-runs", gap=None):
        for run in runs[:_SHOWN_AT_ONCE]:
            _row(state, run)
    if len(runs) > _SHOWN_AT_ONCE:
        with st.expander(_("{count} older").format(count=min(len(runs), _MOST_SHOWN) - _SHOWN_AT_ONCE)):
            for run in runs[_SHOWN_AT_ONCE:_MOST_SHOWN]:
                _row(state, run)


def _row(state: TrainPage, run: Run) -> None:
    summary = run.summary()
    words = f"{local_time(run.created)[-5:]} · {title(run.config)}"
    if summary is not None and summary.test_accuracy is not None:
        words = f"{words} · {summary.test_accuracy:.2%}"
    st.button(
        f"**{words}**" if run.run_id == state.run_id else words,
        key=f"train.open.{run.run_id}",
        icon=ICONS[run.status()],
        type="tertiary",
        help=_("Started {time}. {epochs} epochs, learning rate {rate:g}.").format(
            time=local_time(run.created), epochs=run.config.epochs, rate=run.config.learning_rate
        ),
        on_click=_open,
        args=(state, run),
    )


def _open(state: TrainPage, run: Run) -> None:
    state.run_id, state.config = run.run_id, run.config
    state.problem, state.refusals = None, ()
