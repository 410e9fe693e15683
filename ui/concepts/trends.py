"""The chapter of the five trends: the formula or the count behind each, a figure, the other side."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from dlcore.concepts import trends
from ui import palette
from ui.concepts.doors import door
from ui.concepts.plots import labels
from ui.concepts.subjects import show_subjects
from ui.figure import figure
from ui.language import translate as _


def show() -> None:
    """Each trend as a card, and a door."""
    show_subjects("trends", _FIGURES)
    door(_("Train the compact network"), "train", dataset="digits", model="compact-cnn", epochs=10)


def _bigger() -> None:
    sizes = (1, 7, 70, 400)
    data = [
        {
            "type": "bar",
            "name": precision,
            "x": [_("{count} billion").format(count=size) for size in sizes],
            "y": [trends.weights_gigabytes(size, precision) for size in sizes],
            "marker": {"color": color},
            "hovertemplate": "%{y:.1f} GB",
        }
        for precision, color in zip(trends.BYTES_PER_WEIGHT, palette.CLASSES, strict=False)
    ]
    layout = {
        "barmode": "group",
        "yaxis": {"title": {"text": _("gigabytes")}, "type": "log", "dtick": 1},
        "xaxis": {"title": {"text": _("weights")}},
        "hovermode": "x unified",
    }
    description = _("Memory of the weights: 28 gigabytes for 7 billion in float32, 3.5 in int4")
    figure(data, layout, key="concepts-bigger", height=310, description=description)


def _lighter() -> None:
    channels = [8, 16, 32, 64, 128, 256, 512]
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": f"{kernel}×{kernel}",
            "x": channels,
            "y": [trends.separable_share(count, kernel) for count in channels],
            "line": {"width": 2.5, "color": color},
            "hovertemplate": "%{y:.1%}",
        }
        for kernel, color in zip((3, 5, 7), palette.CLASSES, strict=False)
    ]
    layout = {
        "xaxis": {"title": {"text": _("output channels")}, "type": "log", "tickvals": channels},
        "yaxis": {"title": {"text": _("share of the multiplications")}, "tickformat": ".0%", "rangemode": "tozero"},
        "hovermode": "x unified",
    }
    description = _("The share falls towards one ninth for 3 by 3 filters as the channels grow")
    shares = _(", ").join(f"{count}: {trends.separable_share(count, 3):.1%}" for count in channels)
    figure(data, layout, key="concepts-lighter", height=310, description=f"{description}: {shares}")


def _modalities() -> None:
    temperature = st.select_slider(_("Temperature τ"), [0.03, 0.07, 0.2, 0.5, 1.0], 0.2, key="concepts.temperature")
    similarities = trends.matched_pairs()
    shares = trends.softmax_rows(similarities, temperature)
    count = len(shares)
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": [[round(float(value), 3) for value in row] for row in shares],
        "x": [_("text {number}").format(number=number + 1) for number in range(count)],
        "y": [_("image {number}").format(number=number + 1) for number in range(count)],
        "colorscale": palette.SEQUENTIAL,
        "zmin": 0,
        "zmax": 1,
        "showscale": False,
        "hoverinfo": "skip",
    }
    layout = {
        "yaxis": {"range": [count - 0.5, -0.5], "fixedrange": True},
        "xaxis": {"range": [-0.5, count - 0.5], "fixedrange": True, "side": "top"},
        "annotations": labels(shares.tolist(), [[f"{value:.0%}" for value in row] for row in shares], 1),
    }
    description = _("Probability of each caption for each picture; the right ones lie on the diagonal")
    right = _(", ").join(f"{shares[index][index]:.0%}" for index in range(count))
    figure([trace], layout, key="concepts-modalities", height=300, description=f"{description}: {right}")
    loss = trends.contrastive_loss(similarities, temperature)
    st.caption(description + ". " + _("Loss: {loss} nats.").format(loss=f"{loss:.3f}"))


def _trust() -> None:
    epsilon = st.select_slider(
        _("Largest change of a pixel ε, of a range of 1"),
        [0.0, 0.005, 0.01, 0.02, 0.05, 0.1],
        0.02,
        key="concepts.epsilon",
    )
    sizes = [8, 16, 28, 64, 128, 224, 512]
    scores = [1.0] * len(sizes), [trends.attacked_score(size * size, epsilon) for size in sizes]
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": [f"{size}×{size}" for size in sizes],
            "y": [round(score, 3) for score in values],
            "line": {"width": 2.5, "color": color},
        }
        for values, name, color in zip(
            scores, (_("score before"), _("score after")), (palette.TRAIN, palette.WRONG), strict=True
        )
    ]
    layout = {
        "xaxis": {"title": {"text": _("image size")}, "type": "category"},
        "yaxis": {"title": {"text": "wᵀx"}},
        "hovermode": "x unified",
    }
    description = _("A linear score of 1 and what the attack makes of it: the larger the image, the further it falls")
    fallen = _(", ").join(f"{size}×{size} {score:.2f}" for size, score in zip(sizes, scores[1], strict=True))
    figure(data, layout, key="concepts-trust", height=280, description=f"{description}: {fallen}")


def _ethics() -> None:
    people = st.select_slider(_("People asked"), [20, 50, 100, 300, 1000, 10_000], 100, key="concepts.people")
    estimates = trends.randomised_response(0.3, people, 2000)
    trace = {
        "type": "histogram",
        "x": [round(float(value), 4) for value in estimates],
        "xbins": {"start": -0.5, "end": 1.5, "size": max(0.02, 2 / people)},
        "histnorm": "probability",
        "marker": {"color": palette.TRAIN},
        "hoverinfo": "skip",
    }
    layout = {
        "xaxis": {"title": {"text": _("estimated share of “yes”")}, "range": [-0.3, 1], "tickformat": ".0%"},
        "yaxis": {"visible": False, "fixedrange": True},
        "shapes": [
            {"type": "line", "x0": 0.3, "x1": 0.3, "yref": "paper", "y0": 0, "y1": 1}
            | {"line": {"color": palette.HIGHLIGHT, "width": 2, "dash": "dash"}}
        ],
        "annotations": [
            {"x": 0.3, "y": 1, "yref": "paper", "text": _("truth: 30%"), "showarrow": False, "xanchor": "left"}
            | {"font": {"color": palette.HIGHLIGHT}, "xshift": 6}
        ],
    }
    spread = float(estimates.std())
    description = _("2,000 surveys of {people} people each: the estimates scatter by ±{spread} points.").format(
        people=f"{people:,}", spread=f"{100 * spread:.1f}"
    )
    figure([trace], layout, key="concepts-ethics", height=250, description=description)
    st.caption(description)


_FIGURES: Mapping[str, Callable[[], None]] = {
    "bigger": _bigger,
    "lighter": _lighter,
    "modalities": _modalities,
    "trust": _trust,
    "ethics": _ethics,
}
