"""Faults to deal: calls of the system that refuse, cut short or kill, and flipped bits."""

import builtins
import errno
import io
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, Self

import psutil

from bench.fault_files import kind_of
from dlcore.config import TrainConfig
from dlcore.inference import calibration
from dlcore.runs import worker
from dlcore.runs.directory import Run, open_run
from dlcore.training.events import Resumed, Stepped

CONFIG = TrainConfig(
    dataset="digits",
    model="linear",
    epochs=2,
    batch_size=64,
    ema=0.9,
    optimizer="adam",
    augmentation="light",
    schedule="cosine",
    threads=1,
    device="cpu",
)
ALWAYS = "0"
OFTEN = "0.05"
"""Seconds between two checkpoints: after each update, and every few updates."""
ENDS_ONLY = "1000"
"""A checkpoint at each epoch only."""
Deal = Callable[[str, Callable[..., Any], tuple[Any, ...]], Any]
"""What happens instead of a call: given its name, the real function and its arguments."""


class Place(NamedTuple):
    """One call: the ``number``-th of its kind, from 0 on, in the life of a worker. When it comes may differ; which it is, not."""

    call: str
    kind: str
    number: int

    def __str__(self) -> str:
        return f"{self.call} of {self.kind} no. {self.number}"


class Findings:
    """Counts of what was dealt and what came of it; a finding that must not be is kept in words."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.bad: list[str] = []

    def check(self, good: bool, what: str) -> None:
        if not good:
            self.bad.append(what)
            print(f"  NOT AS IT SHOULD BE: {what}", file=sys.stderr, flush=True)


class Disk:
    """Stands between all code of this process and the files of one run, and deals a fault at a place.

    It takes the place of the system's calls themselves, not of names in the modules that use them today: code that moves
    elsewhere is met there. Opening a file to read is not dealt with, reading it is. For a fork, which ends with it.
    """

    def __init__(self, run_path: Path, place: Place | None = None, deal: Deal | None = None, hit: Path | None = None):
        self.seen: list[Place] = []
        self._run_path, self._place, self._deal = run_path, place, deal
        self._counts: Counter[tuple[str, str]] = Counter()
        self._kinds: dict[int, str] = {}
        self._dealing = False
        self._hit = hit

    def stand_between(self) -> None:  # noqa: C901  # all the calls side by side
        real_open, real_close, real_open_file = os.open, os.close, io.open

        def of_descriptor(call: str) -> Callable[..., Any]:
            function = getattr(os, call)
            return lambda descriptor, *rest: self.call(call, self._kinds.get(descriptor), function, descriptor, *rest)

        def of_path(call: str, *, which: int = 0) -> Callable[..., Any]:
            function = getattr(os, call)

            def instead(*arguments: Any, **named: Any) -> Any:
                kind = kind_of(os.fspath(arguments[which]), self._run_path) if "dir_fd" not in named else None
                name = "rename" if call == "replace" else "unlink" if call == "remove" else call
                return self.call(name, kind, lambda *given: function(*given, **named), *arguments)

            return instead

        def open_descriptor(path: Any, flags: int, *arguments: Any, **named: Any) -> int:
            kind = kind_of(os.fspath(path), self._run_path) if isinstance(path, str | os.PathLike) else None
            dealt = kind if flags & os.O_CREAT else None
            descriptor = self.call("open", dealt, lambda *given: real_open(*given, **named), path, flags, *arguments)
            self.opened(descriptor, kind)
            return int(descriptor)

        def close(descriptor: int) -> None:
            self.opened(descriptor, None)
            real_close(descriptor)

        def open_file(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **named: Any) -> Any:
            kind = kind_of(os.fspath(file), self._run_path) if isinstance(file, str | os.PathLike) else None
            if kind is None:
                return real_open_file(file, mode, buffering, *rest, **named)
            if mode in ("r", "rb"):
                return WatchedFile(real_open_file(file, mode, buffering, *rest, **named), self, kind)
            # Without a buffer each write is a call; whoever wanted one expects that all is written.
            opened = self.call("open", kind, real_open_file, file, mode, 0)
            self.opened(opened.fileno(), kind)
            return WatchedFile(opened, self, kind, whole=buffering != 0)

        def safe_open(path: Any, *arguments: Any, **named: Any) -> Any:  # reads by itself, not through Python
            return self.call("read", kind_of(path, self._run_path), lambda: real_safe_open(path, *arguments, **named))

        for name in ("write", "fsync", "read"):
            setattr(os, name, of_descriptor(name))
        for name in ("unlink", "remove", "mkdir"):
            setattr(os, name, of_path(name))
        for name in ("replace", "rename"):
            setattr(os, name, of_path(name, which=1))
        os.open, os.close = open_descriptor, close
        io.open = builtins.open = open_file  # type: ignore[assignment]
        if (real_safe_open := getattr(calibration, "safe_open", None)) is not None:
            calibration.safe_open = safe_open  # type: ignore[attr-defined]

    def opened(self, descriptor: int, kind: str | None) -> None:
        """From now on ``descriptor`` is that of a file of this kind, or of none."""
        self._kinds.pop(descriptor, None)
        if kind is not None:
            self._kinds[descriptor] = kind

    def call(self, name: str, kind: str | None, real: Callable[..., Any], *arguments: Any) -> Any:
        if kind is None:
            return real(*arguments)
        place = Place(name, kind, self._counts[name, kind])
        self._counts[name, kind] += 1
        self.seen.append(place)
        if self._deal is None or not (self._dealing or place == self._place):
            return real(*arguments)
        if not self._dealing and self._hit is not None:  # now: a killed process says nothing any more
            self._hit.touch()
        self._dealing = True
        return self._deal(name, real, arguments)


class WatchedFile:
    """A file of the run, its calls dealt with as all others."""

    def __init__(self, file: Any, disk: Disk, kind: str, *, whole: bool = False) -> None:
        self._file, self._disk, self._kind, self._whole = file, disk, kind, whole

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if not self._file.closed:
            self._disk.opened(self._file.fileno(), None)
        self._file.close()

    def __iter__(self) -> Any:
        return iter(self.readlines())

    def read(self, *arguments: Any) -> Any:
        return self._disk.call("read", self._kind, self._file.read, *arguments)

    def readinto(self, *arguments: Any) -> Any:
        return self._disk.call("read", self._kind, self._file.readinto, *arguments)

    def readline(self, *arguments: Any) -> Any:
        return self._disk.call("read", self._kind, self._file.readline, *arguments)

    def readlines(self, *arguments: Any) -> Any:
        return self._disk.call("read", self._kind, self._file.readlines, *arguments)

    def truncate(self, *arguments: Any) -> Any:
        return self._disk.call("truncate", self._kind, self._file.truncate, *arguments)

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        while rest:
            written = int(os.write(self._file.fileno(), rest))
            rest = rest[written:]
            if not self._whole:
                break
        return len(data) - len(rest)


def in_child(task: Callable[[], object], *, wait: bool = True) -> int:
    """Run ``task`` in a fork; return how it ended as ``waitpid`` says it, or the process's id if nobody waits."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            quiet = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1) if os.environ.get("FAULTS_LOUD") else (0, 1, 2):
                os.dup2(quiet, stream)
            task()
            code = 0
        except BaseException:
            if os.environ.get("FAULTS_LOUD"):
                sys.excepthook(*sys.exc_info())
            raise
        finally:
            os._exit(code)
    return os.waitpid(process, 0)[1] if wait else process


def train(run: Run, disk: Disk | None = None, *, every: str = ALWAYS, stop_after: int = 0) -> None:
    """Be the worker of ``run``, with ``disk`` between it and its files."""
    os.environ["DLCORE_CHECKPOINT_SECONDS"] = every
    if disk is not None:
        disk.stand_between()
    seen: list[int] = []

    def watch(event: object) -> None:
        if stop_after and isinstance(event, Stepped) and event.step >= stop_after:
            seen.append(event.step)

    worker.work(run, watch=watch, stop=lambda: bool(seen))


def metric_log(run: Run) -> list[list[Any]]:
    """What was measured, without the times."""
    return [
        [event.kind, *(getattr(event, name) for name in event.__slots__ if name != "seconds")]
        for event in run.metrics()
    ]


def resumes(run: Run) -> list[Resumed]:
    return [event for event in run.read()[0] if isinstance(event, Resumed)]


def temporary_files(run: Run) -> int:
    return sum(path.name.endswith(".tmp") for path in run.path.rglob("*"))


def die(share: float) -> Deal:
    """SIGKILL in the middle of a call: after ``share`` of what it was to write, or before or after any other call."""

    def deal(name: str, real: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if name == "write":
            descriptor, data = arguments
            real(descriptor, bytes(data)[: int(share * len(data))])
        elif share > 0.5:
            real(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    return deal


STILL_POSSIBLE = {errno.ENOSPC: {"read", "unlink", "truncate"}, errno.EIO: set[str](), errno.EMFILE: set[str]()}
"""What a full disk does all the same: it gives back what it has and lets go of files."""


def refuse(number: int, *, forever: bool, only: str = "") -> Deal:
    """Fail as a disk does: the first write takes a part and the next fails; after that all fail (or all of the kind
    ``only``), or none.
    """
    state = SimpleNamespace(took_a_part=False, failed=False)

    def deal(name: str, real: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if name in STILL_POSSIBLE[number] or only not in ("", name):
            return real(*arguments)
        if state.failed and not forever:
            return real(*arguments)
        if name == "write" and not state.took_a_part and not state.failed and len(arguments[1]) > 1:
            state.took_a_part = True
            return real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
        state.failed = True
        raise OSError(number, os.strerror(number))

    return deal


def prefixes(size: int) -> list[int]:
    """One length of each class: nothing, in the header's length, in the header, in the content, almost all."""
    return sorted({length for length in (0, 4, 8, 60, size // 3, 2 * size // 3, size - 1) if length < size})


def flip(path: Path, bit: int) -> None:
    """One bit, counted from the beginning. The time of change moves too, so that readers that remember look again."""
    data, changed = bytearray(path.read_bytes()), path.stat().st_mtime_ns
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    os.utime(
        path, ns=(changed, changed + 10**9 * (1 + bit))
    )  # seconds: more than the clock of any file system tells apart


def copy_of(run: Run) -> Run:
    """A second run directory with the same content, lock and marks apart."""
    path = run.path.with_name(run.run_id[:-12] + os.urandom(6).hex())
    shutil.copytree(run.path, path, ignore=shutil.ignore_patterns("lock", "control.lock"))
    return open_run(path.name)


def process_of(run: Run) -> psutil.Process:
    for process in psutil.process_iter(["cmdline"]):
        if str(run.path) in (process.info["cmdline"] or []):
            return process
    raise RuntimeError("no worker")


def wait_for(condition: Callable[[], bool], seconds: float = 180.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError("waited in vain")
        time.sleep(0.02)
