"""A run in one row of a table: what it is, how it went, what its owner says of it. Nothing here imports torch."""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from dlcore.runs import keeping, sealed
from dlcore.runs.directory import Run
from dlcore.runs.status import LIVE, Status
from dlcore.training.events import Evaluated, Started, from_json

_HEAD_BYTES = 64_000
"""The beginning of a log, in which training starts."""
_TAIL_BYTES = 1_000_000
"""The end of a log, in which the last epoch was evaluated: behind that stand at most the pictures of the test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One row. Accuracies lie in [0, 1]; what was not measured (yet), or is no finite number, is None."""

    run: Run
    status: Status
    label: keeping.Label
    test_accuracy: float | None
    test_loss: float | None
    validation_accuracy: float | None
    """After the last epoch."""
    validation_loss: float | None
    parameters: int | None
    train_seconds: float | None
    """Spent on updates, evaluation not counted."""
    epoch: int
    """The last that was evaluated."""

    @property
    def live(self) -> bool:
        """Whether something may still change by itself."""
        return self.status in LIVE


def overview(run: Run) -> Overview:
    """The row of ``run``. Costs a few small reads; the log is looked at again only if it has grown."""
    status, summary = run.status(), run.summary()
    glance = _glance_at(run)
    return Overview(
        run=run,
        status=status,
        label=keeping.label(run),
        test_accuracy=_finite(summary.test_accuracy) if summary else None,
        test_loss=_finite(summary.test_loss) if summary else None,
        validation_accuracy=_finite(glance.evaluated.validation_accuracy) if glance.evaluated else None,
        validation_loss=_finite(glance.evaluated.validation_loss) if glance.evaluated else None,
        parameters=glance.started.parameters if glance.started else None,
        train_seconds=_finite(
            summary.train_seconds if summary else glance.evaluated.seconds if glance.evaluated else None
        ),
        epoch=glance.evaluated.epoch if glance.evaluated else 0,
    )


def steered(run: Run) -> bool:
    """Whether somebody changed a value of ``run`` while it trained, so that its settings do not tell all of it."""
    try:
        about = run.events_path.stat()
    except OSError:
        return False
    return _steered(str(run.events_path), about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=4000)
def _steered(path: str, size: int, modified: int) -> bool:  # noqa: ARG001  # a log that has grown is looked at again
    try:
        with Path(path).open("rb") as file:
            return any(line.startswith(b'{"kind":"steered"') and b'"action":"set"' in line for line in file)
    except OSError:
        return False


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


class _Glance(NamedTuple):
    started: Started | None
    evaluated: Evaluated | None


def _glance_at(run: Run) -> _Glance:
    try:
        about = run.events_path.stat()
    except OSError:
        return _Glance(None, None)
    return _glance(str(run.events_path), about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=4000)
def _glance(path: str, size: int, modified: int) -> _Glance:  # noqa: ARG001  # a log that has grown is looked at again
    """The start of training and its last evaluation, found without reading what lies between."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(_HEAD_BYTES)
            file.seek(max(0, size - _TAIL_BYTES))
            tail = file.read(_TAIL_BYTES)
    except OSError:  # no file, but a folder of that name; or nobody may read it
        return _Glance(None, None)
    started = _event(head, head.find(b'{"kind":"started"'))
    evaluated = _event(tail, tail.rfind(b'{"kind":"evaluated"'))
    return _Glance(
        started if isinstance(started, Started) else None, evaluated if isinstance(evaluated, Evaluated) else None
    )


def _event(data: bytes, place: int) -> object:
    """The event on the whole line that begins at ``place``; None where there is none."""
    end = data.find(b"\n", place)
    if place < 0 or end < 0:
        return None
    try:
        return from_json(sealed.unseal_line(data[place:end].rstrip(b"\r")))
    except ValueError:
        return None
