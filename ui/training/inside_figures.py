"""What happens inside a training as plain plotly figures, and the same in words. Pure but for words."""

import html
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dlcore.runs.glimpses import Glimpse
from dlcore.runs.history import RunHistory
from dlcore.training.events import Histogram, Inspected
from ui.language import translate as _
from ui.palette import HIGHLIGHT, NEUTRAL, POSITIVE, SEQUENTIAL, TRAIN, WRONG, faded
from ui.training.curves import smooth, thin
from ui.training.figures import POWERS, Axis, Figure, guide, places, step_layout

_USUAL_RATIO = 0.001
_ROW, _FRAME = 40, 70
"""Pixels a layer, and pixels around all of them."""
_MOST_CURVES = 40
_FEW_LOOKS = 20
"""Up to this many, each has its point: a single one is no line."""
_NARROW = 300.0
"""An axis that ends at less than so many times where it begins is narrow."""
_OVERLAP = 1.35
"""A ridge may reach a little into the row above."""


def gradient_figure(history: RunHistory, *, revision: str, axis: Axis = "step") -> Figure:
    """The length of the gradient at each update, on a logarithmic scale."""
    return _curve(history, history.steps.gradient_norm, _("Norm"), TRAIN, revision, axis, logarithmic=True)


def ratio_figure(history: RunHistory, *, revision: str, axis: Axis = "step") -> Figure:
    """The size of updates in that of the weights, on a logarithmic scale, with the usual one as a guide."""
    data, layout = _curve(history, history.steps.update_ratio, _("Ratio"), POSITIVE, revision, axis, logarithmic=True)
    layout["shapes"] = [guide(history, _USUAL_RATIO, _("usual: 0.001")), *layout["shapes"]]
    return data, layout


def rate_figure(history: RunHistory, *, revision: str, axis: Axis = "step") -> Figure:
    """The learning rate of each update."""
    rates = history.steps.learning_rate
    kept = thin(history.steps.step, rates)
    layout = step_layout(history, _("Learning rate"), revision, axis) | {"showlegend": False}
    layout["margin"] = layout["margin"] | {"t": 12}
    layout["yaxis"] |= {"rangemode": "tozero", "tickformat": "~g"}
    line = {"color": HIGHLIGHT, "width": 2, "shape": "hv"}
    trace = {"type": "scatter", "mode": "lines", "x": places(history, kept[0], axis), "y": kept[1], "line": line}
    return [trace | {"hovertemplate": "%{y:.3g}<extra></extra>"}], layout


def speed_figure(history: RunHistory, *, revision: str, axis: Axis = "step") -> Figure:
    """Images a second at each update."""
    data, layout = _curve(
        history, history.steps.images_per_second(), _("Images/s"), NEUTRAL, revision, axis, logarithmic=False
    )
    layout["yaxis"] |= {"rangemode": "tozero"}
    return data, layout


def dead_figure(inspected: Inspected) -> Figure:
    """The share of units in each layer that no image wakes."""
    rows = inspected.rectified
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [row.layer for row in rows],
        "x": [row.dead / max(1, row.units) for row in rows],
        "text": [_("{dead} of {units}").format(dead=row.dead, units=row.units) for row in rows],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": WRONG},
        "hovertemplate": "%{y}: %{x:.1%}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": _("Share of units")}, "tickformat": ".0%", "range": [0, 1.12], "fixedrange": True},
        "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False, "fixedrange": True},
        "margin": {"t": 8},
        "bargap": 0.4,
        "uirevision": "dead",
    }
    return [trace], layout


def layers_figure(
    history: RunHistory,
    looks: Sequence[Glimpse],
    values: Callable[[Glimpse], Mapping[str, float]],
    title: str,
    *,
    revision: str,
    axis: Axis = "step",
    share: bool = False,
) -> Figure:
    """One curve a layer of what was seen at each look, on a logarithmic scale unless it is a ``share``."""
    names = list(dict.fromkeys(name for look in looks for name in values(look)))[:_MOST_CURVES]
    traces = []
    for number, name in enumerate(names):
        known = [(look.step, values(look).get(name)) for look in looks]
        points = [(step, value) for step, value in known if value is not None and (share or value > 0)]
        xs, ys = thin([step for step, _value in points], [value for _step, value in points])
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if len(xs) <= _FEW_LOOKS else "lines",
                "marker": {"size": 5},
                "x": places(history, xs, axis),
                "y": ys,
                "name": html.escape(name, quote=False),
                "line": {"width": 1.8, "color": _depth_colour(number, len(names))},
                "hovertemplate": "%{y:.1%}" if share else "%{y:.3g}",
            }
        )
    layout = step_layout(history, title, revision, axis)
    if share:
        layout["yaxis"] |= {"tickformat": ".0%", "range": [0, 1.02]}
    else:
        layout["yaxis"] |= POWERS | {"dtick": _tick([value for trace in traces for value in trace["y"]])}
    return traces, layout


def _tick(values: Sequence[float]) -> str | int:
    """How far apart the numbers beside a logarithmic axis stand: at 1, 2 and 5 where it spans little, else at powers of ten.

    Left to itself, plotly.js labels each of 1 to 9 where little is spanned, one over the other.
    """
    return "D2" if values and max(values) < _NARROW * min(values) else 1


def _depth_colour(number: int, count: int) -> str:
    """From the first layer to the last: from the colour of positive numbers to that of negative ones."""
    share = number / max(1, count - 1)
    ends = [[int(tone[start : start + 2], 16) for start in (1, 3, 5)] for tone in (POSITIVE, WRONG)]
    mixed = [round(first + share * (last - first)) for first, last in zip(*ends, strict=True)]
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def over_time_figure(course: Sequence[Inspected], layer: str, *, gradients: bool) -> Figure:
    """How often which value of a weight, or which size of its gradient, occurs in one layer, epoch by epoch."""
    columns = [
        (seen.epoch, one)
        for seen in course
        for one in (seen.gradients if gradients else seen.weights)
        if one.layer == layer and one.counts
    ]
    if not columns:
        return [], {}
    low, high = min(one.low for _epoch, one in columns), max(one.high for _epoch, one in columns)
    bins = max(len(one.counts) for _epoch, one in columns)
    edges = np.linspace(low, high, bins + 1)
    centres = (edges[:-1] + edges[1:]) / 2
    shares = []
    for _epoch, one in columns:
        width = (one.high - one.low) / len(one.counts)
        density = np.asarray(one.counts, dtype=np.float64) / max(1, sum(one.counts)) / width
        offsets = np.floor((centres - one.low) / width)
        inside = (offsets >= 0) & (offsets < len(one.counts))
        where = np.clip(offsets, 0, len(one.counts) - 1).astype(int)  # before: no whole number holds the largest
        column = np.where(inside, density[where], 0)
        shares.append(column / (column.max() or 1.0))
    trace = {
        "type": "heatmap",
        "x": [epoch for epoch, _one in columns],
        "y": [float(f"{centre:.4g}") for centre in centres],
        "z": np.round(np.asarray(shares).T, 3).tolist(),
        "colorscale": SEQUENTIAL,
        "zmin": 0,
        "zmax": 1,
        "showscale": False,
        "hovertemplate": _("after epoch %{x}: %{y:.3g}, %{z:.0%} as often as the most frequent") + "<extra></extra>",
    }
    title = _("Size of the gradient of a weight, power of ten") if gradients else _("Value of a weight")
    layout = {
        "xaxis": {"title": {"text": _("Epoch")}, "zeroline": False, "showgrid": False},
        "yaxis": {"title": {"text": title}, "zeroline": not gradients, "showgrid": False},
        "margin": {"t": 8},
        "uirevision": f"{layer} {gradients}",
    }
    return [trace], layout


def weights_figure(inspected: Inspected, *, revision: str) -> Figure:
    """One ridge a layer, all on one axis of values."""
    layout = _ridge_layout(inspected.weights, _("Value of a weight"), f"{revision} weights")
    return [_ridge(one, row, TRAIN) for row, one in enumerate(inspected.weights)], layout


def gradients_figure(inspected: Inspected, *, revision: str) -> Figure:
    """One ridge a layer, on one logarithmic axis of sizes."""
    layout = _ridge_layout(inspected.gradients, _("Size of the gradient of a weight"), f"{revision} gradients")
    counted = [index for one in inspected.gradients for index, count in enumerate(one.counts) if count]
    if inspected.gradients and counted:
        low, high, bins = inspected.gradients[0].low, inspected.gradients[0].high, len(inspected.gradients[0].counts)
        width = (high - low) / bins
        first, last = math.floor(low + width * min(counted)), math.ceil(low + width * (max(counted) + 1))
        powers = range(first, last + 1, 1 if last - first <= 6 else 2)
        layout["xaxis"] |= {"tickvals": list(powers), "ticktext": [f"10<sup>{power}</sup>" for power in powers]}
        layout["xaxis"] |= {"range": [first, last]}
    return [_ridge(one, row, POSITIVE) for row, one in enumerate(inspected.gradients)], layout


def rows_height(rows: int) -> int:
    """Pixels for a figure with so many layers one below the other."""
    return _FRAME + _ROW * max(1, rows)


def in_words(history: RunHistory, name: str) -> str:
    """A chart of updates for those who do not see it."""
    if name == "speed":
        template, value = _("Images per second against updates; now {value:,.0f}."), history.images_per_second
    else:
        ratio = name == "ratio"
        template = (
            _("Update ratio against updates; now {value:.2g}.")
            if ratio
            else _("Gradient norm against updates; now {value:.3g}.")
        )
        column = history.steps.update_ratio if ratio else history.steps.gradient_norm
        value = next((value for value in reversed(column) if math.isfinite(value)), None)
    return _("Nothing was measured yet.") if value is None else template.format(value=value)


def dead_in_words(inspected: Inspected) -> str:
    """The chart of dead units for those who do not see it."""
    dead, units = sum(row.dead for row in inspected.rectified), sum(row.units for row in inspected.rectified)
    return _("Dead units: {dead} of {units}.").format(dead=dead, units=units)


def _curve(
    history: RunHistory,
    values: Sequence[float],
    title: str,
    colour: str,
    revision: str,
    axis: Axis,
    *,
    logarithmic: bool,
) -> Figure:
    """Each measured value, and a smooth line through them."""
    steps, column = np.asarray(history.steps.step), np.asarray(values, dtype=np.float64)
    known = np.isfinite(column) & (column > 0 if logarithmic else True)
    xs, ys = steps[known], column[known]
    window = history.total_steps / 40 * len(xs) / max(1, len(history.steps))
    traces: list[dict[str, Any]] = []
    for points, shade, width in ((thin(xs, ys), faded(colour, 0.3), 1), (smooth(xs, ys, window), colour, 2)):
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": places(history, points[0], axis),
                "y": points[1],
                "line": {"color": shade, "width": width},
                "hovertemplate": "%{y:.3g}<extra></extra>",
                "hoverinfo": "skip" if width == 1 else "all",
            }
        )
    traces[0].pop("hovertemplate")
    layout = step_layout(history, title, revision, axis)
    layout |= {"showlegend": False}
    layout["margin"] = layout["margin"] | {"t": 12}
    layout["yaxis"] |= POWERS if logarithmic else {}
    return traces, layout


def _ridge(one: Histogram, row: int, colour: str) -> dict[str, Any]:
    """A histogram as a filled outline that stands on its row; the first layer is on top."""
    width = (one.high - one.low) / max(1, len(one.counts))
    centres = [one.low + width * (index + 0.5) for index in range(len(one.counts))]
    top = max(one.counts, default=0) or 1
    heights = [-row + _OVERLAP * 0.72 * count / top for count in one.counts]
    digits = 6
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [round(x, digits) for x in [one.low, *centres, one.high]],
        "y": [round(y, 4) for y in [-row, *heights, -row]],
        "fill": "toself",
        "fillcolor": faded(colour, 0.25),
        "line": {"color": colour, "width": 1.5},
        "name": one.layer,
        "hoverinfo": "name",
    }


def _ridge_layout(histograms: Sequence[Histogram], title: str, revision: str) -> dict[str, Any]:
    return {
        "xaxis": {"title": {"text": title}, "zeroline": True},
        "yaxis": {
            "tickvals": [-row for row in range(len(histograms))],
            "ticktext": [one.layer for one in histograms],
            "zeroline": False,
            "fixedrange": True,
            "range": [-len(histograms) + 0.7, _OVERLAP],
        },
        "showlegend": False,
        "margin": {"t": 8},
        "uirevision": revision,
    }
