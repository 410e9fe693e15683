"""Many runs in one figure: a line through all settings, one setting against one result, the best trade-offs."""

import math
from collections.abc import Sequence
from typing import Any

from dlcore.config import KNOBS
from dlcore.runs.comparing import METRICS, Value, differences, front, measured
from dlcore.runs.overview import Overview
from ui.history.naming import shown
from ui.language import translate as _
from ui.palette import HIGHLIGHT, NEUTRAL, TRAIN, faded
from ui.training.figures import Figure

_MOST_AXES = 9
_SCALE = ((245, 158, 11), (79, 70, 229))
"""From the worst run to the best: amber to indigo, apart in lightness too."""


def metric_title(name: str) -> str:
    """A metric as an axis is called, with its unit."""
    metric = METRICS[name]
    return _("{name} ({unit})").format(name=_(metric.title), unit=_(metric.unit)) if metric.unit else _(metric.title)


def parallel_figure(rows: Sequence[Overview], names: Sequence[str], metric: str, *, revision: str) -> Figure:
    """Parallel coordinates: an axis for each setting that differs and one for the metric; a line for each run.

    Drawn as lines, not as plotly's own kind, which needs WebGL and becomes a bitmap in an SVG.
    """
    settings = varied_settings(rows)
    results: list[Value | None] = [measured(row, metric) for row in rows]
    axes = [(_(KNOBS[name].title), _axis(name, column)) for name, column in settings]
    axes.append((metric_title(metric), _metric_axis(metric, results)))
    heat = _heat(results, smaller=METRICS[metric].smaller_is_better)
    traces: list[dict[str, Any]] = []
    order = sorted(range(len(rows)), key=lambda place: heat[place] if heat[place] is not None else -1.0)
    for place in order:  # the best are drawn last, on top
        told = [
            f"{title}: {ticks.text(values)}"
            for (title, ticks), values in zip(
                axes, [*(column[place] for _name, column in settings), results[place]], strict=True
            )
        ]
        level = heat[place]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": list(range(len(axes))),
                "y": [axis.places[place] for _title, axis in axes],
                "name": names[place],
                "line": {
                    "color": faded(NEUTRAL, 0.4) if level is None else _colour(level),
                    "width": 1.5 if level is None or level < 1 else 3.5,
                },
                "marker": {"size": 5},
                "opacity": 0.9,
                "text": ["<br>".join(told)] * len(axes),
                "hovertemplate": "%{text}<extra>%{fullData.name}</extra>",
            }
        )
    annotations, shapes = [], []
    for x, (title, axis) in enumerate(axes):
        shapes.append({"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": {"color": NEUTRAL, "width": 1}})
        annotations.append(_note(x, 1, _wrapped(title), yshift=34, bold=True))
        annotations += [
            _note(x, y, text, xshift=4, yshift=9, anchor="left") | {"bgcolor": "rgba(0,0,0,0)", "font": {"size": 11}}
            for y, text in axis.ticks
        ]
    layout = {
        "xaxis": {"visible": False, "range": [-0.15, len(axes) - 1 + 0.45], "fixedrange": True},
        "yaxis": {"visible": False, "range": [-0.06, 1.08], "fixedrange": True},
        "showlegend": False,
        "hovermode": "closest",
        "margin": {"t": 64, "l": 16, "r": 16, "b": 8},
        "annotations": annotations,
        "shapes": shapes,
        "uirevision": revision,
    }
    return traces, layout


def varied_settings(rows: Sequence[Overview]) -> list[tuple[str, list[Value | None]]]:
    """The settings worth an axis: with several values among ``rows``, not only mattering here and not there."""
    columns = differences([row.run.config for row in rows])
    return [(name, column) for name, column in columns.items() if len(set(column) - {None}) > 1][: _MOST_AXES - 1]


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


class _Places:
    """Where the values of one axis lie between 0 and 1, and what is written beside them."""

    def __init__(self, places: list[float | None], ticks: list[tuple[float, str]], name: str, share: bool) -> None:
        self.places, self.ticks, self._name, self._share = places, ticks, name, share

    def text(self, value: Value | None) -> str:
        if value is None:
            return "–"
        if self._name in METRICS:
            return _number(float(value), share=self._share)
        return shown(self._name, value)


def _axis(name: str, column: Sequence[Value | None]) -> _Places:
    known = [value for value in column if value is not None]
    if any(isinstance(value, str) for value in known) or len(set(known)) <= 4:
        order = sorted(set(known), key=lambda value: (isinstance(value, str), value))
        height = {value: (place / (len(order) - 1) if len(order) > 1 else 0.5) for place, value in enumerate(order)}
        return _Places(
            [None if value is None else height[value] for value in column],
            [(height[value], _short(shown(name, value))) for value in order[:8]],
            name,
            share=False,
        )
    knob = KNOBS[name]
    numbers = [None if value is None else float(value) for value in column]
    return _scaled(name, numbers, logarithmic=knob.logarithmic and min(n for n in numbers if n is not None) > 0)


def _metric_axis(name: str, column: Sequence[Value | None]) -> _Places:
    numbers = [None if value is None else float(value) for value in column]
    logarithmic = METRICS[name].logarithmic and all(number is None or number > 0 for number in numbers)
    return _scaled(name, numbers, logarithmic=logarithmic, share=METRICS[name].share)


def _scaled(name: str, numbers: Sequence[float | None], *, logarithmic: bool, share: bool = False) -> _Places:
    known = [number for number in numbers if number is not None]
    if not known:
        return _Places([None] * len(numbers), [], name, share)
    scale = math.log10 if logarithmic else float
    low, high = scale(min(known)), scale(max(known))
    if high == low:
        return _Places(
            [None if n is None else 0.5 for n in numbers], [(0.5, _number(known[0], share=share))], name, share
        )
    places = [None if number is None else (scale(number) - low) / (high - low) for number in numbers]
    middle = (low + high) / 2
    ticks = [(place, 10**value if logarithmic else value) for place, value in ((0, low), (0.5, middle), (1, high))]
    return _Places(places, [(place, _number(value, share=share)) for place, value in ticks], name, share)


def _number(value: float, *, share: bool) -> str:
    return f"{value:.2%}" if share else f"{value:.3g}" if abs(value) < 10_000 else f"{value:,.0f}"


def _heat(values: Sequence[Value | None], *, smaller: bool) -> list[float | None]:
    """From 0, the worst, to 1, the best, by rank; None where nothing was measured."""
    known = sorted({float(value) for value in values if value is not None}, reverse=smaller)
    return [
        None if value is None else known.index(float(value)) / (len(known) - 1) if len(known) > 1 else 1.0
        for value in values
    ]


def _colour(level: float) -> str:
    mixed = [round(low + (high - low) * level) for low, high in zip(*_SCALE, strict=True)]
    return f"rgb({mixed[0]}, {mixed[1]}, {mixed[2]})"


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
    positive = bool(values) and all(isinstance(value, int | float) and value > 0 for value in values)
    if name in METRICS:
        metric = METRICS[name]
        axis: dict[str, Any] = {"title": {"text": metric_title(name)}}
        if metric.share:
            axis["tickformat"] = ".1%"
        wide = positive and metric.logarithmic
    else:
        knob = KNOBS[name]
        title = _("{name} ({unit})").format(name=_(knob.title), unit=_(knob.unit)) if knob.unit else _(knob.title)
        axis = {"title": {"text": title}}
        wide = positive and knob.logarithmic
    return axis | ({"type": "log", "dtick": "D2", "tickformat": "~s"} if wide else {})


def _short(text: str) -> str:
    return text if len(text) <= 16 else text[:15] + "…"


def _wrapped(text: str) -> str:
    """Over two lines where that is shorter."""
    place = text.find(" ", len(text) // 3)
    return text if len(text) < 13 or place < 0 else f"{text[:place]}<br>{text[place + 1 :]}"


def _note(x: float, y: float, text: str, *, yshift: int = 0, xshift: int = 0, anchor: str = "center", bold: bool = False) -> dict[str, Any]:  # fmt: skip
    return {
        "x": x,
        "y": y,
        "text": f"<b>{text}</b>" if bold else text,
        "showarrow": False,
        "xanchor": anchor,
        "yshift": yshift,
        "xshift": xshift,
    }
