"""What happens inside a training as plain plotly figures, and the same in words. Pure but for words."""

import html
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dlcore.runs.history import RunHistory
from dlcore.training.events import Histogram, Inspected
from ui.language import translate as _
from ui.palette import NEUTRAL, POSITIVE, TRAIN, VALIDATION, WRONG, faded
from ui.training.curves import smooth, thin
from ui.training.figures import POWERS, Figure, class_ticks, guide, step_layout

_USUAL_RATIO = 0.001
_ROW, _FRAME = 40, 70
"""Pixels a layer, and pixels around all of them."""
_OVERLAP = 1.35
"""A ridge may reach a little into the row above."""


def gradient_figure(history: RunHistory, *, revision: str) -> Figure:
    """The length of the gradient at each update, on a logarithmic scale."""
    return _curve(history, history.steps.gradient_norm, _("Norm"), TRAIN, revision, logarithmic=True)


def ratio_figure(history: RunHistory, *, revision: str) -> Figure:
    """The size of updates in that of the weights, on a logarithmic scale, with the usual one as a guide."""
    data, layout = _curve(history, history.steps.update_ratio, _("Ratio"), POSITIVE, revision, logarithmic=True)
    layout["shapes"] = [guide(history, _USUAL_RATIO, _("usual: 0.001")), *layout["shapes"]]
    return data, layout


def speed_figure(history: RunHistory, *, revision: str) -> Figure:
    """Images a second at each update."""
    data, layout = _curve(
        history, history.steps.images_per_second(), _("Images/s"), NEUTRAL, revision, logarithmic=False
    )
    layout["yaxis"] |= {"rangemode": "tozero"}
    return data, layout


def class_figure(inspected: Inspected, names: Sequence[str]) -> Figure:
    """The share of each class that is named correctly."""
    shares = _class_shares(inspected)
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [html.escape(name, quote=False) for name in names],
        "x": [None if share is None else round(share, 4) for share in shares],
        "customdata": [sum(row) for row in inspected.confusion],
        "marker": {"color": VALIDATION},
        "hovertemplate": _("%{y}: %{x:.1%} of %{customdata} images") + "<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": _("Accuracy")}, "tickformat": ".0%", "range": [0, 1.02], "fixedrange": True},
        "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False, "fixedrange": True}
        | class_ticks(names),
        "margin": {"t": 8},
        "bargap": 0.25,
        "uirevision": "classes",
    }
    return [trace], layout


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


def classes_in_words(inspected: Inspected, names: Sequence[str]) -> str:
    """The chart of classes for those who do not see it: best and worst."""
    known = [(share, name) for share, name in zip(_class_shares(inspected), names, strict=True) if share is not None]
    if not known:
        return _("Nothing was measured yet.")
    (low, worst), (high, best) = min(known), max(known)
    return _("Accuracy by class: best {best} with {high:.0%}, worst {worst} with {low:.0%}.").format(
        best=best, high=high, worst=worst, low=low
    )


def dead_in_words(inspected: Inspected) -> str:
    """The chart of dead units for those who do not see it."""
    dead, units = sum(row.dead for row in inspected.rectified), sum(row.units for row in inspected.rectified)
    return _("Dead units: {dead} of {units}.").format(dead=dead, units=units)


def _class_shares(inspected: Inspected) -> list[float | None]:
    return [row[index] / sum(row) if sum(row) else None for index, row in enumerate(inspected.confusion)]


def _curve(
    history: RunHistory, values: Sequence[float], title: str, colour: str, revision: str, *, logarithmic: bool
) -> Figure:
    """Each measured value, and a smooth line through them."""
    steps, column = np.asarray(history.steps.step), np.asarray(values, dtype=np.float64)
    known = np.isfinite(column) & (column > 0 if logarithmic else True)
    xs, ys = steps[known].tolist(), column[known].tolist()
    window = history.total_steps / 40 * len(xs) / max(1, len(history.steps))
    traces: list[dict[str, Any]] = []
    for points, shade, width in ((thin(xs, ys), faded(colour, 0.3), 1), (smooth(xs, ys, window), colour, 2)):
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": points[0],
                "y": points[1],
                "line": {"color": shade, "width": width},
                "hovertemplate": "%{y:.3g}<extra></extra>",
                "hoverinfo": "skip" if width == 1 else "all",
            }
        )
    traces[0].pop("hovertemplate")
    layout = step_layout(history, title, revision)
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
