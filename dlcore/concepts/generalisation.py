"""Learning digits from few examples, solved in closed form: capacity, training time, weight decay, dropout.

The model is a network with one hidden layer of ReLU neurons whose first weights stay random; only the output layer is
learned, by least squares (random features, Rahimi and Recht, 2007). That is enough to overfit, to stop early and to
descend twice (Belkin et al., 2019), and because the learned part is linear, the end of every training, and every moment
of gradient descent on the way, is one formula. The tests hold the formulas against a loop and against ``numpy.linalg``.

Shapes: N training images, M test images, P features, K = 10 classes.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dlcore.concepts.digits import CLASSES, SIDE, digits

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

TEST_COUNT = 500
LARGEST = 600
"""Features of the widest model."""
RIDGELESS = 1e-7
"""A weight decay so small that only rounding notices; "none" means this."""
MEMBERS = 32
"""Thinned networks that are asked for an ensemble."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What is learned from, and how well labelled."""

    count: int = 100
    label_noise: float = 0.0
    """Share of the training labels that are replaced by another class."""
    shifts: bool = False
    """Whether every training image is given twice more, moved by a pixel up, down, left or right."""
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Errors along one axis: training time, weight decay or capacity."""

    axis: list[float]
    train: list[float]
    """Share of wrong answers in [0, 1] on what was learned from, with the labels it was given."""
    test: list[float]
    """The same on the test images."""
    train_squared: list[float]
    """Mean over images of the squared distance between the outputs and the one-hot target."""
    test_squared: list[float]


COPIES = 3
"""Of each training image with ``shifts``: itself and two moved ones."""


def _shifted(images: Array, random: np.random.Generator) -> Array:
    """Each image moved by one pixel in one of the four directions."""
    padded = np.pad(images.reshape(-1, SIDE, SIDE), ((0, 0), (1, 1), (1, 1)))
    moved = np.empty_like(images).reshape(-1, SIDE, SIDE)
    ways = random.integers(0, 4, len(images))
    for way, (y, x) in enumerate(((0, 1), (2, 1), (1, 0), (1, 2))):
        moved[ways == way] = padded[ways == way, y : y + SIDE, x : x + SIDE]
    return moved.reshape(-1, SIDE * SIDE)


@lru_cache(maxsize=16)
def data(experiment: Experiment) -> tuple[Array, Labels, Array, Labels]:
    """Training images (N, 64) and labels as given (N,), test images (M, 64) and labels (M,)."""
    images, labels = digits()
    random = np.random.default_rng([experiment.seed, 1])
    pool = len(images) - TEST_COUNT
    chosen = random.permutation(pool)[: experiment.count]
    train, given = images[chosen], labels[chosen].copy()
    wrong = random.permutation(experiment.count)[: round(experiment.label_noise * experiment.count)]
    given[wrong] = (given[wrong] + random.integers(1, CLASSES, len(wrong))) % CLASSES
    if experiment.shifts:
        train = np.concatenate([train, *(_shifted(train, random) for _copy in range(COPIES - 1))])
        given = np.tile(given, COPIES)
    return train, given, images[pool:], labels[pool:]


@lru_cache(maxsize=16)
def features(experiment: Experiment, width: int) -> tuple[Array, Array]:
    """The hidden layer's outputs for training images (N, P) and test images (M, P); a wider one begins with a narrower one."""
    train, _given, test, _labels = data(experiment)
    random = np.random.default_rng([experiment.seed, 2])
    weights = random.standard_normal((LARGEST, SIDE * SIDE))[:width]
    biases = random.standard_normal(LARGEST)[:width]
    scale = 1 / np.sqrt(width)
    centre = train.mean(axis=0)
    one, other = (np.maximum((x - centre) @ weights.T / 2 + biases, 0) * scale for x in (train, test))
    return one, other


def _one_hot(labels: Labels) -> Array:
    return np.eye(CLASSES)[labels]


def _errors(outputs: Array, labels: Labels) -> tuple[float, float]:
    return (
        float(np.mean(outputs.argmax(axis=1) != labels)),
        float(((outputs - _one_hot(labels)) ** 2).sum(axis=1).mean()),
    )


@dataclass(frozen=True, kw_only=True)
class Spectrum:
    """The training problem in the directions in which it falls apart."""

    values: Array
    """(R,) eigenvalues of ΦᵀΦ/N, those of zero left out."""
    target: Array
    """(R, K) ΦᵀY/N in these directions."""
    train: Array
    """(N, R) the training features in these directions."""
    test: Array
    """(M, R)"""


@lru_cache(maxsize=16)
def spectrum(experiment: Experiment, width: int) -> Spectrum:
    """The directions of the training problem, by one eigendecomposition."""
    train, test = features(experiment, width)
    _x, given, _t, _l = data(experiment)
    count = len(train)
    # Of the two squares, ΦᵀΦ and ΦΦᵀ, the smaller one has all that is not zero.
    if width <= count:
        values, vectors = np.linalg.eigh(train.T @ train / count)
        directions = vectors
    else:
        values, left = np.linalg.eigh(train @ train.T / count)
        directions = train.T @ left / np.sqrt(np.maximum(values, 1e-14) * count)
    kept = values > 1e-10
    directions, values = directions[:, kept], values[kept]
    return Spectrum(
        values=values,
        target=directions.T @ (train.T @ _one_hot(given)) / count,
        train=train @ directions,
        test=test @ directions,
    )


def _along(experiment: Experiment, width: int, axis: Array, shrink: Array) -> Sweep:
    """Errors where each direction's coefficient is ``target · shrink``; shrink (A, R)."""
    found = spectrum(experiment, width)
    _x, given, _t, labels = data(experiment)
    train, test = [], []
    for row in shrink:
        coefficients = row[:, None] * found.target
        train.append(_errors(found.train @ coefficients, given))
        test.append(_errors(found.test @ coefficients, labels))
    return Sweep(
        axis=[float(value) for value in axis],
        train=[error for error, _squared in train],
        test=[error for error, _squared in test],
        train_squared=[squared for _error, squared in train],
        test_squared=[squared for _error, squared in test],
    )


def over_time(experiment: Experiment, width: int, points: int = 30) -> Sweep:
    """Errors after 1 to 10⁷ steps of gradient descent from zero, at the rate 1/λmax, as a closed form.

    In a direction of eigenvalue λ the coefficient after t steps is (1 - (1 - ηλ)ᵗ)/λ of its target.
    """
    values = spectrum(experiment, width).values
    steps = np.unique(np.round(np.logspace(0, 7, points)))
    left = np.exp(steps[:, None] * np.log1p(-np.minimum(values / values.max(), 1 - 1e-15)))
    return _along(experiment, width, steps, (1 - left) / values)


def over_decay(experiment: Experiment, width: int, points: int = 25) -> Sweep:
    """Errors of the finished training for weight decays λ from 10⁻⁷ to 10: the coefficient is 1/(eigenvalue + λ)."""
    values = spectrum(experiment, width).values
    decays = np.logspace(-7, 1, points)
    return _along(experiment, width, decays, 1 / (values + decays[:, None]))


def solve(experiment: Experiment, width: int, decay: float) -> Sweep:
    """Errors of one finished training with weight decay; its axis holds the decay."""
    train, test = features(experiment, width)
    _x, given, _t, labels = data(experiment)
    ridge, target = decay * len(train), _one_hot(given)
    if width <= len(train):
        weights = np.linalg.solve(train.T @ train + ridge * np.eye(width), train.T @ target)
    else:
        weights = train.T @ np.linalg.solve(train @ train.T + ridge * np.eye(len(train)), target)
    (wrong, squared), (test_wrong, test_squared) = _errors(train @ weights, given), _errors(test @ weights, labels)
    return Sweep(axis=[decay], train=[wrong], test=[test_wrong], train_squared=[squared], test_squared=[test_squared])


def widths(experiment: Experiment) -> list[int]:
    """Capacities to try: from few features to LARGEST, close together around the number of training images."""
    count = experiment.count * (COPIES if experiment.shifts else 1)
    around = [round(count * share) for share in (0.6, 0.8, 0.9, 1.0, 1.1, 1.25, 1.6)]
    return sorted({width for width in [10, 20, 40, 70, *around, 200, 300, 400, 500, LARGEST] if 10 <= width <= LARGEST})


@lru_cache(maxsize=32)
def over_capacity(experiment: Experiment, decay: float) -> Sweep:
    """Errors of the finished training for each of :func:`widths`."""
    _x, given, _t, labels = data(experiment)
    wide_train, wide_test = features(experiment, LARGEST)
    wide_train, wide_test = wide_train * np.sqrt(LARGEST), wide_test * np.sqrt(LARGEST)
    count, target = len(wide_train), _one_hot(given)
    train, test = [], []
    tried = widths(experiment)
    small = wide_train[:, : min(count, LARGEST)]
    inner = small.T @ small  # its corners are the inner products of all narrower models
    outer, seen = np.zeros((count, count)), 0
    across = np.zeros((TEST_COUNT, count))
    for width in tried:
        ridge = max(decay, RIDGELESS) * count * width
        if width <= count:
            part, part_test = wide_train[:, :width], wide_test[:, :width]
            weights = np.linalg.solve(inner[:width, :width] + ridge * np.eye(width), part.T @ target)
            outputs, test_outputs = part @ weights, part_test @ weights
        else:
            fresh, fresh_test = wide_train[:, seen:width], wide_test[:, seen:width]
            outer += fresh @ fresh.T
            across += fresh_test @ fresh.T
            seen = width
            dual = np.linalg.solve(outer + ridge * np.eye(count), target)
            outputs, test_outputs = outer @ dual, across @ dual
        train.append(_errors(outputs, given))
        test.append(_errors(test_outputs, labels))
    return Sweep(
        axis=[float(width) for width in tried],
        train=[error for error, _squared in train],
        test=[error for error, _squared in test],
        train_squared=[squared for _error, squared in train],
        test_squared=[squared for _error, squared in test],
    )


COUNTS = (10, 20, 40, 70, 100, 150, 250, 400)
"""Training images of :func:`over_count`."""


@lru_cache(maxsize=32)
def over_count(experiment: Experiment, width: int, decay: float) -> Sweep:
    """Errors of the finished training for each of COUNTS; the images of a smaller set are among those of a larger one."""
    parts = [solve(replace(experiment, count=count), width, max(decay, RIDGELESS)) for count in COUNTS]
    return Sweep(
        axis=[float(count) for count in COUNTS],
        train=[part.train[0] for part in parts],
        test=[part.test[0] for part in parts],
        train_squared=[part.train_squared[0] for part in parts],
        test_squared=[part.test_squared[0] for part in parts],
    )


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """What dropout leaves: many thinned networks, their vote, and the whole network that stands for it."""

    single: list[float]
    """Test error of each of MEMBERS thinned networks."""
    vote: list[float]
    """Test error of the mean output of the first 1, 2, … of them."""
    whole: float
    """Test error of the whole network, nothing dropped."""


def dropout_weights(experiment: Experiment, width: int, rate: float) -> Array:
    """The output weights (P, K) that training with dropout on the hidden layer tends to.

    The expected loss under dropout of rate q is the loss itself plus q/(1-q) times Σ wⱼ² φⱼ² (Srivastava et al., 2014,
    section 9.1): weight decay in proportion to how active each neuron is.
    """
    train, _test = features(experiment, width)
    _x, given, _t, _labels = data(experiment)
    target = _one_hot(given)
    diagonal = (train**2).sum(axis=0) * rate / (1 - rate) + RIDGELESS * len(train)
    if width <= len(train):
        return np.asarray(np.linalg.solve(train.T @ train + np.diag(diagonal), train.T @ target), dtype=np.float64)
    scaled = train / diagonal  # Woodbury: the smaller of the two systems
    return np.asarray(scaled.T @ np.linalg.solve(np.eye(len(train)) + scaled @ train.T, target), dtype=np.float64)


@lru_cache(maxsize=32)
def dropout(experiment: Experiment, width: int, rate: float) -> Ensemble:
    """Train with dropout in closed form, then ask thinned networks one by one and together."""
    _train, test = features(experiment, width)
    _x, _given, _t, labels = data(experiment)
    weights = dropout_weights(experiment, width, rate)
    random = np.random.default_rng([experiment.seed, 3])
    total = np.zeros((len(test), CLASSES))
    single, vote = [], []
    for member in range(1, MEMBERS + 1):
        kept = (random.random(width) >= rate) / (1 - rate)
        outputs = test @ (weights * kept[:, None])
        total += outputs
        single.append(_errors(outputs, labels)[0])
        vote.append(_errors(total / member, labels)[0])
    return Ensemble(single=single, vote=vote, whole=_errors(test @ weights, labels)[0])
