"""Losses of two numbers to descend: four famous ones, and a plane through the weight space of a real small network.

Every function takes places (..., 2) and works on all of them at once. The lowest value of the famous ones is 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dlcore.concepts.playground_experiment import Experiment, points_of
from dlcore.concepts.playground_network import Network, initialise, loss_and_gradient, optimizer_of
from dlcore.messages import N_

Array = NDArray[np.float64]
Box = tuple[float, float, float, float]

BATCH = 8
"""Examples in a mini-batch of the network's plane."""
NOISE = 0.05
"""On the famous surfaces mini-batches are imitated: normal noise of this share of the gradient's length at the start."""

TITLES: Mapping[str, str] = {
    "ravine": N_("A ravine (quadratic)"),
    "rosenbrock": N_("Rosenbrock's valley"),
    "beale": N_("Beale's corners"),
    "saddle": N_("A saddle"),
    "network": N_("A real network, cut by a plane"),
}


@dataclass(frozen=True, kw_only=True)
class Surface:
    """A loss over the plane."""

    value: Callable[[Array], Array]
    """(..., 2) to (...)."""
    gradient: Callable[[Array], Array]
    """(..., 2) to (..., 2)."""
    box: Box
    """What a map shows: left, right, bottom, top."""
    start: tuple[float, float]
    lowest: tuple[tuple[float, float], ...]
    """Where it is lowest, as far as known."""
    noisy: Callable[[Array, np.random.Generator], Array]
    """The gradient as a mini-batch gives it. The places are (..., S, 2), one batch for each of the S seeds."""


_TURN = np.array([[np.cos(np.pi / 6), -np.sin(np.pi / 6)], [np.sin(np.pi / 6), np.cos(np.pi / 6)]])
STEEP = _TURN[:, 1]
"""The direction across the ravine. It lies askew: along the axes Adam and RMSprop could flatten it weight by weight."""
_RAVINE = _TURN @ np.diag([0.2, 20.0]) @ _TURN.T


def _ravine(p: Array) -> Array:
    result: Array = 0.5 * ((p @ _RAVINE) * p).sum(axis=-1)
    return result


def _ravine_gradient(p: Array) -> Array:
    result: Array = p @ _RAVINE
    return result


def _rosenbrock(p: Array) -> Array:
    x, y = p[..., 0], p[..., 1]
    result: Array = (1 - x) ** 2 + 100 * (y - x**2) ** 2
    return result


def _rosenbrock_gradient(p: Array) -> Array:
    x, y = p[..., 0], p[..., 1]
    return np.stack([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)], axis=-1)


_BEALE = (1.5, 2.25, 2.625)


def _beale(p: Array) -> Array:
    x, y = p[..., 0], p[..., 1]
    result: Array = sum((c - x + x * y**k) ** 2 for k, c in enumerate(_BEALE, 1))  # type: ignore[assignment]
    return result


def _beale_gradient(p: Array) -> Array:
    x, y = p[..., 0], p[..., 1]
    by_x, by_y = np.zeros_like(x), np.zeros_like(x)
    for k, c in enumerate(_BEALE, 1):
        term = c - x + x * y**k
        by_x = by_x + 2 * term * (y**k - 1)
        by_y = by_y + 2 * term * x * k * y ** (k - 1)
    return np.stack([by_x, by_y], axis=-1)


def _saddle(p: Array) -> Array:
    x, y = p[..., 0], p[..., 1]
    result: Array = 0.5 * x**2 - 0.5 * y**2 + y**4 / 16 + 1
    return result


def _saddle_gradient(p: Array) -> Array:
    x, y = p[..., 0], p[..., 1]
    return np.stack([x, -y + y**3 / 4], axis=-1)


def _famous(
    value: Callable[[Array], Array],
    gradient: Callable[[Array], Array],
    box: Box,
    start: tuple[float, float],
    *lowest: tuple[float, float],
) -> Surface:
    length = float(np.linalg.norm(gradient(np.array(start))))

    def noisy(p: Array, random: np.random.Generator) -> Array:
        # One draw a seed, the same for all that race with that seed.
        return gradient(p) + NOISE * length * random.standard_normal(p.shape[-2:])

    return Surface(value=value, gradient=gradient, box=box, start=start, lowest=lowest, noisy=noisy)


@cache
def surface(name: str) -> Surface:
    """The surface of that name; the network's is trained the first time, in a few hundredths of a second."""
    match name:
        case "ravine":
            return _famous(_ravine, _ravine_gradient, (-4, 2, -3, 1.5), (-3.4, -0.7), (0, 0))
        case "rosenbrock":
            return _famous(_rosenbrock, _rosenbrock_gradient, (-2, 2, -1, 3), (-1.2, 1.0), (1, 1))
        case "beale":
            return _famous(_beale, _beale_gradient, (-4.5, 4.5, -2.5, 2.5), (1.0, 1.5), (3, 0.5))
        case "saddle":
            return _famous(_saddle, _saddle_gradient, (-3, 3, -3, 3), (-2.5, 0.01), (0, 2), (0, -2))
        case _:
            return NetworkPlane().surface()


class NetworkPlane:
    """A network of 2, 5 and 1 neurons on two noisy moons, 21 weights and biases, seen on the plane through three of its states.

    The plane passes through the untrained weights, the weights that training led to from there, and those that a
    training from another start led to. Coordinates are distances in weight space from the untrained weights: the
    first along the way to the first training's end, the second at a right angle to it.
    """

    HIDDEN = 5

    def __init__(self) -> None:
        experiment = Experiment(data="moons", noise=0.3, hidden=(self.HIDDEN,), seed=3, learning_rate=0.03)
        points = points_of(experiment)
        self.places, self.targets = points.places[points.training][:40], points.targets[points.training][:40]
        first, first_end = self._trained(experiment, 3)
        _second, second_end = self._trained(experiment, 8)
        along = first_end - first
        other = second_end - first
        other = other - along * (other @ along) / (along @ along)
        self.origin = first
        self.axes = np.stack([along / np.linalg.norm(along), other / np.linalg.norm(other)])
        self.sums = self._sums()
        self.ends = [
            (float((end - first) @ self.axes[0]), float((end - first) @ self.axes[1]))
            for end in (first_end, second_end)
        ]

    def _trained(self, experiment: Experiment, seed: int) -> tuple[Array, Array]:
        network = Network(experiment.sizes, experiment.activation)
        initialise(network, experiment.initialisation, np.random.default_rng(seed))
        start = network.parameters.copy()
        update = optimizer_of(experiment, network)
        for _step in range(400):
            values = network.forward(self.places)
            _loss, by_outputs = loss_and_gradient(values[-1], self.targets, "cross-entropy", regression=False)
            network.backward(values, by_outputs)
            update()
        return start, network.parameters.copy()

    def parameters(self, p: Array) -> Array:
        """The weights and biases (..., 21) at places (..., 2) of the plane, in PyTorch's order."""
        result: Array = self.origin + p @ self.axes
        return result

    def _sums(self) -> Array:
        """What the hidden sums of all examples are made of, (3, H·N).

        On the plane every sum is linear in the place: the first row is the sum at the origin, the other two are what a step
        along either axis adds. That spares making 21 weights for each place.
        """
        h = self.HIDDEN
        states = np.concatenate([self.origin[None], self.axes])
        weights, biases = states[:, : 2 * h].reshape(3, h, 2), states[:, 2 * h : 3 * h]
        sums: Array = weights @ self.places.T + biases[..., None]
        return sums.reshape(3, -1)

    def _outputs(self, p: Array, sums: Array) -> tuple[Array, Array, Array]:
        """Second weights (..., M, H), hidden values (..., M, H, N) and outputs (..., M, N) at places p (..., M, 2)."""
        h = self.HIDDEN
        last = self.origin[3 * h :] + p @ self.axes[:, 3 * h :]
        w2, b2 = last[..., :h], last[..., h:]
        hidden = p @ sums[..., 1:, :]
        hidden += sums[..., :1, :]  # in place, here and below: new memory of this size costs more than the arithmetic
        np.tanh(hidden, out=hidden)
        hidden = hidden.reshape(*hidden.shape[:-1], h, -1)
        return w2, hidden, (w2[..., None, :] @ hidden)[..., 0, :] + b2

    def value(self, p: Array) -> Array:
        """The mean cross-entropy over all examples."""
        places = p.reshape(-1, 2)
        result = np.empty(len(places))
        for start in range(0, len(places), 256):  # parts that stay in the processor's cache
            part = slice(start, start + 256)
            outputs = self._outputs(places[part], self.sums)[2]
            result[part] = (np.logaddexp(0.0, outputs) - self.targets * outputs).mean(axis=-1)
        return result.reshape(p.shape[:-1])

    def gradient(self, p: Array) -> Array:
        """The gradient over all examples, as far as it lies in the plane."""
        return self._gradient(p.reshape(-1, 2), self.sums, self.targets).reshape(p.shape)

    def noisy(self, p: Array, random: np.random.Generator) -> Array:
        """The gradient over a batch for each seed."""
        chosen = random.integers(0, len(self.places), (p.shape[-2], BATCH))
        by_seed = p.reshape(-1, *p.shape[-2:]).swapaxes(0, 1)
        sums = self.sums.reshape(3, self.HIDDEN, -1)[..., chosen]  # (3, H, S, BATCH)
        sums = sums.transpose(2, 0, 1, 3).reshape(len(chosen), 3, -1)
        found = self._gradient(by_seed, sums, self.targets[chosen][:, None])
        result: Array = found.swapaxes(0, 1).reshape(p.shape)
        return result

    def _gradient(self, p: Array, sums: Array, y: Array) -> Array:
        """At places p (..., M, 2), by the chain rule along the plane's two axes."""
        h = self.HIDDEN
        w2, hidden, outputs = self._outputs(p, sums)
        by_output = (0.5 * (1 + np.tanh(0.5 * outputs)) - y) / outputs.shape[-1]
        by_last = np.concatenate(
            [(hidden @ by_output[..., None])[..., 0], by_output.sum(axis=-1, keepdims=True)], axis=-1
        )
        by_sum = np.multiply(hidden, hidden, out=hidden)
        np.subtract(1, by_sum, out=by_sum)
        by_sum *= w2[..., None]
        by_sum *= by_output[..., None, :]
        through = by_sum.reshape(*by_sum.shape[:-2], -1) @ sums[..., 1:, :].swapaxes(-1, -2)
        result: Array = through + by_last @ self.axes[:, 3 * h :].T
        return result

    def surface(self) -> Surface:
        """The plane as a surface to descend from the untrained weights."""
        corners = np.array([(0.0, 0.0), *self.ends])
        low, high = corners.min(axis=0), corners.max(axis=0)
        spare = 0.35 * (high - low).max()
        box = (low[0] - spare, high[0] + spare, low[1] - spare, high[1] + spare)
        return Surface(
            value=self.value,
            gradient=self.gradient,
            box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
            start=(0.0, 0.0),
            lowest=tuple(self.ends),
            noisy=self.noisy,
        )


def curvatures(name: str) -> tuple[float, float]:
    """The smallest and largest curvature at the start: eigenvalues of the Hessian, by central differences of the gradient."""
    found = surface(name)
    step = 1e-5
    shifts = step * np.eye(2)
    start = np.array(found.start)
    rows = (found.gradient(start + shifts) - found.gradient(start - shifts)) / (2 * step)
    low, high = np.linalg.eigvalsh((rows + rows.T) / 2)
    return float(low), float(high)
