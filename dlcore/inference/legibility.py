"""What can be said of a drawing before any network sees it: whether there is anything in it to read."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dlcore.inference.strokes import BOX_SIZE, Stroke, size_of

Legibility = Literal["empty", "dot", "crowded", "several", "fair"]

SMALLEST = 12.0
"""Canvas pixels; whatever is shorter in both directions is a dot, in which a hand cannot have written a digit."""
FULLEST = 0.55
"""Share of the 20×20 box that is ink. Of 7,494 real drawings with a pen of this width none has more than 0.46."""
_GAP = 0.06  # of the drawing's height; strokes that are closer belong together
_TALL = 0.5  # of the drawing's height; what is less is a part, not a digit


def assess(
    strokes: Sequence[Stroke], image: NDArray[np.uint8], *, box_size: int = BOX_SIZE, digits: bool = True
) -> Legibility:
    """Judge a drawing by its strokes, on the page's canvas, and by the image made of them.

    ``box_size`` is the side of the square that its ink fits in; ``digits`` says that a digit is expected, of which
    separate parts side by side are no part, as they are of an H.
    """
    if not strokes:
        return "empty"
    if size_of(strokes) < SMALLEST:
        return "dot"
    if ink_share(image) * BOX_SIZE**2 > FULLEST * box_size**2:
        return "crowded"
    return "several" if digits and count_side_by_side(strokes) > 1 else "fair"


def count_side_by_side(strokes: Sequence[Stroke]) -> int:
    """How many tall groups of strokes stand beside each other without touching: more than one is hardly one digit.

    Of 7,494 real single digits six are counted as two, all of them a 4 with its parts apart.
    """
    height = float(np.ptp(np.concatenate(strokes)[:, 1]))
    groups: list[tuple[float, float, float]] = []  # right end, top, bottom
    for stroke in sorted(strokes, key=lambda stroke: float(stroke[:, 0].min())):
        (left, top), (right, bottom) = stroke.min(axis=0).tolist(), stroke.max(axis=0).tolist()
        if groups and left <= groups[-1][0] + _GAP * height:
            before = groups.pop()
            right, top, bottom = max(right, before[0]), min(top, before[1]), max(bottom, before[2])
        groups.append((right, top, bottom))
    return sum(bottom - top > _TALL * height for _, top, bottom in groups)


def ink_share(image: NDArray[np.uint8]) -> float:
    """The ink of an image, as a share of a 20×20 box that is all white."""
    return float(image.sum(dtype=np.int64)) / (255 * BOX_SIZE**2)
