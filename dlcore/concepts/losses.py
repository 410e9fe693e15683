"""Softmax with a temperature, cross-entropy and squared error of three classes, and their gradients by the logits.

Shapes: K classes. The loss is that of one example whose right class is ``target``; cross-entropy is in nats, squared
error is Brier's (1950): the sum over the classes of the squared difference to 0 or 1.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def softmax(logits: Array, temperature: float = 1.0) -> Array:
    """exp(z/T) divided by its sum over the last axis; never overflows."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    result: Array = powers / powers.sum(axis=-1, keepdims=True)
    return result


def cross_entropy(logits: Array, target: int, temperature: float = 1.0) -> Array:
    """-ln p of the right class, for logits (..., K); from the logits, so that it is never infinite."""
    scaled = logits / temperature
    largest = scaled.max(axis=-1)
    result: Array = largest + np.log(np.exp(scaled - largest[..., None]).sum(axis=-1)) - scaled[..., target]
    return result


def cross_entropy_gradient(logits: Array, target: int, temperature: float = 1.0) -> Array:
    """∂L/∂z = (p - y)/T, shape of ``logits``."""
    gradient = softmax(logits, temperature)
    gradient[..., target] -= 1.0
    return gradient / temperature


def squared_error(logits: Array, target: int, temperature: float = 1.0) -> Array:
    """Σ (p - y)² over the classes, for logits (..., K)."""
    difference = softmax(logits, temperature)
    difference[..., target] -= 1.0
    result: Array = (difference**2).sum(axis=-1)
    return result


def squared_error_gradient(logits: Array, target: int, temperature: float = 1.0) -> Array:
    """∂L/∂z = 2/T · p ⊙ (d - p·d) with d = p - y: every entry is multiplied by a probability, which is the trouble."""
    shares = softmax(logits, temperature)
    difference = shares.copy()
    difference[..., target] -= 1.0
    inner = (shares * difference).sum(axis=-1, keepdims=True)
    result: Array = 2.0 / temperature * shares * (difference - inner)
    return result


def answers_outweighed(probability: float, honest: float = 0.9) -> float:
    """How many right answers given with probability ``honest`` cost as much as one whose right class got ``probability``."""
    return float(np.log(probability) / np.log(honest))
