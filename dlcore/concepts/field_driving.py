"""Driving in small: a car on a winding road, steered by what was learned from watching a good driver.

Units: metres, seconds, radians. The car stands ``offset`` beside the middle of its lane (left is positive) with its nose
``heading`` off the road's direction; small angles are not assumed.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

STEP_SECONDS = 0.02
SECONDS = 20.0
LANE_HALF_WIDTH = 1.8
"""Metres from the middle of the lane to its edge."""
GUST_SECONDS = 4.0
GUST = 0.06
"""Radians by which a gust of wind turns the car's nose, once."""
EXPERT = (0.006, 0.22, 1.0)
"""The good driver: curvature = −0.006 · offset − 0.22 · heading / metre + the road's own curvature, in 1/metre."""
SHARPEST = 0.08
"""The largest curvature that the car can drive, 1/metre."""

Gains = tuple[float, float, float]


def road_curvature(metres: float) -> float:
    """The curvature of the winding road in 1/metre: bends of 100 m radius at the sharpest."""
    return 0.01 * math.sin(metres / 40)


@dataclass(frozen=True)
class Drive:
    """One drive: the times in seconds, how far beside the middle, and when the car left its lane, if it did."""

    seconds: list[float]
    offset: list[float]
    left_after: float | None


def drive(
    gains: Gains, kilometres_an_hour: float, delay_milliseconds: float = 0.0, *, gust: bool = True, winding: bool = True
) -> Drive:
    """Drive for SECONDS with a steering of ``gains`` on offset, heading and the road's curvature.

    What is steered follows from what was seen ``delay_milliseconds`` ago. A drive ends where the car leaves its lane.
    """
    speed, late = kilometres_an_hour / 3.6, round(delay_milliseconds / 1000 / STEP_SECONDS)
    offset, heading, metres = 0.0, 0.0, 0.0
    seen: list[tuple[float, float, float]] = []
    times, offsets = [0.0], [0.0]
    for number in range(round(SECONDS / STEP_SECONDS)):
        now = number * STEP_SECONDS
        if gust and number == round(GUST_SECONDS / STEP_SECONDS):
            heading += GUST
        bend = road_curvature(metres) if winding else 0.0
        seen.append((offset, heading, bend))
        o, h, b = seen[max(0, len(seen) - 1 - late)]
        curvature = min(SHARPEST, max(-SHARPEST, -gains[0] * o - gains[1] * h + gains[2] * b))
        offset += speed * math.sin(heading) * STEP_SECONDS
        heading += speed * (curvature - bend) * STEP_SECONDS
        metres += speed * math.cos(heading) * STEP_SECONDS
        times.append(now + STEP_SECONDS)
        offsets.append(offset)
        if abs(offset) > LANE_HALF_WIDTH:
            return Drive(times, offsets, now + STEP_SECONDS)
    return Drive(times, offsets, None)


@cache
def imitated(*, with_recoveries: bool, examples: int = 400, shake: float = 0.002) -> Gains:
    """The steering learned from watching the good driver: least squares with a little ridge, over ``examples`` moments.

    Without recoveries the driver was always in the middle, up to a hand's breadth, so that offset and heading hardly
    varied and hardly count; with them the driver was also seen coming back from the edge. ``shake`` is the standard
    deviation in 1/metre of an unsteady hand.
    """
    draw = np.random.default_rng(3)
    wide = 1.0 if with_recoveries else 0.02
    offset = draw.normal(size=examples) * wide
    heading = draw.normal(size=examples) * 0.05 * wide
    bend = np.array([road_curvature(metres) for metres in draw.uniform(0, 250, examples)])
    seen: NDArray[np.float64] = np.stack([-offset, -heading, bend], axis=1)
    steered = seen @ np.array(EXPERT) + shake * draw.normal(size=examples)
    scale = np.array([1.0, 0.05, 0.01])
    standard = seen / scale
    found = np.linalg.solve(standard.T @ standard + 1.0 * np.eye(3), standard.T @ steered) / scale
    return float(found[0]), float(found[1]), float(found[2])


def metres_travelled(kilometres_an_hour: float, milliseconds: float) -> float:
    """How far a car goes while a computation takes so long."""
    return kilometres_an_hour / 3.6 * milliseconds / 1000
