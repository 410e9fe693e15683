"""All that decides a training of the playground: data, features, network, learning; and the points that it makes.

Shapes: N points, D features.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dlcore.concepts import playground_data
from dlcore.messages import N_, UserError

Array = NDArray[np.float64]

EXTENT = 1.2
"""The plane that is recorded reaches from -EXTENT to EXTENT on both axes."""
COUNT = 200
"""Points of a ready data set, training and test points together."""
LAYERS_LIMIT = 4
NEURONS_LIMIT = 8
OWN_LIMIT = 60
EPOCHS_LIMIT = 300
RATE_LIMIT = 30.0
SEED_LIMIT = 2**31 - 1

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
