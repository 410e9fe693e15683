"""Drawings with the labels that a visitor gave them, kept as a set of own images, which any run can learn from.

Two kinds of lesson: symbols of the visitor's own, and corrections of a model that exists. Nothing here imports torch.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlcore.data import own_images
from dlcore.data.own_images import FORMAT, PARTS, Description, ImageSet, Record
from dlcore.messages import N_, UserError

SIZE = 28
FEWEST_CLASSES, MOST_CLASSES = 2, 10
FEWEST_DRAWINGS = 5
"""Of each symbol: one is held back to test, the others are learned from."""
MOST_DRAWINGS = 60
"""Of each class."""
_HELD_BACK = 5
"""Every fifth drawing of a symbol is held back to test."""
_REPEATS = 10
"""How often a corrected drawing stands among the images that are rehearsed."""
_JUDGED = 150
"""Images to judge a correction by: enough to calibrate with."""
_LONGEST_NAME = 24
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


@dataclass(frozen=True, eq=False)
class Drawing:
    """An image uint8 (28, 28), bright on dark, and the number of its class."""

    image: NDArray[np.uint8]
    label: int


def read_names(text: str) -> tuple[str, ...]:
    """The names of classes in ``text``, separated by commas of either kind or line ends.

    Raises:
        UserError: there are too few, too many, two alike, or one is too long.
    """
    names = [" ".join(_UNSEEN.sub("", part).split()) for part in re.split(r"[,，、;；\n]", text[:2000])]
    names = [name for name in names if name]
    if not FEWEST_CLASSES <= len(names) <= MOST_CLASSES:
        raise UserError(
            N_("Name {fewest} to {most} symbols, separated by commas; got {count}."),
            fewest=FEWEST_CLASSES,
            most=MOST_CLASSES,
            count=len(names),
        )
    if len({name.casefold() for name in names}) < len(names):
        raise UserError(N_("Two symbols have the same name. Give each its own."))
    if longest := [name for name in names if len(name) > _LONGEST_NAME]:
        raise UserError(
            N_("The name {name}… is too long: at most {most} characters."), name=longest[0][:12], most=_LONGEST_NAME
        )
    return tuple(names)


def keep_symbols(drawings: Sequence[Drawing], names: Sequence[str], *, owner: str) -> ImageSet:
    """Keep drawings of the visitor's own symbols; every fifth of each is held back to test.

    Raises:
        UserError: there are too few or too many of one, or they cannot be kept.
    """
    for label, name in enumerate(names):
        count = sum(drawing.label == label for drawing in drawings)
        if not FEWEST_DRAWINGS <= count <= MOST_DRAWINGS:
            raise UserError(
                N_("Each symbol needs {fewest} to {most} drawings; {name} has {count}."),
                fewest=FEWEST_DRAWINGS,
                most=MOST_DRAWINGS,
                name=name,
                count=count,
            )
    train, test = [], []
    for label in range(len(names)):
        own = [drawing for drawing in drawings if drawing.label == label]
        test += own[::_HELD_BACK]
        train += [drawing for place, drawing in enumerate(own) if place % _HELD_BACK]
    return _keep(train, test, names, title=", ".join(names), owner=owner)


def keep_corrections(
    drawings: Sequence[Drawing],
    names: Sequence[str],
    *,
    rehearsed: Sequence[Drawing],
    validation: Sequence[Drawing],
    test: Sequence[Drawing],
    title: str,
    owner: str,
) -> ImageSet:
    """Keep corrected drawings, each :data:`_REPEATS` times, among old images to be rehearsed.

    Args:
        drawings: as the visitor labelled them.
        names: of the model's classes.
        rehearsed: images that the model knew, lest it forget them; may be none.
        validation: images that it neither knew nor learns from now, to judge progress by; some hundred are kept. Chosen
            here, before anything is repeated, so that no run holds back a copy of what it learns from. Where there are
            none, each drawing once: then nothing is there to judge by but the lesson itself.
        test: images that show what it has forgotten; where there are none, the drawings themselves.
        title: of the set.
        owner: the visitor's token.

    Raises:
        UserError: there are none or too many, or they cannot be kept.
    """
    if not 1 <= len(drawings) <= MOST_DRAWINGS * MOST_CLASSES:
        raise UserError(
            N_("Label {fewest} to {most} drawings; got {count}."),
            fewest=1,
            most=MOST_DRAWINGS * MOST_CLASSES,
            count=len(drawings),
        )
    train = [drawing for drawing in drawings for _ in range(_REPEATS)]
    train += rehearsed
    judged = (validation or drawings)[: max(_JUDGED, round(len(train) / 9))]
    return _keep([*train, *judged], test or drawings, names, title=title, owner=owner, held_back=len(judged))


def _keep(
    train: Sequence[Drawing],
    test: Sequence[Drawing],
    names: Sequence[str],
    *,
    title: str,
    owner: str,
    held_back: int = 0,
) -> ImageSet:
    own_images.check_room(own_images.limits())
    arrays: dict[str, NDArray[Any]] = dict(zip(PARTS, (*_arrays(train), *_arrays(test)), strict=True))
    counts = [
        tuple(np.bincount(arrays[part], minlength=len(names)).tolist()) for part in ("train_labels", "test_labels")
    ]
    description = Description(
        format=FORMAT,
        image_size=SIZE,
        channels=1,
        class_names=tuple(names),
        train_class_counts=counts[0],
        test_class_counts=counts[1],
        light_background=False,
        held_back=held_back,
    )
    about: list[Any] = [FORMAT, "drawings", list(names)]
    digest = hashlib.sha256(json.dumps([*about, held_back] if held_back else about).encode())
    for part in PARTS:
        digest.update(arrays[part].tobytes())
    record = Record(name=title, created=datetime.now(UTC).replace(microsecond=0))
    kept = ImageSet(set_id=digest.hexdigest()[:32], description=description, record=record)
    own_images.keep(kept, arrays, owner)
    return kept


def _arrays(drawings: Sequence[Drawing]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    images = np.stack([drawing.image for drawing in drawings])[:, None]
    return np.ascontiguousarray(images), np.array([drawing.label for drawing in drawings], dtype=np.int64)
