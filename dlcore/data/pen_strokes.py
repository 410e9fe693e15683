"""Digits drawn with a pen, as training images beside MNIST's.

MNIST's writers were Americans: its "1" is a single stroke and its "7" has no bar. Drawings of other hands, made into
images by the very code behind the canvas, teach a network what MNIST cannot.

Source: Alpaydin and Alimoglu, "Pen-Based Recognition of Handwritten Digits" (1998), UCI Machine Learning Repository.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dlcore.config import TrainConfig
from dlcore.data import DATASETS
from dlcore.data.availability import pen_strokes_file
from dlcore.data.loading import Dataset
from dlcore.data.partition import partition
from dlcore.inference.strokes import Stroke, read_strokes, strokes_to_image
from dlcore.messages import N_, UserError

VARIANTS = 6
"""Images made of each drawing: one as it was drawn, the others as another hand might have."""
PEN_WIDTHS = (1.6, 3.4)
"""The thinnest and the broadest pen, in pixels of the image; every variant draws its own from between."""
_HELD_BACK_ONE_IN = 30
"""One in so many scans and drawings is held back to validate with."""
_TURN_RADIANS = 0.1
_SHEAR = 0.1
_STRETCH = 0.2
"""One axis against the other: a factor of e to this at most, and the other axis of e to minus this."""
_PACE = 0.12
"""How unevenly parts of a stroke grow: standard deviation of the logarithm of their length."""
_BEND_RADIANS = 0.08
"""How much the direction of a stroke sways along it, standard deviation."""
_WAVES = 3


@dataclass(frozen=True, slots=True)
class Drawing:
    """One digit that somebody drew."""

    label: int
    writer: int
    strokes: list[Stroke]


def read_drawings(path: Path) -> Iterator[Drawing]:
    """The drawings in a file of JSON lines.

    Raises:
        UserError: the file cannot be read, or a line is no drawing.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    values = json.loads(line)
                    yield Drawing(_digit(values["label"]), int(values["writer"]), read_strokes(values["strokes"]))
                except (ValueError, KeyError, TypeError, RecursionError, UserError) as error:
                    raise UserError(
                        N_("Line {number} of {file} is no drawing: {reason}."),
                        number=number,
                        file=f"{path.parent.name}/{path.name}",
                        reason=str(error).rstrip("."),
                    ) from error
    except OSError:
        raise _missing(path) from None


def check_at_hand() -> None:
    """Raise :class:`UserError` if the file of pen strokes is missing, which no download can cure."""
    if not pen_strokes_file().is_file():
        raise _missing(pen_strokes_file())


def _missing(path: Path) -> UserError:
    return UserError(
        N_(
            "The pen strokes are not at hand: {file} is missing in the folder of datasets."
            " Choose MNIST, or put the file there (CONTRIBUTING.md says how)."
        ),
        file=f"{path.parent.name}/{path.name}",
    )


def _digit(value: object) -> int:
    if type(value) is not int or not 0 <= value <= 9:
        raise ValueError(f"label must be in [0, 9], got {str(value)[:40]}")
    return value


def held_out(writers: set[int]) -> set[int]:
    """The writers whose drawings judge and never teach: every third, in the order of their numbers."""
    return set(sorted(writers)[2::3])


def add_pen_strokes(dataset: Dataset) -> Dataset:
    """``dataset`` with each drawing of the writers who are not :func:`held_out` added in ``VARIANTS`` versions.

    The test set stays as it is. The versions are the same each time, whatever the seed of a run, and so is what is held
    back to validate with: a thirtieth of the scans, and of the drawings with all their versions. Networks that are to
    answer together so have a part of the data that none of them has learned from.

    Raises:
        UserError: the drawings are not at hand or damaged, or there are none.
    """
    drawings = list(read_drawings(pen_strokes_file()))
    if not drawings:
        raise _missing(pen_strokes_file())
    judges = held_out({drawing.writer for drawing in drawings})
    teachers = [drawing for drawing in drawings if drawing.writer not in judges]
    held_back_drawings = teachers[::_HELD_BACK_ONE_IN]
    learned_from = [drawing for number, drawing in enumerate(teachers) if number % _HELD_BACK_ONE_IN]
    scans = len(dataset.train_images) // _HELD_BACK_ONE_IN
    random = np.random.default_rng(0)
    first_images, last_images = dataset.train_images.tensor_split([len(dataset.train_images) - scans])
    first_labels, last_labels = dataset.train_labels.tensor_split([len(dataset.train_images) - scans])
    parts = [
        (first_images, first_labels),
        _drawn(learned_from, random),
        (last_images, last_labels),
        _drawn(held_back_drawings, random),
    ]
    images, labels = zip(*parts, strict=True)
    return replace(
        dataset,
        name="mnist-pen",
        train_images=torch.cat(images),
        train_labels=torch.cat(labels),
        held_back=scans + VARIANTS * len(held_back_drawings),
    )


def scans_of_partition(config: TrainConfig, scans: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows of MNIST's ``scans`` training images that a run on both learns from, and those that are held back."""
    spec = DATASETS["mnist-pen"]
    learned_from, _held_back = partition(config, spec.train_count, held_back=spec.held_back)
    first_held_back = scans - scans // _HELD_BACK_ONE_IN
    return learned_from[learned_from < first_held_back], torch.arange(first_held_back, scans)


def _drawn(drawings: list[Drawing], random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Images uint8 (N, 1, 28, 28) and labels int64 (N,) of all versions of ``drawings``."""
    images = [
        strokes_to_image(vary(drawing.strokes, random) if version else drawing.strokes, random.uniform(*PEN_WIDTHS))
        for version in range(VARIANTS)
        for drawing in drawings
    ]
    labels = torch.tensor([drawing.label for drawing in drawings], dtype=torch.int64).repeat(VARIANTS)
    return torch.from_numpy(np.array(images, dtype=np.uint8).reshape(-1, 1, 28, 28)), labels


def vary(strokes: list[Stroke], random: np.random.Generator) -> list[Stroke]:
    """The same drawing by another hand: turned, leaned and stretched as a whole, and every stroke paced and bent anew.

    Handwriting differs less in where points lie than in how far and in which direction the pen went between them: a
    one's upstroke is long or short, steep or flat. So a stroke's steps are scaled and turned by smooth waves along it,
    and summed up again around the place where it was.

    Args:
        strokes: float (N, 2) each, x to the right and y down, in any unit; not changed themselves.
        random: where the draws come from.
    """
    turn, shear = random.uniform(-_TURN_RADIANS, _TURN_RADIANS), random.uniform(-_SHEAR, _SHEAR)
    stretch = random.uniform(-_STRETCH, _STRETCH)
    cos, sin = np.cos(turn), np.sin(turn)
    whole = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, shear], [0, 1]]) @ np.diag(np.exp([stretch, -stretch]))
    return [_another_way(stroke, random) @ whole.T for stroke in strokes]


def _another_way(stroke: Stroke, random: np.random.Generator) -> Stroke:
    """A stroke (N, 2) with its steps scaled and turned by smooth random waves along its length."""
    if len(stroke) < 3:
        return stroke
    steps = np.diff(stroke, axis=0)
    lengths = np.hypot(*steps.T)
    along = (np.cumsum(lengths) - lengths / 2) / max(float(lengths.sum()), 1e-9)
    steps = steps * np.exp(_PACE * _wave(along, random))[:, None]
    angle = _BEND_RADIANS * _wave(along, random)
    cos, sin = np.cos(angle), np.sin(angle)
    turned = np.stack([cos * steps[:, 0] - sin * steps[:, 1], sin * steps[:, 0] + cos * steps[:, 1]], axis=1)
    path = np.concatenate([np.zeros((1, 2)), np.cumsum(turned, axis=0)])
    moved: Stroke = path - path.mean(axis=0) + stroke.mean(axis=0)
    return moved


def _wave(along: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """A sum of a few slow waves over [0, 1], of unit variance over all draws."""
    frequencies = np.arange(1, _WAVES + 1)
    weights = random.normal(size=_WAVES) * np.sqrt(2 / _WAVES)
    phases = random.uniform(0, 2 * np.pi, _WAVES)
    waves: NDArray[np.float64] = (weights * np.cos(np.pi * along[:, None] * frequencies + phases)).sum(axis=1)
    return waves
