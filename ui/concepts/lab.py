"""The lab of the six steps: settings, the drawing, the step with its formulas filled in, the loss, a guess."""

from collections.abc import Mapping

import streamlit as st

from dlcore.concepts.six_steps import (
    HEADS,
    HIDDEN,
    INPUT_LIMIT,
    RATE_LIMIT,
    WEIGHT_LIMIT,
    WEIGHT_NAMES,
    Lap,
    draw_weights,
)
from dlcore.messages import N_, UserError
from ui.concepts import formulas, link
from ui.concepts.drawing import SYMBOLS, network
from ui.concepts.lab_course import course
from ui.concepts.lab_state import (
    PARAMETERS,
    SEED_LIMIT,
    STATE,
    TRIALS,
    Lab,
    from_query,
    to_query,
    with_values,
)
from ui.concepts.numbers import plain
from ui.concepts.prose import heading_and_body, sections
from ui.concepts.shown import ARRIVED, initial, shown
from ui.language import translate as _
from ui.shell import show_error

STEPS: Mapping[str, str] = {
    "initialise": N_("Initialise"),
    "forward": N_("Forward"),
    "loss": N_("Loss"),
    "backward": N_("Backward"),
    "update": N_("Update"),
    "repeat": N_("Repeat"),
}


def show() -> None:
    """The whole lab, and its state in the link."""
    lab = _restore()
    _settings(lab)
    with st.container(border=True):
        _steps(lab)
        _stage(lab)
    course(lab)


def _restore() -> Lab:
    """The lab of the link where the link is news, else the one remembered."""
    linked = {name: st.query_params[name] for name in PARAMETERS if name in st.query_params}
    lab: Lab | None = st.session_state.get(STATE)
    news = st.session_state.get(ARRIVED) or (lab is not None and linked not in lab.written)
    if lab is None or (linked and news):
        try:
            lab = from_query(linked)
        except UserError as error:
            show_error(error)
            lab = Lab()
        lab.written.append(linked)
        st.session_state[STATE] = lab
    wanted = to_query(lab)
    if wanted not in lab.written:
        lab.written.append(wanted)
    link.put(wanted)
    return lab


def _set(field: str, key: str) -> None:
    """The visitor changed one setting."""
    lab: Lab = st.session_state[STATE]
    value, old = st.session_state[key], lab.experiment
    if field == "seed":
        weights = old.weights if value is None else draw_weights(int(value))
        lab.change(with_values(old, weights=weights), seed=value)
    elif field in WEIGHT_NAMES:
        place = WEIGHT_NAMES.index(field)
        lab.change(with_values(old, weights=(*old.weights[:place], float(value), *old.weights[place + 1 :])))
    elif field in {"x1", "x2"}:
        x = (float(value), old.x[1]) if field == "x1" else (old.x[0], float(value))
        lab.change(with_values(old, x=x), seed=lab.seed)
    else:
        lab.change(with_values(old, **{field: value}), seed=lab.seed)


def _try(name: str) -> None:
    lab: Lab = st.session_state[STATE]
    lab.change(TRIALS[name][1])


def _number(
    field: str, label: str, value: float, low: float, high: float, *, width: int, note: str | None = None
) -> None:
    key = shown(field, float(value), (low, high))
    st.number_input(
        label,
        low,
        high,
        initial(field),
        step=0.1,
        format="%.4g",
        key=key,
        help=note,
        on_change=_set,
        args=(field, key),
        width=width,
    )


def _choice(field: str, label: str, value: str, options: Mapping[str, str], *, width: int) -> None:
    key = shown(field, value)
    names = list(options)
    st.selectbox(
        label,
        names,
        names.index(str(initial(field))),
        key=key,
        format_func=lambda name: _(options[name]),
        on_change=_set,
        args=(field, key),
        width=width,
    )


def _settings(lab: Lab) -> None:
    experiment = lab.experiment
    st.markdown(_("**Try one of these**, or set everything yourself below."))
    with st.container(horizontal=True, gap="small"):
        for name, (title, trial) in TRIALS.items():
            st.button(
                _(title),
                key=f"concepts.trial.{name}",
                on_click=_try,
                args=(name,),
                type="primary" if experiment == trial else "secondary",
            )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for place, field in enumerate(("x1", "x2")):
            label = _("Input x{index}").format(index="₁₂"[place])
            _number(field, label, experiment.x[place], -INPUT_LIMIT, INPUT_LIMIT, width=130)
        bounded = experiment.head.startswith("sigmoid")
        low, high = (0.0, 1.0) if bounded else (-INPUT_LIMIT, INPUT_LIMIT)
        note = _("With a sigmoid output the target lies between 0 and 1.") if bounded else None
        _number("y", _("Target y"), experiment.y, low, high, width=130, note=note)
        _number("learning_rate", _("Learning rate η"), experiment.learning_rate, 0.0, RATE_LIMIT, width=150)
        _choice("hidden", _("Hidden activation"), experiment.hidden, HIDDEN, width=170)
        _choice("head", _("Output and loss"), experiment.head, HEADS, width=290)
    with st.expander(_("Starting weights"), icon=":material/tune:"):
        st.caption(
            _("Draw them from a seed, as PyTorch's own layers do, or type each one. Any change starts again at step 1.")
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            key = shown("seed", lab.seed)
            st.number_input(
                _("Seed"),
                0,
                SEED_LIMIT,
                initial("seed"),
                step=1,
                key=key,
                on_change=_set,
                args=("seed", key),
                width=150,
                placeholder=_("none"),
            )
            for name, symbol, weight in zip(WEIGHT_NAMES, SYMBOLS, experiment.weights, strict=True):
                _number(name, symbol, weight, -WEIGHT_LIMIT, WEIGHT_LIMIT, width=130)


def _steps(lab: Lab) -> None:
    """The six steps as a row, and the buttons that move along it."""
    with st.container(horizontal=True, gap="xsmall"):
        for step, title in enumerate(STEPS.values(), 1):
            st.button(
                f"{step} {_(title)}",
                key=f"concepts.step.{step}",
                type="primary" if step == lab.step else "secondary",
                on_click=lab.show_step,
                args=(step,),
            )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Back"),
            key="concepts.back",
            icon=":material/arrow_back:",
            on_click=lab.back,
            disabled=lab.at_start,
        )
        st.button(
            _("Step"),
            key="concepts.forward",
            icon=":material/arrow_forward:",
            type="primary",
            on_click=lab.forward,
            disabled=lab.at_end,
        )
        for rounds in (10, 100):
            st.button(
                _("Run {rounds} rounds").format(rounds=rounds),
                key=f"concepts.run{rounds}",
                icon=":material/fast_forward:",
                on_click=lab.run,
                args=(rounds,),
                disabled=lab.at_end,
            )
        st.button(
            _("Start again"),
            key="concepts.restart",
            icon=":material/replay:",
            on_click=lab.go_to,
            args=(0,),
            disabled=lab.at_start,
        )
        st.markdown(
            _("Round **{round}** · updates made: **{finished}**").format(round=lab.updates + 1, finished=lab.finished)
        )


def _stage(lab: Lab) -> None:
    """The drawing, this step in words, and its formulas with the numbers filled in, a column a neuron."""
    lap = lab.lap()
    name = list(STEPS)[lab.step - 1]
    heading, body = heading_and_body(sections("steps")[name])
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        network(lab.experiment, lab.step, lab.next_lap() if name == "repeat" else lap)
    with right:
        st.markdown(f"#### {lab.step} · {heading}", anchors=False)
        st.markdown(body)
        if name == "loss":
            _numbers_heading()
            st.latex(formulas.loss(lab.experiment, lap))
        if name == "repeat":
            _numbers_heading()
            st.latex(formulas.repeat(lap))
            _verdict(lab, lap)
    neurons = [_("Hidden neuron 1"), _("Hidden neuron 2"), _("Output neuron")]
    match name:
        case "initialise":
            _columns(neurons, formulas.initialise(lap.weights))
        case "forward":
            _columns(neurons, formulas.forward(lab.experiment, lap))
        case "backward":
            _columns([neurons[2], *neurons[:2]], formulas.backward(lab.experiment, lap))
            _gradients(lap)
        case "update":
            _columns(neurons, formulas.update(lab.experiment, lap))


def _numbers_heading() -> None:
    st.caption(_("With your numbers"))


def _columns(titles: list[str], blocks: list[str]) -> None:
    _numbers_heading()
    for column, title, block in zip(st.columns(3, border=True), titles, blocks, strict=True):
        with column:
            st.markdown(f"**{title}**")
            st.latex(block)


def _verdict(lab: Lab, lap: Lap) -> None:
    if lab.at_end and lab.trajectory().diverged:
        st.error(
            _("Diverged: the next loss would pass 10¹² and soon be infinite. Lower the learning rate."),
            icon=":material/trending_up:",
        )
    elif lap.loss_after > lap.loss:
        st.warning(
            _("The loss **rose**: the step went past the valley. A smaller learning rate would have gone down."),
            icon=":material/trending_up:",
        )
    elif lap.loss_after < lap.loss:
        st.success(
            _("The loss fell by {percent}%.").format(percent=plain(100 * (1 - lap.loss_after / lap.loss), 3)),
            icon=":material/trending_down:",
        )
    else:
        st.info(_("Nothing moved: every gradient is zero, or the learning rate is."), icon=":material/trending_flat:")


def _gradients(lap: Lap) -> None:
    """Each gradient three ways, to ten digits, with the differences."""
    st.markdown(_("##### The same nine gradients, three ways"))
    ways = lap.gradients
    rows = zip(SYMBOLS, ways.autograd, ways.closed_form, ways.finite_difference, strict=True)
    st.table(
        [
            {
                _("Weight"): symbol,
                _("PyTorch autograd"): f"{autograd:+.10f}".replace("-", "−"),
                _("Chain rule by hand"): f"{closed:+.10f}".replace("-", "−"),
                _("Finite difference"): f"{finite:+.10f}".replace("-", "−"),
                _("Autograd − hand"): plain(autograd - closed, 2),
                _("Autograd − difference"): plain(autograd - finite, 2),
            }
            for symbol, autograd, closed, finite in rows
        ],
        hide_index=True,
    )
    st.caption(
        _(
            "Autograd applies the chain rule exactly, so it differs from the formula at most by rounding. "
            "The finite difference knows no calculus: it nudges one weight by ±0.000001, computes the loss twice "
            "and divides. With nine weights that is cheap; with a million it would take two million forward passes "
            "for what back-propagation does in about the time of three."
        )
    )
