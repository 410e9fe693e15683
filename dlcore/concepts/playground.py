"""A small network on points of the plane: its whole training as a recording that can be played forwards and backwards.

Everything is computed with numpy in double precision, because a network of a few dozen weights spends its time in the
calls, not in the arithmetic, and because a page that shows this lab need not wait for torch. Losses, gradients and
optimizers are PyTorch's, formula by formula; the tests hold them against ``torch.autograd`` and ``torch.optim``.

Shapes: N points, D features, K outputs, H hidden neurons in all, P parameters, F frames, G grid cells a side.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dlcore.concepts import playground_data
from dlcore.messages import N_, UserError

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

EXTENT = 1.2
"""The plane that is recorded reaches from -EXTENT to EXTENT on both axes."""
COUNT = 200
"""Points of a ready data set, training and test points together."""
GRID = 60
"""Cells a side of the output's surface."""
SMALL_GRID = 20
"""Cells a side of a neuron's surface."""
FRAMES = 100
LAYERS_LIMIT = 4
NEURONS_LIMIT = 8
OWN_LIMIT = 60
EPOCHS_LIMIT = 300
RATE_LIMIT = 30.0
SEED_LIMIT = 2**31 - 1
LOSS_LIMIT = 1e6
"""A training whose loss passes this has diverged."""
LEAK = 0.01

DATA: Mapping[str, str] = {
    "xor": N_("XOR: opposite corners"),
    "circles": N_("Circles: a disc in a ring"),
    "moons": N_("Moons: two crescents"),
    "spirals": N_("Spirals: two arms"),
    "blobs": N_("Blobs: three classes"),
    "plane": N_("A slope (regression)"),
    "hills": N_("Hills and hollows (regression)"),
    "own": N_("Only my own points"),
}
REGRESSION = frozenset({"plane", "hills"})

FEATURES: Mapping[str, str] = {
    "x1": "x₁",
    "x2": "x₂",
    "x1-squared": "x₁²",
    "x2-squared": "x₂²",
    "x1-x2": "x₁·x₂",
    "sin-x1": "sin πx₁",
    "sin-x2": "sin πx₂",
}
ACTIVATIONS: Mapping[str, str] = {
    "tanh": N_("Tanh"),
    "relu": N_("ReLU"),
    "leaky-relu": N_("Leaky ReLU"),
    "sigmoid": N_("Sigmoid"),
    "identity": N_("None (linear)"),
}
OPTIMIZERS: Mapping[str, str] = {
    "sgd": N_("SGD"),
    "momentum": N_("SGD with momentum 0.9"),
    "rmsprop": N_("RMSprop"),
    "adam": N_("Adam"),
}
PENALTIES: Mapping[str, str] = {"none": N_("None"), "l1": N_("L1"), "l2": N_("L2")}
LOSSES: Mapping[str, str] = {
    "cross-entropy": N_("Cross-entropy"),
    "squared-error": N_("Squared error"),
    "absolute-error": N_("Absolute error"),
}
INITIALISATIONS: Mapping[str, str] = {
    "pytorch": N_("PyTorch's default"),
    "xavier": N_("Xavier (Glorot)"),
    "he": N_("He (Kaiming)"),
    "normal": N_("Normal, σ = 1"),
    "zeros": N_("All zeros"),
}
BATCH_SIZES = (8, 16, 32, 64, 0)
"""0 stands for all training points at once."""

OwnPoint = tuple[float, float, int]
"""x, y and a mark: class 0, 1 or 2; in a regression the marks 0, 1, 2 stand for the targets -1, 1, 0."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """All that decides a training: the same experiment gives the same recording.

    Raises:
        UserError: a value out of range.
    """

    data: str = "xor"
    noise: float = 0.05
    """Standard deviation added to each coordinate; in a regression to the targets."""
    train_share: float = 0.5
    own_points: tuple[OwnPoint, ...] = ()
    """Points of the visitor's own; they are learned from, not tested on."""
    features: tuple[str, ...] = ("x1", "x2")
    hidden: tuple[int, ...] = (4,)
    activation: str = "tanh"
    optimizer: str = "adam"
    learning_rate: float = 0.03
    penalty: str = "none"
    penalty_rate: float = 0.01
    """λ of λ·Σ|w| (L1) or λ/2·Σw² (L2) over the weights, biases left out."""
    batch_size: int = 16
    loss: str = "cross-entropy"
    initialisation: str = "pytorch"
    seed: int = 0
    epochs: int = 200

    def __post_init__(self) -> None:
        for name, known in (
            ("data", DATA),
            ("activation", ACTIVATIONS),
            ("optimizer", OPTIMIZERS),
            ("penalty", PENALTIES),
            ("initialisation", INITIALISATIONS),
            ("loss", losses_of(self.data)),
        ):
            if getattr(self, name) not in known:
                raise _refusal(name, getattr(self, name), ", ".join(known))
        for name, low, high in (
            ("noise", 0.0, 0.5),
            ("train_share", 0.1, 0.9),
            ("learning_rate", 0.0, RATE_LIMIT),
            ("penalty_rate", 0.0, 1.0),
            ("seed", 0, SEED_LIMIT),
            ("epochs", 1, EPOCHS_LIMIT),
        ):
            if not low <= getattr(self, name) <= high:  # NaN is refused too
                raise _refusal(name, getattr(self, name), f"[{low}, {high}]")
        self._check_structure()

    def _check_structure(self) -> None:
        if self.batch_size not in BATCH_SIZES:
            raise _refusal("batch_size", self.batch_size, ", ".join(map(str, BATCH_SIZES)))
        if not self.features or list(self.features) != [name for name in FEATURES if name in self.features]:
            raise _refusal("features", ",".join(self.features), ", ".join(FEATURES))
        if len(self.hidden) > LAYERS_LIMIT or not all(1 <= width <= NEURONS_LIMIT for width in self.hidden):
            raise UserError(
                N_("hidden must be at most {layers} layers of 1 to {neurons} neurons; got {value}."),
                layers=LAYERS_LIMIT,
                neurons=NEURONS_LIMIT,
                value=",".join(map(str, self.hidden[:9])),
            )
        if len(self.own_points) > OWN_LIMIT:
            raise _refusal("own_points", len(self.own_points), f"[0, {OWN_LIMIT}]")
        for x, y, mark in self.own_points:
            if not (abs(x) <= EXTENT and abs(y) <= EXTENT and mark in {0, 1, 2}):
                raise _refusal("own_points", f"{x:g},{y:g},{mark}", f"[-{EXTENT}, {EXTENT}]² × {{0, 1, 2}}")

    @property
    def regression(self) -> bool:
        """Whether a number is predicted instead of a class."""
        return self.data in REGRESSION

    @property
    def outputs(self) -> int:
        """Output neurons: one for two classes or a number, three for three classes."""
        return 3 if self.data == "blobs" else 1

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons of each layer, features and outputs included."""
        return (len(self.features), *self.hidden, self.outputs)


def _refusal(name: str, value: object, allowed: str) -> UserError:
    return UserError(N_("{name} must be in {allowed}; got {value}."), name=name, allowed=allowed, value=str(value)[:40])


def losses_of(data: str) -> tuple[str, ...]:
    """The losses that apply to a data set, the usual one first."""
    return ("squared-error", "absolute-error") if data in REGRESSION else ("cross-entropy", "squared-error")


def with_values(experiment: Experiment, **changes: object) -> Experiment:
    """The experiment with some values changed; a loss that no longer applies becomes the usual one.

    Raises:
        UserError: a value out of range.
    """
    usual = losses_of(str(changes.get("data", experiment.data)))
    if changes.get("loss", experiment.loss) not in usual:
        changes["loss"] = usual[0]
    return replace(experiment, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Points:
    """The data of an experiment: points (N, 2), targets (N,), and which of them are learned from (N,)."""

    places: Array
    targets: Array
    training: NDArray[np.bool_]


def points_of(experiment: Experiment) -> Points:
    """Draw the data set of an experiment, its own points last; reproducible by its seed."""
    count = 0 if experiment.data == "own" else COUNT
    make: Callable[..., tuple[Array, Array]] = getattr(playground_data, "xor" if not count else experiment.data)
    random = np.random.default_rng([experiment.seed, 0])
    places, targets = make(count, experiment.noise, random)
    training = np.arange(count) < round(count * experiment.train_share)
    if experiment.own_points:
        own = np.array(experiment.own_points, dtype=np.float64)
        marks = own[:, 2].astype(int)
        own_targets = np.array([-1.0, 1.0, 0.0])[marks] if experiment.regression else own[:, 2]
        own_targets = own_targets if experiment.regression or experiment.outputs > 1 else np.minimum(own_targets, 1.0)
        places, targets = np.concatenate([places, own[:, :2]]), np.concatenate([targets, own_targets])
        training = np.concatenate([training, np.ones(len(own), dtype=bool)])
    return Points(places=places, targets=targets, training=training)


def features_of(places: Array, names: tuple[str, ...]) -> Array:
    """The chosen features (N, D) of points (N, 2)."""
    x1, x2 = places[:, 0], places[:, 1]
    columns = {
        "x1": x1,
        "x2": x2,
        "x1-squared": x1**2,
        "x2-squared": x2**2,
        "x1-x2": x1 * x2,
        "sin-x1": np.sin(np.pi * x1),
        "sin-x2": np.sin(np.pi * x2),
    }
    return np.stack([columns[name] for name in names], axis=1)


def _sigmoid(z: Array) -> Array:
    result: Array = 1.0 / (1.0 + np.exp(-z))
    return result


def _softmax(z: Array) -> Array:
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    result: Array = powers / powers.sum(axis=1, keepdims=True)
    return result


_ACTIVATE: Mapping[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0.0),
    "leaky-relu": lambda z: np.where(z > 0, z, LEAK * z),
    "sigmoid": _sigmoid,
    "identity": lambda z: z,
}
_SLOPE: Mapping[str, Callable[[Array], Array | float]] = {
    # From the activation's own value a; ReLU and leaky ReLU have the sign of what went in.
    "tanh": lambda a: 1.0 - a * a,
    "relu": lambda a: (a > 0).astype(np.float64),
    "leaky-relu": lambda a: np.where(a > 0, 1.0, LEAK),
    "sigmoid": lambda a: a * (1.0 - a),
    "identity": lambda _a: 1.0,
}


def loss_and_gradient(outputs: Array, targets: Array, loss: str, *, regression: bool) -> tuple[float, Array]:
    """The mean loss over a batch and its gradient by the outputs.

    Args:
        outputs: (N, K) what the last layer gives, before sigmoid or softmax.
        targets: (N,) classes 0 to K-1, classes 0 and 1 where K is 1, or numbers.
        loss: one of LOSSES; cross-entropy in nats; squared error of the probabilities, averaged over all N·K of them.
        regression: whether the outputs are the prediction themselves.

    Returns:
        The loss and its gradient (N, K).
    """
    count, width = outputs.shape
    wanted = targets[:, None] if width == 1 else np.eye(width)[targets.astype(int)]
    if regression:
        difference = outputs - wanted
        if loss == "squared-error":
            return float(np.mean(difference**2)), 2.0 * difference / count
        return float(np.mean(np.abs(difference))), np.sign(difference) / count
    guess = _sigmoid(outputs) if width == 1 else _softmax(outputs)
    difference = guess - wanted
    if loss == "cross-entropy":
        if width == 1:
            value = np.mean(np.logaddexp(0.0, outputs) - wanted * outputs)
        else:
            largest = outputs.max(axis=1, keepdims=True)
            logs = largest[:, 0] + np.log(np.exp(outputs - largest).sum(axis=1))
            value = np.mean(logs - (wanted * outputs).sum(axis=1))
        return float(value), difference / count
    by_guess = 2.0 * difference / difference.size
    if width == 1:
        return float(np.mean(difference**2)), by_guess * guess * (1.0 - guess)
    return float(np.mean(difference**2)), guess * (by_guess - (by_guess * guess).sum(axis=1, keepdims=True))


class Network:
    """A multi-layer perceptron whose parameters are views into one flat vector, in the order PyTorch keeps them.

    ``parameters`` and ``gradient`` are (P,); ``weights[i]`` is (out, in) and ``biases[i]`` (out,).
    """

    def __init__(self, sizes: tuple[int, ...], activation: str) -> None:
        shapes = list(pairwise(sizes))
        self.activate, self.slope = _ACTIVATE[activation], _SLOPE[activation]
        total = sum(wide * (deep + 1) for deep, wide in shapes)
        self.parameters, self.gradient = np.zeros(total), np.zeros(total)
        self.is_weight = np.zeros(total)
        self.weights, self.biases = self._views(self.parameters, shapes)
        self._weight_gradients, self._bias_gradients = self._views(self.gradient, shapes)
        for part in self._views(self.is_weight, shapes)[0]:
            part[:] = 1.0

    @staticmethod
    def _views(flat: Array, shapes: list[tuple[int, int]]) -> tuple[list[Array], list[Array]]:
        weights, biases, place = [], [], 0
        for deep, wide in shapes:
            weights.append(flat[place : place + wide * deep].reshape(wide, deep))
            place += wide * deep
            biases.append(flat[place : place + wide])
            place += wide
        return weights, biases

    def forward(self, features: Array) -> list[Array]:
        """What each layer gives, the features themselves first and the outputs (N, K) last."""
        values = [features]
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values.append(self.activate(values[-1] @ weight.T + bias))
        values.append(values[-1] @ self.weights[-1].T + self.biases[-1])
        return values

    def backward(self, values: list[Array], by_outputs: Array) -> None:
        """Fill ``gradient`` by back-propagation from the gradient by the outputs (N, K)."""
        delta = by_outputs
        for layer in range(len(self.weights) - 1, -1, -1):
            np.matmul(delta.T, values[layer], out=self._weight_gradients[layer])
            delta.sum(axis=0, out=self._bias_gradients[layer])
            if layer:
                delta = (delta @ self.weights[layer]) * self.slope(values[layer])


def initialise(network: Network, kind: str, random: np.random.Generator) -> None:
    """Draw the parameters; ``kind`` is one of INITIALISATIONS.

    PyTorch's default draws weights and biases from ±1/√fan_in. Xavier (Glorot and Bengio, 2010) draws weights from
    ±√(6/(fan_in + fan_out)), He (He et al., 2015) from a normal distribution of variance 2/fan_in; biases are zero.
    """
    playground_data.draw_parameters(network.weights, network.biases, kind, random)


def optimizer_of(experiment: Experiment, network: Network) -> Callable[[], None]:
    """One update of ``network.parameters`` by ``network.gradient``, with ``torch.optim``'s formulas and defaults."""
    rate = experiment.learning_rate
    parameters, gradient = network.parameters, network.gradient
    first, second = np.zeros_like(parameters), np.zeros_like(parameters)
    step = 0

    def sgd() -> None:
        parameters[:] -= rate * gradient

    def momentum() -> None:
        first[:] = 0.9 * first + gradient
        parameters[:] -= rate * first

    def rmsprop() -> None:
        second[:] = 0.99 * second + 0.01 * gradient * gradient
        parameters[:] -= rate * gradient / (np.sqrt(second) + 1e-8)

    def adam() -> None:
        nonlocal step
        step += 1
        first[:] += 0.1 * (gradient - first)
        second[:] = 0.999 * second + 0.001 * gradient * gradient
        root = np.sqrt(second) / math.sqrt(1.0 - 0.999**step) + 1e-8
        parameters[:] -= (rate / (1.0 - 0.9**step)) * first / root

    return {"sgd": sgd, "momentum": momentum, "rmsprop": rmsprop, "adam": adam}[experiment.optimizer]


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
        shares = _sigmoid(outputs)
    else:
        shares = _softmax(outputs.reshape(-1, experiment.outputs)).reshape(outputs.shape)
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
