"""Numbers put together of single digits that people drew, as they would have written them side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dlcore.data.pen_strokes import Drawing
from dlcore.inference.strokes import Stroke

Spacing = Literal["apart", "close", "joined"]

GAPS: Mapping[Spacing, tuple[float, float]] = {"apart": (0.12, 0.5), "close": (-0.08, 0.08), "joined": (0.0, 0.25)}


@dataclass(frozen=True)
class Composed:
    """A number and the strokes that write it, in canvas pixels."""

    text: str
    strokes: list[Stroke]


def compose(drawings: Sequence[Drawing], spacing: Spacing, random: np.random.Generator) -> Composed:
    """One line of these drawings, each 0.9 to 1.1 of a line high and up to 0.08 of it higher or lower.

    ``apart``: 0.12 to 0.5 of the height between them; ``close``: from 0.08 overlapping to 0.08 apart; ``joined``: from
    touching to 0.25 apart, and at one place the pen is not lifted.
    """
    strokes: list[Stroke] = []
    right = 0.0
    joint = int(random.integers(1, len(drawings))) if spacing == "joined" and len(drawings) > 1 else -1
    for index, drawing in enumerate(drawings):
        points = np.concatenate(drawing.strokes)
        low, size = points.min(axis=0), np.ptp(points, axis=0)
        scale = 100 * random.uniform(0.9, 1.1) / max(float(size[1]), 0.7 * float(size[0]), 1.0)
        gap = 100 * random.uniform(*GAPS[spacing])
        place = np.array([right + (gap if index else 0), 100 * random.uniform(-0.08, 0.08)])
        own = [(stroke - low) * scale + place for stroke in drawing.strokes]
        if index == joint:
            own[0] = np.concatenate([strokes.pop(), own[0]])
        strokes += own
        right = max(float(stroke[:, 0].max()) for stroke in strokes)
    return Composed("".join(str(drawing.label) for drawing in drawings), _on_paper(strokes))


def compositions(drawings: Sequence[Drawing], count: int, spacing: Spacing, seed: int = 0) -> list[Composed]:
    """``count`` numbers of two to five digits, each by one hand."""
    random = np.random.default_rng(seed)
    hands: dict[int, list[Drawing]] = {}
    for drawing in drawings:
        hands.setdefault(drawing.writer, []).append(drawing)
    writers = sorted(hands)
    made = []
    for _ in range(count):
        own = hands[writers[int(random.integers(len(writers)))]]
        made.append(
            compose([own[int(i)] for i in random.integers(len(own), size=int(random.integers(2, 6)))], spacing, random)
        )
    return made


def _on_paper(strokes: list[Stroke]) -> list[Stroke]:
    points = np.concatenate(strokes)
    low, size = points.min(axis=0), np.ptp(points, axis=0)
    scale = 300 / max(float(size.max()), 1.0)
    return [(stroke - low) * scale + 10 for stroke in strokes]
