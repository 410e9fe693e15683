"""Work that takes torch, done by a process of its own for a page that must not load it: asked for, waited for, looked at.

A page asks again and again, and never waits. One process works at a time for all servers of one folder; of those who
wait, each holds a thread, so only some may.
"""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from dlcore.messages import N_, UserError, from_data, refused
from dlcore.runs import spare

_PATIENCE_SECONDS = 120.0
_MOST_WAITING = 8
_KEPT = 200
_LOG = logging.getLogger(__name__)
_PROJECT = Path(__file__).resolve().parents[1]


class Bench:
    """The one place of a server for one kind of such work."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self.under_way: set[str] = set()
        """What is worked on or waits for it."""
        self._problems: dict[str, UserError] = {}

    def problem(self, key: str) -> UserError | None:
        """Why the work came to nothing, told once; None if it did not."""
        with self._lock:
            return self._problems.pop(key, None)

    def start(self, key: str, work: Callable[[], UserError | None]) -> None:
        """Let a thread do ``work``, which says why it came to nothing if it did, unless one is at it.

        Raises:
            UserError: too many wait already, or there is no room for a thread.
        """
        with self._lock:
            if key in self.under_way:
                return
            if len(self.under_way) >= _MOST_WAITING:
                raise UserError(N_("Too many others have asked for such work. Try again in a minute."))
            self.under_way.add(key)
        try:
            threading.Thread(target=self._run, args=(key, work), name=self._name, daemon=True).start()
        except RuntimeError as error:
            self._settle(key, None)
            raise UserError(N_("The server is too busy just now: {reason}. Try again."), reason=str(error)) from error

    def _run(self, key: str, work: Callable[[], UserError | None]) -> None:
        problem: UserError | None = _unforeseen()
        try:
            problem = work()
        except (Timeout, subprocess.TimeoutExpired):  # of the lock; it is an OSError too
            problem = UserError(N_("it took too long, the server may be busy. Try again in a minute."))
        except OSError as error:
            problem = refused(error)
        finally:
            self._settle(key, problem)

    def _settle(self, key: str, problem: UserError | None) -> None:
        with self._lock:
            if problem is not None:
                self._problems = dict(list(self._problems.items())[-_KEPT:]) | {key: problem}
            self.under_way.discard(key)


def command(
    words: Sequence[str], *, made: Path, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> UserError | None:
    """Run ``python -m dlcore`` with ``words``, which puts its result at ``made``, after whoever else works in that folder.

    Args:
        words: the command and its options.
        made: the file that says by being there that the work is done.
        folder: where to wait for others; that of ``made`` if not given.
        environment: variables beside those of a worker.

    Returns:
        Why there is no result, or None.

    Raises:
        OSError: the folder cannot be written, or no process can be started.
        Timeout: others took too long.
        subprocess.TimeoutExpired: so did this.
    """
    folder = folder or made.parent
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock").acquire(timeout=_PATIENCE_SECONDS):
        if made.is_file():  # another server has made it meanwhile
            return None
        process = subprocess.run(  # noqa: S603  # our own interpreter, our own module, options with their values
            [sys.executable, "-m", "dlcore", *words, "--json"],
            cwd=_PROJECT,
            env=spare.environment() | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    if made.is_file():
        return None
    try:
        answer = json.loads(process.stdout.splitlines()[-1])
        told = from_data(answer.get("told"))
    except (ValueError, IndexError, AttributeError):  # it was killed before it could answer
        answer = told = None
    if told is not None:
        return told
    _LOG.warning(
        "%s ended with status %s: %s", words[0], process.returncode, process.stderr[-2000:].decode(errors="replace")
    )
    if answer is not None:
        return _unforeseen()
    return UserError(N_("its process broke off, perhaps for want of memory. Try again."))


def _unforeseen() -> UserError:
    return UserError(N_("something unforeseen, which the server's log holds. Try again."))
