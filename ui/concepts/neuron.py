"""The chapter of one neuron: its line on the plane, its activation with the slope, and how much of it is flat."""

import numpy as np
import streamlit as st

from dlcore.concepts import neuron
from dlcore.messages import N_
from ui import palette
from ui.concepts.controls import Choice, Controls, Slide, Values
from ui.concepts.doors import door
from ui.concepts.frame import Frame, Guess, show_frame
from ui.concepts.neuron_plane import neuron_plane, turned
from ui.concepts.numbers import plain, tex, tex_factor
from ui.concepts.plots import axis, curve, point
from ui.figure import figure
from ui.language import translate as _

EXTENT = 3.0
LIMIT = 10.0
"""The largest size of a weight and of the bias."""
CONTROLS = Controls.of(
    "neuron",
    "n.",
    Choice(name="activation", title=N_("Activation"), default="sigmoid", options=neuron.ACTIVATIONS),
    Slide(name="w1", title="w₁", default=1.0, low=-LIMIT, high=LIMIT, step=0.1),
    Slide(name="w2", title="w₂", default=-1.0, low=-LIMIT, high=LIMIT, step=0.1),
    Slide(name="b", title=N_("Bias b"), default=0.0, low=-LIMIT, high=LIMIT, step=0.1),
    Slide(name="x1", title="x₁", default=1.0, low=-EXTENT, high=EXTENT, step=0.1),
    Slide(name="x2", title="x₂", default=0.5, low=-EXTENT, high=EXTENT, step=0.1),
    trials={
        "gentle": (N_("A gentle neuron"), {}),
        "sure": (N_("Weights ten times as large"), {"w1": 10.0, "w2": -10.0}),
        "dead": (N_("A dead ReLU"), {"activation": "relu", "b": -6.0}),
        "leak": (N_("The same, leaky"), {"activation": "leaky-relu", "b": -6.0}),
        "gelu": (N_("A smooth bend"), {"activation": "gelu"}),
    },
)
_GUESSES = {"few": N_("under 5%"), "third": N_("about a third"), "most": N_("more than half")}


def show() -> None:
    """The chapter."""
    values = CONTROLS.restore()
    show_frame(
        Frame(
            chapter="neuron",
            guess=Guess(
                question=N_(
                    "Take the gentle sigmoid below and make both weights ten times as large. For what share of "
                    "its inputs is the slope then almost zero?"
                ),
                options=_GUESSES,
                answer=_answer,
            ),
            lab=lambda: _lab(values),
            reveal=_reveal,
            numbers=lambda: _numbers(values),
            doors=lambda: _doors(values),
        )
    )


def _answer() -> str:
    share = neuron.saturation("sigmoid", (10.0, -10.0), 0.0)
    return "few" if share < 0.05 else "third" if share < 0.5 else "most"


def _weights(values: Values) -> tuple[float, float]:
    return float(values["w1"]), float(values["w2"])


def _sum(values: Values) -> float:
    return float(values["w1"] * values["x1"] + values["w2"] * values["x2"] + values["b"])


def _lab(values: Values) -> None:
    CONTROLS.draw_trials()
    left, right = st.columns([1, 2], gap="medium")
    with left:
        CONTROLS.draw("activation", "w1", "w2", "b")
    with right:
        plane, bend = st.columns(2, gap="small")
        with plane:
            _plane(values)
        with bend:
            _bend(values)
    share = neuron.saturation(values["activation"], _weights(values), values["b"])
    st.markdown(
        _(
            "**Flat: {share}** of {count} inputs drawn from a normal distribution meet a slope of less than 5% of the "
            "steepest. There the neuron hears almost nothing of its mistakes."
        ).format(share=f"{share:.0%}", count=neuron.SAMPLES)
    )


def _plane(values: Values) -> None:
    description = _("The neuron's output over the plane of its two inputs; at your input it is {value}.").format(
        value=plain(float(neuron.value(values["activation"], np.array([_sum(values)]))[0]))
    )
    st.markdown(_("**What the neuron says** · drag arrow, line or dot"))
    neuron_plane(
        values["activation"],
        values,
        extent=EXTENT,
        limit=LIMIT,
        description=description,
        on_turned=_turned,
    )


def _turned() -> None:
    values = turned(extent=EXTENT, limit=LIMIT)
    if values is not None:
        CONTROLS.set(**values)


def _bend(values: Values) -> None:
    zs = np.linspace(-8, 8, 321)
    name = values["activation"]
    z = _sum(values)
    shown = float(np.clip(z, -8, 8))
    ys, slopes = neuron.value(name, zs), neuron.slope(name, zs)
    slope = float(neuron.slope(name, np.array([z]))[0])
    here = float(neuron.value(name, np.array([shown]))[0])
    data = [
        curve(zs, ys, "φ(z)", palette.TRAIN),
        curve(zs, slopes, "φ′(z)", palette.VALIDATION, dash="dot"),
        point(shown, here, _("Your input"), palette.HIGHLIGHT, showlegend=False),
    ]
    bounded = name in {"sigmoid", "tanh"}
    layout = {
        "xaxis": axis("z", range=[-8.2, 8.2]),
        "yaxis": {"range": [-1.15, 1.15] if bounded else [-1.2, 8.2]},
    }
    description = _("The activation and its slope over z; at your input z is {z} and the slope {slope}.").format(
        z=plain(z), slope=plain(slope)
    )
    st.markdown(_("**How it bends its sum**, and the slope of that"))
    figure(data, layout, key="concepts-neuron-bend", height=330, description=description)


def _reveal() -> None:
    shares = {
        weight: neuron.saturation("sigmoid", (weight, -weight), 0.0) for weight in (1.0, 2.0, 3.0, 5.0, 7.0, 10.0)
    }
    st.table(
        [
            {
                _("Weights of the sigmoid neuron"): f"±{weight:g}",
                _("Inputs at which it is flat"): f"{share:.1%}",
                _("Slope at the border z = 0"): plain(0.25),
                _("Largest ∂a/∂x"): plain(0.25 * weight),
            }
            for weight, share in shares.items()
        ],
        hide_index=True,
    )


_FORMULAS = {
    "sigmoid": (r"\frac{1}{1+e^{-z}}", r"a\,(1-a)"),
    "tanh": (r"\tanh z", r"1-a^2"),
    "relu": (r"\max(0,\,z)", r"1 \text{ if } z>0, \text{ else } 0"),
    "leaky-relu": (r"z \text{ if } z>0, \text{ else } 0.01\,z", r"1 \text{ if } z>0, \text{ else } 0.01"),
    "gelu": (r"z\,\Phi(z)", r"\Phi(z) + z\,\varphi(z)"),
    "silu": (r"z\,\sigma(z)", r"\sigma(z)\,\bigl(1 + z\,(1-\sigma(z))\bigr)"),
}


def _numbers(values: Values) -> None:
    st.markdown(_("Choose an input, and every number of the neuron is computed before your eyes."))
    left, right = st.columns(2)
    with left:
        CONTROLS.draw("x1")
    with right:
        CONTROLS.draw("x2")
    z = _sum(values)
    a, slope = (float(f(values["activation"], np.array([z]))[0]) for f in (neuron.value, neuron.slope))
    function, derivative = _FORMULAS[values["activation"]]
    rows = [
        r"z &= w_1x_1 + w_2x_2 + b",
        (
            rf"&= {tex_factor(values['w1'])}\cdot{tex_factor(values['x1'])} + {tex_factor(values['w2'])}\cdot"
            rf"{tex_factor(values['x2'])} + {tex_factor(values['b'])} = \mathbf{{{tex(z)}}}"
        ),
        rf"a &= {function} = \mathbf{{{tex(a)}}}",
        rf"\varphi'(z) &= {derivative} = \mathbf{{{tex(slope)}}}",
        r"\frac{\partial a}{\partial w_1} &= \varphi'(z)\,x_1",
        (
            rf"&= {tex_factor(slope)}\cdot{tex_factor(values['x1'])} "
            rf"= \mathbf{{{tex(slope * values['x1'])}}}"
        ),
        r"\frac{\partial a}{\partial w_2} &= \varphi'(z)\,x_2",
        (
            rf"&= {tex_factor(slope)}\cdot{tex_factor(values['x2'])} "
            rf"= \mathbf{{{tex(slope * values['x2'])}}}"
        ),
        rf"\frac{{\partial a}}{{\partial b}} &= \varphi'(z) = \mathbf{{{tex(slope)}}}",
    ]
    st.latex(r"\begin{aligned}" + r"\\[4pt]".join(rows) + r"\end{aligned}")


def _doors(values: Values) -> None:
    deep = {"dataset": "digits", "model": "mlp", "depth": 4, "epochs": 10}
    door(_("Train four layers with this activation"), "train", activation=values["activation"], **deep)
    door(_("With sigmoids, begun with large weights"), "train", activation="sigmoid", initialisation="large", **deep)
