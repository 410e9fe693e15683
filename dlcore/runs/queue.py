"""Who trains next, when more runs are asked for than the machine can train at once.

A waiting run is a file ``queue/waiting/<run id>`` beside the folder of runs, a run that was given to a worker one in
``queue/active``; both are changed only under one lock of the operating system, so any number of servers may share the
folder. Nobody runs the queue: whoever submits, waits, or has just finished calls :func:`advance`.

First come, first served, but by turns: a visitor's second run waits until everyone else's first has begun. Where the
machine is in trouble, its disk full or no process to be had, runs keep waiting: the time of a mark is then one to come,
before which nobody tries again. Nothing here imports torch.
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
from dlcore.formats import SUMMARY_FORMAT
from dlcore.machine import cores
from dlcore.messages import N_, UserError
from dlcore.runs import keeping, launch, sealed, spare
from dlcore.runs.directory import Run, create, is_run_id, open_run, runs_folder, waiting_mark
from dlcore.runs.status import LIVE
from dlcore.runs.summary import summarise
from dlcore.training.events import Ended

_LOG = logging.getLogger(__name__)
_LOCK_SECONDS = 10.0
_REMEMBERED_NANOSECONDS = 24 * 3600 * 10**9
_RETRY_SECONDS = 20.0
"""After trouble of the machine, until a waiting run is tried again."""


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
    if not any(_is_due(entry) for entry in _entries("waiting")):
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
        UserError: it is nearly full, or the folder of runs cannot be made.
    """
    needed = limits().free_megabytes + more_megabytes
    try:
        runs_folder().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise keeping.not_writable(error) from error
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
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(mark, entry.model_dump_json())
    except OSError:
        mark.unlink(missing_ok=True)  # whoever is told that it failed has nothing waiting
        run.expect_no_worker()
        raise
    run.expect_no_worker()
    _advance(answering_for=run.run_id)


def _advance(answering_for: str = "") -> None:
    """Start what may start. What stands in the way of a run is raised for one run only, which leaves the queue then."""
    bounds = limits()
    active = list(_at_work())
    for ended in {entry.run_id for entry in _entries("active")} - {entry.run_id for entry in active}:
        (_folder("active") / ended).unlink(missing_ok=True)
    while len(active) < bounds.workers:
        owners = Counter(entry.owner for entry in active)
        # Whoever answers for a run keeps to the order: it is not tried before others whose next try is to come.
        line = [entry for entry in _entries("waiting") if answering_for or _is_due(entry)]
        turns = _turns(line, owners, _served())
        following = next((e for e in turns if not e.owner or owners[e.owner] < bounds.running_each), None)
        if following is None:
            return
        try:
            begun = _begin(following)
        except (UserError, OSError) as error:
            if following.run_id == answering_for:
                (_folder("waiting") / following.run_id).unlink(missing_ok=True)
                raise
            _hold(following, error)
            return
        if begun:
            active.append(following)
            _serve(following.owner)


def _begin(entry: _Entry) -> bool:
    """Give the run to a worker and cross it off the line; whether it began: one that never can is crossed off as well.

    Raises:
        UserError: it cannot begin now; then it waits as before.
        OSError: the same.
    """
    waiting, taken = (_folder(kind) / entry.run_id for kind in ("waiting", "active"))
    check_disk()
    try:
        run = open_run(entry.run_id)
    except UserError as error:
        if _may_pass(error):
            raise
        _give_up(entry.run_id, error)
        waiting.unlink(missing_ok=True)
        return False
    try:
        taken.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(taken, entry.model_dump_json())
        run.expect_worker()  # before it leaves the line, so that it is never seen as interrupted
        launch.start(run)
    except (UserError, OSError):
        taken.unlink(missing_ok=True)
        run.expect_no_worker()
        raise
    # Last: if this process is killed before, the run is tried again, and of two workers its lock keeps one.
    waiting.unlink(missing_ok=True)
    return True


def _may_pass(error: UserError) -> bool:
    """Whether a run that could not be opened may be opened later: the system refused, as with too many files open."""
    cause = error.__context__
    return isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError | NotADirectoryError)


def _give_up(run_id: str, error: UserError) -> None:
    """Let whoever looks at the run know why it never began, if it is there; a result of before stays what it is."""
    _LOG.warning("%s left the queue, it can never begin: %s", run_id, error)
    path = runs_folder() / run_id
    if not is_run_id(run_id) or not (path / "config.json").exists() or (path / "summary.json").exists():
        return
    told = error.as_data()
    summary = summarise(Ended(reason="failed", message=told["template"], values=told["values"]), None)
    atomic.write(path / "summary.json", sealed.seal(summary.model_dump(), format_number=SUMMARY_FORMAT))


def _hold(failed: _Entry, error: Exception) -> None:
    """Let nobody try a waiting run again for a while: what stands in the way of one does so for all of them.

    If not, the others are not held up for long: the one that ``failed`` is tried after them.
    """
    _LOG.warning("%s cannot begin now and keeps waiting: %s", failed.run_id, error)
    now = time.time()
    for entry in _entries("waiting"):
        moment = now + (2 if entry.run_id == failed.run_id else 1) * _RETRY_SECONDS
        os.utime(_folder("waiting") / entry.run_id, (moment, moment))


def _is_due(entry: _Entry) -> bool:
    """Whether a waiting run may be tried now, see :func:`_hold`."""
    try:
        ahead = (_folder("waiting") / entry.run_id).stat().st_mtime - time.time()
    except FileNotFoundError:  # it left the line a moment ago
        return False
    return not 0 < ahead <= 2 * _RETRY_SECONDS  # with a clock that was set back nobody waits for ever


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
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        _LOG.warning("%s is unreadable: %s", _served_path().name, error)
        return {}


def _serve(owner: str) -> None:
    now = time.time_ns()
    served = {name: moment for name, moment in _served().items() if now - moment < _REMEMBERED_NANOSECONDS}
    try:
        atomic.write(_served_path(), _Served(served | {owner: now}).model_dump_json())
    except OSError as error:  # the run has begun all the same; turns are a little less just
        _LOG.warning("that a run began could not be noted: %s", error)


def _served_path() -> Path:
    return _folder("waiting").with_name("served.json")


def _at_work() -> Iterator[_Entry]:
    """The runs that workers have. One that waits again was crossed off by nobody since its last worker ended."""
    for entry in _entries("active"):
        try:
            status = open_run(entry.run_id).status()
        except UserError as error:
            if _may_pass(error):  # rather a place too few than a worker too many
                yield entry
            continue  # deleted
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
