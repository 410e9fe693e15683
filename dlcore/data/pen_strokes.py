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

from dlcore.data.availability import pen_strokes_file
from dlcore.data.loading import Dataset
from dlcore.inference.strokes import Stroke, read_strokes, strokes_to_image
from dlcore.messages import N_, UserError

PEN_WIDTHS = (1.9, 3.0)
"""In pixels of the image: a fine and a broad pen, on both sides of the one that drawings on the page are given."""


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
    """``dataset`` with each drawing of the writers who are not :func:`held_out` added in every one of ``PEN_WIDTHS``.

    The test set stays as it is.

    Raises:
        UserError: the drawings are not at hand or damaged, or there are none.
    """
    drawings = list(read_drawings(pen_strokes_file()))
    if not drawings:
        raise _missing(pen_strokes_file())
    judges = held_out({drawing.writer for drawing in drawings})
    teachers = [drawing for drawing in drawings if drawing.writer not in judges]
    images = np.stack([strokes_to_image(drawing.strokes, width) for width in PEN_WIDTHS for drawing in teachers])
    labels = torch.tensor([drawing.label for drawing in teachers]).repeat(len(PEN_WIDTHS))
    return replace(
        dataset,
        name="mnist-pen",
        train_images=torch.cat([dataset.train_images, torch.from_numpy(images).unsqueeze(1)]),
        train_labels=torch.cat([dataset.train_labels, labels]),
    )
