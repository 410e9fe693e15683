"""What can be said of a drawing before any network sees it: whether there is anything in it to read."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dlcore.inference.strokes import BOX_SIZE, Stroke, size_of

Legibility = Literal["empty", "dot", "crowded", "fair"]

SMALLEST = 12.0
"""Canvas pixels; whatever is shorter in both directions is a dot, in which a hand cannot have written a digit."""
FULLEST = 0.55
"""Share of the 20×20 box that is ink. Of 7,494 real drawings with a pen of this width none has more than 0.46."""


def assess(strokes: Sequence[Stroke], image: NDArray[np.uint8]) -> Legibility:
    """Judge a drawing by its strokes, on the page's canvas, and by the image made of them."""
    if not strokes:
        return "empty"
    if size_of(strokes) < SMALLEST:
        return "dot"
    if ink_share(image) > FULLEST:
        return "crowded"
    return "fair"


def ink_share(image: NDArray[np.uint8]) -> float:
    """The ink of an image, as a share of a 20×20 box that is all white."""
    return float(image.sum(dtype=np.int64)) / (255 * BOX_SIZE**2)
