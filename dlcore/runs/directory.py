"""A run is a directory, and the directory is the protocol: whoever wants to watch a run reads it, whoever wants to
steer it writes ``control.json``. Only the worker writes the rest.

    config.json             the configuration, the owner, the time of creation, the version of this format
    events.jsonl            what happened, one event a line, append-only
    epochs/0003.json        what the network looked like inside after epoch 3, the event Inspected
    watching/               looks between epochs, a few images and filters, see dlcore.runs.glimpses
    control.json            what the visitor asks of the worker, see dlcore.runs.control
    control.lock            held while control.json is replaced
    launched                touched when a worker is started, removed by the worker once it holds the lock
    lock                    held by the worker through the operating system for as long as it lives
    checkpoint-….safetensors, checkpoints.json   where to continue from, see dlcore.runs.checkpoint_store
    model.safetensors       the weights at the end
    summary.json            how it ended, for lists
    label.json              what its owner says of it, see dlcore.runs.keeping
    worker.log              for whoever looks for a fault

Nothing here imports torch.
"""

import logging
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from dlcore import atomic
from dlcore.background import is_locked, is_recent, lock_of
from dlcore.config import TrainConfig
from dlcore.formats import RUN_FORMAT, SUMMARY_FORMAT
from dlcore.home import home
from dlcore.messages import N_, UserError
from dlcore.runs import config_file, control, event_log, sealed
from dlcore.runs.checkpoint_store import CheckpointStore
from dlcore.runs.event_log import Reading
from dlcore.runs.inside import can_be_drawn
from dlcore.runs.status import LIVE, Status
from dlcore.runs.summary import Summary, summary_of
from dlcore.training.events import (
    Action,
    Ended,
    Event,
    Inspected,
    Paused,
    from_json,
)

STARTING_SECONDS = 30.0
"""How long a launched worker may take until it holds the lock; after that the launch counts as failed."""

_RUN_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[a-z0-9]+(-[a-z0-9]+)*-[0-9a-f]{12}", re.ASCII)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Run:
    """A run directory with its unchanging facts read; everything that changes is read when asked for."""

    path: Path
    config: TrainConfig
    created: datetime
    owner: str
    sweep: str = ""
    """The search or repetition that made it; empty for a run that somebody started by itself."""
    imported: datetime | None = None
    """When it was brought here from another installation; None for a run of this one."""

    @property
    def arrived(self) -> datetime:
        """Since when it is kept here."""
        return self.imported or self.created

    @property
    def run_id(self) -> str:
        """The directory's name, which is also the run's name in a link."""
        return self.path.name

    @property
    def events_path(self) -> Path:
        """The log of events."""
        return self.path / "events.jsonl"

    @property
    def checkpoints(self) -> CheckpointStore:
        """What the worker keeps to continue from; may hold nothing."""
        return CheckpointStore(self.path)

    @property
    def final_weights_path(self) -> Path:
        """Where the worker puts the weights at the end; may not exist yet."""
        return self.path / "model.safetensors"

    @property
    def weights_path(self) -> Path | None:
        """The weights at the end, or None as long as there are none."""
        return self.final_weights_path if self.final_weights_path.is_file() else None

    @property
    def log_path(self) -> Path:
        """The worker's own log: tracebacks and warnings, for whoever looks for a fault."""
        return self.path / "worker.log"

    def inspection_path(self, epoch: int) -> Path:
        """Where the worker puts what it saw inside the network after ``epoch``; may not exist."""
        return self.path / "epochs" / f"{epoch:04}.json"

    def inspection(self, epoch: int) -> Inspected | None:
        """What the network looked like inside after ``epoch``, 0 being untrained; None where no such thing is recorded."""
        try:
            event = from_json(sealed.unseal_line(self.inspection_path(epoch).read_bytes().rstrip(b"\r\n")))
        except (OSError, ValueError):
            return None
        return event if isinstance(event, Inspected) and event.epoch == epoch and can_be_drawn(event) else None

    def model_at_hand(self) -> bool:
        """Whether there are weights to predict with."""
        return self.weights_path is not None

    def lock(self) -> FileLock:
        """The worker's lock, not yet taken. The operating system frees it when its holder dies, however it dies."""
        return lock_of(self.path / "lock")

    def status(self) -> Status:
        """What the run is doing now. Costs a few small reads, whatever the length of the log."""
        return self._status(lambda: is_locked(self.path / "lock"))

    def status_with_worker(self) -> Status:
        """As :meth:`status`, for whoever saw the log grow just now, and so knows that a worker writes it."""
        return self._status(lambda: True)

    def status_without_worker(self) -> Status:
        """As :meth:`status`, for whoever holds the run's lock, and so knows that no worker does."""
        return self._status(lambda: False)

    def _status(self, has_worker: Callable[[], bool]) -> Status:
        if waiting_mark(self.path).exists():
            return "queued"
        if is_recent(self.path / "launched", STARTING_SECONDS):
            return "stopping" if self.stop_requested() else "starting"
        if (summary := self._summary_file()) is not None:
            return summary.reason
        if has_worker():
            return self._doing()
        last = event_log.last(self.events_path)
        return last.reason if isinstance(last, Ended) else "interrupted"

    def _doing(self) -> Status:
        """What the worker that holds the lock is at."""
        if self.stop_requested():
            return "stopping"
        if not self._has_events():
            return "starting"
        return "paused" if isinstance(event_log.last(self.events_path), Paused) else "running"

    def summary(self) -> Summary | None:
        """How the run ended, or None if it did not (yet), or was killed before it could say so.

        Where the file is missing, damaged, or of a newer version, the log says the same at greater length, and is read.
        """
        if (self.path / "summary.json").exists():
            return self._summary_file()
        # A worker whose last words found no more room in a file of their own has left them in the log.
        return summary_of(self.read()[0]) if isinstance(event_log.last(self.events_path), Ended) else None

    def _summary_file(self) -> Summary | None:
        path = self.path / "summary.json"
        try:
            about = path.stat()
            return _read_summary(str(path), about.st_mtime_ns, about.st_size, about.st_ino)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, UserError) as error:
            _LOG.warning("%s: summary.json is unreadable, the log is read instead: %s", self.run_id, error)
            return summary_of(self.read()[0])

    def write_summary(self, summary: Summary) -> None:
        """Note how the run ended.

        Raises:
            OSError: the disk is full or broken.
        """
        content = sealed.seal(summary.model_dump(), format_number=SUMMARY_FORMAT)
        atomic.write(self.path / "summary.json", content)

    def metrics(self) -> list[Event]:
        """What was measured, as if the run had never been interrupted: events that a later ``Resumed`` voids are left
        out, and so are those that tell of the work on the run rather than of training.
        """
        return event_log.standing(event_log.read(self.events_path)[0])

    def read(self, offset: int = 0) -> tuple[list[Event], int]:
        """The events from byte ``offset`` on, and the offset for the next look. Damaged lines are skipped and logged."""
        reading = self.scan(offset)
        return reading.events, reading.offset

    def scan(self, offset: int = 0) -> Reading:
        """As :meth:`read`, and says how many lines were damaged. A half-written last line is left for the next look."""
        entries, end, damaged = event_log.read(self.events_path, offset)
        if damaged:
            _LOG.warning("%s: skipped %d damaged lines of events.jsonl", self.run_id, damaged)
        return Reading([event for _, event in entries], end, damaged)

    def steer(
        self,
        *,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        dropout: float | None = None,
        then: Literal["pause", "go", "step", "stop"] | None = None,
        updates: int = 1,
    ) -> list[int]:
        """Ask the worker, who obeys within one update, or once the evaluation that it is at is over; a run that has not
        begun yet begins like that.

        Args:
            learning_rate: the new peak of the learning rate, which the schedule scales as before; as in ``TrainConfig``.
            weight_decay: from the next update on; as in ``TrainConfig``.
            dropout: from the next update on; as in ``TrainConfig``.
            then: pause; go on; make some updates and pause; or stop, test and keep what was learned.
            updates: how many of them with ``step``.

        Returns:
            The numbers of the commands; a :class:`~dlcore.training.events.Steered` with such a number says it was obeyed.

        Raises:
            UserError: nothing was asked, a value is outside its range, the run is over, or the request cannot be written.
        """
        values = {"learning_rate": learning_rate, "weight_decay": weight_decay, "dropout": dropout}
        wishes: list[dict[str, Any]] = []
        if changed := {name: value for name, value in values.items() if value is not None}:
            wishes.append({"do": "set"} | changed)
        if then is not None and then != "stop":
            wishes.append({"do": then} | ({"updates": updates} if then == "step" else {}))
        if not 1 <= updates <= control.MOST_UPDATES:
            raise UserError(
                N_("updates must be in [1, {most}]; got {value}."), most=control.MOST_UPDATES, value=str(updates)[:40]
            )
        if not wishes and then is None:
            raise UserError(N_("Nothing was asked of the run: give a value to change, or what to do."))
        status = self.status()
        if status not in LIVE or (status == "stopping" and then != "stop"):
            raise UserError(
                N_("The run {run_id} is over or about to end, so nothing in it can be changed now."), run_id=self.run_id
            )
        numbers = control.ask(self.path, wishes) if wishes else []
        if then == "stop":
            from dlcore.runs import queue  # noqa: PLC0415  # which knows of runs that wait, and imports this module

            queue.stop(self)
        return numbers

    def request_stop(self) -> None:
        """Ask the worker to stop: it ends within a step, or once the evaluation that it is at is over, tests what it has
        learned and keeps it.

        Raises:
            UserError: the request cannot be written.
        """
        control.ask(self.path, [{"do": "stop"}])

    def stop_requested(self) -> bool:
        """Whether someone has asked for a stop."""
        return any(command.do == "stop" for command in control.read(self.path))

    def expect_worker(self) -> None:
        """Note that a worker is about to come: forget a stop that was asked of the last one, show the run as starting.

        Raises:
            UserError: the note cannot be written.
        """
        control.forget(self.path, frozenset({"stop"}))
        _write(self.path / "launched", "")

    def forget_wishes(self) -> None:
        """Before the run goes on: whoever resumes it wants it to go, so no pause of before holds. Changed values do.

        Raises:
            UserError: the file of wishes cannot be written.
        """
        control.forget(self.path, frozenset[Action]({"stop", "pause", "go", "step"}))

    def expect_no_worker(self) -> None:
        """Take back the note of :meth:`expect_worker`: the worker is here, or will never come."""
        (self.path / "launched").unlink(missing_ok=True)

    def _has_events(self) -> bool:
        try:
            return self.events_path.stat().st_size > 0
        except FileNotFoundError:
            return False


def create(config: TrainConfig, *, owner: str = "", sweep: str = "") -> Run:
    """A new run directory, ready for a worker. ``owner`` is a visitor's token, empty for runs made in a shell; ``sweep``
    is the search or repetition that it belongs to.

    Raises:
        UserError: the folder of runs cannot be written.
    """
    created = datetime.now(UTC).replace(microsecond=0)
    path = runs_folder() / f"{created:%Y%m%d-%H%M%S}-{config.dataset}-{config.model}-{secrets.token_hex(6)}"
    content = {"created": created.isoformat(), "owner": owner, "config": config.model_dump()}
    if sweep:
        content["sweep"] = sweep
    _or_explain(lambda: path.mkdir(parents=True))
    run = Run(path=path, config=config, created=created, owner=owner, sweep=sweep)
    run.expect_worker()
    _write(
        path / "config.json", sealed.seal(content, format_number=RUN_FORMAT)
    )  # last: from here on, lists show the run
    return run


def open_run(run_id: str, *, folder: Path | None = None) -> Run:
    """The run of this name. ``folder`` is that of all runs, for whoever opens many and has looked it up.

    Raises:
        UserError: there is none, the name is no run's name, or its ``config.json`` cannot be used.
    """
    path = (folder or runs_folder()) / run_id if is_run_id(run_id) else None
    if path is None or not path.is_dir():
        raise UserError(
            N_("There is no run called {run_id}. The run may have been deleted, or the link may be incomplete."),
            run_id=run_id[:100],
        )
    return open_directory(path)


def open_directory(path: Path) -> Run:
    """The run in this directory, wherever it lies.

    Raises:
        UserError: its ``config.json`` is missing, damaged, or of a newer version than this program reads.
    """
    try:
        about = (path / "config.json").stat()
        return _read(str(path), about.st_mtime_ns, about.st_size)
    except (OSError, ValueError):
        raise unreadable(path.name) from None


def unreadable(run_id: str) -> UserError:
    """What to say of a run whose ``config.json`` is none."""
    return UserError(
        N_("The run {run_id} cannot be opened: its config.json is missing or damaged."), run_id=run_id[:100]
    )


@lru_cache(maxsize=4000)
def _read(folder: str, modified: int, size: int) -> Run:  # noqa: ARG001  # a file that was replaced is read again
    """The run in ``folder``. Lists show hundreds, whose ``config.json`` never changes: each is read and checked once."""
    path = Path(folder)
    content = config_file.read(path)
    config = TrainConfig.parse(content.config, check_data=False)
    return Run(
        path=path.resolve(),
        config=config,
        created=content.created,
        owner=content.owner,
        sweep=content.sweep,
        imported=content.imported,
    )


@lru_cache(maxsize=4000)
def _read_summary(path: str, modified: int, size: int, number: int) -> Summary:  # noqa: ARG001  # a file that was replaced is read again
    """Asked for several times a row: what a run is doing, and what came of it."""
    file = Path(path)
    return Summary.model_validate(sealed.unseal(file.read_bytes(), file=file.name, known=SUMMARY_FORMAT))


def list_runs(owner: str | None = None) -> list[Run]:
    """All runs, newest first; with ``owner``, that visitor's and those made in a shell, which nobody else owns.

    Directories that hold no usable run are skipped and logged.
    """
    folder = runs_folder()
    try:
        names = sorted((entry.name for entry in os.scandir(folder) if entry.is_dir()), reverse=True)
    except FileNotFoundError:
        return []
    runs = []
    for name in names:
        try:
            run = open_run(name, folder=folder)
        except UserError as error:
            _LOG.warning("%s", error)
            continue
        if owner is None or run.owner in ("", owner):
            runs.append(run)
    return sorted(runs, key=lambda run: run.created, reverse=True)


def is_run_id(name: str) -> bool:
    """Whether ``name`` has the form of a run's name."""
    return _RUN_ID.fullmatch(name) is not None


def runs_folder() -> Path:
    """The folder that holds all run directories."""
    return home() / "runs"


def waiting_mark(run_path: Path) -> Path:
    """The file that is there while the run in ``run_path`` waits in the queue, see :mod:`dlcore.runs.queue`."""
    return run_path.parent.parent / "queue" / "waiting" / run_path.name


def _write(path: Path, text: str) -> None:
    _or_explain(lambda: atomic.write(path, text))


def _or_explain(action: Callable[[], object]) -> None:
    try:
        action()
    except OSError as error:
        raise UserError(
            N_(
                "The folder of runs cannot be written: {reason}. Make room there, or set DLCORE_HOME to another folder."
            ),
            reason=error.strerror or type(error).__name__,
        ) from error
