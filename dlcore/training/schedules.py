"""Learning rate schedules, as functions of the step alone: nothing to store, nothing to get out of step. Torch-free."""

import math
from collections.abc import Callable, Mapping

WARM_UP_SHARE = 0.3
"""Share of the steps in which one-cycle goes up."""
START_DIVISOR = 25.0
"""One-cycle starts at the peak divided by this,"""
END_DIVISOR = 1e4
"""and ends at its start divided by this."""


def _constant(_progress: float) -> float:
    return 1.0


def _cosine(progress: float) -> float:
    """½ (1 + cos πp). Loshchilov and Hutter, "SGDR" (2017), equation 5, without restarts."""
    return (1 + math.cos(math.pi * progress)) / 2


def _one_cycle(progress: float) -> float:
    """Half a cosine up to the peak, half a cosine down to almost nothing. Smith and Topin, "Super-Convergence" (2018)."""
    low = 1 / START_DIVISOR
    if progress < WARM_UP_SHARE:
        return low + (1 - low) * (1 - _cosine(progress / WARM_UP_SHARE))
    end = low / END_DIVISOR
    return end + (1 - end) * _cosine((progress - WARM_UP_SHARE) / (1 - WARM_UP_SHARE))


def _step(progress: float) -> float:
    return 1.0 if progress < 2 / 3 else 0.1


_FACTORS: Mapping[str, Callable[[float], float]] = {
    "constant": _constant,
    "cosine": _cosine,
    "one-cycle": _one_cycle,
    "step": _step,
}


def learning_rate_at(schedule: str, peak: float, *, step: int, total_steps: int) -> float:
    """The learning rate of update ``step``, counted from 0, of ``total_steps``; at most ``peak``."""
    return peak * _FACTORS[schedule](step / max(1, total_steps - 1))
