"""The process that trains one run: the only writer of its directory.

It takes the lock before anything slow is imported, so a second worker finds out at once, and a dead one frees the run
the moment the operating system closes its files.
"""

import errno
import hashlib
import logging
import math
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

from filelock import Timeout

from dlcore import atomic, settings
from dlcore.formats import recipe_of
from dlcore.messages import N_, UserError
from dlcore.runs import queue, sealed
from dlcore.runs.checkpoint_store import Checkpoint
from dlcore.runs.control import VALUES, Command, Inbox
from dlcore.runs.directory import Run, Summary, summarise
from dlcore.runs.history import RunHistory
from dlcore.runs.recorder import Recorder
from dlcore.training.events import (
    Ended,
    Evaluated,
    Event,
    Inspected,
    Paused,
    Preparing,
    Resumed,
    Started,
    Steered,
    Stepped,
    Tested,
    to_json,
)

if TYPE_CHECKING:
    from dlcore.data.loading import Dataset
    from dlcore.training.state import TrainingState

LOCK_SECONDS = 2.0
"""How long to wait for the lock: readers hold it for microseconds, another worker for as long as it lives."""
FLUSH_SECONDS = 0.2
"""Steps reach the log in batches, at least this often."""
LOGGED_STEPS = 50_000
"""A run with more updates logs every n-th of them only, so that no log grows without bound."""
WEIGH_SECONDS = 1.0
"""Between two looks at how much room the run's files take."""
CHECKPOINT_SECONDS = 30.0
"""Between two checkpoints within an epoch, by default; see :func:`checkpoint_seconds`."""
PAUSE_TICK_SECONDS = 0.1
"""Between two looks of a paused worker at what is asked of it."""
PAUSE_SAVED_SECONDS = 1.0
"""A pause longer than this is worth a checkpoint."""
PAUSE_IN_DEMAND_SECONDS = 300.0
"""A paused run that others wait for gives its place away after this time, which is counted from its pause,"""
PAUSE_ALONE_SECONDS = 3600.0
"""and one that nobody waits for frees its memory after this. It is stopped, and can be continued."""
NICENESS = 5
"""The pages come first,"""
MEMORY_PENALTY = 800
"""and when memory runs out, Linux ends this process before them (``oom_score_adj``, at most 1000)."""

_LOG = logging.getLogger("dlcore.worker")


class _StopAsked(Exception):  # noqa: N818  # no error: the visitor's wish
    """A stop was asked for before training began."""


class EventLog:
    """The append-only log of one run, each line written whole; what a killed worker left half-written is cut off."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._cut_torn_line(path)
        self._pending: list[bytes] = []
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
            if event.step == 1 or ends_epoch or event.step % self._every == 0:
                self._pending.append(sealed.seal_line(to_json(event)))
            if not ends_epoch and time.monotonic() - self._written < FLUSH_SECONDS:
                return
        else:
            self._pending.append(sealed.seal_line(to_json(event)))
        self.flush()

    def expect(self, started: Started) -> None:
        """Know how long the run is, and so which steps to log."""
        self._steps_per_epoch = started.steps_per_epoch
        self._every = max(1, started.steps_per_epoch * started.epochs // LOGGED_STEPS)

    def flush(self) -> None:
        """Hand all pending lines to the operating system, which keeps them even if this process is killed."""
        lines, self._pending = self._pending, []
        self._written = time.monotonic()
        if not lines:
            return
        data = b"".join(lines)
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

    def _cut_torn_line(self, path: Path) -> None:
        size = self._file.seek(0, os.SEEK_END)
        if size == 0:
            return
        with path.open("rb") as file:
            end, chunk = size, 65536
            while end > 0:
                start = max(0, end - chunk)
                file.seek(start)
                newline = file.read(end - start).rfind(b"\n")
                if newline >= 0:
                    end = start + newline + 1
                    break
                end = start
        if end < size:
            self._file.truncate(end)
            self._file.seek(0, os.SEEK_END)


def work(run: Run, *, watch: Callable[[Event], None] | None = None, stop: Callable[[], bool] | None = None) -> Ended:
    """Train ``run`` to its end or until it is asked to stop, from its checkpoint if it has one.

    Args:
        run: its directory is written; a run that is already complete is left as it is.
        watch: called with each event, after it was logged.
        stop: whether this process itself was asked to stop, beside what ``control.json`` says.

    Returns:
        How it ended. A fault of whatever kind ends the run as failed and is told there and in ``worker.log``.

    Raises:
        UserError: another worker is at it, or the run has completed or diverged.
    """
    try:
        lock = run.lock().acquire(timeout=LOCK_SECONDS, poll_interval=0.02)
    except Timeout:
        raise UserError(N_("The run {run_id} is being trained by another worker."), run_id=run.run_id) from None
    with lock:
        summary = run.summary()
        if summary is not None and summary.reason in ("completed", "diverged"):
            run.expect_no_worker()
            raise UserError(
                N_("The run {run_id} is complete: there is nothing left to continue. Start a new one."),
                run_id=run.run_id,
            )
        try:
            (run.path / "summary.json").unlink(missing_ok=True)
            for mine in ("summary", "checkpoint", "model"):
                for leftover in run.path.glob(f".{mine}*.tmp"):  # of a worker that was killed while it wrote
                    leftover.unlink()
            for leftover in (*run.path.glob("epochs/.*.tmp"), *run.path.glob("watching/.*.tmp")):
                leftover.unlink()
            atomic.sweep(run.path, age_seconds=600)  # of others, some of whom may be writing now
        finally:
            run.expect_no_worker()
        with EventLog(run.events_path) as log:
            return _Session(run, log, watch or _ignore, stop or _never, before=summary).run()


def checkpoint_seconds() -> float:
    """Seconds of training between two checkpoints within an epoch, ``$DLCORE_CHECKPOINT_SECONDS``; 0 is after each update.

    Raises:
        UserError: the variable holds no number of seconds up to a day.
    """
    return settings.number("DLCORE_CHECKPOINT_SECONDS", CHECKPOINT_SECONDS, low=0, high=86_400)


@dataclass(frozen=True, slots=True)
class Budget:
    """What one run may take of the machine; infinite where nobody set a limit."""

    wall_seconds: float
    """Of all its workers together."""
    disk_bytes: float
    """Of everything in its directory."""


def budget() -> Budget:
    """The budget in force: ``$DLCORE_RUN_HOURS`` and ``$DLCORE_RUN_MEGABYTES``; 0 or nothing is without a limit.

    Raises:
        UserError: one of them holds no number that fits.
    """
    hours = settings.number("DLCORE_RUN_HOURS", 0, low=0, high=10_000)
    megabytes = settings.number("DLCORE_RUN_MEGABYTES", 2000, low=0, high=10_000_000)
    return Budget(wall_seconds=3600 * hours or math.inf, disk_bytes=1e6 * megabytes or math.inf)


def _ignore(_: Event) -> None:
    """Watch nothing."""


def _never() -> bool:
    return False


class _Session:
    """One worker's time with one run: what it has seen so far, which the summary and a stop need."""

    def __init__(
        self,
        run: Run,
        log: EventLog,
        watch: Callable[[Event], None],
        stop: Callable[[], bool],
        *,
        before: Summary | None,
    ) -> None:
        self._run = run
        self._log = log
        self._watch = watch
        self._asked = stop
        self._before = before
        self._inbox = Inbox(run.path)
        self._bound: list[Steered] = []
        """Commands that an earlier worker obeyed after the checkpoint, to be obeyed at the same steps again."""
        self._updates_left: int | None = None
        """Updates until the next pause, 0 while paused, None while nobody wants one."""
        self._stopped = Ended(reason="stopped")
        self._recorder: Recorder | None = None
        self._latest: Stepped | None = None
        self._tested: Tested | None = None
        self._checkpoint_seconds = CHECKPOINT_SECONDS
        self._budget = Budget(math.inf, math.inf)
        self._weighed_at = -math.inf
        self._spent = False
        self._kept_at = self._began_at = time.monotonic()
        self._worked_before = 0.0
        """Seconds that earlier workers spent on what the checkpoint holds."""

    def run(self) -> Ended:
        """Train, and let the log say how it ended whatever happens."""
        try:
            ended = self._train()
        except _StopAsked:
            ended = Ended(reason="stopped", weights_sha256=self._before.weights_sha256 if self._before else "")
        except Exception as error:  # noqa: BLE001  # whatever it is, the visitor is told, and worker.log holds the rest
            _LOG.error("run %s failed", self._run.run_id, exc_info=error)
            ended = _failure(error, self._run)
        try:
            self._tell(ended)
            self._log.sync()
            self._summarise(ended)
        except OSError as error:  # no room even for the last words: without them the run counts as interrupted
            _LOG.error("run %s: its end could not be written", self._run.run_id, exc_info=error)
        if ended.reason != "failed":
            self._run.checkpoints.prune()  # once more, for one whose removal was refused
        return ended

    def _train(self) -> Ended:
        from dlcore.data.loading import load  # noqa: PLC0415  # torch takes seconds: after the lock, never in the server
        from dlcore.training import checkpoints, loop  # noqa: PLC0415
        from dlcore.training.faster import keep_freed_memory  # noqa: PLC0415
        from dlcore.training.state import TrainingState, use_threads  # noqa: PLC0415

        run = self._run
        keep_freed_memory()
        self._checkpoint_seconds, self._budget = checkpoint_seconds(), budget()
        use_threads(run.config)
        config = run.config
        dataset = load(config.dataset, self._prepare, own_images=config.own_images, classes=config.classes)
        state = self._restore(dataset)
        if state is None:
            state = TrainingState.create(run.config, dataset)
            if not self._log.empty:
                self._tell(Resumed(step=0, epoch=0, log_bytes=0))
        self._recall(state)
        self._recorder = Recorder(run, state, dataset)
        events = loop.train(run.config, state=state, dataset=dataset)
        ended = self._follow(events, state, lambda: self._keep(state))
        if ended is None:
            self._tell(loop.test(state, dataset))
            ended = self._stopped
        if ended.reason not in ("completed", "stopped"):
            return ended
        about = checkpoints.describe_weights(state, dataset, self._tested)
        return replace(ended, weights_sha256=checkpoints.save_weights(state.model, run.final_weights_path, about))

    def _follow(self, events: Iterator[Event], state: "TrainingState", save: Callable[[], object]) -> Ended | None:
        """Log what happens, obey what is asked, keep a checkpoint of each epoch and now and then in between.

        None if a stop was asked for.
        """
        epochs = self._run.config.epochs
        self._repeat(state)
        for event in events:
            if isinstance(event, Ended):
                return event
            self._tell(event)
            if isinstance(event, Inspected):
                continue  # the evaluation that it belongs to is not over
            # After the last evaluation a stop and the end are the same: the run is complete.
            trained = isinstance(event, Tested) or (isinstance(event, Evaluated) and event.epoch >= epochs)
            stopping = not trained and self._obey(state, save)
            if stopping or isinstance(event, Evaluated) or self._is_due(event):
                save()
            if stopping:
                return None
        raise RuntimeError("the training loop ended without saying how")

    def _is_due(self, event: Event) -> bool:
        return isinstance(event, Stepped) and time.monotonic() - self._kept_at >= self._checkpoint_seconds

    def _keep(self, state: "TrainingState") -> None:
        """Keep a checkpoint; what the log says by now is on the disk before it."""
        from dlcore.training import checkpoints  # noqa: PLC0415

        log_bytes, wall_seconds = self._log.sync(), self._wall_seconds()

        def write(path: Path) -> str:
            return checkpoints.save(state, path, log_bytes=log_bytes, wall_seconds=wall_seconds)

        self._run.checkpoints.save(
            write, step=state.step, epoch=state.epoch, log_bytes=log_bytes, wall_seconds=wall_seconds
        )
        self._kept_at = time.monotonic()

    def _wall_seconds(self) -> float:
        return self._worked_before + time.monotonic() - self._began_at

    def _restore(self, dataset: "Dataset") -> "TrainingState | None":
        """The state of the newest checkpoint that is whole, and word of those that are not; None before the first."""
        from dlcore.training import checkpoints  # noqa: PLC0415
        from dlcore.training.tensor_file import DamagedFileError  # noqa: PLC0415

        run, store = self._run, self._run.checkpoints
        manifest_damaged = store.manifest_is_damaged()
        damaged: list[str] = []
        for candidate in store.candidates():
            known = candidate.known
            try:
                state, about = checkpoints.restore(
                    run.config, dataset, candidate.path, sha256=known.sha256 if known else ""
                )
            except DamagedFileError as error:
                _LOG.warning("run %s: %s", run.run_id, error)
                damaged.append(candidate.path.name)
                continue
            log_bytes = about.get("log_bytes")  # the first format did not say
            self._worked_before = float(about.get("wall_seconds", 0.0))
            if damaged or manifest_damaged or known is None:
                whole = known or Checkpoint(
                    file=candidate.path.name,
                    sha256=hashlib.sha256(candidate.path.read_bytes()).hexdigest(),
                    step=state.step,
                    epoch=state.epoch,
                    log_bytes=log_bytes or 0,
                    recipe=recipe_of(about),
                    wall_seconds=self._worked_before,
                )
                store.keep_only(whole, damaged=damaged)
            store.prune()
            told = run.scan()
            lost = told.damaged_lines > 0 or (log_bytes is not None and told.offset < log_bytes)
            message = _damage(newest=bool(damaged), manifest=manifest_damaged, log=lost)
            values = {"files": ", ".join(damaged), "step": state.step} if message else {}
            resumed = Resumed(step=state.step, epoch=state.epoch, log_bytes=log_bytes, message=message, values=values)
            self._remember([*told.events, resumed])
            self._tell(resumed)
            return state
        if damaged or manifest_damaged:
            raise UserError(
                N_(
                    "This run cannot go on: its checkpoints are damaged or gone ({files}), perhaps by a fault of the"
                    " disk. Its curves are kept. Start it again with the same settings."
                ),
                files=", ".join(damaged) or store.manifest_path.name,
            )
        return None

    def _recall(self, state: "TrainingState") -> None:
        """Find the commands that were obeyed before this worker came. The log has them, also those of steps that a kill
        undid: a command is obeyed at one step of the run, in however many lives of its worker.
        """
        told = {event.command: event for event in self._run.read()[0] if isinstance(event, Steered)}
        self._inbox = Inbox(self._run.path, after=max([state.obeyed, *told]))
        self._bound = [
            event for number, event in sorted(told.items()) if number > state.obeyed and event.action == "set"
        ]

    def _obey(self, state: "TrainingState", save: Callable[[], object]) -> bool:
        """Do what is asked, wait while the run is paused, and say whether it has to stop."""
        self._repeat(state)
        since, told, saved = time.monotonic(), False, False
        while True:
            for command in self._inbox.news():
                if self._carry_out(command, state):
                    return True
                told = False
            if self._updates_left != 0:
                return self._stop()
            if not told:  # again after each command, so that it is the last event as long as the run is paused
                self._tell(Paused(step=state.step))
                told = True
            waited = time.monotonic() - since
            if not saved and waited > PAUSE_SAVED_SECONDS:
                save()
                saved = True
            if self._stop() or self._gives_way(waited):
                return True
            time.sleep(PAUSE_TICK_SECONDS)

    def _repeat(self, state: "TrainingState") -> None:
        """Obey what an earlier worker obeyed at this step."""
        while self._bound and self._bound[0].step <= state.step:
            self._change(state, self._bound.pop(0))

    def _carry_out(self, command: Command, state: "TrainingState") -> bool:
        """Log one command and do it; True if it is to stop."""
        updates = command.updates if command.do == "step" else None
        values = command.values if command.do == "set" else {}
        steered = Steered(step=state.step, command=command.number, action=command.do, updates=updates, **values)
        if command.do == "set":
            for earlier in self._bound:  # the newest wish is the last to be obeyed
                self._change(state, replace(earlier, step=state.step))
            self._bound.clear()
            self._change(state, steered)
            return False
        self._tell(steered)
        self._updates_left = {"pause": 0, "step": command.updates}.get(command.do)
        return command.do == "stop"

    def _change(self, state: "TrainingState", steered: Steered) -> None:
        # On the disk first: a change that no log knows of could not be made at the same step again.
        self._tell(steered)
        self._log.sync()
        state.steer(**{name: value for name in VALUES if (value := getattr(steered, name)) is not None})
        state.obeyed = steered.command

    def _gives_way(self, waited: float) -> bool:
        """Whether this run was paused so long that its place goes to others, or its memory back to the machine."""
        if waited < PAUSE_IN_DEMAND_SECONDS or not queue.holds_place(self._run):
            return False
        if waited >= PAUSE_ALONE_SECONDS:
            message = N_("Stopped after a pause of {minutes} minutes. Everything is kept: resume it to go on.")
        elif queue.others_wait():
            message = N_(
                "Stopped after a pause of {minutes} minutes, because others wait. Everything is kept: resume it to go on."
            )
        else:
            return False
        self._stopped = Ended(reason="stopped", message=message, values={"minutes": int(waited // 60)})
        return True

    def _prepare(self, event: Preparing) -> None:
        self._tell(event)
        if self._must_stop():
            raise _StopAsked

    def _remember(self, events: Sequence[Event]) -> None:
        """Know what the log tells of the time before this worker."""
        history = RunHistory()
        history.append(events)
        self._latest = history.latest
        if history.started is not None:
            self._log.expect(history.started)

    def _must_stop(self) -> bool:
        return self._stop() or self._run.stop_requested()

    def _stop(self) -> bool:
        return self._asked() or self._is_spent()

    def _spend(self, message: str, values: dict[str, Any]) -> None:
        self._spent, self._stopped = True, Ended(reason="stopped", message=message, values=values)

    def _is_spent(self) -> bool:
        """Whether the run has used up its budget. Looks at the disk once a second at most."""
        limits, now = self._budget, time.monotonic()
        if (taken := self._wall_seconds()) >= limits.wall_seconds:
            message = N_(
                "Stopped after {hours} hours, the longest that a run may take here. What it learned was tested and is"
                " kept."
            )
            self._spend(message, {"hours": f"{taken / 3600:.3g}"})
        elif now - self._weighed_at >= WEIGH_SECONDS:
            self._weighed_at = now
            size = sum(entry.stat().st_size for entry in os.scandir(self._run.path))
            # Before the room is gone: the next checkpoint, and the weights, have to find some.
            needed = size + 2 * self._run.checkpoints.bytes_of_newest()
            if needed > limits.disk_bytes:
                message = N_(
                    "Stopped because its files would take {megabytes} MB, more than a run may have here. What it learned"
                    " was tested and is kept."
                )
                self._spend(message, {"megabytes": math.ceil(needed / 1e6)})
        return self._spent

    def _tell(self, event: Event) -> None:
        if isinstance(event, Stepped):
            self._latest = event
            if self._updates_left:
                self._updates_left -= 1
        elif isinstance(event, Tested):
            self._tested = event
        if isinstance(event, Inspected):
            self._run.inspection_path(event.epoch).parent.mkdir(exist_ok=True)
            atomic.write(self._run.inspection_path(event.epoch), sealed.seal_line(to_json(event)))
        else:
            self._log.append(event)
        if self._recorder is not None:
            self._recorder.after(event)
        self._watch(event)

    def _summarise(self, ended: Ended) -> None:
        latest = self._latest
        progress: dict[str, Any] = {}
        if latest is not None:
            progress = {
                "epoch": latest.epoch,
                "step": latest.step,
                "images_seen": latest.images_seen,
                "train_seconds": latest.seconds,
            }
        summary = summarise(ended, self._tested, **progress)
        if latest is None and self._before is not None:  # it ended before it went on: what was reached still holds
            news = {"reason": ended.reason, "message": ended.message, "values": ended.values}
            summary = self._before.model_copy(update=news)
        self._run.write_summary(summary)


def _damage(*, newest: bool, manifest: bool, log: bool) -> str:
    """What a visitor should know of damage that was found and got round, empty if there was none."""
    if newest:
        return N_(
            "The newest checkpoint was damaged ({files}), perhaps by a fault of the disk. The one before it is whole and"
            " was used: the updates after step {step} are made again."
        )
    if manifest:
        return N_(
            "The list of checkpoints was damaged, perhaps by a fault of the disk. The newest checkpoint is whole and was"
            " used, of step {step}."
        )
    if log:
        return N_(
            "A part of the log was damaged or lost, perhaps by a fault of the disk: the curves have gaps. What the"
            " network has learned is whole."
        )
    return ""


def _failure(error: Exception, run: Run) -> Ended:
    """The end of a run that failed, in words a visitor can use; the traceback is none of them."""
    if isinstance(error, UserError):
        values = {
            name: value if isinstance(value, str | int | float) else str(value) for name, value in error.values.items()
        }
        return Ended(reason="failed", message=error.template, values=values)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        message = N_(
            "The disk is full. Make room, then continue the run: everything up to its last checkpoint was kept."
        )
        return Ended(reason="failed", message=message)
    if isinstance(error, OSError) and error.errno in (errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM):
        message = N_(
            "A file could not be read or written ({reason}). Everything up to the last checkpoint was kept: continue the"
            " run when the disk is well again."
        )
        return Ended(reason="failed", message=message, values={"reason": error.strerror or error.errno})
    if isinstance(error, MemoryError) or "not enough memory" in str(error) or "out of memory" in str(error):
        message = N_("There was not enough memory. Try a smaller batch or a smaller model.")
        return Ended(reason="failed", message=message)
    return Ended(
        reason="failed",
        message=N_("Training broke off by a fault of this program ({kind}). The details are in {log}."),
        values={"kind": type(error).__name__, "log": f"{run.run_id}/{run.log_path.name}"},
    )


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
