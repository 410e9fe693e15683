"""How one number inside a network came about, one kind of working a kind of layer; :mod:`dlcore.inference.microscope` finds it.

Shape suffixes: C channels, K kernel side, D features.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Place = tuple[int, ...]
"""(channel, row, column) in an image, (feature,) in a list; counted from 0."""
Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Working:
    """How a value came about; what is common to all layers."""

    place: Place
    result: float
    """As the arithmetic shown gives it, in float64."""
    torch_value: float
    """As PyTorch computed it, in float32."""
    sources: tuple[tuple[int, Place], ...] = ()
    """A step and a place in what it made, for each value that entered, as far as they can be pointed at."""


@dataclass(frozen=True, kw_only=True)
class WeightedPatch(Working):
    """A convolution: ``sum(patch · kernel) + bias``."""

    patch: Array
    """(C, K, K); 0 where the window lies over the edge."""
    kernel: Array
    """(C, K, K)."""
    bias: float
    top: int
    """Row of the patch's first pixel in what reached the layer; negative over the edge."""
    left: int
    first_channel: int = 0
    """The patch's first channel in what reached the layer, which may be seen in shares."""

    @property
    def products(self) -> Array:
        """(C, K, K)."""
        product: Array = self.patch * self.kernel
        return product

    @property
    def channel_sums(self) -> Array:
        """(C,): what each channel of the patch contributes."""
        total: Array = self.products.sum(axis=(1, 2))
        return total


@dataclass(frozen=True, kw_only=True)
class WeightedSum(Working):
    """A linear neuron: ``sum(inputs · weights) + bias``."""

    inputs: Array
    """(D,)."""
    weights: Array
    """(D,)."""
    bias: float

    @property
    def products(self) -> Array:
        """(D,)."""
        product: Array = self.inputs * self.weights
        return product

    def top(self, count: int) -> list[int]:
        """The inputs that contribute most to either side, largest first."""
        order: list[int] = np.argsort(-np.abs(self.products), kind="stable")[:count].tolist()
        return order


@dataclass(frozen=True, kw_only=True)
class Pooled(Working):
    """A window of one channel: its largest value, or its mean."""

    window: Array
    """(K, L)."""
    winner: tuple[int, int] | None
    """Row and column in the window of the value that won; None for a mean."""
    top: int
    left: int


@dataclass(frozen=True, kw_only=True)
class Deskewed(Working):
    """``(1 − share) · left + share · right``: between two neighbours of a row, or one and what lies outside."""

    left: float
    right: float
    column: int
    """Of ``left``; its neighbour's is one more. Either may lie outside the image."""
    share: float
    """How far from the one to the other, [0, 1)."""
    slope: float
    """How many columns further right a value is looked for, for each row that it lies below the middle of the ink."""


@dataclass(frozen=True, kw_only=True)
class Normalized(Working):
    """``(value − mean) / √(variance + epsilon) · scale + shift``."""

    value: float
    mean: float
    variance: float
    epsilon: float
    scale: float
    shift: float
    over: str
    """``"batch"``: mean and variance were learned from training images; ``"layer"``: they are this image's own."""


@dataclass(frozen=True, kw_only=True)
class Activated(Working):
    """A function of one value."""

    value: float
    function: str


@dataclass(frozen=True, kw_only=True)
class Added(Working):
    """A residual block's sum."""

    shortcut: float
    body: float


@dataclass(frozen=True, kw_only=True)
class HandedOn(Working):
    """The value as it was: a list made of an image or of several lists, or dropout, which is silent outside training."""


@dataclass(frozen=True, kw_only=True)
class Softmaxed(Working):
    """``score − log Σ exp(scores)``, a logarithm of a probability."""

    scores: Array
    """(D,)."""

    @property
    def exponentials(self) -> Array:
        """(D,): of what each score is below the largest, so that none is too large a number."""
        powers: Array = np.exp(self.scores - self.scores.max())
        return powers

    @property
    def probabilities(self) -> Array:
        """(D,), summing to 1."""
        shares: Array = self.exponentials / self.exponentials.sum()
        return shares
