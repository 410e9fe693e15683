"""A run as all pages that watch it see it: its log is read once, and what is drawn from it is made once."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeVar, cast

import streamlit as st

from dlcore.runs.directory import Run
from dlcore.runs.glimpses import (
    Examples,
    Glimpse,
    Split,
    Wall,
    examples_path,
    merged,
    read_examples,
    read_glimpses,
    read_wall,
)
from dlcore.runs.history import RunHistory
from dlcore.runs.status import Status
from dlcore.training.events import Inspected

_FRESH_SECONDS = 0.3
"""A log that was read so recently is not read again while the run trains on."""
PRESENT_SECONDS = 12.0
"""A page that has not asked for so long is not there any more."""
_MOST_KEPT = 64
MOST_EPOCHS = 40
"""Of these many at most the inside is shown side by side."""
_MOST_INSPECTIONS = 6

Made = TypeVar("Made")


@dataclass(slots=True)
class Feed:
    """One run being read. Whoever reads or draws from ``history`` holds ``lock``."""

    run: Run
    history: RunHistory = field(default_factory=RunHistory)
    offset: int = 0
    """Bytes of the log that are in ``history``."""
    damaged_lines: int = 0
    """Lines of the log that could not be used."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    wall: Wall | None = None
    """The images that are watched between epochs; None where the run has none, as runs of before."""
    glimpses: list[Glimpse] = field(default_factory=list)
    """The looks between epochs, in the order of their steps."""
    _glimpsed: int = 0
    _read_at: float = float("-inf")
    _kept: dict[Hashable, tuple[Hashable, object]] = field(default_factory=dict)
    _inspections: dict[tuple[int, int], Inspected | None] = field(default_factory=dict)
    _course: dict[tuple[int, int], Inspected | None] = field(default_factory=dict)
    _present: dict[int, float] = field(default_factory=dict)

    def status(self) -> Status:
        """As :meth:`Run.status`; who holds the lock, which takes longer to find out, is asked only of a quiet log."""
        try:
            grown = self.run.events_path.stat().st_size > self.offset > 0
        except FileNotFoundError:
            grown = False
        return self.run.status_with_worker() if grown else self.run.status()

    def update(self, status: Status) -> None:
        """Take in what the worker has written since the last look; ``status`` was read before, so that a run that is
        over is read to its end.
        """
        now = time.monotonic()
        if status == "running" and now - self._read_at < _FRESH_SECONDS:
            return
        with self.lock:
            self._read_at = now
            self._look_between()
            try:
                size = self.run.events_path.stat().st_size
            except FileNotFoundError:
                size = 0
            if size == self.offset:
                return
            if size < self.offset:  # another log in its place
                self.history, self.offset, self.damaged_lines = RunHistory(), 0, 0
            reading = self.run.scan(self.offset)
            self.offset = reading.offset
            self.damaged_lines += reading.damaged_lines
            self.history.append(reading.events)

    def _look_between(self) -> None:
        """Take in the looks between epochs."""
        self.wall = self.wall or read_wall(self.run.path)
        news, self._glimpsed = read_glimpses(self.run.path, self._glimpsed)
        if news:
            self.glimpses = merged(self.glimpses, news)

    def examples(self, split: Split) -> Examples | None:
        """As :func:`~dlcore.runs.glimpses.read_examples`, each file read once."""
        try:
            version = examples_path(self.run.path, split).stat().st_mtime_ns
        except OSError:
            return None
        return self.kept(("examples", split), lambda: read_examples(self.run.path, split), version=version)

    def course(self) -> list[Inspected]:
        """What was seen inside after each epoch so far, thinned to :data:`MOST_EPOCHS`, the newest always among them."""
        last = self.history.evaluations[-1].epoch if self.history.evaluations else 0
        every = -(-(last + 1) // MOST_EPOCHS)
        epochs = sorted({*range(0, last + 1, every), last})
        versions = [self.inspection_version(epoch) for epoch in epochs]
        known = {version: seen for version, seen in self._course.items() if version in set(versions)}
        for version in versions:
            if version not in known:
                known[version] = self.run.inspection(version[0])
        self._course = known
        return [seen for version in versions if (seen := known[version]) is not None]

    def kept(self, key: Hashable, make: Callable[[], Made], *, version: Hashable = None) -> Made:
        """What ``make`` gives for this ``key``, made again only once the log has grown, or ``version`` is another."""
        version = self.offset if version is None else version
        found = self._kept.get(key)
        if found is None or found[0] != version:
            self._kept.pop(key, None)
            found = self._kept[key] = (version, make())
            while len(self._kept) > _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return cast("Made", found[1])

    def inspection(self, epoch: int) -> Inspected | None:
        """As :meth:`Run.inspection`, each file read once; a run that went on from before writes it anew."""
        version = self.inspection_version(epoch)
        if version not in self._inspections:
            self._inspections[version] = self.run.inspection(epoch)
            while len(self._inspections) > _MOST_INSPECTIONS:
                del self._inspections[next(iter(self._inspections))]
        return self._inspections[version]

    def inspection_version(self, epoch: int) -> tuple[int, int]:
        """Differs where :meth:`inspection` does."""
        try:
            return epoch, self.run.inspection_path(epoch).stat().st_mtime_ns
        except OSError:
            return epoch, 0

    def present(self, page: int) -> int:
        """Note that this page looks, and count those that have looked of late."""
        now = time.monotonic()
        with self.lock:
            self._present[page] = now
            for gone in [other for other, seen in self._present.items() if now - seen > PRESENT_SECONDS]:
                del self._present[gone]
            return len(self._present)


@st.cache_resource(max_entries=8, show_spinner=False)
def _feed(_run: Run, path: str) -> Feed:  # noqa: ARG001  # the path tells feeds apart
    return Feed(_run)


def feed_of(run: Run) -> Feed:
    """The feed of this run, the same for all who watch it."""
    return _feed(run, str(run.path))
