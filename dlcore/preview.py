"""Pictures of a dataset and of what augmentation does to it, for a page that must not load torch.

``python -m dlcore preview`` makes them in a process of its own; they lie in ``previews/<key>`` of
:func:`~dlcore.home.home`, where the key is made of the settings that they depend on, until others push them out.

    samples.png         a row a class, of its first training images
    augmentation.png    a row an image: as it is, then as augmentation may draw it

Nothing here imports torch before it renders.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcore import atomic
from dlcore.config import KNOBS, TrainConfig
from dlcore.data.availability import available
from dlcore.elsewhere import Bench, command
from dlcore.home import home
from dlcore.messages import N_, UserError

if TYPE_CHECKING:
    from torch import Tensor

FIELDS = (
    "dataset",
    "own_images",
    "classes",
    "augmentation",
    *(name for name, knob in KNOBS.items() if "augmentation" in knob.only_for),
)
"""The settings that the pictures depend on."""
SAMPLES_EACH = 10
"""Images of each class."""
AUGMENTED = 5
"""Images that augmentation is shown on,"""
DRAWS = 7
"""and how often on each."""
GAP = 4
"""Pixels between two images of a picture."""
MOST_CLASSES = 40
"""Classes that are shown."""

_VERSION = 1
_KEPT = 100
_CELL = 56
"""Least side of an image in a picture, in pixels."""


@dataclass(frozen=True)
class Preview:
    """Where the pictures of one choice of settings lie."""

    folder: Path

    @property
    def samples(self) -> Path:
        """A row of images for each class."""
        return self.folder / "samples.png"

    @property
    def augmentation(self) -> Path:
        """A row for each image, the first column as it is."""
        return self.folder / "augmentation.png"


def settings(config: TrainConfig) -> dict[str, Any]:
    """What the pictures of ``config`` depend on: strengths only where they count."""
    values = config.model_dump()
    return {name: values[name] for name in FIELDS if KNOBS[name].applies(values)}


def place(config: TrainConfig) -> Preview:
    """Where the pictures of ``config`` are or will be."""
    key = hashlib.sha256(json.dumps([_VERSION, settings(config)], sort_keys=True).encode()).hexdigest()[:32]
    return Preview(_folder() / key)


def request(config: TrainConfig) -> Preview | None:
    """The pictures of ``config`` if they are there; else None, and a process makes them. Ask again in a moment.

    One process makes pictures at a time, for all visitors and servers of one folder; whoever comes meanwhile waits.

    Raises:
        UserError: they cannot be made, or too many others wait for theirs; the next time this is asked for they are
            tried again.
    """
    if not available(config.dataset, own_images=config.own_images):
        raise UserError(N_("The images are not at hand yet: the first run downloads them."))
    found = place(config)
    if found.augmentation.is_file():
        with suppress(OSError):
            os.utime(found.folder)
        return found
    if reason := _bench().problem(found.folder.name):
        raise UserError(N_("The pictures could not be made: {reason}"), reason=reason)
    _bench().start(found.folder.name, lambda: _render_elsewhere(config))
    return None


def is_settled(config: TrainConfig) -> bool:
    """Whether :func:`request` would have an answer: the pictures, or why there are none."""
    found = place(config)
    return found.augmentation.is_file() or found.folder.name not in _bench().under_way


def render(config: TrainConfig) -> Preview:
    """Make the pictures of ``config`` here and now, downloading nothing.

    Raises:
        UserError: the dataset is not at hand or cannot be read.
    """
    if not available(config.dataset, own_images=config.own_images):
        raise UserError(N_("The images are not at hand yet: the first run downloads them."))
    from dlcore.data.augmentation import augment, strength_of  # noqa: PLC0415  # torch
    from dlcore.data.loading import load  # noqa: PLC0415
    from dlcore.data.randomness import generator  # noqa: PLC0415

    found = place(config)
    dataset = load(config.dataset, own_images=config.own_images, classes=config.classes)
    images, labels = dataset.train_images, dataset.train_labels
    by_class = [
        (labels == number).nonzero().squeeze(1)[:SAMPLES_EACH].tolist()
        for number in range(min(MOST_CLASSES, len(dataset.class_names)))
    ]
    samples = [[images[index] for index in indices] for indices in by_class]
    # One image of each class as far as they go, then their seconds.
    shown = [indices[turn] for turn in range(SAMPLES_EACH) for indices in by_class if turn < len(indices)][:AUGMENTED]
    rows = []
    for number, index in enumerate(shown):
        copies = images[index : index + 1].expand(DRAWS, -1, -1, -1)
        rows.append([images[index], *augment(copies, strength_of(config), generator(0, "preview", number))])
    found.folder.mkdir(parents=True, exist_ok=True)
    atomic.write(found.samples, _sheet(samples))
    atomic.write(found.augmentation, _sheet(rows))  # last: its being there says that all is
    _sweep()
    return found


def _sheet(rows: "Sequence[Sequence[Tensor]]") -> bytes:
    """Images uint8 (C, H, W) in rows as a PNG, transparent between them."""
    import io  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    channels, size, _ = rows[0][0].shape
    factor = -(-_CELL // size)
    side = factor * size
    width, height = (count * (side + GAP) - GAP for count in (max(map(len, rows)), len(rows)))
    x_HWC = np.zeros((height, width, channels + 1), np.uint8)  # the last channel is opacity
    for down, row in enumerate(rows):
        for across, image in enumerate(row):
            top, left = down * (side + GAP), across * (side + GAP)
            pixels = image.permute(1, 2, 0).numpy().repeat(factor, axis=0).repeat(factor, axis=1)
            x_HWC[top : top + side, left : left + side, :channels] = pixels
            x_HWC[top : top + side, left : left + side, channels] = 255
    file = io.BytesIO()
    Image.fromarray(x_HWC).save(file, "PNG")
    return file.getvalue()


@cache
def _bench() -> Bench:
    return Bench("preview")


def _render_elsewhere(config: TrainConfig) -> UserError | None:
    """Wait for a process that makes the pictures; why it did not, or None."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings(config).items()]
    made = place(config).augmentation
    return command(["preview", *options], made=made, folder=_folder(), environment={"OMP_NUM_THREADS": "1"})


def _sweep() -> None:
    """Keep the pictures that were looked at last."""
    kept = sorted((path for path in _folder().iterdir() if path.is_dir()), key=_age)
    for path in kept[_KEPT:]:
        shutil.rmtree(path, ignore_errors=True)


def _age(path: Path) -> float:
    with suppress(OSError):
        return time.time() - path.stat().st_mtime
    return 0.0


def _folder() -> Path:
    return home() / "previews"
