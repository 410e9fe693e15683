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
        UserError: the file is missing, or a line is no drawing.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    values = json.loads(line)
                    yield Drawing(int(values["label"]), int(values["writer"]), read_strokes(values["strokes"]))
                except (ValueError, KeyError, TypeError, UserError) as error:
                    raise UserError(
                        N_("Line {number} of {file} is no drawing: {reason}."),
                        number=number,
                        file=f"{path.parent.name}/{path.name}",
                        reason=str(error).rstrip("."),
                    ) from error
    except OSError:
        raise UserError(
            N_(
                "The pen strokes are not at hand: {file} is missing in the folder of datasets."
                " Choose MNIST, or put the file there (CONTRIBUTING.md says how)."
            ),
            file=f"{path.parent.name}/{path.name}",
        ) from None


def held_out(writers: set[int]) -> set[int]:
    """The writers whose drawings judge and never teach: every third, in the order of their numbers."""
    return set(sorted(writers)[2::3])


def add_pen_strokes(dataset: Dataset) -> Dataset:
    """``dataset`` with each drawing of the writers who are not :func:`held_out` added in every one of ``PEN_WIDTHS``.

    The test set stays as it is.

    Raises:
        UserError: the drawings are not at hand or damaged.
    """
    drawings = list(read_drawings(pen_strokes_file()))
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
