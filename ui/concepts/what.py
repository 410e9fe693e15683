"""The chapter that says what deep learning is."""

from typing import Any

import streamlit as st

from dlcore.concepts.activations import ACTIVATIONS
from ui import palette
from ui.concepts.doors import read_next
from ui.concepts.prose import sections
from ui.figure import figure
from ui.language import translate as _

STILL = {"staticPlot": True}


def show() -> None:
    """Definition, one neuron, many layers, how it came about, what it is not."""
    text = sections("what")
    st.markdown(text["intro"])
    left, right = st.columns([1, 1.2], gap="large")
    with left:
        st.markdown(text["nested"])
        _nested()
    with right:
        st.markdown(text["rules"])
    left, right = st.columns([1, 1.2], gap="large")
    with left:
        st.markdown(text["neuron"])
        st.markdown(text["layers"])
    with right:
        st.markdown(text["activations"])
        _activations()
    left, right = st.columns([1, 1.2], gap="large")
    with left:
        st.markdown(text["limits"])
    with right:
        st.markdown(text["history"])
    read_next("what")


def _nested() -> None:
    names = [_("Artificial intelligence"), _("Machine learning"), _("Neural networks"), _("Deep learning")]
    shapes: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for depth, name in enumerate(names):
        half, height = 4 - 0.8 * depth, 2 - 0.42 * depth
        top = 2 * height - 0.0
        shapes.append(
            {
                "type": "circle",
                "x0": -half,
                "x1": half,
                "y0": 0.04 * depth,
                "y1": top,
                "fillcolor": palette.faded(palette.TRAIN, 0.1 + 0.08 * depth),
                "line": {"color": palette.TRAIN, "width": 1.5},
            }
        )
        innermost = depth == len(names) - 1
        annotations.append(
            {"x": 0, "y": top / 2 if innermost else top - 0.34, "text": f"<b>{name}</b>" if innermost else name}
            | {"showarrow": False}
        )
    hidden = {"visible": False, "fixedrange": True}
    layout = {
        "shapes": shapes,
        "annotations": annotations,
        "xaxis": hidden | {"range": [-4.1, 4.1]},
        "yaxis": hidden | {"range": [-0.1, 4.1]},
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
    }
    figure(
        [{"type": "scatter", "x": [], "y": []}],
        layout,
        key="concepts-nested",
        height=260,
        config=STILL,
        description=_(
            "Deep learning lies within neural networks, these within machine learning, this within artificial intelligence."
        ),
    )


def _activations() -> None:
    slope = st.segmented_control(
        _("Show"),
        [False, True],
        default=False,
        key="concepts.slope",
        format_func=lambda slope: _("its slope σ′(z)") if slope else _("the activation σ(z)"),
        required=True,
        label_visibility="collapsed",
    )
    z = [step / 20 for step in range(-100, 101)]
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": z,
            "y": [round(curves[bool(slope)](value), 5) for value in z],
            "line": {"width": 3, "color": color},
        }
        for (name, curves), color in zip(ACTIVATIONS.items(), palette.CLASSES, strict=False)
    ]
    layout = {
        "xaxis": {"title": {"text": "z"}, "range": [-5, 5]},
        "yaxis": {"range": [-0.2, 1.2] if slope else [-1.5, 3]},
        "hovermode": "x unified",
        "uirevision": str(slope),
    }
    figure(
        data,
        layout,
        key="concepts-activations",
        height=320,
        description=_(
            "Sigmoid and tanh flatten on both sides, ReLU on the left only; GELU is a ReLU with a round corner."
        ),
    )
