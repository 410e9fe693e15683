"""Faults to deal: calls of the system that refuse, cut short or kill, flipped bits; and what a run means, whatever its bytes."""

import errno
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil

from dlcore import atomic, formats
from dlcore.config import TrainConfig
from dlcore.messages import UserError
from dlcore.runs import checkpoint_store, event_log, sealed, worker
from dlcore.runs.directory import Run, open_directory, open_run
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
Deal = Callable[[str, Callable[..., Any], tuple[Any, ...]], Any]
"""What happens instead of a call: given its name, the real function and its arguments."""


class Findings:
    """Counts of what was dealt and what came of it; a finding that must not be is kept in words."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.bad: list[str] = []

    def check(self, good: bool, what: str) -> None:
        if not good:
            self.bad.append(what)
            print(f"  NOT AS IT SHOULD BE: {what}", file=sys.stderr, flush=True)


class Ops:
    """Stands in for the module ``os`` where files are written, and deals one fault at the ``at``-th call."""

    def __init__(self, at: int = -1, deal: Deal | None = None) -> None:
        self.seen: list[str] = []
        self._at, self._deal = at, deal

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def _call(self, name: str, real: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        self.seen.append(name)
        if self._deal is not None and len(self.seen) - 1 >= self._at >= 0:
            return self._deal(name, real, arguments)
        return real(*arguments)

    def open(self, *arguments: Any) -> Any:
        return self._call("open", os.open, arguments)

    def write(self, *arguments: Any) -> Any:
        return self._call("write", os.write, arguments)

    def fsync(self, *arguments: Any) -> Any:
        return self._call("fsync", os.fsync, arguments)

    def replace(self, *arguments: Any) -> Any:
        return self._call("replace", os.replace, arguments)


class LoggedFile:
    """The file of the log, its writes dealt with as all others."""

    def __init__(self, file: Any, ops: Ops) -> None:
        self._file, self._ops = file, ops

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        return int(self._ops.write(self._file.fileno(), data))


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
        finally:
            os._exit(code)
    return os.waitpid(process, 0)[1] if wait else process


def train(run: Run, ops: Ops | None = None, *, every: str = ALWAYS, stop_after: int = 0) -> None:
    """Be the worker of ``run``, with ``ops`` between it and the disk."""
    os.environ["DLCORE_CHECKPOINT_SECONDS"] = every
    if ops is not None:
        atomic.os = ops  # type: ignore[attr-defined]
        worker.os = ops  # type: ignore[attr-defined]
        unlink, real_init = Path.unlink, event_log.EventLog.__init__

        def watched_unlink(path: Path, missing_ok: bool = False) -> None:
            ops._call("unlink", lambda: unlink(path, missing_ok=missing_ok), ())  # noqa: SLF001

        def init(log: event_log.EventLog, path: Path) -> None:
            real_init(log, path)
            log._file = LoggedFile(log._file, ops)  # type: ignore[assignment]  # noqa: SLF001

        checkpoint_store.Path.unlink = watched_unlink  # type: ignore[method-assign]
        event_log.EventLog.__init__ = init  # type: ignore[method-assign]
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
    return sum(path.name.endswith(".tmp") for path in run.path.iterdir())


def die(share: float) -> Deal:
    """SIGKILL in the middle of a call: after ``share`` of what it was to write, or before or after any other call."""

    def deal(name: str, real: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if name == "write":
            descriptor, data = arguments
            os.write(descriptor, bytes(data)[: int(share * len(data))])
        elif share > 0.5:
            real(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    return deal


def refuse(number: int, *, forever: bool) -> Deal:
    """Fail as a disk does: the first write takes a part and the next fails; after that all fail, or none."""
    state = SimpleNamespace(took_a_part=False, failed=False)

    def deal(name: str, real: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if name == "unlink" and number == errno.ENOSPC:  # a full disk lets go of files
            return real(*arguments)
        if state.failed and not forever:
            return real(*arguments)
        if name == "write" and not state.took_a_part and not state.failed and len(arguments[1]) > 1:
            state.took_a_part = True
            return os.write(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
        state.failed = True
        raise OSError(number, os.strerror(number))

    return deal


def stored(run: Run) -> list[tuple[str, str]]:
    """Each kind of file in a run directory, by name."""
    return [
        ("newest checkpoint", run.checkpoints.manifest()[0].file),
        ("manifest", run.checkpoints.manifest_path.name),
        ("log", run.events_path.name),
        ("weights", run.final_weights_path.name),
        ("config", "config.json"),
        ("summary", "summary.json"),
    ]


def prefixes(size: int) -> list[int]:
    """One length of each class: nothing, in the header's length, in the header, in the content, almost all."""
    return sorted({0, 4, 8, 60, size // 3, 2 * size // 3, size - 1})


def flip(path: Path, dice: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    path.write_bytes(data)


def meaning(run: Run, name: str) -> Any:
    """What a reader takes from the file, comparable; None if it is told that the file is damaged."""
    from dlcore.training import checkpoints, tensor_file

    def checkpoint() -> str:
        known = run.checkpoints.manifest()[0]
        tensor_file.read(run.path / known.file, limit_bytes=10**9, sha256=known.sha256)
        return "as written"

    def weights() -> str:
        checkpoints.load_weights(run.final_weights_path)
        return "as written"

    def log() -> Any:
        reading = run.scan()
        whole = reading.damaged_lines == 0 and reading.offset == run.events_path.stat().st_size
        return reading.events if whole else None

    def summary() -> Any:
        data = (run.path / "summary.json").read_bytes()
        return sealed.unseal(data, file="summary.json", known=formats.SUMMARY_FORMAT)

    read: dict[str, Callable[[], Any]] = {
        "newest checkpoint": checkpoint,
        "manifest": run.checkpoints.manifest,
        "log": log,
        "weights": weights,
        "config": lambda: open_directory(run.path),
        "summary": summary,
    }
    try:
        found = read[name]()
    except (UserError, ValueError):
        found = None
    return found


def copy_of(run: Run) -> Run:
    """A second run directory with the same content, lock and marks apart."""
    path = run.path.with_name(run.run_id[:-12] + os.urandom(6).hex())
    shutil.copytree(run.path, path, ignore=shutil.ignore_patterns("lock"))
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
