"""The playground's network in numpy: forward, backward, first weights, losses and optimizers.

All of it is PyTorch's, formula by formula; the tests hold it against ``torch.autograd`` and ``torch.optim``. It is numpy in
double precision because a network of a few dozen weights spends its time in the calls, not in the arithmetic, and because
a page that shows this lab need not wait for torch.

Shapes: N points, D features, K outputs, P parameters.
"""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dlcore.concepts import playground_data
from dlcore.concepts.playground_experiment import Experiment

Array = NDArray[np.float64]

LEAK = 0.01


def sigmoid(z: Array) -> Array:
    """1/(1 + e⁻ᶻ), entry by entry."""
    result: Array = 1.0 / (1.0 + np.exp(-z))
    return result


def softmax(z: Array) -> Array:
    """Probabilities (N, K) from logits (N, K); each row adds up to 1."""
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    result: Array = powers / powers.sum(axis=1, keepdims=True)
    return result


_ACTIVATE: Mapping[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0.0),
    "leaky-relu": lambda z: np.where(z > 0, z, LEAK * z),
    "sigmoid": sigmoid,
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
    guess = sigmoid(outputs) if width == 1 else softmax(outputs)
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
