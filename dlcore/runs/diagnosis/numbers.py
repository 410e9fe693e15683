"""What the rules of the diagnosis look at, each computed when it is first asked for."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlcore.config import KNOBS, TrainConfig
from dlcore.runs.history import RunHistory
from dlcore.training.events import Evaluated, Histogram, Inspected

BLOWN = 2.0
"""A batch loss of so many times the untrained network's tells of updates that overshot."""
_RAISED = 1.5
"""A learning rate counts as raised from this factor on."""
_LOOKED_BACK = 50
"""Updates before a change that tell how it went until then."""
_FAR_TOO_LARGE = 5.0
"""Weights that begin with so many times the loss of guessing are far too large."""
_LARGEST_POWER = 100.0
"""Of ten, that a gradient is believed to have: its square is still a number."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A learning rate that was raised while a run went on, and what came of it."""

    step: int
    before: float
    after: float
    usual_loss: float | None
    """Of a batch in the updates before; None if it was raised before the first."""
    worst_loss: float
    """Of a batch after it."""


class Numbers:
    """What the rules look at, each computed when it is first asked for."""

    def __init__(self, history: RunHistory, config: TrainConfig, inspected: Inspected | None) -> None:
        self.history, self.config, self.inspected = history, config, inspected
        classes = max(2, len(history.started.class_names)) if history.started else 2
        self.guess_accuracy = 1 / classes
        self.guess_loss = 1 - 1 / classes if config.loss == "mse" else math.log(classes)
        self.epochs: list[Evaluated] = [e for e in history.evaluations if e.epoch >= 1]
        untrained = history.evaluations[0].train_loss if history.evaluations else math.nan
        self.untrained_loss = untrained if math.isfinite(untrained) and untrained > 0 else self.guess_loss
        self.diverged = history.ended is not None and history.ended.reason == "diverged"
        self.learning_rate = next(
            (s.learning_rate for s in reversed(history.changes) if s.learning_rate is not None), config.learning_rate
        )

    @property
    def last(self) -> Evaluated:
        """The latest evaluation after an epoch."""
        return self.epochs[-1]

    @cached_property
    def train_losses(self) -> list[float]:
        """Of the fixed sample, after each epoch."""
        return [e.train_loss for e in self.epochs]

    @cached_property
    def ratios(self) -> NDArray[np.float64]:
        """Of updates to the weights, where they were measured."""
        return _finite(self.history.steps.update_ratio)

    @cached_property
    def norms(self) -> NDArray[np.float64]:
        """Of the gradient, before clipping, where they were measured."""
        return _finite(self.history.steps.gradient_norm)

    @cached_property
    def recent_ratio(self) -> float:
        """The median update ratio of the last third; not a number where nothing was measured."""
        ratios = self.ratios[2 * len(self.ratios) // 3 :]
        return float(np.median(ratios)) if len(ratios) else math.nan

    @cached_property
    def highest_loss(self) -> float:
        """Of a batch; 0 before the first."""
        losses = _finite(self.history.steps.loss)
        return float(losses.max()) if len(losses) else 0.0

    @cached_property
    def begins_far_off(self) -> bool:
        """Whether the untrained network does far worse than guessing."""
        return self.untrained_loss > _FAR_TOO_LARGE * self.guess_loss

    @cached_property
    def raised(self) -> Raised | None:
        """The learning rate that somebody raised while the run went on, if it went well until then and not after."""
        steps, rate = self.history.steps, self.config.learning_rate
        found = None
        for steered in self.history.changes:
            before, rate = rate, rate if steered.learning_rate is None else steered.learning_rate
            if rate < _RAISED * before:
                continue
            place = bisect_right(steps.step, steered.step)
            usual = _finite(steps.loss[max(0, place - _LOOKED_BACK) : place])
            after = _finite(steps.loss[place:])
            least_bad = BLOWN * (float(usual.max()) if len(usual) else max(self.untrained_loss, self.guess_loss))
            worst = float(after.max()) if len(after) else 0.0
            if worst > least_bad or self.diverged:
                found = Raised(steered.step, before, rate, float(np.median(usual)) if len(usual) else None, worst)
        return found

    @cached_property
    def is_stuck(self) -> bool:
        """Whether the network is no better than one that guesses, after an epoch and more."""
        return (
            bool(self.epochs)
            and self.last.train_loss >= 0.97 * self.guess_loss
            and self.last.train_accuracy <= 1.6 * self.guess_accuracy + 0.03
        )

    def is_flat(self, window: int) -> bool:
        """Whether the last ``window`` epochs brought the training loss down by less than a twentieth."""
        losses = self.train_losses
        return len(losses) > window and min(losses[-window:]) > 0.95 * min(losses[:-window])

    def falls_by(self, epochs: int) -> float:
        """The share by which the training loss has fallen in the last so many epochs."""
        losses = self.train_losses
        before = losses[-epochs - 1]
        return 1 - min(losses[-epochs:]) / before if before > 0 else 0.0

    @cached_property
    def layer_gradients(self) -> list[tuple[str, float]]:
        """The typical size (root mean square) of the last batch's gradient in each layer."""
        gradients = self.inspected.gradients if self.inspected else []
        return [(one.layer, _root_mean_square(one)) for one in gradients]

    @cached_property
    def deadest(self) -> tuple[str, int, int] | None:
        """The layer with the largest share of dead units: its name, how many are dead, and of how many."""
        rows = self.inspected.rectified if self.inspected else []
        worst = max(rows, key=lambda row: row.dead / max(1, row.units), default=None)
        return (worst.layer, worst.dead, worst.units) if worst is not None else None

    def may_set(self, name: str) -> bool:
        """Whether the setting matters in this configuration."""
        return KNOBS[name].applies(self.config.model_dump())

    def slower(self, factor: float) -> dict[str, Any]:
        """A learning rate that is so many times lower; nothing where the run began with a lower one and was told to raise it."""
        lower = float(f"{self.learning_rate / factor:.2g}")
        return {"learning_rate": lower} if lower < self.config.learning_rate else {}


def _root_mean_square(histogram: Histogram) -> float:
    """Of values whose decimal logarithms were counted."""
    count = sum(histogram.counts) + histogram.zeros
    width = (histogram.high - histogram.low) / max(1, len(histogram.counts))
    middles = (min(_LARGEST_POWER, histogram.low + width * (i + 0.5)) for i in range(len(histogram.counts)))
    squares = sum(n * 10 ** (2 * power) for n, power in zip(histogram.counts, middles, strict=True) if n)
    return math.sqrt(squares / count) if count else 0.0


def _finite(column: Sequence[float]) -> NDArray[np.float64]:
    values = np.asarray(column, dtype=np.float64)
    return values[np.isfinite(values)]
