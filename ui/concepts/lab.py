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
from ui.concepts import formulas
from ui.concepts.drawing import network
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
_SYMBOLS = ("w₁₁", "w₁₂", "w₂₁", "w₂₂", "b₁", "b₂", "v₁", "v₂", "c")


def show() -> None:
    """The whole lab, and its state in the link."""
    lab = _restore()
    _settings(lab)
    with st.container(border=True):
        _steps(lab)
        _stage(lab)
    course(lab)
    _share(lab)


def _restore() -> Lab:
    """The lab of the link where the link is news, else the one remembered."""
    linked = {name: st.query_params[name] for name in PARAMETERS if name in st.query_params}
    lab = st.session_state.get(STATE)
    if lab is None or (linked and linked != lab.written):
        try:
            lab = from_query(linked)
        except UserError as error:
            show_error(error)
            lab = Lab()
        st.session_state[STATE] = lab
        _fill_widgets(lab)
    return lab


def _share(lab: Lab) -> None:
    wanted = to_query(lab)
    for name in PARAMETERS:
        if name in wanted:
            st.query_params[name] = wanted[name]
        elif name in st.query_params:
            del st.query_params[name]
    lab.written = wanted


def _widget_values(lab: Lab) -> dict[str, object]:
    experiment = lab.experiment
    values: dict[str, object] = {
        "concepts.x1": float(experiment.x[0]),
        "concepts.x2": float(experiment.x[1]),
        "concepts.y": float(experiment.y),
        "concepts.rate": float(experiment.learning_rate),
        "concepts.hidden": experiment.hidden,
        "concepts.head": experiment.head,
        "concepts.seed": lab.seed,
    }
    return values | {
        f"concepts.weight.{name}": float(value) for name, value in zip(WEIGHT_NAMES, experiment.weights, strict=True)
    }


def _fill_widgets(lab: Lab) -> None:
    for key, value in _widget_values(lab).items():
        st.session_state[key] = value


def _read_widgets() -> None:
    """A visitor moved one of the settings."""
    lab: Lab = st.session_state[STATE]
    read = {key: st.session_state.get(key, value) for key, value in _widget_values(lab).items()}
    weights = tuple(float(read[f"concepts.weight.{name}"]) for name in WEIGHT_NAMES)
    seed = read["concepts.seed"]
    if seed != lab.seed and seed is not None:
        weights = draw_weights(int(seed))
    elif weights != lab.experiment.weights:
        seed = None
    experiment = with_values(
        lab.experiment,
        x=(float(read["concepts.x1"]), float(read["concepts.x2"])),
        y=float(read["concepts.y"]),
        learning_rate=float(read["concepts.rate"]),
        hidden=str(read["concepts.hidden"]),
        head=str(read["concepts.head"]),
        weights=weights,
    )
    lab.change(experiment, seed=seed)
    _fill_widgets(lab)


def _try(name: str) -> None:
    lab: Lab = st.session_state[STATE]
    lab.change(TRIALS[name][1])
    _fill_widgets(lab)


def _settings(lab: Lab) -> None:
    for key, value in _widget_values(lab).items():
        st.session_state.setdefault(key, value)
    st.markdown(_("**Try one of these**, or set everything yourself below."))
    with st.container(horizontal=True, gap="small"):
        for name, (title, experiment) in TRIALS.items():
            chosen = lab.experiment == experiment
            st.button(
                _(title),
                key=f"concepts.trial.{name}",
                on_click=_try,
                args=(name,),
                type="primary" if chosen else "secondary",
            )
    number = {"on_change": _read_widgets, "format": "%.4g"}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for index in (1, 2):
            label = _("Input x{index}").format(index="₁₂"[index - 1])
            st.number_input(label, -INPUT_LIMIT, INPUT_LIMIT, step=0.1, key=f"concepts.x{index}", width=130, **number)
        bounded = lab.experiment.head.startswith("sigmoid")
        low, high = (0.0, 1.0) if bounded else (-INPUT_LIMIT, INPUT_LIMIT)
        rule = _("With a sigmoid output the target lies between 0 and 1.") if bounded else None
        st.number_input(_("Target y"), low, high, step=0.1, key="concepts.y", width=130, help=rule, **number)
        st.number_input(_("Learning rate η"), 0.0, RATE_LIMIT, step=0.1, key="concepts.rate", width=150, **number)
        st.selectbox(
            _("Hidden activation"),
            list(HIDDEN),
            key="concepts.hidden",
            format_func=lambda name: _(HIDDEN[name]),
            on_change=_read_widgets,
            width=170,
        )
        st.selectbox(
            _("Output and loss"),
            list(HEADS),
            key="concepts.head",
            format_func=lambda name: _(HEADS[name]),
            on_change=_read_widgets,
            width=290,
        )
    with st.expander(_("Starting weights"), icon=":material/tune:"):
        st.caption(
            _("Draw them from a seed, as PyTorch's own layers do, or type each one. Any change starts again at step 1.")
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.number_input(
                _("Seed"),
                0,
                SEED_LIMIT,
                None,
                step=1,
                key="concepts.seed",
                on_change=_read_widgets,
                width=150,
                placeholder=_("none"),
            )
            for name, symbol in zip(WEIGHT_NAMES, _SYMBOLS, strict=True):
                st.number_input(
                    symbol, -WEIGHT_LIMIT, WEIGHT_LIMIT, step=0.1, key=f"concepts.weight.{name}", width=130, **number
                )


def _go_to_step() -> None:
    lab: Lab = st.session_state[STATE]
    step = st.session_state["concepts.step"]
    if step == 1:
        lab.updates = 0
    lab.step = step


def _steps(lab: Lab) -> None:
    """The six steps as a bar, and the buttons that move along it."""
    st.session_state["concepts.step"] = lab.step
    names = list(STEPS.values())
    st.segmented_control(
        _("Step of this round"),
        range(1, 7),
        key="concepts.step",
        format_func=lambda step: f"{step} {_(names[step - 1])}",
        on_change=_go_to_step,
        required=True,
        label_visibility="collapsed",
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
    rows = zip(_SYMBOLS, ways.autograd, ways.closed_form, ways.finite_difference, strict=True)
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
