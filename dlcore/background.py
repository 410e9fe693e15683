"""Processes that work in the background: how one is started, and how others see that it lives. No torch here."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

_PROJECT = Path(__file__).resolve().parents[1]


def lock_of(path: Path) -> FileLock:
    """The lock on the file ``path``, not yet taken. The operating system frees it when its holder dies, however it dies."""
    return FileLock(path, thread_local=False)


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock on the file ``path``."""
    if not path.exists():
        return False
    # Another reader holds the lock for microseconds while it looks; a worker stays.
    for pause in (0.001, 0.003, 0.0):
        try:
            with lock_of(path).acquire(timeout=0):
                return False
        except Timeout:
            time.sleep(pause)
    return True


def is_recent(path: Path, seconds: float) -> bool:
    """Whether the file ``path`` is there and was written or touched less than ``seconds`` ago."""
    try:
        age = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return False
    return abs(age) < seconds  # abs: with a clock that was set back nothing is recent for ever


def start(words: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> None:
    """Start ``python -m dlcore`` with these words; it outlives whoever started it. Both its outputs go to ``log``.

    The words hold ``--detach``: the process's first act is to fork and to end, so that what goes on is nobody's child,
    cannot become a zombie here, and meets no signal or hang-up that is meant for the server.

    Raises:
        OSError: no process could be started, or the log cannot be written.
        subprocess.CalledProcessError: it ended with an error at once.
    """
    with log.open("ab") as file:
        subprocess.run(  # noqa: S603  # our own interpreter, our own module, paths that are no options
            [sys.executable, "-m", "dlcore", *words],
            cwd=_PROJECT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            check=True,
        )
