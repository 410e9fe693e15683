"""An image of a dataset by its name in a link, ``mnist:test:123``, and the ones that a network finds hardest.

``own:train:123`` is an image of whatever the model at hand has learned from, in that model's own shape.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dlcore.config import TrainConfig
from dlcore.data import DATASETS
from dlcore.data.availability import available
from dlcore.data.stored import Labelled, mnist_like, unreadable
from dlcore.messages import N_, UserError

if TYPE_CHECKING:
    from dlcore.inference.prediction import Model

SPLITS = ("test", "train")
OWN = "own"
"""Stands for the data of the model that answers, of any size and colour."""
_NAME = re.compile(r"([a-z0-9-]{1,40}):(test|train):(\d{1,7})", re.ASCII)
_LOOKED_AT = 400
"""Test images among which the hardest are looked for."""


@dataclass(frozen=True)
class Sample:
    """Which image."""

    dataset: str
    split: str
    index: int

    def __str__(self) -> str:
        return f"{self.dataset}:{self.split}:{self.index}"


def offered() -> list[str]:
    """The datasets at hand whose images are grey and 28 pixels wide."""
    return [
        name
        for name, spec in DATASETS.items()
        if (spec.channels, spec.image_size) == (1, 28) and name != "mnist-pen" and available(name)
    ]


def count(dataset: str, split: str) -> int:
    """How many images there are."""
    spec = DATASETS[dataset]
    return spec.test_count if split == "test" else spec.train_count


def parse(text: str) -> Sample:
    """The sample that a link names.

    Raises:
        UserError: there is no such image, or its dataset is not at hand.
    """
    found = _NAME.fullmatch(text[:60])
    if found is not None and found[1] == OWN:
        return Sample(OWN, found[2], int(found[3]))
    names = offered()
    if found is None or found[1] not in names or int(found[3]) >= count(found[1], found[2]):
        raise UserError(
            N_(
                "The link names no image that is at hand: a sample is written dataset:split:number, such as {example}."
                " At hand are {datasets}."
            ),
            example="digits:test:7",
            datasets=", ".join(names),
        )
    return Sample(found[1], found[2], int(found[3]))


def fetch(sample: Sample) -> tuple[NDArray[np.uint8], str]:
    """The image, uint8 (28, 28), and the name of its class.

    Raises:
        UserError: the dataset cannot be read, or its files hold fewer images than they should.
    """
    images, labels = _images(sample.dataset, sample.split, first=sample.index, most=1)
    if not len(images):
        raise unreadable(sample.dataset, N_("an image is missing"))
    return images[0], DATASETS[sample.dataset].class_names[int(labels[0])]


def fetch_own(sample: Sample, config: TrainConfig) -> tuple[NDArray[np.uint8], str]:
    """The image of the data that a run with ``config`` has learned from, uint8 (1, C, S, S), and the name of its class.

    Its number counts the images of the chosen classes, those held back for validation among the training set.

    Raises:
        UserError: the data are not at hand or cannot be read, or have no such image.
    """
    return _own(sample, config.dataset, config.own_images, config.classes)


@lru_cache(maxsize=64)
def _own(sample: Sample, dataset: str, own_images: str, classes: str) -> tuple[NDArray[np.uint8], str]:
    """Kept, and nothing else of the data, which may be large."""
    from dlcore.data.loading import load  # noqa: PLC0415  # torch, not before it must

    if not available(dataset, own_images=own_images):
        raise UserError(N_("The images that this model has learned from are not on this server."))
    data = load(dataset, own_images=own_images, classes=classes)
    images, labels = (
        (data.test_images, data.test_labels) if sample.split == "test" else (data.train_images, data.train_labels)
    )
    if sample.index >= len(images):
        raise UserError(
            N_("The link names image number {number}, and there are {count} of them, counted from 0."),
            number=sample.index,
            count=len(images),
        )
    return images[sample.index : sample.index + 1].numpy().copy(), data.class_names[int(labels[sample.index])]


def hardest(model: "Model", dataset: str, most: int = 20) -> list[int]:
    """The first few hundred test images of a dataset that the network gets wrong or nearly so, the hardest first."""
    from dlcore.inference.prediction import look  # noqa: PLC0415  # torch, not before it must

    images, labels = _images(dataset, "test", first=0, most=_LOOKED_AT)
    shown = look(model, images).log_probabilities
    names = DATASETS[dataset].class_names
    truth = [
        model.class_names.index(names[int(label)]) if names[int(label)] in model.class_names else -1 for label in labels
    ]
    right = shown[np.arange(len(shown)), truth]
    return [int(index) for index in np.argsort(right)[:most] if truth[index] >= 0]


def _images(dataset: str, split: str, *, first: int, most: int) -> Labelled:
    """A few images uint8 (N, 28, 28), read anew each time: one of MNIST takes 0.1 ms, all of it 50 MB."""
    if dataset != "digits":
        return mnist_like(dataset, split, first=first, most=most)
    images, labels = _digits(split)
    return images[first : first + most], labels[first : first + most]


@lru_cache(maxsize=2)
def _digits(split: str) -> Labelled:
    from dlcore.data.loading import load  # noqa: PLC0415  # torch, not before it must

    whole = load("digits")
    images, labels = (
        (whole.test_images, whole.test_labels) if split == "test" else (whole.train_images, whole.train_labels)
    )
    return images[:, 0].numpy(), labels.numpy()
