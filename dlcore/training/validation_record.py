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

    best_loss: float = math.inf
    accuracy: float = 0.0
    """Of the latest evaluation."""
    stale_epochs: int = 0
    """Evaluations since the best loss."""
    waited_epochs: int = 0
    """Evaluations since the best loss or the last reduction of the learning rate."""
    reductions: int = 0

    def note(self, loss: float, accuracy: float) -> None:
        """Take in one evaluation; the untrained network's is the first."""
        self.accuracy = accuracy
        if loss < self.best_loss:
            self.best_loss, self.stale_epochs, self.waited_epochs = loss, 0, 0
            return
        self.stale_epochs += 1
        self.waited_epochs += 1
        if self.waited_epochs >= PLATEAU_PATIENCE:
            self.reductions, self.waited_epochs = self.reductions + 1, 0

    @property
    def plateau_factor(self) -> float:
        """What the plateau schedule multiplies the learning rate by."""
        return PLATEAU_FACTOR**self.reductions
