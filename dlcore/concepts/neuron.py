"""One neuron with two inputs: a = φ(w·x + b), its slope, and how much of what it meets leaves it without one.

Everything is numpy in double precision; the tests hold activations and slopes against ``torch.autograd``.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from dlcore.messages import N_

Array = NDArray[np.float64]

LEAK = 0.01
SATURATED = 0.05
"""A slope below this share of the steepest one that the activation has counts as none."""
SAMPLES = 2000

ACTIVATIONS: Mapping[str, str] = {
    "sigmoid": N_("Sigmoid"),
    "tanh": N_("Tanh"),
    "relu": N_("ReLU"),
    "leaky-relu": N_("Leaky ReLU"),
    "gelu": N_("GELU"),
    "silu": N_("SiLU"),
}
"""GELU (Hendrycks and Gimpel, 2016) in its exact form; SiLU (Elfwing et al., 2017) is z·sigmoid(z)."""

_erf = np.vectorize(math.erf, otypes=[float])


def _sigmoid(z: Array) -> Array:
    result: Array = 0.5 * (1.0 + np.tanh(0.5 * z))
    return result


def _normal_share(z: Array) -> Array:
    result: Array = 0.5 * (1.0 + _erf(z / math.sqrt(2)))
    return result


_VALUE: Mapping[str, Callable[[Array], Array]] = {
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0.0),
    "leaky-relu": lambda z: np.where(z > 0, z, LEAK * z),
    "gelu": lambda z: z * _normal_share(z),
    "silu": lambda z: z * _sigmoid(z),
}
_SLOPE: Mapping[str, Callable[[Array], Array]] = {
    "sigmoid": lambda z: _sigmoid(z) * (1.0 - _sigmoid(z)),
    "tanh": lambda z: 1.0 - np.tanh(z) ** 2,
    "relu": lambda z: (z > 0).astype(np.float64),
    "leaky-relu": lambda z: np.where(z > 0, 1.0, LEAK),
    "gelu": lambda z: _normal_share(z) + z * np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi),
    "silu": lambda z: _sigmoid(z) * (1.0 + z * (1.0 - _sigmoid(z))),
}


def value(activation: str, z: Array) -> Array:
    """φ(z), entry by entry."""
    return _VALUE[activation](z)


def slope(activation: str, z: Array) -> Array:
    """φ′(z), entry by entry; at a kink itself 0 or the leak, as in PyTorch."""
    return _SLOPE[activation](z)


def steepest(activation: str) -> float:
    """The largest |φ′(z)| between -8 and 8."""
    return float(np.abs(slope(activation, np.linspace(-8, 8, 1601))).max())


def inputs() -> Array:
    """The inputs (SAMPLES, 2) that a neuron meets here: a standard normal draw, always the same."""
    return np.random.default_rng(7).standard_normal((SAMPLES, 2))


def saturation(activation: str, weights: tuple[float, float], bias: float) -> float:
    """The share in [0, 1] of :func:`inputs` at which the neuron's slope is below SATURATED of its steepest."""
    z = inputs() @ np.array(weights) + bias
    return float(np.mean(np.abs(slope(activation, z)) < SATURATED * steepest(activation)))
