"""Images and labels as the files of a dataset hold them, all or a few: numpy, no torch."""

import numpy as np
from numpy.typing import NDArray

from dlcore.data import DATASETS
from dlcore.data.availability import files, raw_folder
from dlcore.data.cifar_batches import read_batch
from dlcore.data.idx import read_idx
from dlcore.messages import N_, UserError

Labelled = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Images uint8 and their labels int64 (N,), counted from 0."""


def mnist_like(name: str, split: str, *, first: int = 0, most: int | None = None) -> Labelled:
    """Images (N, 28, 28) of a dataset in MNIST's format. Of a part, no more than that part is read.

    Args:
        name: a key of :data:`~dlcore.data.availability.FOLDERS`, but not ``cifar10``.
        split: ``train`` or ``test``.
        first: the number of the first image, counted from 0.
        most: how many images; None for all from there on. There are fewer where the files hold fewer.

    Raises:
        UserError: the files are missing, damaged, or do not belong together.
    """
    paths = [raw_folder(name) / file for file in files(name)]
    images_path, labels_path = paths[:2] if split == "train" else paths[2:]
    classes = len(DATASETS[name].class_names)
    lowest = 1 if name == "emnist-letters" else 0  # EMNIST counts its letters from 1
    try:
        images = read_idx(images_path, dimensions=3, first=first, most=most)
        labels = read_idx(labels_path, dimensions=1, first=first, most=most)
    except (OSError, ValueError) as error:  # a file damaged or replaced by hand
        raise unreadable(name, reason_of(error)) from error
    if len(images) != len(labels) or np.any((labels < lowest) | (labels >= lowest + classes)):
        raise unreadable(name, N_("images and labels do not belong together"))
    if name == "emnist-letters":  # stored column by column
        images = np.ascontiguousarray(images.transpose(0, 2, 1))
    return images, labels.astype(np.int64) - lowest


def cifar10() -> tuple[Labelled, Labelled]:
    """All of CIFAR-10, images (N, 3, 32, 32): the training set and the test set.

    Raises:
        UserError: a file is missing or damaged.
    """
    batches = []
    for file in files("cifar10"):
        try:
            batches.append(read_batch((raw_folder("cifar10") / file).read_bytes()))
        except (OSError, ValueError) as error:
            raise unreadable("cifar10", reason_of(error)) from error
    *training, test = batches
    return (
        np.concatenate([images for images, _ in training]),
        np.concatenate([labels for _, labels in training]),
    ), test


def reason_of(error: OSError | ValueError) -> str:
    """What the system says itself, without the place of the file on the server."""
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__


def unreadable(name: str, reason: str) -> UserError:
    """What to say of files of dataset ``name`` that cannot be read."""
    folder = raw_folder(name)
    return UserError(
        N_("The files of {dataset} in {folder} cannot be read: {reason}. Delete that folder and start again."),
        dataset=DATASETS[name].title,
        folder=folder.name if name == "cifar10" else f"{folder.parent.name}/{folder.name}",
        reason=reason,
    )
