"""Who trains next, when more runs are asked for than the machine can train at once.

A waiting run is a file ``queue/waiting/<run id>`` beside the folder of runs, a run that was given to a worker one in
``queue/active``; both are moved only under one lock of the operating system, so any number of servers may share the
folder. Nobody runs the queue: whoever submits, waits, or has just finished calls :func:`advance`.

First come, first served, but by turns: a visitor's second run waits until everyone else's first has begun.
Nothing here imports torch.
"""

import logging
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from dlcore import atomic
from dlcore.config import TrainConfig
from dlcore.machine import cores
from dlcore.messages import N_, UserError
from dlcore.runs import keeping, launch, spare
from dlcore.runs.directory import Run, create, open_run, runs_folder, waiting_mark
from dlcore.runs.status import LIVE
from dlcore.runs.summary import summarise
from dlcore.training.events import Ended

_LOG = logging.getLogger(__name__)
_LOCK_SECONDS = 10.0
_REMEMBERED_NANOSECONDS = 24 * 3600 * 10**9


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one machine, and one visitor of it, may ask for."""

    workers: int
    """Runs that train at the same time."""
    running_each: int = 1
    """Runs of one visitor that train at the same time."""
    waiting_each: int = 2
    """Runs of one visitor that wait."""
    waiting_in_all: int = 100
    """Runs of all visitors that wait; a new token costs nothing, so the bound for one visitor alone bounds nobody."""
    free_megabytes: int = 500
    """Room that has to be left on the disk."""


def limits() -> Limits:
    """The limits in force: ``$DLCORE_WORKERS`` workers, by default one fewer than there are cores for this process.

    Raises:
        UserError: the variable holds no positive whole number.
    """
    text = os.environ.get("DLCORE_WORKERS", "")
    if text and not (text.isascii() and text.isdigit() and len(text) <= 4 and 0 < int(text) <= 1024):
        raise UserError(N_("DLCORE_WORKERS must be a whole number in [1, 1024]; got {value}."), value=text[:40])
    return Limits(workers=int(text) if text else max(1, cores() - 1))


class _Entry(BaseModel):
    """What a file of the queue holds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run_id: str
    owner: str
    submitted: int
    """Nanoseconds since 1970, for the order alone."""


class _Served(RootModel[dict[str, int]]):
    """What ``served.json`` holds."""


def submit(config: TrainConfig, *, owner: str, sweep: str = "") -> Run:
    """A new run of ``config``, trained at once if there is room and otherwise when its turn comes.

    ``sweep`` names the search or repetition that it belongs to.

    Raises:
        UserError: the visitor has too many runs, the disk is nearly full, or the run cannot be started.
    """
    with _locked():
        _check(owner)
        run = create(config, owner=owner, sweep=sweep)
        _enqueue(run)
        keeping.tidy()
    return run


def resume(run: Run) -> None:
    """Let ``run`` go on from its checkpoint, at once if there is room and otherwise when its turn comes.

    Raises:
        UserError: as :func:`submit`; also if the run is going on, has completed or has diverged.
    """
    with _locked():
        launch.check_resumable(run)  # under the lock: two pages may ask at once
        _check(run.owner)
        run.forget_wishes()
        _enqueue(run)


def stop(run: Run) -> None:
    """Ask the worker of ``run`` to stop; a run that still waits leaves the queue, and is what it was before it waited.

    Raises:
        UserError: the request cannot be written.
    """
    with _locked():
        mark = waiting_mark(run.path)
        if mark.exists():
            if run.summary() is None:
                run.write_summary(summarise(Ended(reason="stopped"), None))
            mark.unlink()
            return
    run.request_stop()


def advance() -> None:
    """Give waiting runs to workers as far as there is room. Cheap when there is nothing to do, and never waits.

    Raises:
        UserError: the queue cannot be written, or ``$DLCORE_WORKERS`` holds no number.
    """
    if not any(_entries("waiting")):
        return
    try:
        with _locked(seconds=0):
            _advance()
    except Timeout:
        return  # somebody else is at it


def prepare() -> None:
    """Have a spare worker wait if another run could begin at once; see :mod:`dlcore.runs.spare`.

    Raises:
        UserError: a setting in the environment is no number.
    """
    if len(list(_at_work())) >= limits().workers:
        return
    try:
        spare.ensure()
    except OSError as error:  # without a spare everything works, a moment later
        _LOG.warning("no spare worker could be started: %s", error)


def place(run: Run) -> int:
    """How many runs begin before ``run``, itself counted: 1 is next. 0 if it does not wait."""
    turns = _turns(list(_entries("waiting")), Counter(entry.owner for entry in _at_work()), _served())
    return next((number for number, entry in enumerate(turns, 1) if entry.run_id == run.run_id), 0)


def holds_place(run: Run) -> bool:
    """Whether ``run`` has a place that others could have, as runs do that were submitted."""
    return (_folder("active") / run.run_id).exists()


def others_wait() -> bool:
    """Whether any run waits for a place."""
    return any(_entries("waiting"))


def check_disk(more_megabytes: int = 0) -> None:
    """See to it that the disk has the room that has to be left on it, and ``more_megabytes``; the trash goes if it must.

    Raises:
        UserError: it is nearly full.
    """
    needed = limits().free_megabytes + more_megabytes
    runs_folder().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(runs_folder()).free // 1_000_000
    if free < needed:
        keeping.empty_trash()
        free = shutil.disk_usage(runs_folder()).free // 1_000_000
    if free < needed:
        raise UserError(
            N_("The server's disk is nearly full: {free} MB are left, {needed} MB are needed. Nothing was started."),
            free=free,
            needed=needed,
        )


def _check(owner: str) -> None:
    bounds = limits()
    keeping.bounds()  # whatever is wrong with them is said before there is a run
    check_disk()
    line = list(_entries("waiting"))
    if len(line) >= bounds.waiting_in_all:
        raise UserError(N_("{count} runs are waiting already, the line is full. Try again later."), count=len(line))
    waiting = sum(entry.owner == owner for entry in line)
    if owner and waiting >= bounds.waiting_each:
        raise UserError(
            N_("You already have {count} runs waiting. Stop one of them, or wait until one has begun."), count=waiting
        )


def _enqueue(run: Run) -> None:
    entry = _Entry(run_id=run.run_id, owner=run.owner, submitted=time.time_ns())
    mark = waiting_mark(run.path)
    mark.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(mark, entry.model_dump_json())
    run.expect_no_worker()
    _advance(answering_for=run.run_id)


def _advance(answering_for: str = "") -> None:
    """Start what may start. A run that cannot be started leaves the queue; the error is raised for one run only."""
    bounds = limits()
    active = list(_at_work())
    for ended in {entry.run_id for entry in _entries("active")} - {entry.run_id for entry in active}:
        (_folder("active") / ended).unlink(missing_ok=True)
    while len(active) < bounds.workers:
        owners = Counter(entry.owner for entry in active)
        turns = _turns(list(_entries("waiting")), owners, _served())
        following = next((e for e in turns if not e.owner or owners[e.owner] < bounds.running_each), None)
        if following is None:
            return
        waiting, taken = (_folder(kind) / following.run_id for kind in ("waiting", "active"))
        taken.parent.mkdir(parents=True, exist_ok=True)
        try:
            run = open_run(following.run_id)
            run.expect_worker()  # before it leaves the queue, so that it is never seen as interrupted
            waiting.replace(taken)
            launch.start(run)
        except UserError:
            waiting.unlink(missing_ok=True)
            taken.unlink(missing_ok=True)
            if following.run_id == answering_for:
                raise
        else:
            active.append(following)
            _serve(following.owner)


def _turns(waiting: list[_Entry], active: Counter[str], served: dict[str, int]) -> list[_Entry]:
    """The order in which ``waiting`` runs begin: each visitor's next run once before anyone's second next, and
    among visitors the one first who was served longest ago.
    """
    ahead = Counter(active)
    ranked: list[tuple[tuple[int, int, int], _Entry]] = []
    for entry in sorted(waiting, key=lambda entry: entry.submitted):
        ranked.append(((ahead[entry.owner], served.get(entry.owner, 0), entry.submitted), entry))
        ahead[entry.owner] += 1
    return [entry for _, entry in sorted(ranked, key=lambda item: item[0])]


def _served() -> dict[str, int]:
    """When each visitor's last run began, in nanoseconds since 1970."""
    try:
        return _Served.model_validate_json(_served_path().read_bytes()).root
    except (FileNotFoundError, ValidationError):
        return {}


def _serve(owner: str) -> None:
    now = time.time_ns()
    served = {name: moment for name, moment in _served().items() if now - moment < _REMEMBERED_NANOSECONDS}
    atomic.write(_served_path(), _Served(served | {owner: now}).model_dump_json())


def _served_path() -> Path:
    return _folder("waiting").with_name("served.json")


def _at_work() -> Iterator[_Entry]:
    """The runs that workers have. One that waits again was crossed off by nobody since its last worker ended."""
    for entry in _entries("active"):
        try:
            status = open_run(entry.run_id).status()
        except UserError:  # deleted
            continue
        if status in LIVE and status != "queued":
            yield entry


def _entries(kind: str) -> Iterator[_Entry]:
    try:
        paths = list(_folder(kind).iterdir())
    except FileNotFoundError:
        return
    for path in paths:
        try:
            entry = _Entry.model_validate_json(path.read_bytes())
        except (FileNotFoundError, ValidationError):  # moved a moment ago, or a temporary file
            continue
        if entry.run_id == path.name:
            yield entry


def _folder(kind: str) -> Path:
    return waiting_mark(runs_folder() / "any").parent.with_name(kind)


@contextmanager
def _locked(seconds: float = _LOCK_SECONDS) -> Iterator[None]:
    path = _folder("waiting").with_name("lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path, thread_local=False).acquire(timeout=seconds):
            yield
    except Timeout:
        if seconds == 0:
            raise
        raise UserError(N_("The queue is busy. Try again in a moment.")) from None
    except OSError as error:
        raise UserError(
            N_("The queue cannot be written: {reason}. Set DLCORE_HOME to a folder that can be written."),
            reason=error.strerror or type(error).__name__,
        ) from error
