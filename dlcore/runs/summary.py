"""How a run ended, in short: what lists of runs read. Nothing here imports torch."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from dlcore.runs.history import RunHistory
from dlcore.training.events import Ended, Event, Tested


class Summary(BaseModel):
    """How a run ended, small enough to be read for every row of a list."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    reason: Literal["completed", "stopped", "diverged", "failed"]
    message: str = ""
    """An English template, see ``dlcore.messages``."""
    values: dict[str, Any] = {}
    weights_sha256: str = ""
    test_accuracy: float | None = None
    """In [0, 1]; None where no test took place."""
    test_loss: float | None = None
    epoch: int = 0
    """The last epoch that began."""
    step: int = 0
    images_seen: int = 0
    train_seconds: float = 0.0


def summarise(ended: Ended, tested: Tested | None, **progress: Any) -> Summary:
    """The summary of a run that ended this way; ``progress`` fills its remaining fields."""
    return Summary(
        reason=ended.reason,
        message=ended.message,
        values=ended.values,
        weights_sha256=ended.weights_sha256,
        test_accuracy=tested.accuracy if tested else None,
        test_loss=tested.loss if tested else None,
        **progress,
    )


def summary_of(events: Sequence[Event]) -> Summary | None:
    """The summary that a log of these events gives; None if they do not say how the run ended."""
    history = RunHistory()
    history.append(events)
    if history.ended is None:
        return None
    latest = history.latest
    progress: dict[str, Any] = {}
    if latest is not None:
        progress = {"epoch": latest.epoch, "step": latest.step, "images_seen": latest.images_seen}
        progress["train_seconds"] = latest.seconds
    return summarise(history.ended, history.tested, **progress)
