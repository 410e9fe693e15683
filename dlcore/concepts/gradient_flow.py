"""How much of the blame arrives at the front of a deep network that has not yet learned anything.

A network of equally wide layers gets random inputs and one random class each; its last layer is a linear classifier
with cross-entropy. Forward and back-propagation are written out in numpy; the tests hold every gradient against
``torch.autograd``.

Shapes: N examples, H neurons a layer, L layers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlcore.concepts.losses import softmax
from dlcore.concepts.neuron import slope, value
from dlcore.messages import N_

Array = NDArray[np.float64]

WIDTH = 32
EXAMPLES = 64
CLASSES = 10
DEEPEST = 50
EPSILON = 1e-5
"""Added to a variance before it divides, as ``torch.nn.BatchNorm1d`` and ``LayerNorm`` do."""

ACTIVATIONS: Mapping[str, str] = {
    "sigmoid": N_("Sigmoid"),
    "tanh": N_("Tanh"),
    "relu": N_("ReLU"),
    "gelu": N_("GELU"),
}
INITIALISATIONS: Mapping[str, str] = {
    "pytorch": N_("PyTorch's default"),
    "xavier": N_("Xavier (Glorot)"),
    "he": N_("He (Kaiming)"),
    "small": N_("Too small: σ = 0.01"),
    "large": N_("Too large: σ = 1"),
}
NORMALISATIONS: Mapping[str, str] = {"none": N_("None"), "batch": N_("Batch norm"), "layer": N_("Layer norm")}


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What was measured, a number a layer, the first layer first."""

    gradient_norms: list[float]
    """The length of each layer's weight gradient."""
    signal: list[float]
    """The standard deviation of each layer's output, over examples and neurons."""
    mean_slopes: list[float]
    """The mean of |φ′(z)| in each layer."""
    blame: list[float]
    """The length of the gradient by each layer's sums z."""
    passed: list[float]
    """The length of the gradient by each layer's output: what the layer above passed on to it."""
    loss: float

    @property
    def share(self) -> float:
        """The first layer's gradient as a part of the last one's; not a number where the last has none."""
        last = self.gradient_norms[-1]
        return self.gradient_norms[0] / last if last else math.nan

    @property
    def backward_factor(self) -> float:
        """What each layer on the way back multiplies the blame ‖δ‖ by, as a geometric mean."""
        return _mean_factor(self.blame[-1], self.blame[0], len(self.blame) - 1)

    @property
    def forward_factor(self) -> float:
        """What each layer on the way forward multiplies the spread of the signal by, as a geometric mean."""
        return _mean_factor(self.signal[0], self.signal[-1], len(self.signal) - 1)


def _mean_factor(before: float, after: float, steps: int) -> float:
    return float((after / before) ** (1 / steps)) if before > 0 and steps else 1.0 if before == after else 0.0


def draw(initialisation: str, layers: int, seed: int) -> tuple[list[Array], Array]:
    """Weights (H, H) of the hidden layers and those of the classifier (CLASSES, H); biases are zero throughout."""
    random = np.random.default_rng([seed, layers])

    def weight(out: int) -> Array:
        match initialisation:
            case "pytorch":
                return random.uniform(-1, 1, (out, WIDTH)) / math.sqrt(WIDTH)
            case "xavier":
                return random.uniform(-1, 1, (out, WIDTH)) * math.sqrt(6 / (WIDTH + out))
            case "he":
                return random.standard_normal((out, WIDTH)) * math.sqrt(2 / WIDTH)
            case "small":
                return random.standard_normal((out, WIDTH)) * 0.01
            case _:
                return random.standard_normal((out, WIDTH))

    hidden = [weight(WIDTH) for _layer in range(layers)]
    return hidden, random.uniform(-1, 1, (CLASSES, WIDTH)) / math.sqrt(WIDTH)


def examples(seed: int) -> tuple[Array, NDArray[np.int64]]:
    """Inputs (N, H), standard normal, and their classes (N,)."""
    random = np.random.default_rng([seed, 10_000])
    return random.standard_normal((EXAMPLES, WIDTH)), random.integers(0, CLASSES, EXAMPLES)


def measure(
    *, layers: int, activation: str, initialisation: str, normalisation: str, residual: bool, seed: int = 0
) -> Flow:
    """One pass forward and one back through the untrained network.

    A layer is z = norm(W a), a′ = φ(z), or a + φ(z) with a residual link (He et al., 2015).
    """
    weights, classifier = draw(initialisation, layers, seed)
    x, targets = examples(seed)
    with np.errstate(all="ignore"):  # a gradient that overflows is one of the lessons
        inputs, sums, spreads, normed = [x], [], [], []
        for weight in weights:
            raw = inputs[-1] @ weight.T
            z, spread = _normalise(raw, normalisation)
            out = value(activation, z)
            inputs.append(inputs[-1] + out if residual else out)
            sums.append(z)
            spreads.append(spread)
            normed.append(z)
        logits = inputs[-1] @ classifier.T
        shares = softmax(logits)
        rows = np.arange(EXAMPLES)
        loss = float(-np.log(np.maximum(shares[rows, targets], 1e-300)).mean())
        by_logits = shares
        by_logits[rows, targets] -= 1.0
        by_output = by_logits / EXAMPLES @ classifier
        norms, slopes, blames, passed = [], [], [], []
        for layer in range(layers - 1, -1, -1):
            passed.append(float(np.linalg.norm(by_output)))
            steep = slope(activation, sums[layer])
            by_sum = by_output * steep
            blames.append(float(np.linalg.norm(by_sum)))
            slopes.append(float(np.abs(steep).mean()))
            by_raw = _normalise_back(by_sum, normed[layer], spreads[layer], normalisation)
            norms.append(float(np.linalg.norm(by_raw.T @ inputs[layer])))
            by_input = by_raw @ weights[layer]
            by_output = by_output + by_input if residual else by_input
        signal = [float(a.std()) for a in inputs[1:]]
    return Flow(
        gradient_norms=norms[::-1],
        signal=signal,
        mean_slopes=slopes[::-1],
        blame=blames[::-1],
        passed=passed[::-1],
        loss=loss,
    )


def _axis(kind: str) -> int:
    return 0 if kind == "batch" else 1


def _normalise(raw: Array, kind: str) -> tuple[Array, Array]:
    """Each neuron over the batch, or each example over its neurons, to mean 0 and variance 1; and what it was divided by."""
    if kind == "none":
        return raw, np.ones((1, 1))
    spread = np.sqrt(raw.var(axis=_axis(kind), keepdims=True) + EPSILON)
    return (raw - raw.mean(axis=_axis(kind), keepdims=True)) / spread, spread


def _normalise_back(by_normed: Array, normed: Array, spread: Array, kind: str) -> Array:
    """The gradient before a normalisation from that after it (Ioffe and Szegedy, 2015)."""
    if kind == "none":
        return by_normed
    axis = _axis(kind)
    inner = (by_normed * normed).mean(axis=axis, keepdims=True)
    result: Array = (by_normed - by_normed.mean(axis=axis, keepdims=True) - normed * inner) / spread
    return result
