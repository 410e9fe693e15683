"""Activations and their slopes, as the curves of a figure; plain floats, so that showing them needs no torch."""

import math
from collections.abc import Callable, Mapping

Curve = Callable[[float], float]


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def _normal_share(z: float) -> float:
    return (1 + math.erf(z / math.sqrt(2))) / 2


def _normal_density(z: float) -> float:
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


ACTIVATIONS: Mapping[str, tuple[Curve, Curve]] = {
    "Sigmoid": (_sigmoid, lambda z: _sigmoid(z) * (1 - _sigmoid(z))),
    "Tanh": (math.tanh, lambda z: 1 - math.tanh(z) ** 2),
    "ReLU": (lambda z: max(z, 0.0), lambda z: float(z > 0)),
    "GELU": (lambda z: z * _normal_share(z), lambda z: _normal_share(z) + z * _normal_density(z)),
}
"""Name to the function and its derivative. GELU: Hendrycks and Gimpel, 2016, the exact form."""
