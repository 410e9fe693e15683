"""Several digits in one drawing: where one ends and the next begins, decided by geometry and by what a network can read.

A drawing is first cut into pieces that belong to one digit in any case. Whichever neighbours are then put together
again is decided for all of them at once, by the best sum of scores over the line (dynamic programming), as in Fujisawa,
Nakano and Kurino, "Segmentation methods for character recognition" (1992), section III: cut too finely, then join.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dlcore.inference.strokes import MNIST_FRAMING, Framing, Stroke, frame

MAX_DIGITS = 12
"""Digits in one drawing; whoever writes more gets no more than one answer."""
MAX_PIECES = 24
_MOST_PARTS = 120
"""Ways of the pen, after cutting; twelve digits have a third of it, and more of them is a scribble."""
_MOST_SEGMENTS = 256
"""Straight lines that the strokes of a piece are thinned to where crossings are looked for."""
_JOINED = 4
"""Pieces that one digit may be joined of."""
_OVERLAP = 0.8  # of the narrower piece; so much above each other, two pieces are of one digit
_WIDE = 0.9  # of the height; a wider stroke may be two digits written without lifting the pen
_NARROW = 0.15  # of the height; no digit is cut narrower
_MIXED = 0.3  # of the height; more of two digits never lies above each other
_CUTS = 5
_GAP = 0.12  # of the height; of 7,494 single digits ten have a wider one
_APART = 0.3  # of the height

Probabilities = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""From images uint8 (N, 28, 28) to probabilities (N, classes)."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """How much each reason counts, in natural logarithms; tuned on 20 writers, judged on ten others."""

    unreadable: float = 2.8
    """Per nat by which the network doubts a digit."""
    each: float = -0.5
    """Per digit: fewer explain better."""
    gap: float = 3.0
    """Per height of white between two pieces that are put together; for pieces that overlap, a bonus."""
    apart: float = 10.0
    """As well, where the gap is wider than 0.3: no digit has such a one, however little a network makes of either side."""
    wide: float = 8.8
    """Per height by which a digit is wider than it is tall;"""
    broad: float = 1.0
    """that many heights are wide enough for any."""
    short: float = 8.0
    """Per share of the drawing's height by which a digit is less than 0.7 of it tall;"""
    tiny: float = 10.0
    """as well, where it is less than 0.45: a bar or a speck, which networks like to take for a digit."""
    whole: float = 6.0
    """A bonus for one digit only, per height by which the drawing is less than 1.2 heights wide, if it has no gap."""
    far: float = 2.8
    """Per height of distance between the strokes of two pieces that are put together."""
    crossing: float = 0.2
    """A bonus where the strokes of two pieces that are put together cross."""
    slit: float = 3.0
    """For each cut through a stroke."""


LETTERS = Weights(each=1.0, gap=16.0, broad=1.5, wide=6.0, short=2.0, tiny=4.0)
"""An M or a W is wider than any digit, small letters are half as tall as large ones, and half an H reads as another letter;
tuned on words that ``bench.words`` makes."""


@dataclass(frozen=True)
class _Piece:
    strokes: tuple[Stroke, ...]
    ways: frozenset[int]
    """The pen's ways, by their numbers, that it is made of; one that was cut is in several pieces."""

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        points = np.concatenate(self.strokes)
        left, top = points.min(axis=0).tolist()
        right, bottom = points.max(axis=0).tolist()
        return left, top, right, bottom


def cut(
    strokes: Sequence[Stroke],
    probabilities: Probabilities,
    weights: Weights | None = None,
    framing: Framing = MNIST_FRAMING,
) -> list[list[Stroke]]:
    """The digits, or letters, of a drawing from left to right, each as its strokes; one for what is one digit.

    Args:
        strokes: as ``read_canvas`` gives them.
        probabilities: what a network makes of images; not asked where geometry alone is clear.
        weights: of the reasons; :data:`LETTERS` for letters.
        framing: of the images that the network is asked about.
    """
    weights = Weights() if weights is None else weights
    strokes = [stroke for stroke in strokes if len(stroke)]
    pieces = _pieces(strokes)
    if not 1 < len(pieces) <= MAX_PIECES:
        return [strokes] if strokes else []
    groups = _best_line(pieces, probabilities, weights, framing)
    if len(groups) > MAX_DIGITS:
        return [strokes]
    return [[stroke for piece in group for stroke in piece.strokes] for group in groups]


def _pieces(strokes: Sequence[Stroke]) -> list[_Piece]:
    """What belongs together in any case, from left to right; nothing where there is too much to be a number."""
    if not 0 < len(strokes) <= _MOST_PARTS:
        return []
    height = float(np.ptp(np.concatenate(strokes)[:, 1]))
    parts = [
        _Piece((part,), frozenset([number]))
        for number, stroke in enumerate(strokes)
        for part in _cut_in_time(stroke, height)
    ]
    if len(parts) > _MOST_PARTS:
        return []
    return sorted(_joined(parts, height), key=lambda piece: (piece.box[0] + piece.box[2]) / 2)


def _cut_in_time(stroke: Stroke, height: float) -> list[Stroke]:
    """One way of the pen, cut where it may have gone on from one digit to the next without being lifted.

    That is where what comes later lies most to the right of all that came before.
    """
    x = stroke[:, 0]
    if len(stroke) < 4 or float(np.ptp(x)) <= _WIDE * height:
        return [stroke]
    before, after = np.maximum.accumulate(x)[:-1], np.minimum.accumulate(x[::-1])[::-1][1:]
    overlap = before - after
    room = (before - x.min() > _NARROW * height) & (x.max() - after > _NARROW * height)
    places: list[int] = []
    for index in np.argsort(overlap, kind="stable").tolist():
        middle = (before[index] + after[index]) / 2
        apart = all(abs(middle - (before[other] + after[other]) / 2) > _NARROW * height for other in places)
        if room[index] and apart and overlap[index] < _MIXED * height:
            places.append(index)
        if len(places) == _CUTS:
            break
    return list(np.split(stroke, [place + 1 for place in sorted(places)]))


def _joined(pieces: list[_Piece], height: float) -> list[_Piece]:
    """Pieces that lie above each other are put together, until none do."""
    pieces = sorted(pieces, key=lambda piece: piece.box[0])
    done = False
    while not done:
        done = True
        for first in range(len(pieces)):
            for second in range(first + 1, len(pieces)):
                a, b = pieces[first].box, pieces[second].box
                shared = min(a[2], b[2]) - max(a[0], b[0])
                narrower = max(min(a[2] - a[0], b[2] - b[0]), 0.08 * height)
                wider = max(a[2] - a[0], b[2] - b[0])
                if shared > _OVERLAP * narrower and wider < 2 * height:
                    one, other = pieces[first], pieces[second]
                    both = _Piece(one.strokes + other.strokes, one.ways | other.ways)
                    pieces = [piece for index, piece in enumerate(pieces) if index not in (first, second)]
                    pieces.insert(first, both)
                    done = False
                    break
            if not done:
                break
    return pieces


def _best_line(
    pieces: list[_Piece], probabilities: Probabilities, weights: Weights, framing: Framing
) -> list[list[_Piece]]:
    """The way of joining neighbours whose digits together score best."""
    boxes = np.array([piece.box for piece in pieces])
    line_height = float(boxes[:, 3].max() - boxes[:, 1].min())
    count = len(pieces)
    runs = [
        (start, end)
        for end in range(1, count + 1)
        for start in range(end)
        if end - start <= _JOINED or (start, end) == (0, count)
    ]
    images = np.stack(
        [frame([s for piece in pieces[start:end] for s in piece.strokes], framing=framing).image for start, end in runs]
    )
    doubt = -np.log(np.maximum(probabilities(images).max(axis=1), 1e-6))
    bonds = [_Bond(_near(*pair), _cross(*pair)) for pair in pairwise(pieces)]
    cost = {
        run: _cost(pieces, boxes, bonds, run, line_height, float(doubt[index]), weights)
        for index, run in enumerate(runs)
    }
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, count + 1):
        best.append(min((best[run[0]][0] + cost[run], run[0]) for run in runs if run[1] == end))
    groups: list[list[_Piece]] = []
    end = count
    while end:
        start = best[end][1]
        groups.insert(0, pieces[start:end])
        end = start
    return groups


@dataclass(frozen=True)
class _Bond:
    """What holds two neighbours together."""

    near: float
    """The distance between their strokes."""
    cross: bool
    """Whether their strokes cross."""


def _near(left: _Piece, right: _Piece) -> float:
    """The distance between the strokes of two pieces, to within the spacing of their points."""
    a, b = (_dense(piece) for piece in (left, right))
    return float(np.sqrt(((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2).min()))


def _dense(piece: _Piece, points: int = 64) -> Stroke:
    """At most some sixty points on the strokes of a piece, evenly along each."""
    share = max(4, points // len(piece.strokes))
    return np.concatenate([_evenly(stroke, share) for stroke in piece.strokes[:points]])


def _evenly(stroke: Stroke, count: int) -> Stroke:
    """So many points along a stroke, (count, 2)."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    at = np.linspace(0, along[-1], count)
    return np.stack([np.interp(at, along, stroke[:, axis]) for axis in (0, 1)], axis=1)


def _segments(piece: _Piece) -> tuple[Stroke, Stroke]:
    """Where the straight lines of a piece begin and where they end, at most :data:`_MOST_SEGMENTS`, (N, 2) each."""
    most = max(1, _MOST_SEGMENTS // len(piece.strokes))
    strokes = [_evenly(stroke, most + 1) if len(stroke) > most + 1 else stroke for stroke in piece.strokes]
    return np.concatenate([stroke[:-1] for stroke in strokes]), np.concatenate([stroke[1:] for stroke in strokes])


def _cross(left: _Piece, right: _Piece) -> bool:
    """Whether a stroke of one piece crosses a stroke of the other."""
    (a, b), (c, d) = ((ends[:, None] for ends in _segments(left)), (ends[None] for ends in _segments(right)))

    def side(p: Stroke, q: Stroke, r: Stroke) -> NDArray[np.float64]:
        turn: NDArray[np.float64] = (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1])
        turn = turn - (q[..., 1] - p[..., 1]) * (r[..., 0] - p[..., 0])
        return np.sign(turn)

    return bool(((side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0)).any())


def _cost(
    pieces: list[_Piece],
    boxes: NDArray[np.float64],
    bonds: Sequence[_Bond],
    run: tuple[int, int],
    line_height: float,
    doubt: float,
    weights: Weights,
) -> float:
    """How unlikely it is that these pieces are one digit, in natural logarithms."""
    start, end = run
    own = boxes[start:end]
    width, height = own[:, 2].max() - own[:, 0].min(), own[:, 3].max() - own[:, 1].min()
    total = weights.each + weights.unreadable * doubt
    for index in range(start + 1, end):
        gap = (boxes[index, 0] - boxes[index - 1, 2]) / line_height
        total += weights.gap * gap + weights.apart * (gap > _APART)
        bond = bonds[index - 1]
        total += weights.far * bond.near / line_height - weights.crossing * bond.cross
    total += weights.wide * max(0.0, width / max(height, 1e-9) - weights.broad) if width > 0.3 * line_height else 0
    total += weights.short * max(0.0, 0.7 - height / line_height) + weights.tiny * (height < 0.45 * line_height)
    gaps = boxes[1:, 0] - np.maximum.accumulate(boxes[:, 2])[:-1]
    if run == (0, len(pieces)) and gaps.max() < _GAP * line_height:
        total -= weights.whole * max(0.0, 1.2 - width / line_height)
    slit = start > 0 and bool(pieces[start - 1].ways & pieces[start].ways)
    return float(total + weights.slit * slit)
