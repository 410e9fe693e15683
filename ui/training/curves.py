"""Curves made small without changing their shape, and smooth without looking ahead. Pure functions.

Both cut a curve into stretches whose length is a power of two and which begin at the first point, so that a curve that
grows keeps what it has shown. Points that are not finite are left out.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST_POINTS = 1000
"""Points of one trace that are sent to a browser, whatever the length of the run."""
_SHARE_REMEMBERED = 8
"""A smoothed value remembers at most this fraction of all that came before."""

Numbers = Sequence[float] | NDArray[np.generic]
Curve = tuple[list[float], list[float]]


def thin(xs: Numbers, ys: Numbers) -> Curve:
    """At most ``MOST_POINTS`` points with the same envelope: of each stretch the lowest and the highest, in their order."""
    x, y = _finite(xs, ys)
    if len(x) <= MOST_POINTS:
        return _lists(x, y)
    width = _width(len(x), MOST_POINTS // 2)
    whole = len(x) // width * width
    stretches = y[:whole].reshape(-1, width)
    starts = np.arange(0, whole, width)
    chosen = [starts + stretches.argmin(axis=1), starts + stretches.argmax(axis=1)]
    if whole < len(x):
        chosen.append(np.array([whole + y[whole:].argmin(), whole + y[whole:].argmax()]))
    kept = np.unique(np.concatenate(chosen))
    return _lists(x[kept], y[kept])


def smooth(xs: Numbers, ys: Numbers, window: float) -> Curve:
    """At most ``MOST_POINTS`` points of a moving average with a memory of ``window`` points.

    The memory is shorter at first, so that a steep start is not dragged out.
    """
    x, y = _finite(xs, ys)
    width = _width(len(x), MOST_POINTS)
    ends = np.minimum(np.arange(width, len(x) + width, width), len(x))
    sums = np.concatenate([[0.0], np.cumsum(y)])[ends]
    means = np.diff(sums, prepend=0.0) / np.diff(ends, prepend=0)
    averages: list[float] = []
    for seen, mean in zip(ends.tolist(), means.tolist(), strict=True):
        memory = max(1.0, min(window, seen / _SHARE_REMEMBERED) / width)
        averages.append(averages[-1] + (mean - averages[-1]) / memory if averages else mean)
    return _lists(x[ends - 1], np.array(averages))


def _finite(xs: Numbers, ys: Numbers) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    x, y = np.asarray(xs), np.asarray(ys, dtype=np.float64)
    finite = np.isfinite(y)
    return x[finite], y[finite]


def _width(count: int, stretches: int) -> int:
    """The least power of two that cuts ``count`` points into no more than this many stretches."""
    width = 1
    while -(-count // width) > stretches:
        width *= 2
    return width


def _lists(x: NDArray[np.generic], y: NDArray[np.float64]) -> Curve:
    return x.tolist(), [float(f"{value:.5g}") for value in y.tolist()]
