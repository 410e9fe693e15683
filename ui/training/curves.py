"""Curves made small without changing their shape, and smooth without looking ahead. Pure functions on lists."""

import math
from collections.abc import Sequence

MOST_POINTS = 1000
"""Points of one trace that are sent to a browser, whatever the length of the run."""


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
    """The exponential moving average with a memory of about ``window`` values, free of the bias of its start."""
    keep = 1 - 1 / max(1.0, window)
    total = weight = 0.0
    averages = []
    for value in values:
        if math.isfinite(value):
            total = keep * total + value
            weight = keep * weight + 1
        averages.append(total / weight if weight else math.nan)
    return averages


def _height(point: tuple[float, float]) -> float:
    return point[1]


def _round(value: float) -> float:
    return float(f"{value:.5g}")
