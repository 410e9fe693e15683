"""A small network on points of the plane: its whole training as a recording that can be played forwards and backwards.

Shapes: N points, D features, K outputs, H hidden neurons in all, P parameters, F frames, G grid cells a side.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlcore.concepts.playground_experiment import EXTENT, Experiment, Points, features_of, points_of
from dlcore.concepts.playground_network import Network, initialise, loss_and_gradient, optimizer_of, sigmoid, softmax

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

GRID = 60
"""Cells a side of the output's surface."""
SMALL_GRID = 20
"""Cells a side of a neuron's surface."""
FRAMES = 100
LOSS_LIMIT = 1e6
"""A training whose loss passes this has diverged."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A whole training. Losses and accuracies have one value an epoch, epoch 0 being the untrained network."""

    experiment: Experiment
    points: Points
    train_losses: list[float]
    test_losses: list[float]
    """Without the penalty; empty where there are no such points."""
    train_accuracies: list[float]
    test_accuracies: list[float]
    """In [0, 1]; empty for a regression and where there are no such points."""
    diverged: bool
    """Whether the training was broken off because its loss passed LOSS_LIMIT or was no number."""
    frames: list[int]
    """The epoch of each frame."""
    parameters: Array
    """(F, P), in PyTorch's order."""
    surfaces: Bytes
    """(F, K, G, G): probabilities 0 to 1 as 0 to 255; for a regression values -1 to 1. First row at y = -EXTENT."""
    neurons: Bytes
    """(F, H, g, g): values from -scale over 0 to +scale as 1 over 128 to 255."""
    scales: list[float]
    """Of each hidden neuron: the largest value it takes on the plane in all frames, 1 where it is bounded by 1."""
    features: Bytes
    """(D, g, g): the features themselves, scaled by their largest value."""

    @property
    def epochs(self) -> int:
        """Epochs that were trained; fewer than asked for where the training diverged."""
        return self.frames[-1]


def _frame_epochs(epochs: int) -> list[int]:
    """Epochs to record: close together at first, where most happens."""
    return sorted({round(epochs * (frame / (FRAMES - 1)) ** 1.3) for frame in range(FRAMES)})


def _plane(cells: int) -> Array:
    """The centres (G·G, 2) of the cells, x fastest, y upwards."""
    axis = (np.arange(cells) + 0.5) / cells * 2 * EXTENT - EXTENT
    x, y = np.meshgrid(axis, axis)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def accuracy_of(outputs: Array, targets: Array) -> float:
    """The share of points whose class is the one predicted; outputs (N, K)."""
    guess = outputs[:, 0] > 0 if outputs.shape[1] == 1 else outputs.argmax(axis=1)
    return float(np.mean(guess == targets.astype(int)))


def record(experiment: Experiment) -> Recording:
    """Train by mini-batches, a new random order each epoch, and record everything. Same experiment, same recording."""
    with np.errstate(all="ignore"):  # a rate that is too high overflows, which is one of the lessons
        return _record(experiment)


def _record(experiment: Experiment) -> Recording:
    points = points_of(experiment)
    inputs = features_of(points.places, experiment.features)
    parts = [(inputs[chosen], points.targets[chosen]) for chosen in (points.training, ~points.training)]
    network = Network(experiment.sizes, experiment.activation)
    initialise(network, experiment.initialisation, np.random.default_rng([experiment.seed, 1]))
    losses: tuple[list[float], list[float]] = ([], [])
    accuracies: tuple[list[float], list[float]] = ([], [])
    wanted = set(_frame_epochs(experiment.epochs))
    kept: dict[int, Array] = {}
    latest = network.parameters.copy()
    epochs = experiment.epochs if len(parts[0][0]) else 0
    diverged = False
    run_epoch = _epochs(experiment, network, *parts[0])
    for epoch in range(epochs + 1):
        if epoch:
            run_epoch()
        measured = [_measured(experiment, network, *part) for part in parts]
        known = [pair[0] for pair in measured if pair is not None]
        if not np.isfinite(network.parameters).all() or any(not loss <= LOSS_LIMIT for loss in known):
            diverged = True
            break
        for pair, part_losses, part_accuracies in zip(measured, losses, accuracies, strict=True):
            if pair is not None:
                part_losses.append(pair[0])
                if not experiment.regression:
                    part_accuracies.append(pair[1])
        latest = network.parameters.copy()
        if epoch in wanted:
            kept[epoch] = latest
    done = max(len(losses[0]) - 1, 0)
    kept[done] = latest
    frames = sorted(kept)
    parameters = np.stack([kept[epoch] for epoch in frames])
    surfaces, neurons, scales = _surfaces(experiment, network, parameters)
    plane = features_of(_plane(SMALL_GRID), experiment.features)
    features = np.rint(128 + 127 * plane / np.abs(plane).max(axis=0)).astype(np.uint8)
    return Recording(
        experiment=experiment,
        points=points,
        train_losses=losses[0],
        test_losses=losses[1],
        train_accuracies=accuracies[0],
        test_accuracies=accuracies[1],
        diverged=diverged,
        frames=frames,
        parameters=parameters,
        surfaces=surfaces,
        neurons=neurons,
        scales=scales,
        features=features.T.reshape(-1, SMALL_GRID, SMALL_GRID),
    )


def _measured(experiment: Experiment, network: Network, inputs: Array, targets: Array) -> tuple[float, float] | None:
    if not len(inputs):
        return None
    outputs = network.forward(inputs)[-1]
    loss, _ = loss_and_gradient(outputs, targets, experiment.loss, regression=experiment.regression)
    return loss, 0.0 if experiment.regression else accuracy_of(outputs, targets)


def _epochs(experiment: Experiment, network: Network, inputs: Array, targets: Array) -> Callable[[], None]:
    """A function that trains one epoch."""
    random = np.random.default_rng([experiment.seed, 2])
    size = experiment.batch_size or max(len(inputs), 1)
    update = optimizer_of(experiment, network)
    strength = experiment.penalty_rate * network.is_weight
    parameters, gradient = network.parameters, network.gradient

    def run() -> None:
        order = random.permutation(len(inputs))
        shuffled, answers = inputs[order], targets[order]
        for start in range(0, len(order), size):
            values = network.forward(shuffled[start : start + size])
            _, by_outputs = loss_and_gradient(
                values[-1], answers[start : start + size], experiment.loss, regression=experiment.regression
            )
            network.backward(values, by_outputs)
            if experiment.penalty == "l2":
                gradient[:] += strength * parameters
            elif experiment.penalty == "l1":
                gradient[:] += strength * np.sign(parameters)
            update()

    return run


def _surfaces(experiment: Experiment, network: Network, parameters: Array) -> tuple[Bytes, Bytes, list[float]]:
    """Surfaces of the outputs and of the hidden neurons in all frames, and the neurons' scales."""
    count, hidden = len(parameters), sum(experiment.hidden)
    inputs = features_of(_plane(GRID), experiment.features)
    small_inputs = features_of(_plane(SMALL_GRID), experiment.features)
    outputs = np.empty((count, GRID * GRID, experiment.outputs))
    neurons = np.empty((count, SMALL_GRID * SMALL_GRID, hidden))
    for frame, flat in enumerate(parameters):
        network.parameters[:] = flat
        outputs[frame] = network.forward(inputs)[-1]
        if hidden:
            neurons[frame] = np.concatenate(network.forward(small_inputs)[1:-1], axis=1)
    if experiment.regression:
        shares = (np.clip(outputs, -1, 1) + 1) / 2
    elif experiment.outputs == 1:
        shares = sigmoid(outputs)
    else:
        shares = softmax(outputs.reshape(-1, experiment.outputs)).reshape(outputs.shape)
    if experiment.activation in {"tanh", "sigmoid"}:
        scales = np.ones(hidden)
    else:
        scales = np.abs(neurons).max(axis=(0, 1))
        scales[scales == 0] = 1.0
    shape = (GRID, GRID)
    small_shape = (SMALL_GRID, SMALL_GRID)
    return (
        np.rint(255 * shares).astype(np.uint8).transpose(0, 2, 1).reshape(count, experiment.outputs, *shape),
        np.rint(128 + 127 * neurons / scales).astype(np.uint8).transpose(0, 2, 1).reshape(count, hidden, *small_shape),
        [float(scale) for scale in scales],
    )
