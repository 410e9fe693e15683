"""Traces that several labs draw, as plain plotly JSON."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def numbers(values: Iterable[Any], digits: int = 5) -> list[float | None]:
    """Values for a figure: a few significant digits, ``None`` for what is not finite."""
    return [float(f"{value:.{digits}g}") if math.isfinite(value) else None for value in map(float, values)]


def curve(xs: Iterable[Any], ys: Iterable[Any], name: str, colour: str, **more: Any) -> dict[str, Any]:
    """A line."""
    line = {"color": colour, "width": more.pop("width", 2.5)} | ({"dash": more.pop("dash")} if "dash" in more else {})
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": numbers(xs),
        "y": numbers(ys),
        "line": line,
    } | more


def point(x: float, y: float, name: str, colour: str, **more: Any) -> dict[str, Any]:
    """One place to look at."""
    marker = {"color": colour, "size": 12, "line": {"color": "#fff", "width": 1.5}} | more.pop("marker", {})
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": numbers([x]),
        "y": numbers([y]),
        "marker": marker,
        "cliponaxis": False,
    } | more


def band(xs: Sequence[Any], low: Iterable[Any], high: Iterable[Any], colour: str) -> dict[str, Any]:
    """What lies between two lines, faintly; without a place in the legend."""
    return {
        "type": "scatter",
        "x": numbers([*xs, *reversed(list(xs))]),
        "y": numbers([*low, *reversed(list(high))]),
        "fill": "toself",
        "fillcolor": colour,
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def heatmap(grid: "np.ndarray[Any, Any]", **more: Any) -> dict[str, Any]:
    """A grid of numbers, row by row."""
    rounded = [numbers(row, 4) for row in grid]
    return {"type": "heatmap", "z": rounded, "showscale": False} | more


def labels(
    grid: Sequence[Sequence[float]], texts: Sequence[Sequence[str]], most: float, size: int = 12
) -> list[dict[str, Any]]:
    """A text for each cell of a heatmap, to be its layout's annotations: white on what is filled, else in the page's colour.

    plotly.js itself would choose the colour as if every page were white. ``most``: what fills a cell wholly.
    """
    return [
        {"x": column, "y": row, "text": text, "showarrow": False}
        | {"font": {"size": size} | ({"color": "#fff"} if abs(value) > most / 2 else {})}
        for row, (values, words) in enumerate(zip(grid, texts, strict=True))
        for column, (value, text) in enumerate(zip(values, words, strict=True))
    ]


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its title; two powers of ten a label where it is logarithmic."""
    powers = {"exponentformat": "power"} if more.get("type") == "log" else {}
    return {"title": {"text": title}} | powers | more


_QUIET = {"visible": False, "fixedrange": True}


def still(shapes: list[dict[str, Any]], size: tuple[int, ...]) -> dict[str, Any]:
    """The layout of a picture of ``size`` (rows, columns) in square pixels, which nobody can move, with ``shapes`` on it."""
    return {
        "xaxis": _QUIET | {"range": [-0.5, size[1] - 0.5], "constrain": "domain"},
        "yaxis": _QUIET | {"range": [size[0] - 0.5, -0.5], "scaleanchor": "x", "constrain": "domain"},
        "margin": {"l": 0, "r": 0, "t": 4, "b": 4},
        "shapes": shapes,
    }
