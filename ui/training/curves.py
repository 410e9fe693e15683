"""Curves made small without changing their shape, and smooth without looking ahead. Pure functions on lists."""

import math
from collections.abc import Sequence

MOST_POINTS = 1000
"""Points of one trace that are sent to a browser, whatever the length of the run."""
_SHARE_REMEMBERED = 8
"""A smoothed value remembers at most this fraction of all that came before."""


def thin(xs: Sequence[float], ys: Sequence[float], most: int = MOST_POINTS) -> tuple[list[float], list[float]]:
    """At most ``most`` points with the same envelope: of each bucket, its lowest and its highest, in their order.

    Buckets are a power of two wide and begin at the first point, so that a curve that grows keeps the points it has
    shown. Values that are not finite stay gaps (``None`` is not needed: such points are left out).
    """
    points = [(x, y) for x, y in zip(xs, ys, strict=True) if math.isfinite(y)]
    width = 1
    while 2 * math.ceil(len(points) / width) > most and len(points) > most:
        width *= 2
    if width == 1:
        kept = points
    else:
        kept = []
        for start in range(0, len(points), width):
            bucket = points[start : start + width]
            ends = {min(bucket, key=_height), max(bucket, key=_height)}
            kept += sorted(ends)
    return [x for x, _ in kept], [_round(y) for _, y in kept]


def smooth(values: Sequence[float], window: float) -> list[float]:
    """A moving average with a memory of ``window`` values, shorter at first so that the steep start is not dragged out.

    It never looks ahead: a curve that grows keeps the course it has shown. What is not finite is skipped.
    """
    average = math.nan
    averages = []
    for count, value in enumerate(values, start=1):
        if math.isfinite(value):
            memory = max(1.0, min(window, count / _SHARE_REMEMBERED))
            average = value if math.isnan(average) else average + (value - average) / memory
        averages.append(average)
    return averages


def _height(point: tuple[float, float]) -> float:
    return point[1]


def _round(value: float) -> float:
    return float(f"{value:.5g}")
