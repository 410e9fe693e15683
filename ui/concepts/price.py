"""The chapter of depth's price: how much of the gradient arrives at the front, and what keeps it alive."""

import math
from functools import lru_cache
from typing import Any

import streamlit as st

from dlcore.concepts import gradient_flow
from dlcore.concepts.gradient_flow import Flow
from dlcore.messages import N_
from ui import palette
from ui.concepts.controls import Choice, Controls, Slide, Switch, Values
from ui.concepts.doors import door
from ui.concepts.frame import Frame, Guess, show_frame
from ui.concepts.numbers import plain, tex, tex_factor
from ui.concepts.plots import axis, curve
from ui.figure import figure
from ui.language import translate as _

_SMALLEST = 1.4e-45
"""The smallest positive float32; whatever is smaller has become 0."""
CONTROLS = Controls.of(
    "price",
    "d.",
    Slide(name="layers", title=N_("Number of layers"), default=30, low=2, high=gradient_flow.DEEPEST, step=1),
    Choice(name="activation", title=N_("Activation"), default="tanh", options=gradient_flow.ACTIVATIONS),
    Choice(name="initialisation", title=N_("First weights"), default="pytorch", options=gradient_flow.INITIALISATIONS),
    Choice(name="normalisation", title=N_("Normalisation"), default="none", options=gradient_flow.NORMALISATIONS),
    Switch(name="residual", title=N_("Residual links"), default=False),
    Slide(name="seed", title=N_("Seed"), default=0, low=0, high=99, step=1),
    trials={
        "tanh": (N_("Thirty tanh layers"), {}),
        "sigmoid": (N_("Thirty sigmoid layers"), {"activation": "sigmoid"}),
        "he": (N_("ReLU, made for it"), {"activation": "relu", "initialisation": "he"}),
        "large": (N_("Too large a start"), {"activation": "relu", "initialisation": "large"}),
        "norm": (N_("Normalised sigmoids"), {"activation": "sigmoid", "normalisation": "batch"}),
        "residual": (N_("Sigmoids with a way past"), {"activation": "sigmoid", "residual": True, "layers": 50}),
    },
)
_GUESSES = {
    "tenth": N_("about a tenth of the last one's"),
    "millionth": N_("about a millionth"),
    "less": N_("less than a billionth"),
}


def show() -> None:
    """The chapter."""
    values = CONTROLS.restore()
    show_frame(
        Frame(
            chapter="price",
            guess=Guess(
                question=N_(
                    "Thirty layers of sigmoids with PyTorch's own first weights. How long is the first layer's gradient?"
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


@lru_cache(maxsize=256)
def _flow(**settings: object) -> Flow:
    return gradient_flow.measure(**settings)  # type: ignore[arg-type]


def _answer() -> str:
    share = _flow(**{**CONTROLS.untouched, "activation": "sigmoid"}).share
    return "tenth" if share > 1e-3 else "millionth" if share > 1e-9 else "less"


def _lab(values: Values) -> None:
    CONTROLS.draw_trials()
    left, right = st.columns([1, 2], gap="medium")
    with left:
        CONTROLS.draw("layers", "activation", "initialisation", "normalisation", "residual", "seed")
    with right:
        flow = _flow(**values)
        _gradients(flow)
        _signal(flow)
    _told(flow)


def _gradients(flow: Flow) -> None:
    layers = list(range(1, len(flow.gradient_norms) + 1))
    alive = [max(norm, 1e-320) if norm else None for norm in flow.gradient_norms]
    data = [
        curve(layers, [value or float("nan") for value in alive], "‖∂L/∂W‖", palette.TRAIN, mode="lines+markers"),
        curve(
            [1, layers[-1]],
            [_SMALLEST] * 2,
            _("smallest float32"),
            palette.NEUTRAL,
            dash="dot",
            width=1.5,
            hoverinfo="skip",
        ),
    ]
    lowest = min((norm for norm in flow.gradient_norms if norm), default=1.0)
    if lowest > 1e-36:
        data.pop()
    layout = {
        "xaxis": axis(_("Layer, the first one at the left"), rangemode="tozero"),
        "yaxis": _logarithmic(flow.gradient_norms),
    }
    description = _("The gradient of the first layer is {first} long, that of the last {last}.").format(
        first=plain(flow.gradient_norms[0], 2), last=plain(flow.gradient_norms[-1], 2)
    )
    st.markdown(_("**Length of each layer's gradient**: how much of the blame arrives"))
    figure(data, layout, key="concepts-price-gradients", height=300, description=description)


def _signal(flow: Flow) -> None:
    layers = list(range(1, len(flow.signal) + 1))
    data = [curve(layers, flow.signal, _("Standard deviation"), palette.TEST, mode="lines+markers")]
    layout = {
        "xaxis": axis(_("Layer, the first one at the left"), rangemode="tozero"),
        "yaxis": _logarithmic(flow.signal),
    }
    description = _("The output of the first layer spreads by {first}, that of the last by {last}.").format(
        first=plain(flow.signal[0], 2), last=plain(flow.signal[-1], 2)
    )
    st.markdown(_("**Spread of each layer's output** on the way forward"))
    figure(data, layout, key="concepts-price-signal", height=220, description=description)


def _logarithmic(values: list[float]) -> dict[str, Any]:
    """A logarithmic axis over whole powers of ten, at least four of them, so that noise looks like noise."""
    exponents = [math.log10(value) for value in values if value > 0]
    low, high = math.floor(min(exponents, default=0) - 0.1), math.ceil(max(exponents, default=0) + 0.1)
    spare = max(0, 4 - (high - low))
    low, high = low - spare // 2 - spare % 2, high + spare // 2
    return axis("", type="log", range=[low, high], dtick=math.ceil((high - low) / 7))


def _told(flow: Flow) -> None:
    if not flow.gradient_norms[0] > 0:
        st.markdown(_("**Nothing** arrives at the first layer: it will never learn."))
        return
    st.markdown(
        _(
            "Forward, each layer multiplies the spread of the signal by about **{forward}**; back, each multiplies the "
            "blame by about **{backward}**. The first layer's gradient is {first} long, **{share}** times the last one's."
        ).format(
            forward=plain(flow.forward_factor, 3),
            backward=plain(flow.backward_factor, 3),
            first=plain(flow.gradient_norms[0], 2),
            share=plain(flow.share, 3),
        )
    )


def _reveal() -> None:
    rows = []
    for title, changes in (
        (_("As asked"), {}),
        (_("with batch norm"), {"normalisation": "batch"}),
        (_("with residual links"), {"residual": True}),
        (_("tanh and Xavier instead"), {"activation": "tanh", "initialisation": "xavier"}),
        (_("ReLU and He instead"), {"activation": "relu", "initialisation": "he"}),
    ):
        flow = _flow(**{**CONTROLS.untouched, "activation": "sigmoid", **changes})
        rows.append(
            {
                _("Thirty layers of sigmoids"): title,
                _("First gradient / last"): plain(flow.share, 2),
                _("Factor a layer, back"): plain(flow.backward_factor, 3),
            }
        )
    st.table(rows, hide_index=True)


def _numbers(values: Values) -> None:
    flow = _flow(**values)
    count = int(values["layers"])
    st.markdown(
        _("Choose a layer: what reaches it from above, what its activation lets through, what its weights get.")
    )
    layer = st.slider(_("Layer"), 1, count, count, key=f"concepts.price.layer.{count}")
    index = layer - 1
    passed, blame = flow.passed[index], flow.blame[index]
    kept = blame / passed if passed else 0.0
    above = flow.blame[index + 1] if layer < count else None
    rows = [
        *([rf"\|\delta_{{{layer + 1}}}\| &= {tex(above)}"] if above is not None else []),
        rf"\|\partial L/\partial a_{{{layer}}}\| &= \mathbf{{{tex(passed)}}}",
        rf"\overline{{|\varphi'(z_{{{layer}}})|}} &= {tex(flow.mean_slopes[index])}",
        (
            rf"\|\delta_{{{layer}}}\| &= \|\partial L/\partial a_{{{layer}}} \odot \varphi'(z_{{{layer}}})\| \\ &= {tex_factor(passed)}"
            rf"\cdot{tex_factor(kept)} = \mathbf{{{tex(blame)}}}"
        ),
        rf"\|\partial L/\partial W_{{{layer}}}\| &= \mathbf{{{tex(flow.gradient_norms[index])}}}",
    ]
    st.latex(r"\begin{aligned}" + r"\\[4pt]".join(rows) + r"\end{aligned}")


_STARTS = {"pytorch": "default", "xavier": "xavier", "he": "kaiming", "large": "large"}
"""The lab's first weights as the training page calls them; it has none that are too small."""


def _doors(values: Values) -> None:
    deep = {"dataset": "digits", "model": "mlp", "depth": min(int(values["layers"]), 8), "width": 32, "epochs": 10}
    chosen = {"activation": values["activation"], "initialisation": _STARTS.get(values["initialisation"], "default")}
    label = _("Train {layers} such layers").format(layers=deep["depth"])
    door(label, "train", normalization=values["normalisation"], **chosen, **deep)
    other = "none" if values["normalisation"] == "batch" else "batch"
    label = _("The same, normalised") if other == "batch" else _("The same, not normalised")
    door(label, "train", normalization=other, **chosen, **deep)
