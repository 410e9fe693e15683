"""The manners of a process that trains: how it shares the machine, hears a stop, and keeps a log of its own."""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

NICENESS = 5
"""The pages come first,"""
MEMORY_PENALTY = 800
"""and when memory runs out, Linux ends this process before them (``oom_score_adj``, at most 1000)."""


def step_back(*, again: bool = False) -> None:
    """Let whoever shares the machine with this process come first, in computing time and in memory; ``again`` after
    :func:`step_aside`.
    """
    if hasattr(os, "nice") and not again:
        os.nice(NICENESS)
    _prefer_to_end(MEMORY_PENALTY)


def step_aside() -> None:
    """As long as this process only waits, let it be the first to end when memory runs out."""
    _prefer_to_end(1000)


def _prefer_to_end(penalty: int) -> None:
    with suppress(OSError):  # not on Linux, or it stands back further already
        Path("/proc/self/oom_score_adj").write_text(str(penalty), encoding="ascii")


@contextmanager
def stop_on_signals(*signals: signal.Signals) -> Iterator[Callable[[], bool]]:
    """Within the block, the first of ``signals`` asks for a kind stop; the same signal again does what it always does."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        signal.signal(number, previous[signal.Signals(number)])

    previous = {number: signal.signal(number, note) for number in signals}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Within the block, warnings and errors of dlcore go to the file ``path`` as well."""
    handler = logging.FileHandler(path, delay=True, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("dlcore")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
