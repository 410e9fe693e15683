"""Many runs in one figure: one setting against one result, the best trade-offs."""

import math
from collections.abc import Sequence
from typing import Any

from dlcore.config import KNOBS
from dlcore.runs.comparing import METRICS, Value, front, measured
from dlcore.runs.overview import Overview
from ui.history.naming import shown
from ui.language import translate as _
from ui.palette import HIGHLIGHT, NEUTRAL, TRAIN, faded
from ui.training.figures import Figure

_FEW_DECADES = 1.5
"""Up to this many, an axis of powers of ten has room for 2 and 5 in between, also on a phone."""


def metric_title(name: str) -> str:
    """A metric as an axis is called, with its unit."""
    metric = METRICS[name]
    return _("{name} ({unit})").format(name=_(metric.title), unit=_(metric.unit)) if metric.unit else _(metric.title)


def scatter_figure(rows: Sequence[Overview], names: Sequence[str], x: str, y: str, *, revision: str) -> Figure:
    """One setting, or one metric, against a metric; a point for each run that has both."""
    points = [(_value(row, x), measured(row, y)) for row in rows]
    known = [place for place, point in enumerate(points) if None not in point]
    horizontal = [points[place][0] for place in known]
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [shown(x, value) if isinstance(value, str) else value for value in horizontal],
            "y": [points[place][1] for place in known],
            "text": [names[place] for place in known],
            "marker": {"size": 10, "color": faded(TRAIN, 0.75), "line": {"width": 1, "color": TRAIN}},
            "hovertemplate": "%{text}<br>%{x}<br>%{y}<extra></extra>",
            "showlegend": False,
        }
    ]
    return traces, {
        "xaxis": _scatter_axis(x, [value for value in horizontal if not isinstance(value, str)]),
        "yaxis": _scatter_axis(y, []) | {"type": "linear"},
        "hovermode": "closest",
        "uirevision": f"{revision} {x} {y}",
    }


def front_figure(rows: Sequence[Overview], names: Sequence[str], x: str, y: str, *, revision: str) -> Figure:
    """All runs, and through those that no other beats in both at once, a stair."""
    points = [_both(row, x, y) for row in rows]
    best = front(points, smaller_x=METRICS[x].smaller_is_better, smaller_y=METRICS[y].smaller_is_better)
    stair = [(points[place], names[place]) for place in best]
    others = [(point, names[place]) for place, point in enumerate(points) if point and place not in best]
    hover = "%{text}<br>%{x}<br>%{y}<extra></extra>"
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": _("Beaten by another"),
            "x": [point[0] for point, _name in others],
            "y": [point[1] for point, _name in others],
            "text": [name for _point, name in others],
            "marker": {"size": 8, "color": faded(NEUTRAL, 0.6)},
            "hovertemplate": hover,
        },
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": _("Best trade-offs"),
            "x": [point[0] for point, _name in stair if point],
            "y": [point[1] for point, _name in stair if point],
            "text": [name for _point, name in stair],
            "line": {"shape": "hv", "color": HIGHLIGHT, "width": 2},
            "marker": {"size": 10, "color": HIGHLIGHT},
            "hovertemplate": hover,
        },
    ]
    return traces, {
        "xaxis": _scatter_axis(x, [point[0] for point in points if point]),
        "yaxis": _scatter_axis(y, []) | {"type": "linear"},
        "hovermode": "closest",
        "uirevision": f"{revision} {x} {y}",
    }


def _value(row: Overview, name: str) -> Value | None:
    if name in METRICS:
        return measured(row, name)
    values = row.run.config.model_dump()
    value: Value = values[name]
    return value if KNOBS[name].applies(values) else None


def _both(row: Overview, x: str, y: str) -> tuple[float, float] | None:
    left, right = measured(row, x), measured(row, y)
    return None if left is None or right is None else (left, right)


def _scatter_axis(name: str, values: Sequence[Value | None]) -> dict[str, Any]:
    numbers = [value for value in values if isinstance(value, int | float)]
    positive = bool(values) and len(numbers) == len(values) and min(numbers) > 0
    if name in METRICS:
        metric = METRICS[name]
        axis: dict[str, Any] = {"title": {"text": metric_title(name)}}
        if metric.share:
            axis["tickformat"] = ".1%"
        wide, form = positive and metric.logarithmic, "~s"
    else:
        knob = KNOBS[name]
        title = _("{name} ({unit})").format(name=_(knob.title), unit=_(knob.unit)) if knob.unit else _(knob.title)
        axis = {"title": {"text": title}}
        wide, form = positive and knob.logarithmic, "~g"  # no learning rate of 1m
    if not wide:
        return axis
    decades = math.log10(max(numbers) / min(numbers))
    return axis | {"type": "log", "dtick": "D2" if decades < _FEW_DECADES else 1, "tickformat": form}
