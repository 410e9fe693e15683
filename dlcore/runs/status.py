"""What a run may be doing. Nothing here imports torch."""

from typing import Literal

from dlcore.messages import N_

Status = Literal[
    "queued", "starting", "running", "paused", "stopping", "completed", "stopped", "diverged", "failed", "interrupted"
]

LIVE: frozenset[Status] = frozenset({"queued", "starting", "running", "paused", "stopping"})
"""The statuses in which something may still change by itself."""
RESUMABLE: frozenset[Status] = frozenset({"stopped", "failed", "interrupted"})
"""The statuses from which the worker can go on."""

STATUSES: dict[Status, str] = {
    "queued": N_("Waiting"),
    "starting": N_("Starting"),
    "running": N_("Running"),
    "paused": N_("Paused"),
    "stopping": N_("Stopping"),
    "completed": N_("Completed"),
    "stopped": N_("Stopped"),
    "diverged": N_("Diverged"),
    "failed": N_("Failed"),
    "interrupted": N_("Interrupted"),
}
"""Every status and its English title."""
