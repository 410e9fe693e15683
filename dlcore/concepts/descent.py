"""A fair race of optimizers: the same start, the same batches, the same number of steps, several seeds.

The rules are those of ``torch.optim`` with its defaults, formula by formula, on many runs at once; the tests compare.

Shapes: O optimizers, R learning rates, S seeds, T steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dlcore.concepts.surfaces import surface
from dlcore.messages import N_

Array = NDArray[np.float64]

OPTIMIZERS: Mapping[str, str] = {
    "sgd": N_("Plain gradient descent"),
    "momentum": N_("Momentum"),
    "nesterov": N_("Nesterov momentum"),
    "rmsprop": N_("RMSprop"),
    "adam": N_("Adam"),
}
NAMES = tuple(OPTIMIZERS)
FAR = 1e6
"""A place further out than this is lost: the run has diverged."""
SWEEP = np.logspace(-3.5, 1.5, 26)
"""Learning rates that are tried one by one."""
SWEEP_SEEDS = 2
"""Sequences of batches that a rate has to stand in the sweep; the worst counts."""
EPSILON = 1e-8


@dataclass(frozen=True)
class Memory:
    """What an optimizer carries from step to step, for each weight."""

    first: Array
    """Momentum's velocity, Adam's m."""
    second: Array
    """RMSprop's and Adam's running mean of the squared gradient, v."""


def advance(
    optimizer: str, memory: Memory, gradient: Array, rate: Array | float, momentum: float, step: int
) -> tuple[Array, Memory]:
    """What one update adds to the weights, and the memory after it; ``step`` counts from 1."""
    first, second = memory.first, memory.second
    match optimizer:
        case "sgd":
            return -rate * gradient, memory
        case "momentum":
            first = momentum * first + gradient
            return -rate * first, Memory(first, second)
        case "nesterov":
            first = momentum * first + gradient
            return -rate * (gradient + momentum * first), Memory(first, second)
        case "rmsprop":
            second = 0.99 * second + 0.01 * gradient**2
            return -rate * gradient / (np.sqrt(second) + EPSILON), Memory(first, second)
        case _:
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            root = np.sqrt(second / (1 - 0.999**step)) + EPSILON
            return -rate * (first / (1 - 0.9**step)) / root, Memory(first, second)


def descend(
    name: str, rates: Mapping[str, Array], *, steps: int, momentum: float, noisy: bool, seeds: int, keep: bool = True
) -> Array:
    """Places of all runs: (T+1, O, R, S, 2), or only the last (1, O, R, S, 2) unless ``keep``; NaN once diverged.

    Args:
        name: one of ``surfaces.TITLES``.
        rates: optimizer to its learning rates (R,).
        steps: updates.
        momentum: β of momentum and Nesterov momentum.
        noisy: whether each step sees a mini-batch; without, all seeds are alike.
        seeds: how many sequences of batches; every optimizer sees the same ones.
        keep: whether the whole way is wanted.
    """
    found = surface(name)
    count = len(next(iter(rates.values())))
    shape = (len(rates), count, seeds, 2)
    places = np.broadcast_to(np.array(found.start), shape).copy()
    memories = {optimizer: Memory(np.zeros(shape[1:]), np.zeros(shape[1:])) for optimizer in rates}
    random = np.random.default_rng(11)
    way = [places]
    with np.errstate(all="ignore"):  # diverging is one of the lessons
        for step in range(1, steps + 1):
            gradients = found.noisy(places, random) if noisy else found.gradient(places)
            moved = np.empty_like(places)
            for index, (optimizer, rate) in enumerate(rates.items()):
                delta, memories[optimizer] = advance(
                    optimizer, memories[optimizer], gradients[index], rate[:, None, None], momentum, step
                )
                moved[index] = places[index] + delta
            moved[~(np.abs(moved) < FAR).all(axis=-1)] = np.nan
            places = moved
            if keep:
                way.append(places)
    return np.stack(way) if keep else places[None]


@lru_cache(maxsize=128)
def sweep(name: str, *, steps: int, momentum: float, noisy: bool) -> Mapping[str, tuple[float, ...]]:
    """The loss after ``steps`` for each rate of SWEEP, optimizer by optimizer; infinite where it diverged.

    With mini-batches it is the worst of SWEEP_SEEDS sequences of batches, so that a rate which only luck saves is not
    taken for a good one.
    """
    rates = dict.fromkeys(NAMES, SWEEP)
    seeds = SWEEP_SEEDS if noisy else 1
    last = descend(name, rates, steps=steps, momentum=momentum, noisy=noisy, seeds=seeds, keep=False)[0]
    with np.errstate(all="ignore"):
        values = surface(name).value(last)
    values = np.where(np.isfinite(values), values, np.inf).max(axis=-1)
    return {optimizer: tuple(map(float, row)) for optimizer, row in zip(NAMES, values, strict=True)}


def best_rates(name: str, *, steps: int, momentum: float, noisy: bool) -> dict[str, float]:
    """Each optimizer's rate with the lowest loss at the end of the sweep."""
    tried = sweep(name, steps=steps, momentum=momentum, noisy=noisy)
    return {optimizer: float(SWEEP[int(np.argmin(row))]) for optimizer, row in tried.items()}


@dataclass(frozen=True, kw_only=True)
class Race:
    """A race of all optimizers."""

    rates: Mapping[str, float]
    places: Array
    """(T+1, O, S, 2); NaN once diverged."""
    losses: Array
    """(T+1, O, S); NaN once diverged."""

    def diverged(self, optimizer: str) -> int | None:
        """The first step at which one of the optimizer's runs was lost, if any was."""
        lost = np.isnan(self.losses[:, NAMES.index(optimizer)]).any(axis=1)
        return int(np.argmax(lost)) if lost.any() else None

    def final(self, optimizer: str) -> float:
        """The median loss over the seeds at the end; infinite where half of them or more diverged."""
        last = self.losses[-1, NAMES.index(optimizer)]
        return float(np.median(np.where(np.isnan(last), np.inf, last)))


def race(name: str, rates: Mapping[str, float], *, steps: int, momentum: float, noisy: bool, seeds: int) -> Race:
    """All optimizers from the same start over the same batches."""
    arrays = {optimizer: np.array([rates[optimizer]]) for optimizer in NAMES}
    places = descend(name, arrays, steps=steps, momentum=momentum, noisy=noisy, seeds=seeds if noisy else 1)[:, :, 0]
    with np.errstate(all="ignore"):
        return Race(rates=dict(rates), places=places, losses=surface(name).value(places))


@dataclass(frozen=True, kw_only=True)
class Step:
    """One update of one run, opened."""

    before: Array
    gradient: Array
    memory_before: Memory
    memory: Memory
    delta: Array
    """What is added to the place."""
    loss_before: float
    loss_after: float


def open_step(name: str, optimizer: str, rate: float, *, momentum: float, step: int) -> Step | None:
    """Update number ``step``, counted from 1, of a run without noise; ``None`` where it has diverged before."""
    found = surface(name)
    place = np.array(found.start)
    memory = Memory(np.zeros(2), np.zeros(2))
    with np.errstate(all="ignore"):
        for count in range(1, step + 1):
            gradient = found.gradient(place)
            delta, after = advance(optimizer, memory, gradient, rate, momentum, count)
            if not (np.abs(place + delta) < FAR).all():
                return None
            if count == step:
                return Step(
                    before=place,
                    gradient=gradient,
                    memory_before=memory,
                    memory=after,
                    delta=delta,
                    loss_before=float(found.value(place)),
                    loss_after=float(found.value(place + delta)),
                )
            place, memory = place + delta, after
    return None
