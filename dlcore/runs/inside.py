"""What may stand in a record of a network's inside, so that whoever draws it need not ask. Nothing here imports torch."""

from collections.abc import Sequence
from itertools import chain

from dlcore.training.events import Histogram, Inspected

_LARGEST_WEIGHT = 1e39
"""No number of single precision is as large."""
_LARGEST_POWER = 50.0
"""Nor is the decimal logarithm of its size."""
_MOST_BINS = 1000
_MOST_HISTOGRAMS = 1000
"""Of a network's layers, each kind."""


def can_be_drawn(seen: Inspected) -> bool:
    """Whether each histogram has bins, as many as were counted and each of some width, in a range that weights, or the
    powers of ten of gradients, can have. Written by a worker they do; a run that came from elsewhere may say anything.
    """
    kinds = (seen.weights, _LARGEST_WEIGHT), (seen.gradients, _LARGEST_POWER)
    return all(len(ones) <= _MOST_HISTOGRAMS and _fit(ones, largest) for ones, largest in kinds) and all(
        0 <= one.dead <= one.units for one in seen.rectified
    )


def _fit(ones: Sequence[Histogram], largest: float) -> bool:
    return all(
        -largest <= one.low < one.high <= largest
        and 1 <= len(one.counts) <= _MOST_BINS
        and one.low + (one.high - one.low) / len(one.counts) / 2 > one.low
        and one.high - (one.high - one.low) / len(one.counts) / 2 < one.high
        for one in ones
    ) and all(count >= 0 for count in chain.from_iterable(one.counts for one in ones))
