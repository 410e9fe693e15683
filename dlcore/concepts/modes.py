"""What train mode and eval mode change: a small trained network with batch norm and dropout, run in numpy.

The network, 64 → 64 → 10 with batch norm, ReLU and dropout between, was trained with PyTorch by ``python -m
bench.concepts modes``; its numbers travel as JSON. The tests hold this forward pass against ``torch.nn`` in both modes.

Shapes: N images, H = 64 hidden neurons, K = 10 classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dlcore.concepts.digits import CLASSES, digits
from dlcore.concepts.losses import softmax

Array = NDArray[np.float64]

EPSILON = 1e-5
TEST_COUNT = 360
"""The last of the digits; the network never saw them."""
BATCH_SIZES = (2, 4, 8, 20, 40, 120, 360)
"""Each divides TEST_COUNT."""
NOISE_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
BATCHES = 40
"""Batches drawn to measure the noise of one size."""


@dataclass(frozen=True, kw_only=True)
class SmallNet:
    """Weights as ``torch.nn`` names them; see :func:`from_json`."""

    w1: Array
    """(H, 64), with bias b1 (H,)."""
    b1: Array
    gamma: Array
    beta: Array
    running_mean: Array
    running_var: Array
    w2: Array
    """(K, H), with bias b2 (K,)."""
    b2: Array
    dropout: float
    """The rate it was trained with."""

    def hidden(self, images: Array, *, batch_statistics: bool) -> Array:
        """What the hidden layer gives before dropout, (N, H).

        Args:
            images: (N, 64) in [0, 1].
            batch_statistics: whether batch norm takes mean and variance from these images, as in train mode.
        """
        z = images @ self.w1.T + self.b1
        mean, var = (z.mean(axis=0), z.var(axis=0)) if batch_statistics else (self.running_mean, self.running_var)
        result: Array = np.maximum((z - mean) / np.sqrt(var + EPSILON) * self.gamma + self.beta, 0)
        return result

    def logits(self, hidden: Array, kept: Array | None = None) -> Array:
        """The logits (N, K); ``kept`` (N, H) says which hidden values dropout keeps, the rest is scaled up for them."""
        if kept is not None:
            hidden = hidden * kept / (1 - self.dropout)
        result: Array = hidden @ self.w2.T + self.b2
        return result


def from_json(numbers: Mapping[str, Sequence[object]], dropout: float) -> SmallNet:
    """The network whose tensors were written as nested lists under the names of :class:`SmallNet`."""
    names = ("w1", "b1", "gamma", "beta", "running_mean", "running_var", "w2", "b2")
    arrays = {name: np.array(numbers[name], dtype=np.float64) for name in names}
    return SmallNet(**arrays, dropout=dropout)


def held_out() -> tuple[Array, NDArray[np.int64]]:
    """The digits kept back (TEST_COUNT, 64), and their labels."""
    images, labels = digits()
    return images[-TEST_COUNT:], labels[-TEST_COUNT:]


def answers(
    net: SmallNet,
    place: int,
    *,
    dropping: bool,
    batch_statistics: bool,
    batch_size: int,
    times: int = 200,
    seed: int = 0,
) -> Array:
    """The probabilities (times, K) that one test image gets, asked again and again among other test images.

    Args:
        net: the network.
        place: which test image.
        dropping: whether dropout drops, as in train mode.
        batch_statistics: whether batch norm looks at the batch, as in train mode.
        batch_size: images in the batch, this one included.
        times: how often it is asked.
        seed: of companions and masks.
    """
    images, _labels = held_out()
    random = np.random.default_rng([seed, place])
    if not batch_statistics:
        hidden = np.repeat(net.hidden(images[place : place + 1], batch_statistics=False), times, axis=0)
    else:
        companions = random.integers(0, len(images), (times, batch_size))
        companions[:, 0] = place
        z = images @ net.w1.T + net.b1
        batches = z[companions]
        mean, var = batches.mean(axis=1), batches.var(axis=1)
        hidden = np.maximum((batches[:, 0] - mean) / np.sqrt(var + EPSILON) * net.gamma + net.beta, 0)
    kept = (random.random(hidden.shape) >= net.dropout).astype(float) if dropping else None
    return softmax(net.logits(hidden, kept))


def accuracy(net: SmallNet, *, dropping: bool, batch_statistics: bool, batch_size: int, seed: int) -> float:
    """The share of test images answered rightly, batch by batch in a random order; in [0, 1].

    ``batch_size`` must divide TEST_COUNT: all batches are computed at once.
    """
    images, labels = held_out()
    random = np.random.default_rng([seed, batch_size])
    order = random.permutation(len(images))
    z = (images @ net.w1.T + net.b1)[order].reshape(-1, batch_size, len(net.b1))
    if batch_statistics:
        mean, var = z.mean(axis=1, keepdims=True), z.var(axis=1, keepdims=True)
    else:
        mean, var = net.running_mean, net.running_var
    hidden = np.maximum((z - mean) / np.sqrt(var + EPSILON) * net.gamma + net.beta, 0).reshape(len(images), -1)
    kept = (random.random(hidden.shape) >= net.dropout).astype(float) if dropping else None
    return float(np.mean(net.logits(hidden, kept).argmax(axis=1) == labels[order]))


@lru_cache(maxsize=1)
def gradient_noise() -> Mapping[int, float]:
    """How far the gradient of a batch is off, in lengths of the whole gradient, by batch size.

    Measured on softmax regression over the digits before its first update: the mean over BATCHES batches of
    ‖g_batch - g‖ / ‖g‖, drawn with replacement.
    """
    images, labels = digits()
    error = np.full((len(labels), CLASSES), 1 / CLASSES)
    error[np.arange(len(labels)), labels] -= 1
    whole = error.T @ images / len(labels)
    random = np.random.default_rng(5)
    noise = {}
    for size in NOISE_SIZES:
        chosen = random.integers(0, len(labels), (BATCHES, size))
        parts = np.matmul(error[chosen].transpose(0, 2, 1), images[chosen]) / size
        noise[size] = float(np.linalg.norm(parts - whole, axis=(1, 2)).mean() / np.linalg.norm(whole))
    return noise
