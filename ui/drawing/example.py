"""A drawing for those who have not drawn yet: a three, as a hand would write it."""

import math

import numpy as np

from dlcore.inference.strokes import Stroke


def example() -> list[Stroke]:
    """Two bows in one go, on the page's canvas."""
    upper = [(150 + 48 * math.cos(a), 108 - 44 * math.sin(a)) for a in np.linspace(2.6, -1.45, 24)]
    lower = [(152 + 60 * math.cos(a), 206 - 55 * math.sin(a)) for a in np.linspace(1.5, -2.5, 28)]
    return [np.array(upper + lower)]
