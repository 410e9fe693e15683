"""A confusion matrix as plain plotly figures, with or without the share of each class. Pure but for words."""

import html
from collections.abc import Sequence
from typing import Any

from ui.language import translate as _
from ui.palette import SEQUENTIAL, TRAIN, VALIDATION, faded
from ui.training.figures import Figure

_SHADED = 0.45
"""From this share of its row on, a cell of the confusion matrix is so dark that its number must be white."""

_MANY_CLASSES = 12
"""With more classes than these the matrix has no room for all its numbers."""
_MANY_LABELS = 40
"""Most classes that are all named beside a matrix; of more, every second or third is."""
_LONG_NAME = 14
"""Letters of a class that stand beside a chart."""
_TELLING = 0.03
"""In a large matrix a confusion has its number from this share of its row on,"""
_NUMBERED = 15
"""and so many have one at most, those that are the largest."""


def confusion_figure(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> Figure:
    """Counts of true class against prediction; shades follow the share of the row, the diagonal is what is right."""
    shares = [[value / max(1, sum(row)) for value in row] for row in confusion]
    crowded, plain = many_classes(names), names
    names = [html.escape(name, quote=False) for name in plain]  # plotly reads a little HTML
    shades = [[0.0, faded(TRAIN, 0.06)], SEQUENTIAL[1]]
    if crowded:  # without numbers, what is rare has to be seen by its colour
        shades = [[0.0, faded(TRAIN, 0.05)], [0.02, faded(TRAIN, 0.2)], [0.15, faded(TRAIN, 0.6)], SEQUENTIAL[1]]
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": [[round(share, 4) for share in row] for row in shares],
        "x": list(names),
        "y": list(names),
        "customdata": [list(row) for row in confusion],
        "colorscale": shades,
        "zmin": 0,
        "zmax": 1,
        "showscale": False,
        "xgap": 1 if crowded else 2,
        "ygap": 1 if crowded else 2,
        "hovertemplate": _("true: %{y}<br>predicted: %{x}<br>%{customdata} images, %{z:.1%} of the row")
        + "<extra></extra>",
    }
    quiet = {"type": "category", "showgrid": False, "zeroline": False, "fixedrange": True, "ticks": ""}
    turned = 0 if _short(plain) else -90 if crowded else -40
    layout = {
        "xaxis": quiet | class_ticks(plain) | {"title": {"text": _("Predicted class")}, "tickangle": turned},
        "yaxis": quiet | class_ticks(plain) | {"title": {"text": _("True class")}, "autorange": "reversed"},
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "uirevision": "confusion",
    }
    if crowded:
        return [trace, _telling(confusion, shares, names)], layout
    on_shade = _counts(confusion, shares, names, shaded=True) | {"textfont": {"color": "#ffffff"}}
    return [trace, _counts(confusion, shares, names, shaded=False), on_shade], layout


def classes_figure(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> Figure:
    """The confusion matrix, and beside each of its rows the share of that class that is named correctly."""
    traces, layout = confusion_figure(confusion, names)
    shares = [row[index] / sum(row) if sum(row) else None for index, row in enumerate(confusion)]
    bars: dict[str, Any] = {
        "type": "bar",
        "orientation": "h",
        "y": traces[0]["y"],
        "x": [None if share is None else round(share, 4) for share in shares],
        "xaxis": "x2",
        "customdata": [sum(row) for row in confusion],
        "marker": {"color": VALIDATION},
        "showlegend": False,
        "hovertemplate": _("%{y}: %{x:.1%} of %{customdata} images") + "<extra></extra>",
    }
    layout["xaxis"] |= {"domain": [0, 0.7]}
    layout["xaxis2"] = {
        "domain": [0.74, 1],
        "range": [0, 1.06],
        "tickformat": ".0%",
        "tickvals": [0, 0.5, 1],
        "fixedrange": True,
        "title": {"text": _("Accuracy")},
    }
    return [*traces, bars], layout | {"bargap": 0.25}


def many_classes(names: Sequence[str]) -> bool:
    """Whether a matrix of these classes tells most of its counts by colour alone."""
    return len(names) > _MANY_CLASSES


def classes_height(names: Sequence[str], least: int) -> int:
    """Pixels for a chart with a row for each class."""
    return max(least, min(640, 90 + 17 * len(names)))


def class_ticks(names: Sequence[str]) -> dict[str, Any]:
    """The labels of an axis of classes: plain text, long names cut, small ones where there are many."""
    shown = range(0, len(names), -(-len(names) // _MANY_LABELS)) if names else ()
    cut = [name if len(name) <= _LONG_NAME else name[: _LONG_NAME - 1].rstrip() + "…" for name in names]
    return {
        "tickvals": list(shown),
        "ticktext": [html.escape(cut[index], quote=False) for index in shown],
        "tickfont": {"size": 10 if many_classes(names) else 13},
    }


def _telling(
    confusion: Sequence[Sequence[int]], shares: Sequence[Sequence[float]], names: Sequence[str]
) -> dict[str, Any]:
    """The numbers of the confusions that matter in a large matrix."""
    wrong = sorted(
        (
            (share, true, said)
            for true, row in enumerate(shares)
            for said, share in enumerate(row)
            if true != said and share >= _TELLING
        ),
        reverse=True,
    )[:_NUMBERED]
    return {
        "type": "scatter",
        "mode": "text",
        "x": [names[said] for _share, _true, said in wrong],
        "y": [names[true] for _share, true, _said in wrong],
        "text": [str(confusion[true][said]) for _share, true, said in wrong],
        "textfont": {"size": 10},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _counts(
    confusion: Sequence[Sequence[int]], shares: Sequence[Sequence[float]], names: Sequence[str], *, shaded: bool
) -> dict[str, Any]:
    """The numbers that stand on dark cells, or those on light ones; the theme's own colour of text unless one is set."""
    cells = [
        (names[said], names[true], str(count))
        for true, row in enumerate(confusion)
        for said, count in enumerate(row)
        if count and (shares[true][said] > _SHADED) == shaded
    ]
    return {
        "type": "scatter",
        "mode": "text",
        "x": [x for x, _y, _text in cells],
        "y": [y for _x, y, _text in cells],
        "text": [text for _x, _y, text in cells],
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _short(names: Sequence[str]) -> bool:
    return max(map(len, names), default=0) <= 2
