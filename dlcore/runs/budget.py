"""What one run may take of the machine, and how often it is kept: settings of the environment."""

import math
from dataclasses import dataclass

from dlcore import settings
from dlcore.config import TrainConfig
from dlcore.machine import available_memory
from dlcore.messages import N_, UserError
from dlcore.models.table import totals

CHECKPOINT_SECONDS = 30.0
"""Between two checkpoints within an epoch, by default; see :func:`checkpoint_seconds`."""
VISITOR_HOURS = 24.0
"""That a visitor's run may take, by default; others wait for its place. One of a shell takes as long as it takes."""


def checkpoint_seconds() -> float:
    """Seconds of training between two checkpoints within an epoch, ``$DLCORE_CHECKPOINT_SECONDS``; 0 is after each update.

    Raises:
        UserError: the variable holds no number of seconds up to a day.
    """
    return settings.number("DLCORE_CHECKPOINT_SECONDS", CHECKPOINT_SECONDS, low=0, high=86_400)


@dataclass(frozen=True, slots=True)
class Budget:
    """What one run may take of the machine; infinite where nobody set a limit."""

    wall_seconds: float
    """Of all its workers together."""
    disk_bytes: float
    """Of everything in its directory."""


def budget(*, of_visitor: bool) -> Budget:
    """The budget in force: ``$DLCORE_RUN_HOURS`` and ``$DLCORE_RUN_MEGABYTES``; 0 is without a limit.

    Raises:
        UserError: one of them holds no number that fits.
    """
    hours = settings.number("DLCORE_RUN_HOURS", VISITOR_HOURS if of_visitor else 0, low=0, high=10_000)
    megabytes = settings.number("DLCORE_RUN_MEGABYTES", 2000, low=0, high=10_000_000)
    return Budget(wall_seconds=3600 * hours or math.inf, disk_bytes=1e6 * megabytes or math.inf)


def check_memory(config: TrainConfig, images: int) -> None:
    """See to it that the values between the layers, of one batch, fit into main memory; ``images`` are learned from.

    What is more would come as a kill by the system, which leaves no word of the reason.

    Raises:
        UserError: they do not.
    """
    batch, free = min(config.batch_size, images), available_memory()
    needed = totals(config.table()).memory_bytes * batch
    if free is not None and needed > free:
        raise UserError(
            N_(
                "A batch of {batch_size} images takes some {needed} MB of memory between the layers, and {free} MB are"
                " free here. Choose a smaller batch or a smaller network."
            ),
            batch_size=batch,
            needed=needed // 1_000_000,
            free=free // 1_000_000,
        )
