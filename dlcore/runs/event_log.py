"""The log of a run, ``events.jsonl``: a sealed line an event. One worker appends to it, anybody reads. No torch here."""

import math
import os
import time
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import NamedTuple, Self

from dlcore.runs import sealed
from dlcore.training.events import (
    SAMPLED_STEPS,
    Ended,
    Evaluated,
    Event,
    Paused,
    Preparing,
    Resumed,
    Started,
    Steered,
    Stepped,
    Tested,
    from_json,
    to_json,
)

FLUSH_SECONDS = 0.4
"""Steps reach the log in batches, at least this often: amid updates, which empty the caches, a batch costs much the same, large or small."""
LOGGED_STEPS = 50_000
"""A run with more updates logs every n-th of them only, the first included, and the last of each epoch, so that no log
grows without bound."""


class Reading(NamedTuple):
    """What a look into the log found."""

    events: list[Event]
    offset: int
    """Where the next look begins, in bytes."""
    damaged_lines: int
    """Lines that hold no event of this version, and were skipped."""


class EventLog:
    """The append-only log of one run, each line written whole; what a killed worker left half-written is cut off."""

    def __init__(self, path: Path) -> None:
        sealed.cut_torn_line(path)
        self._file = path.open("ab", buffering=0)
        self._pending: list[Stepped | bytes] = []
        self._written = time.monotonic()
        self._every = 1
        self._steps_per_epoch = 1
        self.empty = self._file.tell() == 0
        """Whether nothing had been logged when the log was opened."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self.flush()
        finally:
            self._file.close()

    def append(self, event: Event) -> None:
        """Write ``event``: steps within :data:`FLUSH_SECONDS`, everything else at once.

        Raises:
            OSError: the disk is full or broken; the log then ends with the last whole line.
        """
        if isinstance(event, Started):
            self.expect(event)
        if isinstance(event, Stepped):
            ends_epoch = event.step % self._steps_per_epoch == 0
            if ends_epoch or (event.step - 1) % self._every == 0:
                self._pending.append(event)
            if not ends_epoch and time.monotonic() - self._written < FLUSH_SECONDS:
                return
        else:
            self._pending.append(_line(event))
        self.flush()

    def expect(self, started: Started) -> None:
        """Know how long the run is, and so which steps to log."""
        self._steps_per_epoch = started.steps_per_epoch
        least = max(1, math.ceil(started.steps_per_epoch * started.epochs / LOGGED_STEPS))
        # On a GPU the two rhythms have to meet: 1, 2 and 5 log all steps whose update was measured, 10, 20, 30 … no others.
        self._every = next(every for every in count(least) if SAMPLED_STEPS % every == 0 or every % SAMPLED_STEPS == 0)

    def flush(self) -> None:
        """Hand all pending lines to the operating system, which keeps them even if this process is killed."""
        pending, self._pending = self._pending, []
        self._written = time.monotonic()
        if not pending:
            return
        # Steps all at once: each by itself, between updates that empty the caches, takes several times as long.
        data = b"".join(one if isinstance(one, bytes) else _line(one) for one in pending)
        end = self._file.seek(0, os.SEEK_END)
        try:
            written = self._file.write(data)
            while written < len(data):  # a disk about to be full takes a part first, then refuses
                written += self._file.write(data[written:])
        except OSError:
            self._file.truncate(end)
            raise

    def sync(self) -> int:
        """Flush down to the disk, so that no checkpoint is ever ahead of the log; return the log's length in bytes."""
        self.flush()
        os.fsync(self._file.fileno())
        return self._file.seek(0, os.SEEK_END)


def _line(event: Event) -> bytes:
    return sealed.seal_line(to_json(event))


def read(path: Path, offset: int = 0) -> tuple[list[tuple[int, Event]], int, int]:
    """The events of the log ``path`` from byte ``offset`` on with the places of their lines, where they end, and how many were damaged."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except (FileNotFoundError, IsADirectoryError):
        return [], offset, 0
    complete = data[: data.rfind(b"\n") + 1]
    entries: list[tuple[int, Event]] = []
    place, damaged = offset, 0
    for line in complete.splitlines(keepends=True):
        try:
            entries.append((place, from_json(sealed.unseal_line(line.rstrip(b"\r\n")))))
        except ValueError:  # not JSON, not UTF-8, not what was written, or not an event of this version
            damaged += 1
        place += len(line)
    return entries, offset + len(complete), damaged


def last(path: Path) -> Event | None:
    """The last event of the log ``path``; None if there is none, or it is a long one."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 8192))
            line = file.read().rpartition(b"\n")[0].rpartition(b"\n")[2]
        return from_json(sealed.unseal_line(line))
    except (OSError, ValueError):
        return None


def standing(entries: Iterable[tuple[int, Event]]) -> list[Event]:
    """Of the events that :func:`read` found, those of training that no later ``Resumed`` voids."""
    found: list[tuple[int, Event]] = []
    for offset, event in entries:
        if isinstance(event, Resumed):
            found = [entry for entry in found if _stands(*entry, event)]
        elif not _tells_of_the_work(event):
            found.append((offset, event))
    return [event for _, event in found]


def _stands(offset: int, event: Event, resumed: Resumed) -> bool:
    """Whether ``event``, on the line that begins at ``offset``, still holds once the run was ``resumed``."""
    if resumed.log_bytes is not None:
        return offset < resumed.log_bytes
    if isinstance(event, Stepped | Evaluated):
        return event.step <= resumed.step
    return not isinstance(event, Tested | Ended)


def _tells_of_the_work(event: Event) -> bool:
    """Whether it is no part of what training computed."""
    return isinstance(event, Preparing | Paused) or (isinstance(event, Steered) and event.action != "set")
