"""A drawing for those who have not drawn yet: a three, as a hand would write it."""

import math

import numpy as np

from dlcore.inference.strokes import Stroke


def example() -> list[Stroke]:
    """Two bows in one go, small and in a corner of the page's canvas: shrinking the paper fails there, framing does not."""
    upper = [(48 * math.cos(a), -44 * math.sin(a)) for a in np.linspace(2.6, -1.45, 24)]
    lower = [(2 + 60 * math.cos(a), 98 - 55 * math.sin(a)) for a in np.linspace(1.5, -2.5, 28)]
    return [np.array(upper + lower) * 0.45 + (62, 60)]
