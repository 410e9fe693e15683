"""The chapter of depth: a network to build by hand, its recorded training to play, and what there is to find out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from dlcore.concepts.playground import (
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
    SMALL_GRID,
    Experiment,
    Recording,
    losses_of,
)
from dlcore.concepts.playground_program import program_of
from dlcore.messages import N_, UserError
from ui.concepts import link
from ui.concepts.doors import door
from ui.concepts.frame import Frame, show_frame, verdict
from ui.concepts.numbers import plain
from ui.concepts.player import class_names, player, recorded
from ui.concepts.playground_state import (
    GUESSES,
    PARAMETERS,
    STATE,
    TRIALS,
    Playground,
    from_query,
    outcome,
    to_query,
)
from ui.concepts.prose import sections
from ui.concepts.shown import ARRIVED, initial, shown
from ui.language import translate as _
from ui.shell import show_error

_PLAYER = "concepts.depth.player"
_NOTHING = -1
"""Stands among the marks of own points for adding none."""
_RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_PENALTY_RATES = (0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)


def show() -> None:
    """The chapter; each ready experiment has a guess of its own, so the lab asks it itself."""
    lab = _restore()
    show_frame(
        Frame(
            chapter="depth",
            lab=lambda: _lab(lab),
            folds={N_("PyTorch code that reproduces the picture"): lambda: _program(lab)},
            doors=lambda: _doors(lab),
        )
    )


def _lab(lab: Playground) -> None:
    """The ready experiments, the guess, the player with its settings, and what came out."""
    text = sections("depth")
    _trials(lab)
    if lab.trial:
        st.markdown(text[f"{lab.trial}-question"])
    _guess(lab)
    player(
        lab.experiment,
        playing=lab.shown,
        adding=lab.adding,
        veiled=not lab.shown,
        key=_PLAYER,
        on_point=_clicked,
    )
    _settings(lab)
    if lab.shown:
        _reveal(lab, text)


def _program(lab: Playground) -> None:
    st.markdown(sections("depth")["program"])
    st.code(program_of(lab.experiment), language="python")


def _doors(lab: Playground) -> None:
    door(
        _("Train a deep network on digits"),
        "train",
        dataset="digits",
        model="mlp",
        depth=max(len(lab.experiment.hidden), 1),
        epochs=10,
        seed=lab.experiment.seed,
    )


def _restore() -> Playground:
    """The playground of the link where the link is news, else the one remembered."""
    linked = {name: st.query_params[name] for name in PARAMETERS if name in st.query_params}
    lab: Playground | None = st.session_state.get(STATE)
    news = st.session_state.get(ARRIVED) or (lab is not None and linked not in lab.written)
    if lab is None or (linked and news):
        lab = lab or Playground()
        try:
            lab.change(from_query(linked), ask=True)
            lab.shown = lab.shown or lab.trial is None
        except UserError as error:
            show_error(error)
        lab.written.append(linked)
        st.session_state[STATE] = lab
    wanted = to_query(lab.experiment)
    if wanted not in lab.written:
        lab.written.append(wanted)
    link.put(wanted)
    return lab


def _try(name: str) -> None:
    lab: Playground = st.session_state[STATE]
    lab.change(TRIALS[name][1], ask=True)


def _tell(guess: str) -> None:
    lab: Playground = st.session_state[STATE]
    lab.guess, lab.shown = guess, True


def _clicked() -> None:
    """A click on the plane: a point of the visitor's own; what the browser sends is not trusted."""
    lab: Playground = st.session_state[STATE]
    try:
        lab.add_point(getattr(st.session_state.get(_PLAYER), "point", None))
    except UserError:
        return  # not on the plane: no visitor's hand sends this


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


def _trials(lab: Playground) -> None:
    st.markdown(_("**Try these in turn**, or set everything yourself below."))
    with st.container(horizontal=True, gap="small"):
        for name, (title, _experiment) in TRIALS.items():
            st.button(
                _(title),
                key=f"concepts.depth.trial.{name}",
                on_click=_try,
                args=(name,),
                type="primary" if name == lab.trial else "secondary",
            )


def _guess(lab: Playground) -> None:
    if lab.shown:
        return
    question = _("Guess first: after {epochs} epochs, what share of the test points will be right?")
    st.markdown(question.format(epochs=lab.experiment.epochs))
    with st.container(horizontal=True):
        for value, title in GUESSES.items():
            st.button(_(title), key=f"concepts.depth.guess.{value}", on_click=_tell, args=(value,))
        st.button(_("Just show me"), key="concepts.depth.show", on_click=_tell, args=("",), type="tertiary")


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


def _settings(lab: Playground) -> None:
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
        _("A click on the picture adds a point"),
        list(titles),
        list(titles).index(initial("depth.adding")),  # type: ignore[arg-type]
        key=key,
        format_func=titles.__getitem__,
        on_change=_set_adding,
        args=(key,),
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


def _reveal(lab: Playground, text: Mapping[str, str]) -> None:
    """What came out, in this run's own numbers, and what it means."""
    recording = recorded(lab.experiment)
    st.markdown(_("##### What came out"))
    if lab.guess:
        verdict(lab.guess, outcome(recording), GUESSES)
    for line in _facts(recording):
        st.markdown(f"- {line}")
    if lab.trial:
        st.markdown(text[lab.trial])


def _facts(recording: Recording) -> list[str]:
    experiment = recording.experiment
    if not recording.train_losses:
        return [_("There are no points to learn from yet. Choose a class under **Data** and click on the picture.")]
    facts = []
    if recording.diverged:
        facts.append(
            _("The training **diverged** after {epochs} epochs: the next loss was beyond all bounds.").format(
                epochs=recording.epochs
            )
        )
    facts.append(
        _("Loss on the training points: from {first} to **{last}**.").format(
            first=plain(recording.train_losses[0], 3), last=plain(recording.train_losses[-1], 3)
        )
    )
    if recording.test_losses:
        tests = recording.test_losses
        best = int(np.argmin(tests))
        facts.append(
            _("Loss on the test points: **{last}**; it was lowest, {best}, at epoch {epoch}.").format(
                last=plain(tests[-1], 3), best=plain(tests[best], 3), epoch=best
            )
        )
    if recording.test_accuracies:
        facts.append(
            _("Right at the end: **{test}** of the test points, {train} of the training points.").format(
                test=f"{recording.test_accuracies[-1]:.0%}", train=f"{recording.train_accuracies[-1]:.0%}"
            )
        )
    same = _alike(recording)
    if same and sum(experiment.hidden) > 1:
        facts.append(
            _("{same} of {all} hidden neurons say the same everywhere as another one, or never change.").format(
                same=same, all=sum(experiment.hidden)
            )
        )
    return facts


def _alike(recording: Recording) -> int:
    """Hidden neurons whose last surface is flat or that of another neuron in the same layer."""
    found = place = 0
    last = recording.neurons[-1].reshape(len(recording.scales), SMALL_GRID**2)
    for width in recording.experiment.hidden:
        layer = last[place : place + width]
        flat = np.ptp(layer.astype(int), axis=1) == 0
        twin = [
            any(index != other and (layer[index] == layer[other]).all() for other in range(width))
            for index in range(width)
        ]
        found += int(sum(flat | np.array(twin)))
        place += width
    return found
