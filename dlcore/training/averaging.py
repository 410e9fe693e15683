"""A moving average of the weights, which often judges better than the last ones: the noise of the steps cancels."""

import copy

import torch
from torch import nn


def frozen_copy(network: nn.Module) -> nn.Module:
    """Where the average starts: at the network itself. It is never trained and always in eval mode."""
    return copy.deepcopy(network).requires_grad_(requires_grad=False).eval()


def decay_at(decay: float, updates: int) -> float:
    """``min(decay, (1 + t) / (10 + t))`` after update ``t``: at first the start would weigh too much."""
    return min(decay, (1 + updates) / (10 + updates))


@torch.no_grad()
def follow(averaged: nn.Module, network: nn.Module, *, decay: float, updates: int) -> None:
    """One step of the average: ``mean ← d · mean + (1 − d) · weight`` with ``d`` of :func:`decay_at`.

    The averages of batch normalisation are averaged alike, its counts copied.

    Source: Polyak and Juditsky (1992); the exponential form and the limit on the decay as in Szegedy et al.,
    "Rethinking the Inception Architecture" (2016), section 8, and TensorFlow's ``ExponentialMovingAverage``.
    """
    weight = 1 - decay_at(decay, updates)
    for mean, value in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, weight)
        else:
            mean.copy_(value)
