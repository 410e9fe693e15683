"""Datasets as tensors in memory: bytes, not floats, so that all of MNIST takes 55 megabytes."""

import gzip
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dlcore.data import DATASETS, OWN_IMAGES, stored
from dlcore.data.availability import available
from dlcore.data.own_images import read as read_own_images
from dlcore.data.selection import classes_of, describe
from dlcore.messages import N_, UserError
from dlcore.training.events import Preparing


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Images uint8 (N, C, H, W), 0 black to 255 white, and labels int64 (N,)."""

    name: str
    class_names: tuple[str, ...]
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    light_background: bool = False
    """Whether the images are rather dark things on a light ground, unlike MNIST's."""
    held_back: int = 0
    """How many of the training images, the last ones, are there to validate with and nothing else; 0: each run chooses."""

    def subset(self, train: int, test: int) -> "Dataset":
        """The first ``train`` and ``test`` images: for tests and demonstrations in a hurry."""
        return replace(
            self,
            train_images=self.train_images[:train],
            train_labels=self.train_labels[:train],
            test_images=self.test_images[:test],
            test_labels=self.test_labels[:test],
            held_back=max(0, self.held_back - max(0, len(self.train_images) - train)),
        )


def load(
    name: str, on_event: Callable[[Preparing], None] | None = None, *, own_images: str = "", classes: str = ""
) -> Dataset:
    """Dataset ``name`` of ``DATASETS``, downloaded first where it is not at hand.

    Args:
        name: a key of ``DATASETS``.
        on_event: told of the progress.
        own_images: the set of pictures that ``own-images`` stands for.
        classes: names or numbers of the classes wanted, separated by commas; empty for all.

    Raises:
        UserError: it cannot be downloaded or read, or has no such classes; the message names the way on.
    """
    preparation = prepare(name, own_images=own_images, classes=classes)
    while True:
        try:
            event = next(preparation)
        except StopIteration as done:
            dataset: Dataset = done.value
            return dataset
        if on_event is not None:
            on_event(event)


def prepare(name: str, *, own_images: str = "", classes: str = "") -> Generator[Preparing, None, Dataset]:
    """What :func:`load` does, as a generator of its events that returns the dataset."""
    chosen = classes_of(describe(name, own_images=own_images), classes) if classes else ()
    dataset = yield from _prepare_all(name, own_images)
    return _of_classes(dataset, chosen) if chosen else dataset


def _prepare_all(name: str, own_images: str) -> Generator[Preparing, None, Dataset]:
    if name == OWN_IMAGES:
        yield Preparing(stage="reading", file=name)
        return _own_images(own_images)
    if name == "digits":
        yield Preparing(stage="reading", file="digits")
        return _digits()
    if name == "mnist-pen":
        from dlcore.data.pen_strokes import add_pen_strokes, check_at_hand  # noqa: PLC0415  # it draws, as nothing here

        check_at_hand()  # before MNIST is fetched for nothing
        mnist = yield from prepare("mnist")
        yield Preparing(stage="reading", file=name)
        return add_pen_strokes(mnist)
    if not available(name):
        from dlcore.data.download import download  # noqa: PLC0415  # rarely needed, and it brings the network modules

        yield from download(name)
    yield Preparing(stage="reading", file=name)
    return _cifar10() if name == "cifar10" else _mnist_like(name)


def _of_classes(dataset: Dataset, chosen: tuple[int, ...]) -> Dataset:
    """The images of the ``chosen`` classes in their order, labelled 0, 1, … in the order of ``chosen``."""
    numbers = torch.full((len(dataset.class_names),), -1)
    numbers[list(chosen)] = torch.arange(len(chosen))
    train, test = numbers[dataset.train_labels], numbers[dataset.test_labels]
    return replace(
        dataset,
        class_names=tuple(dataset.class_names[index] for index in chosen),
        train_images=dataset.train_images[train >= 0],
        train_labels=train[train >= 0],
        test_images=dataset.test_images[test >= 0],
        test_labels=test[test >= 0],
        held_back=int((train[len(train) - dataset.held_back :] >= 0).sum()),
    )


def _own_images(set_id: str) -> Dataset:
    description, tensors = read_own_images(set_id)
    return Dataset(
        name=OWN_IMAGES,
        class_names=description.class_names,
        train_images=torch.from_numpy(tensors["train_images"]),
        train_labels=torch.from_numpy(tensors["train_labels"]),
        test_images=torch.from_numpy(tensors["test_images"]),
        test_labels=torch.from_numpy(tensors["test_labels"]),
        light_background=description.light_background,
        held_back=description.held_back,
    )


def _cifar10() -> Dataset:
    return _tensors("cifar10", *stored.cifar10())


def _mnist_like(name: str) -> Dataset:
    (train_images, train_labels), (test_images, test_labels) = (
        stored.mnist_like(name, split) for split in ("train", "test")
    )
    return _tensors(name, (train_images[:, None], train_labels), (test_images[:, None], test_labels))


def _tensors(name: str, train: stored.Labelled, test: stored.Labelled) -> Dataset:
    train_images, train_labels, test_images, test_labels = (torch.from_numpy(array) for array in (*train, *test))
    return Dataset(
        name=name,
        class_names=DATASETS[name].class_names,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
    )


def _digits() -> Dataset:
    """scikit-learn's digits as MNIST would show them: 20×20 pixels in the middle of 28×28.

    The file is read directly, because importing scikit-learn takes longer than training on it. The last 360 images
    are the test set.

    Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits" (1998), UCI Machine Learning Repository.
    """
    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise UserError(N_("The small digits come with scikit-learn, which is missing: pip install scikit-learn."))
    path = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(path, "rt", encoding="ascii") as file:
        table = torch.from_numpy(np.loadtxt(file, delimiter=",", dtype=np.float32))  # 64 pixels of 0 to 16, a label
    small = table[:, :64].reshape(-1, 1, 8, 8) * (255 / 16)
    large = F.interpolate(small, size=(20, 20), mode="bicubic", align_corners=False)
    images = F.pad(large, (4, 4, 4, 4)).round_().clamp_(0, 255).to(torch.uint8)
    labels = table[:, 64].long()
    split = DATASETS["digits"].train_count
    return Dataset(
        name="digits",
        class_names=DATASETS["digits"].class_names,
        train_images=images[:split],
        train_labels=labels[:split],
        test_images=images[split:],
        test_labels=labels[split:],
    )
