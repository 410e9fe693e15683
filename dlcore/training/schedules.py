"""Learning rate schedules, as functions of the step alone: nothing to store, nothing to get out of step. Torch-free.

Plateau is the exception: what it multiplies the learning rate by is in :mod:`dlcore.training.validation_record`.
"""

import math
from collections.abc import Callable, Mapping

WARM_UP_SHARE = 0.3
"""Share of the steps in which one-cycle goes up."""
START_DIVISOR = 25.0
"""One-cycle and warm-up start at the peak divided by this,"""
END_DIVISOR = 1e4
"""and one-cycle ends at its start divided by this."""
RAMP_SHARE = 0.1
"""Share of the steps in which warm-up goes up."""


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


def _warm_up(progress: float) -> float:
    """A straight line up to the peak, then half a cosine down to zero. Goyal et al., "Accurate, Large Minibatch SGD"
    (2017), section 2.2, for the line.
    """
    low = 1 / START_DIVISOR
    if progress < RAMP_SHARE:
        return low + (1 - low) * progress / RAMP_SHARE
    return _cosine((progress - RAMP_SHARE) / (1 - RAMP_SHARE))


_FACTORS: Mapping[str, Callable[[float], float]] = {
    "constant": _constant,
    "cosine": _cosine,
    "one-cycle": _one_cycle,
    "step": _step,
    "warm-up": _warm_up,
    "plateau": _constant,
}


def learning_rate_at(schedule: str, peak: float, *, step: int, total_steps: int) -> float:
    """The learning rate of update ``step``, counted from 0, of ``total_steps``; at most ``peak``."""
    return peak * _FACTORS[schedule](step / max(1, total_steps - 1))
