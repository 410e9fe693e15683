"""What validation has said so far, which the plateau schedule and early stopping go by. Torch-free."""

import math
from dataclasses import dataclass

PLATEAU_PATIENCE = 2
"""Epochs without improvement after which the plateau schedule lowers the learning rate,"""
PLATEAU_FACTOR = 0.1
"""to this share of it."""


@dataclass(kw_only=True)
class ValidationRecord:
    """Part of a checkpoint: with it a continued run decides as an uninterrupted one would."""

    metric: str = "loss"
    """What early stopping goes by: ``loss`` or ``accuracy``."""
    best_loss: float = math.inf
    best_accuracy: float = -1.0
    accuracy: float = 0.0
    """Of the latest evaluation."""
    stale_epochs: int = 0
    """Evaluations since the best value of the metric."""
    waited_epochs: int = 0
    """Evaluations since the best loss or the last reduction of the learning rate."""
    reductions: int = 0

    def note(self, loss: float, accuracy: float) -> None:
        """Take in one evaluation; the untrained network's is the first."""
        self.accuracy = accuracy
        lower, higher = loss < self.best_loss, accuracy > self.best_accuracy
        self.best_loss = loss if lower else self.best_loss  # a loss that is no number is never the best
        self.best_accuracy = max(accuracy, self.best_accuracy)
        self.stale_epochs = 0 if (higher if self.metric == "accuracy" else lower) else self.stale_epochs + 1
        self.waited_epochs = 0 if lower else self.waited_epochs + 1
        if self.waited_epochs >= PLATEAU_PATIENCE:
            self.reductions, self.waited_epochs = self.reductions + 1, 0

    @property
    def plateau_factor(self) -> float:
        """What the plateau schedule multiplies the learning rate by."""
        return PLATEAU_FACTOR**self.reductions
