"""Weights to begin with: at random, or those of the bundled model or of a run, where they fit the network in the form."""

from collections.abc import Sequence

import streamlit as st

from dlcore.config import TrainConfig
from dlcore.data import DATASETS
from dlcore.inference.sources import PRETRAINED
from dlcore.knobs import Knob
from dlcore.presets import BUNDLED
from dlcore.runs import keeping
from dlcore.runs.directory import Run
from ui.language import translate as _
from ui.training.state import TrainPage
from ui.training.words import title
from ui.visitor import local_time

_KEY = "train.start_from"
_MOST = 30


def weights_choice(knob: Knob, state: TrainPage, runs: Sequence[Run], *, disabled: bool) -> None:
    """The choice; whatever a link has named stays in it."""
    models = {"": _("Random weights, as usual")}
    if same_network(state.config, BUNDLED):
        models[PRETRAINED] = _("The bundled model")
    fitting = [run for run in runs if same_network(state.config, run.config) and run.model_at_hand()]
    models |= {run.run_id: _name(run) for run in fitting[:_MOST]}
    chosen = state.config.start_from
    if chosen not in models:
        models[chosen] = _("The bundled model") if chosen == PRETRAINED else chosen
    st.session_state[_KEY] = chosen

    def choose() -> None:
        state.config = state.config.model_copy(update={"start_from": st.session_state[_KEY] or ""})
        state.refusals = ()

    st.selectbox(
        _(knob.title),
        list(models),
        key=_KEY,
        format_func=lambda name: models.get(name, name),
        help=_(knob.description),
        disabled=disabled,
        filter_mode=None,
        on_change=choose,
    )
    if len(models) == 1:
        st.caption(_("No other model here has this network and this kind of images; weights fit nothing else."))


def same_network(config: TrainConfig, other: TrainConfig) -> bool:
    """Whether the weights of one fit the network of the other, but perhaps for the layer that names the classes."""
    one, two = DATASETS[config.dataset], DATASETS[other.dataset]
    images_alike = (one.channels, one.image_size) == (two.channels, two.image_size)
    return images_alike and config.model == other.model and config.options == other.options


def _name(run: Run) -> str:
    summary = run.summary()
    accuracy = "" if summary is None or summary.test_accuracy is None else f" · {summary.test_accuracy:.2%}"
    return f"{local_time(run.created)[5:]}{accuracy} · {keeping.label(run).name or title(run.config)}"
