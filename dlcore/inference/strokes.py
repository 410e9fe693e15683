"""From pen strokes to the image that a network of the MNIST family expects: the one way for page, command line and tests.

MNIST's digits were cropped, scaled into a 20×20 box with their aspect kept, smoothed by the scaling, and centred by
their centre of mass in 28×28 (LeCun et al., "Gradient-based learning applied to document recognition", 1998, III-A).
Here the same is done to strokes before they become pixels: nothing is drawn large and then squeezed, so neither the
place nor the size of a drawing on its canvas leaves a trace in the image.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlcore.messages import N_, UserError
from dlcore.settings import number

Stroke = NDArray[np.float64]
"""The pen's way from touching the paper to leaving it: (points, 2), x to the right, y down."""

CANVAS_SIZE = 320
"""Side of the page's square canvas, in its own pixels."""
CANVAS_PEN_WIDTH = 18
"""Width of the line that the page draws with; only the eye sees it."""
IMAGE_SIZE = 28
BOX_SIZE = 20
"""Side of the square that the ink fits in, in pixels of the image."""
PEN_WIDTH = 2.4
"""Width of the line in pixels of the image: the thickness that MNIST's pens have after their scaling."""
DOT_SIZE = 2.0
"""A drawing whose longer side is shorter, in canvas pixels, is a dot: there is no shape in it to enlarge."""

MAX_OBJECTS = 400
"""Pen strokes in one drawing."""
MAX_POINTS = 10_000
"""Points of all strokes of one drawing together: more than a minute of scribbling. ``DLCORE_DRAWING_POINTS`` changes it."""
MAX_COORDINATE = 16_384
"""Canvas pixels; no screen is larger, so no pen was further away."""

_WRITTEN = re.compile(r"\d{1,5},\d{1,5}(?:[ ;]\d{1,5},\d{1,5})*", re.ASCII)
_SUBPIXELS = 3
_SPACING = 0.2  # distance of the points that stand for a line, in image pixels: the line's edge is then off by < 0.005
_CURVE_STEPS = 4
_CHUNK = 4096  # points drawn at a time, which bounds the memory of a scribble


def read_canvas(json_data: Any, size: tuple[float, float] = (CANVAS_SIZE, CANVAS_SIZE)) -> list[Stroke]:
    """The strokes in what streamlit-drawable-canvas 0.13 (Fabric 7) sent, as far as they lie on the canvas.

    Args:
        json_data: anything at all; it comes from a browser. ``None`` and a canvas without objects are no strokes.
        size: width and height of the canvas in pixels. A pen that slid over the edge is followed up to the edge.

    Raises:
        UserError: this is no drawing of that canvas, a number in it is not finite, or it is too large to read.
    """
    if json_data is None:
        return []
    objects = json_data.get("objects") if isinstance(json_data, dict) else None
    if not isinstance(objects, list):
        raise UserError(N_("This is no drawing of the canvas: clear it and draw again."))
    if len(objects) > MAX_OBJECTS:
        raise UserError(
            N_("A drawing may have {limit} strokes, this one has {count}: clear the canvas and draw again."),
            limit=MAX_OBJECTS,
            count=len(objects),
        )
    budget = _most_points()
    strokes: list[Stroke] = []
    for entry in objects:
        if not isinstance(entry, dict) or entry.get("type") != "Path":
            raise UserError(N_("The canvas may hold pen strokes only: clear it and draw again."))
        commands = entry.get("path")
        if not isinstance(commands, list):
            raise UserError(N_("This is no drawing of the canvas: clear it and draw again."))
        budget -= len(commands)
        _check_points(budget)
        strokes += clip(_place(_flatten(commands), entry), size)
    return strokes


def read_strokes(value: Any) -> list[Stroke]:
    """The strokes in plain JSON, ``[[[x, y], ...], ...]``: a box of any size, y down, trusted as little as the canvas.

    Raises:
        UserError: this is no list of strokes, a number in it is not finite, or it is too large to read.
    """
    if not isinstance(value, list) or not all(isinstance(stroke, list) for stroke in value):
        raise UserError(N_("strokes must be a list of strokes, each a list of [x, y] points."))
    if len(value) > MAX_OBJECTS:
        raise UserError(
            N_("A drawing may have {limit} strokes, this one has {count}: clear the canvas and draw again."),
            limit=MAX_OBJECTS,
            count=len(value),
        )
    _check_points(_most_points() - sum(len(stroke) for stroke in value))
    strokes: list[Stroke] = []
    for stroke in value:
        points: list[tuple[float, float]] = []
        for point in stroke:
            if not isinstance(point, list) or len(point) != 2:
                raise UserError(N_("strokes must be a list of strokes, each a list of [x, y] points."))
            points.append((_number(point[0]), _number(point[1])))
        if points:
            strokes.append(np.array(points, dtype=np.float64))
    return strokes


def read_written(text: str) -> list[Stroke]:
    """The strokes in what the page's own paper writes: ``"x,y x,y;x,y"``, in tenths of a canvas pixel.

    Raises:
        UserError: anything else, a point that lies off the paper, or a drawing too large to read.
    """
    if not text:
        return []
    _check_points(_most_points() - text.count(","))
    written = [stroke.split(" ") for stroke in text.split(";")]
    if len(written) > MAX_OBJECTS:
        raise UserError(
            N_("A drawing may have {limit} strokes, this one has {count}: clear the canvas and draw again."),
            limit=MAX_OBJECTS,
            count=len(written),
        )
    if not _WRITTEN.fullmatch(text):
        raise UserError(N_("This is no drawing of the canvas: clear it and draw again."))
    strokes = [np.array([point.split(",") for point in stroke], dtype=np.float64) / 10 for stroke in written]
    if max(float(stroke.max()) for stroke in strokes) > CANVAS_SIZE:
        raise UserError(
            N_("Every coordinate of a drawing must be a number from {low} to {high}."), low=0, high=CANVAS_SIZE
        )
    return strokes


def size_of(strokes: Sequence[Stroke]) -> float:
    """The longer side of the drawing, the pen's width not counted; 0 for an empty one."""
    if not strokes:
        return 0.0
    points = np.concatenate(strokes)
    return float(np.ptp(points, axis=0).max())


@dataclass(frozen=True)
class Framed:
    """A drawing as an image, and where in it the box lies that its ink fits in."""

    image: NDArray[np.uint8]
    """(28, 28)."""
    left: float
    """Of the box, in pixels of the image, as is ``top``."""
    top: float
    box_size: int = BOX_SIZE


@dataclass(frozen=True, kw_only=True)
class Framing:
    """How a dataset's pictures were framed, which drawings have to be too."""

    box_size: int
    """Side of the square that the ink fits in, in pixels of the image."""
    pen_width: float
    """In pixels of the image."""
    by_mass: bool
    """Whether the centre of mass lies in the middle, else the middle of the drawing."""


MNIST_FRAMING = Framing(box_size=BOX_SIZE, pen_width=PEN_WIDTH, by_mass=True)
EMNIST_FRAMING = Framing(box_size=24, pen_width=2.9, by_mass=False)
"""A border of two pixels around the letter, as Cohen et al., "EMNIST: an extension of MNIST to handwritten letters"
(2017), section II-B, describe it; the pen wider in proportion."""


def framing_of(dataset: str) -> Framing:
    """How drawings are framed for a model that has learned from ``dataset``."""
    return EMNIST_FRAMING if dataset == "emnist-letters" else MNIST_FRAMING


def strokes_to_image(strokes: Sequence[Stroke], pen_width: float = PEN_WIDTH) -> NDArray[np.uint8]:
    """Draw strokes as MNIST's digits are drawn: white on black, the ink in a 20×20 box, its mass in the middle.

    Args:
        strokes: as :func:`read_canvas` and :func:`read_strokes` give them. Moving or scaling them all changes nothing.
        pen_width: in pixels of the image.

    Returns:
        uint8, (28, 28). Black for no strokes, one dot for a drawing smaller than :data:`DOT_SIZE`.
    """
    return frame(strokes, pen_width).image


def frame(strokes: Sequence[Stroke], pen_width: float | None = None, framing: Framing = MNIST_FRAMING) -> Framed:
    """As :func:`strokes_to_image`, framed as ``framing`` says, and says where the box came to lie."""
    strokes = [stroke for stroke in strokes if len(stroke)]
    pen_width = framing.pen_width if pen_width is None else pen_width
    corner = (IMAGE_SIZE - framing.box_size) / 2
    if not strokes:
        return Framed(np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.uint8), corner, corner, framing.box_size)
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max())
    scale = (framing.box_size - pen_width) / extent if extent >= DOT_SIZE else 0.0
    middle = (low + high) / 2
    centred = np.concatenate([_resample((stroke - middle) * scale) for stroke in strokes]) + IMAGE_SIZE / 2
    if not framing.by_mass:
        return Framed(_shrink(_ink(centred, pen_width / 2)), corner, corner, framing.box_size)
    ink = _ink(centred, pen_width / 2)
    # Once more, moved so that the mass lies in the middle; but never so far that ink would fall off the image.
    position = (np.arange(len(ink)) + 0.5) / _SUBPIXELS
    mass = np.array([(ink.sum(axis=0) * position).sum(), (ink.sum(axis=1) * position).sum()]) / ink.sum()
    room = np.maximum((IMAGE_SIZE - 2 - pen_width - (high - low) * scale) / 2, 0)
    shift = np.clip(IMAGE_SIZE / 2 - mass, -room, room)
    left, top = (corner + shift).tolist()
    return Framed(_shrink(_ink(centred + shift, pen_width / 2)), left, top, framing.box_size)


def canvas_to_image(
    strokes: Sequence[Stroke], size: float = CANVAS_SIZE, pen_width: float = CANVAS_PEN_WIDTH
) -> NDArray[np.uint8]:
    """Shrink the whole square canvas to 28×28 with the drawing where it is: the naive way, shown to be compared.

    Args:
        strokes: as for :func:`strokes_to_image`.
        size: side of the canvas.
        pen_width: width of the line, as ``size`` in canvas pixels.

    Returns:
        uint8, (28, 28).
    """
    strokes = [stroke for stroke in strokes if len(stroke)]
    if not strokes:
        return np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    scale = IMAGE_SIZE / size
    return _shrink(_ink(np.concatenate([_resample(stroke * scale) for stroke in strokes]), pen_width * scale / 2))


def clip(stroke: Stroke, size: tuple[float, float]) -> list[Stroke]:
    """The parts of ``stroke`` within ``(0, 0)`` to ``size``, cut where they cross the edge (Liang and Barsky, 1984)."""
    limit = np.array(size, dtype=np.float64)
    inside = np.all((stroke >= 0) & (stroke <= limit), axis=1)
    if inside.all():
        return [stroke]
    start, step = stroke[:-1], np.diff(stroke, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = -start / step, (limit - start) / step
    still = step == 0
    outside = still & ((start < 0) | (start > limit))
    enter = np.where(still, 0, np.minimum(first, second)).max(axis=1).clip(min=0)
    leave = np.where(outside, -1, np.where(still, 1, np.maximum(first, second))).min(axis=1).clip(max=1)
    froms, tos = start + enter[:, None] * step, start + leave[:, None] * step
    parts: list[list[NDArray[np.float64]]] = []
    before = -2
    for index in np.flatnonzero(enter <= leave).tolist():
        if index != before + 1 or enter[index] > 0 or leave[before] < 1:
            parts.append([froms[index]])
        parts[-1].append(tos[index])
        before = index
    return [np.clip(np.array(part), 0, limit) for part in parts]  # rounding may have left a hair outside


def _check_points(left: int) -> None:
    if left < 0:
        raise UserError(
            N_("A drawing may have {limit} points, this one has more: clear the canvas and draw again."),
            limit=_most_points(),
        )


def _most_points() -> int:
    return int(number("DLCORE_DRAWING_POINTS", MAX_POINTS, low=100, high=1_000_000))


def _number(value: Any, limit: float = MAX_COORDINATE) -> float:
    """``value`` as a float, if it is a number from ``-limit`` to ``limit``; huge integers and not-a-number are not."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -limit <= value <= limit:
        raise UserError(
            N_("Every coordinate of a drawing must be a number from {low} to {high}."),
            low=-MAX_COORDINATE,
            high=MAX_COORDINATE,
        )
    return float(value)


def _flatten(commands: list[Any]) -> Stroke:
    """The points of an SVG path of moves, lines and quadratic curves, in its own coordinates."""
    ends: list[tuple[float, float]] = []
    controls: list[tuple[float, float]] = []
    for command in commands:
        if not isinstance(command, list) or not command:
            raise UserError(N_("This is no drawing of the canvas: clear it and draw again."))
        values = [_number(value) for value in command[1:5]]
        match command[0], len(command):
            case (("M" | "L"), 3):
                controls.append(ends[-1] if ends else (values[0], values[1]))
            case "Q", 5 if ends:
                controls.append((values[0], values[1]))
            case _:
                raise UserError(N_("The canvas may hold pen strokes only: clear it and draw again."))
        ends.append((values[-2], values[-1]))
    if not ends:
        raise UserError(N_("This is no drawing of the canvas: clear it and draw again."))
    # A line is the curve whose control point is its start. Shapes: command, step, coordinate.
    start, control, end = (np.array(points)[:, None, :] for points in ([ends[0], *ends[:-1]], controls, ends))
    t = (np.arange(1, _CURVE_STEPS + 1) / _CURVE_STEPS)[None, :, None]
    curves = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end
    points: Stroke = np.concatenate([start[0], curves[1:].reshape(-1, 2)])
    return points


def _place(points: Stroke, entry: dict[str, Any]) -> Stroke:
    """Put a path where its object stands: Fabric turns and scales it around its middle and moves that to left, top."""
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    target = np.array([_number(entry.get("left", middle[0])), _number(entry.get("top", middle[1]))])
    if entry.get("originX", "center") != "center" or entry.get("originY", "center") != "center":
        raise UserError(N_("This is no drawing of the canvas: clear it and draw again."))
    scale_x, scale_y = (_number(entry.get(name, 1), 1000) for name in ("scaleX", "scaleY"))
    scale_x, scale_y = (
        (-scale_x if entry.get("flipX") is True else scale_x),
        (-scale_y if entry.get("flipY") is True else scale_y),
    )
    skew_x, skew_y = (math.radians(_number(entry.get(name, 0), 89)) for name in ("skewX", "skewY"))
    angle = math.radians(_number(entry.get("angle", 0), 360_000))
    rotate = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    skew = np.array([[1, math.tan(skew_x)], [0, 1]]) @ np.array([[1, 0], [math.tan(skew_y), 1]])
    matrix = rotate @ np.diag([scale_x, scale_y]) @ skew
    placed: Stroke = (points - middle) @ matrix.T + target
    return placed


def _resample(points: Stroke) -> Stroke:
    """Points along the polyline at most :data:`_SPACING` apart, its corners among them."""
    if len(points) == 1:
        return points
    lengths = np.hypot(*np.diff(points, axis=0).T)
    pieces = np.maximum(np.ceil(lengths / _SPACING).astype(np.int64), 1)
    segment = np.repeat(np.arange(len(pieces)), pieces)
    first = np.repeat(np.cumsum(pieces) - pieces, pieces)
    share = ((np.arange(len(segment)) - first) / pieces[segment])[:, None]
    return np.concatenate([points[segment] + share * np.diff(points, axis=0)[segment], points[-1:]])


def _shrink(ink: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Each pixel the mean of its sub-pixels, as a byte, (28, 28)."""
    pixels = ink.reshape(IMAGE_SIZE, _SUBPIXELS, IMAGE_SIZE, _SUBPIXELS).mean(axis=(1, 3))
    image: NDArray[np.uint8] = np.rint(pixels * 255).astype(np.uint8)
    return image


def _ink(points: Stroke, radius: float) -> NDArray[np.float64]:
    """How much of each sub-pixel lies within ``radius`` of the points, [0, 1], (84, 84)."""
    side = IMAGE_SIZE * _SUBPIXELS
    points = points * _SUBPIXELS
    if len(points) > side**2:  # a scribble: more points than sub-pixels, so their exact place no longer shows
        column, row = np.clip(np.rint(points * 2), 0, 2 * side).astype(np.int64).T
        seen = np.zeros((2 * side + 1, 2 * side + 1), np.bool_)
        seen[column, row] = True
        points = np.argwhere(seen) / 2
    reach = math.ceil(radius * _SUBPIXELS + 1)
    offset = np.arange(-reach, reach + 1)
    squared = np.full(side * side, np.inf)
    for start in range(0, len(points), _CHUNK):
        x, y = points[start : start + _CHUNK].T[:, :, None, None]
        columns = np.floor(x).astype(np.int64) + offset[None, None, :]
        rows = np.floor(y).astype(np.int64) + offset[None, :, None]
        distance = (columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2
        on_image = (columns >= 0) & (columns < side) & (rows >= 0) & (rows < side)
        np.minimum.at(squared, (rows * side + columns)[on_image], distance[on_image])
    ink: NDArray[np.float64] = np.clip(radius * _SUBPIXELS - np.sqrt(squared) + 0.5, 0, 1)
    return ink.reshape(side, side)
