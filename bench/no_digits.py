"""Drawings that are no digits, made by a script with the unsteadiness of a hand: letters, shapes and scribbles."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from dlcore.data.pen_strokes import vary
from dlcore.inference.strokes import Stroke

Line = Sequence[tuple[float, float]]


def _arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> Line:
    return [
        (x + rx * math.cos(a), y + ry * math.sin(a)) for a in np.linspace(math.radians(start), math.radians(end), 24)
    ]


LETTERS: Mapping[str, Sequence[Line]] = {
    "A": [[(0, 10), (4, 0), (8, 10)], [(2, 6), (6, 6)]],
    "E": [[(6, 0), (0, 0), (0, 10), (6, 10)], [(0, 5), (5, 5)]],
    "F": [[(6, 0), (0, 0), (0, 10)], [(0, 5), (5, 5)]],
    "H": [[(0, 0), (0, 10)], [(7, 0), (7, 10)], [(0, 5), (7, 5)]],
    "K": [[(0, 0), (0, 10)], [(6, 0), (0, 5), (6, 10)]],
    "M": [[(0, 10), (0, 0), (4, 6), (8, 0), (8, 10)]],
    "N": [[(0, 10), (0, 0), (7, 10), (7, 0)]],
    "R": [[(0, 10), (0, 0), *_arc(1, 2.5, 5, 2.5, -90, 90), (0, 5), (6, 10)]],
    "T": [[(0, 0), (8, 0)], [(4, 0), (4, 10)]],
    "W": [[(0, 0), (2, 10), (4, 3), (6, 10), (8, 0)]],
    "X": [[(0, 0), (7, 10)], [(7, 0), (0, 10)]],
    "m": [[(0, 10), (0, 4), *_arc(2, 6, 2, 2, 180, 360), (4, 10)], [(4, 6), *_arc(6, 6, 2, 2, 180, 360), (8, 10)]],
}
SHAPES: Mapping[str, Sequence[Line]] = {
    "square": [[(0, 0), (9, 0), (9, 9), (0, 9), (0, 0)]],
    "triangle": [[(5, 0), (10, 9), (0, 9), (5, 0)]],
    "star": [[(2, 10), (5, 0), (8, 10), (0, 4), (10, 4), (2, 10)]],
    "heart": [
        [(5, 10), (0, 4), *_arc(2.5, 3, 2.5, 2.5, 180, 360), *_arc(7.5, 3, 2.5, 2.5, 180, 360), (10, 4), (5, 10)]
    ],
    "arrow": [[(0, 5), (10, 5)], [(7, 2), (10, 5), (7, 8)]],
    "plus": [[(5, 0), (5, 10)], [(0, 5), (10, 5)]],
    "zigzag": [[(0, 5), (2, 0), (4, 10), (6, 0), (8, 10), (10, 5)]],
    "house": [[(0, 10), (0, 4), (5, 0), (10, 4), (10, 10), (0, 10)], [(4, 10), (4, 6), (6, 6), (6, 10)]],
    "face": [
        _arc(5, 5, 5, 5, 0, 360),
        _arc(3.3, 4, 0.5, 0.5, 0, 360),
        _arc(6.7, 4, 0.5, 0.5, 0, 360),
        _arc(5, 6, 2.5, 2, 20, 160),
    ],
    "spiral": [[(5 + r * math.cos(3 * r), 5 + r * math.sin(3 * r)) for r in np.linspace(0.2, 5, 60)]],
    "wave": [[(x, 5 + 3 * math.sin(1.6 * x)) for x in np.linspace(0, 12, 50)]],
    "grid": [[(3, 0), (3, 10)], [(7, 0), (7, 10)], [(0, 3), (10, 3)], [(0, 7), (10, 7)]],
}


def letters(count: int, random: np.random.Generator) -> list[list[Stroke]]:
    """``count`` drawings of letters that are not written like any digit."""
    return _drawn(LETTERS, count, random)


def shapes(count: int, random: np.random.Generator) -> list[list[Stroke]]:
    """``count`` drawings of simple shapes."""
    return _drawn(SHAPES, count, random)


def scribbles(count: int, random: np.random.Generator) -> list[list[Stroke]]:
    """``count`` smooth walks to nowhere, of one to three strokes."""
    made = []
    for _ in range(count):
        strokes: list[Stroke] = []
        for _ in range(int(random.integers(1, 4))):
            turns = np.cumsum(random.normal(0, 0.5, int(random.integers(30, 90))))
            steps = np.stack([np.cos(turns), np.sin(turns)], axis=1) * random.uniform(2, 5)
            strokes.append(np.cumsum(steps, axis=0) + random.uniform(-30, 30, 2))
        made.append(strokes)
    return made


def _drawn(kinds: Mapping[str, Sequence[Line]], count: int, random: np.random.Generator) -> list[list[Stroke]]:
    names = sorted(kinds)
    made = []
    for index in range(count):
        strokes = [_fine(np.array(line, dtype=np.float64) * 20) for line in kinds[names[index % len(names)]]]
        made.append(vary([stroke + random.normal(0, 6, 2) for stroke in strokes], random))
    return made


def _fine(stroke: Stroke) -> Stroke:
    """With points close enough to be bent."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    at = np.linspace(0, along[-1], 40)
    return np.stack([np.interp(at, along, stroke[:, axis]) for axis in (0, 1)], axis=1)
