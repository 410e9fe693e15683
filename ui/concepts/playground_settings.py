"""The playground's settings: what is learned from, by which network, and how. Each change is a new recording."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dlcore.concepts.playground_experiment import (
    ACTIVATIONS,
    BATCH_SIZES,
    DATA,
    EPOCHS_LIMIT,
    FEATURES,
    INITIALISATIONS,
    LAYERS_LIMIT,
    LOSSES,
    NEURONS_LIMIT,
    OPTIMIZERS,
    OWN_LIMIT,
    PENALTIES,
    RATE_LIMIT,
    SEED_LIMIT,
    Experiment,
    losses_of,
)
from ui.concepts.player import class_names
from ui.concepts.playground_state import STATE, Playground
from ui.concepts.shown import initial, shown
from ui.language import translate as _

_NOTHING = -1
"""Stands among the marks of own points for adding none."""
_RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_PENALTY_RATES = (0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)


def _set(field: str, key: str) -> None:
    lab: Playground = st.session_state[STATE]
    value: Any = st.session_state[key]
    if field == "features":
        value = tuple(name for name in FEATURES if name in value)
        if not value:
            return  # a network needs something to look at: the last feature stays
    lab.set(**{field: value})


def _set_layers(key: str) -> None:
    lab: Playground = st.session_state[STATE]
    count, old = int(st.session_state[key]), lab.experiment.hidden
    lab.set(hidden=(*old, *[old[-1] if old else 4] * LAYERS_LIMIT)[:count])


def _set_neurons(layer: int, key: str) -> None:
    lab: Playground = st.session_state[STATE]
    old = lab.experiment.hidden
    lab.set(hidden=(*old[:layer], int(st.session_state[key]), *old[layer + 1 :]))


def _set_adding(key: str) -> None:
    lab: Playground = st.session_state[STATE]
    mark = int(st.session_state[key])
    lab.adding = None if mark == _NOTHING else mark


def _drop_points(count: int) -> None:
    lab: Playground = st.session_state[STATE]
    own = lab.experiment.own_points
    lab.set(own_points=own[: max(len(own) - count, 0)])


def _choice(field: str, label: str, value: object, options: Mapping[Any, str], note: str | None = None) -> None:
    key = shown(f"depth.{field}", value, tuple(options))
    names = list(options)
    said = {name: _(title) for name, title in options.items()}
    st.selectbox(
        label,
        names,
        names.index(initial(f"depth.{field}")),
        key=key,
        format_func=said.__getitem__,
        on_change=_set,
        args=(field, key),
        help=note,
    )


def _slide(field: str, label: str, value: float, options: list[float], note: str | None = None) -> None:
    """A slider over fixed values; a value from a link that is none of them joins them."""
    steps = sorted({*options, value})
    key = shown(f"depth.{field}", value, tuple(steps))
    st.select_slider(
        label,
        steps,
        initial(f"depth.{field}"),
        key=key,
        format_func=lambda step: f"{step:g}",
        on_change=_set,
        args=(field, key),
        help=note,
    )


def _features(experiment: Experiment) -> None:
    key = shown("depth.features", list(experiment.features))
    st.pills(
        _("Features"),
        list(FEATURES),
        selection_mode="multi",
        default=initial("depth.features"),
        key=key,
        format_func=FEATURES.__getitem__,
        on_change=_set,
        args=("features", key),
    )


def settings(lab: Playground) -> None:
    """All widgets: features above, and below them data, network and learning side by side."""
    _features(lab.experiment)
    data, network, learning = st.columns(3, gap="medium")
    with data:
        st.markdown(_("**Data**"))
        _data(lab)
    with network:
        st.markdown(_("**Network**"))
        _network(lab)
    with learning:
        st.markdown(_("**Learning**"))
        _learning(lab.experiment)


def _data(lab: Playground) -> None:
    experiment = lab.experiment
    _choice("data", _("Data set"), experiment.data, DATA)
    if experiment.data != "own":
        _slide("noise", _("Noise"), experiment.noise, [step / 20 for step in range(11)])
        _slide("train_share", _("Share to learn from"), experiment.train_share, [step / 10 for step in range(1, 10)])
    names = class_names(experiment)
    titles = {_NOTHING: _("off"), **dict(enumerate(names))}
    if lab.adding not in titles:
        lab.adding = None
    adding = _NOTHING if lab.adding is None else lab.adding
    key = shown("depth.adding", adding, tuple(titles.values()))
    st.selectbox(
        _("Draw points on the picture"),
        list(titles),
        list(titles).index(initial("depth.adding")),  # type: ignore[arg-type]
        key=key,
        format_func=titles.__getitem__,
        on_change=_set_adding,
        args=(key,),
        help=_(
            "Click for one point, drag for a trail. With the keyboard: Tab to the picture, move with the arrow keys, "
            "and Enter sets a point."
        ),
    )
    own = experiment.own_points
    if own:
        with st.container(horizontal=True):
            st.button(_("Undo point"), key="concepts.depth.undo", on_click=_drop_points, args=(1,))
            st.button(_("Remove my points"), key="concepts.depth.clear", on_click=_drop_points, args=(OWN_LIMIT,))


def _network(lab: Playground) -> None:
    experiment = lab.experiment
    count = len(experiment.hidden)
    key = shown("depth.layers", count)
    st.slider(
        _("Hidden layers"),
        0,
        LAYERS_LIMIT,
        initial("depth.layers"),  # type: ignore[arg-type]
        key=key,
        on_change=_set_layers,
        args=(key,),
    )
    for layer, width in enumerate(experiment.hidden):
        field = f"depth.neurons{layer}"
        key = shown(field, width)
        st.slider(
            _("Neurons in layer {layer}").format(layer=layer + 1),
            1,
            NEURONS_LIMIT,
            initial(field),  # type: ignore[arg-type]
            key=key,
            on_change=_set_neurons,
            args=(layer, key),
        )
    _choice("activation", _("Activation"), experiment.activation, ACTIVATIONS)
    _choice("initialisation", _("First weights"), experiment.initialisation, INITIALISATIONS)


def _learning(experiment: Experiment) -> None:
    _choice("optimizer", _("Optimizer"), experiment.optimizer, OPTIMIZERS)
    _slide("learning_rate", _("Learning rate"), experiment.learning_rate, [*_RATES, RATE_LIMIT])
    usual = {name: LOSSES[name] for name in losses_of(experiment.data)}
    _choice("loss", _("Loss"), experiment.loss, usual)
    _choice("penalty", _("Regularisation"), experiment.penalty, PENALTIES)
    if experiment.penalty != "none":
        _slide("penalty_rate", _("Strength λ"), experiment.penalty_rate, list(_PENALTY_RATES))
    _choice(
        "batch_size",
        _("Batch size"),
        experiment.batch_size,
        {size: str(size) if size else _("all at once") for size in BATCH_SIZES},
    )
    _slide("epochs", _("Epochs"), experiment.epochs, [25, 50, 100, 200, EPOCHS_LIMIT])
    key = shown("depth.seed", experiment.seed)
    st.number_input(
        _("Seed"),
        0,
        SEED_LIMIT,
        initial("depth.seed"),  # type: ignore[arg-type]
        step=1,
        key=key,
        on_change=_set,
        args=("seed", key),
        help=_("Another seed: other points, other first weights, another order."),
    )
