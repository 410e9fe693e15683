"""The plane of a neuron's two inputs, to be taken hold of: its weights as an arrow, its bias as a line, an input as a dot."""

import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dlcore.concepts import neuron
from ui import palette
from ui.language import translate as _
from ui.packing import packed

_HERE = Path(__file__).resolve().parent
_HTML = """
<div class="neuron-plane">
  <div class="field"><canvas aria-hidden="true"></canvas><svg role="group"><g class="axes" aria-hidden="true"></g></svg></div>
  <div class="key" aria-hidden="true"><span></span><i></i><span></span></div>
  <div class="note" aria-live="polite"></div>
</div>
"""
KEY = "concepts.neuron.plane"
NAMES = ("w1", "w2", "b", "x1", "x2")
_TURN = "concepts.neuron.turn"
_REACH, _STEP = 16.0, 0.02
"""The activation is sent from -_REACH to _REACH at this distance; further out all of them are straight, to six digits."""


@cache
def _mount() -> Callable[..., Any]:
    css, js = ((_HERE / f"neuron_plane.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    component: Callable[..., Any] = st.components.v2.component(
        "neuron_plane", html=_HTML, css=css, js=js, isolate_styles=False
    )
    return component


@cache
def curve_of(activation: str) -> Mapping[str, Any]:
    """The activation as the browser takes it: its values from ``from`` on, ``step`` apart."""
    zs = np.arange(round(2 * _REACH / _STEP) + 1) * _STEP - _REACH
    return {"from": -_REACH, "step": _STEP, "values": neuron.value(activation, zs).round(6).tolist()}


def neuron_plane(
    activation: str,
    values: Mapping[str, float],
    *,
    extent: float,
    limit: float,
    description: str,
    on_turned: Callable[[], None],
) -> None:
    """Show the plane.

    Args:
        activation: one of ``neuron.ACTIVATIONS``.
        values: the weights, the bias and the input, by NAMES.
        extent: the plane reaches from -extent to extent on both axes.
        limit: the largest size of a weight and of the bias.
        description: what the figure shows, for those who do not see it.
        on_turned: called when the visitor has moved something; :func:`turned` then tells what.
    """
    shown = {
        "values": {name: float(values[name]) for name in NAMES},
        "extent": extent,
        "limit": limit,
        "curve": curve_of(activation),
        "scale": palette.DIVERGING,
        "colours": {"weights": palette.VALIDATION, "bias": palette.NEUTRAL, "input": palette.HIGHLIGHT},
        "turn": st.session_state.get(_TURN, 0),
        "description": description,
        "text": {
            "weights": _("Weights: drag the arrow's tip, or use the arrow keys"),
            "bias": _("Bias: drag the dashed line, or use the arrow keys"),
            "input": _("Your input: drag the dot, or use the arrow keys"),
        },
    }
    _mount()(data=packed(shown), key=KEY, on_turned_change=on_turned)


def turned(*, extent: float, limit: float) -> dict[str, float] | None:
    """What the visitor's hand made of the values, within their bounds; None for whatever else the browser may send."""
    sent = getattr(st.session_state.get(KEY), "turned", None)
    if not isinstance(sent, Mapping):
        return None
    values = {}
    for name in NAMES:
        value = sent.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        edge = extent if name.startswith("x") else limit
        values[name] = round(min(edge, max(-edge, float(value))), 1) + 0.0
    turn = sent.get("turn")
    if isinstance(turn, int) and 0 <= turn < 2**31:
        st.session_state[_TURN] = turn
    return values
