"""Computer vision in small: a linear reader of 8×8 digits, and what one pixel to the side does to it.

Legend: N images, P = 64 pixels, K = 10 classes; images are (N, P), their pixels in [0, 1].
"""

import gzip
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlcore.data import DATASETS
from dlcore.messages import N_, UserError

SIDE = 8
RIDGE = 5.0
"""Weight of the penalty on large weights; pixels are scaled to [0, 1]."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Digits:
    """scikit-learn's digits, pixels in [0, 1]; the test images are the last 360 of the file."""

    train_images: Floats
    train_labels: NDArray[np.int64]
    test_images: Floats
    test_labels: NDArray[np.int64]


@cache
def digits() -> Digits:
    """The digits, read from scikit-learn's file without importing it.

    Raises:
        UserError: scikit-learn is not installed.
    """
    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise UserError(N_("The small digits come with scikit-learn, which is missing: pip install scikit-learn."))
    path = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(path, "rt", encoding="ascii") as file:
        table = np.loadtxt(file, delimiter=",")
    images, labels, split = table[:, :64] / 16, table[:, 64].astype(np.int64), DATASETS["digits"].train_count
    return Digits(images[:split], labels[:split], images[split:], labels[split:])


def moved(images_NP: Floats, right: int, down: int) -> Floats:
    """The images moved by whole pixels; what leaves the frame is lost, what comes in is paper."""
    images = images_NP.reshape(-1, SIDE, SIDE)
    result = np.zeros_like(images)
    rows, columns = _overlap(down), _overlap(right)
    result[:, rows[1], columns[1]] = images[:, rows[0], columns[0]]
    return np.asarray(result.reshape(images_NP.shape))


def _overlap(shift: int) -> tuple[slice, slice]:
    """Where pixels come from and go to along one axis."""
    return slice(max(0, -shift), SIDE - max(0, shift)), slice(max(0, shift), SIDE - max(0, -shift))


@cache
def weights(*, trained_on_moved: bool = False) -> Floats:
    """The (P + 1, K) weights of the linear reader, the last row its biases: ridge regression on one-hot labels.

    w = (XᵀX + λI)⁻¹ XᵀY, with X the training images and a column of ones. With ``trained_on_moved`` each image stands
    among them five times: as it is, and one pixel to each side.
    """
    data = digits()
    shifts = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)] if trained_on_moved else [(0, 0)]
    images = np.concatenate([moved(data.train_images, right, down) for right, down in shifts])
    inputs = np.hstack([images, np.ones((len(images), 1))])
    targets = np.eye(10)[np.tile(data.train_labels, len(shifts))]
    penalty = RIDGE * np.diag([1.0] * (SIDE * SIDE) + [0.0])
    return np.asarray(np.linalg.solve(inputs.T @ inputs + penalty, inputs.T @ targets))


def scores(images_NP: Floats, *, trained_on_moved: bool = False) -> Floats:
    """The (N, K) scores of the classes; the largest is the answer. They are no probabilities: they may be below 0."""
    learned = weights(trained_on_moved=trained_on_moved)
    return np.asarray(images_NP @ learned[:-1] + learned[-1])


def accuracy(right: int, down: int, *, trained_on_moved: bool = False) -> float:
    """The share in [0, 1] of the test images that are read rightly after they were moved."""
    data = digits()
    found = scores(moved(data.test_images, right, down), trained_on_moved=trained_on_moved).argmax(1)
    return float((found == data.test_labels).mean())
