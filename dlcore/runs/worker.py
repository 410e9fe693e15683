"""The process that trains one run: the only writer of its directory.

It takes the lock before anything slow is imported, so a second worker finds out at once, and a dead one frees the run
the moment the operating system closes its files.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import Timeout

from dlcore import atomic
from dlcore.messages import N_, UserError
from dlcore.runs import keeping, queue, sealed
from dlcore.runs.budget import CHECKPOINT_SECONDS, Budget, budget, check_memory, checkpoint_seconds
from dlcore.runs.control import VALUES, Command, Inbox
from dlcore.runs.directory import Run
from dlcore.runs.event_log import EventLog
from dlcore.runs.failures import failure
from dlcore.runs.history import RunHistory
from dlcore.runs.recorder import Recorder
from dlcore.runs.restoring import restore
from dlcore.runs.summary import Summary, summarise
from dlcore.training.events import (
    Ended,
    Evaluated,
    Event,
    Inspected,
    Paused,
    Preparing,
    Resumed,
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
WEIGH_SECONDS = 1.0
"""Between two looks at how much room the run's files take."""
PAUSE_TICK_SECONDS = 0.1
"""Between two looks of a paused worker at what is asked of it."""
PAUSE_SAVED_SECONDS = 1.0
"""A pause longer than this is worth a checkpoint."""
PAUSE_IN_DEMAND_SECONDS = 300.0
"""A paused run that others wait for gives its place away after this time, which is counted from its pause,"""
PAUSE_ALONE_SECONDS = 3600.0
"""and one that nobody waits for frees its memory after this. It is stopped, and can be continued."""

_LOG = logging.getLogger("dlcore.worker")


class _StopAsked(Exception):  # noqa: N818  # no error: the visitor's wish
    """A stop was asked for before training began."""


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
            for mine in ("summary", "checkpoint", "model", "calibration"):
                for leftover in run.path.glob(f".{mine}*.tmp"):  # of a worker that was killed while it wrote
                    leftover.unlink()
            for leftover in (*run.path.glob("epochs/.*.tmp"), *run.path.glob("watching/.*.tmp")):
                leftover.unlink()
            atomic.sweep(run.path, age_seconds=600)  # of others, some of whom may be writing now
        finally:
            run.expect_no_worker()
        with EventLog(run.events_path) as log:
            return _Session(run, log, watch or _ignore, stop or _never, before=summary).run()


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
            ended = Ended(reason="stopped", weights_sha256=self._weights_before())
        except Exception as error:  # noqa: BLE001  # whatever it is, the visitor is told, and worker.log holds the rest
            _LOG.error("run %s failed", self._run.run_id, exc_info=error)
            ended = replace(failure(error, self._run), weights_sha256=self._weights_before())
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
        from dlcore.inference import calibration  # noqa: PLC0415
        from dlcore.inference.calibrate import calibrate_at_the_end  # noqa: PLC0415
        from dlcore.training import checkpoints, loop  # noqa: PLC0415
        from dlcore.training.faster import keep_freed_memory  # noqa: PLC0415
        from dlcore.training.state import TrainingState, use_threads  # noqa: PLC0415

        run = self._run
        keep_freed_memory()
        self._checkpoint_seconds, self._budget = checkpoint_seconds(), budget(of_visitor=bool(run.owner))
        use_threads(run.config)
        config = run.config
        dataset = load(config.dataset, self._prepare, own_images=config.own_images, classes=config.classes)
        state = self._restore(dataset)
        if state is None:
            state = TrainingState.create(run.config, dataset)
            if not self._log.empty:
                self._tell(Resumed(step=0, epoch=0, log_bytes=0))
        if state.device.type == "cpu":
            check_memory(config, len(state.train_indices))
        self._recall(state)
        self._recorder = Recorder(run, state, dataset)
        events = loop.train(run.config, state=state, dataset=dataset)
        ended = self._follow(events, state, lambda: self._keep(state))
        if ended is None:
            self._tell(loop.test(state, dataset))
            ended = self._stopped
        if ended.reason == "diverged":
            for kept in (run.final_weights_path.with_name(calibration.FILE_NAME), run.final_weights_path):
                kept.unlink(missing_ok=True)  # of an earlier stop, which the log forgets: as if it had never been
            return ended
        about = checkpoints.describe_weights(state, dataset, self._tested)
        sha256, weights = checkpoints.save_weights(state.model, run.final_weights_path, about), run.final_weights_path
        if not self._spent:  # nor has it room for what comes of it
            calibrate_at_the_end(weights, run.run_id, dataset, state.train_indices, state.validation_indices)
        return replace(ended, weights_sha256=sha256)

    def _weights_before(self) -> str:
        """The SHA-256 of what the run kept when it ended before, and keeps if it ends now without weights of its own."""
        return self._before.weights_sha256 if self._before else ""

    def _follow(self, events: Iterator[Event], state: "TrainingState", save: Callable[[], object]) -> Ended | None:
        """Log what happens, obey what is asked, keep a checkpoint of each epoch and now and then in between.

        What is asked while an evaluation goes on is obeyed after it: nothing is yielded between its batches, a stop in
        the middle would have it made again by whoever resumes, and is followed by a test that takes as long anyway.

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
        found = restore(self._run, dataset)
        if found is None:
            return None
        self._worked_before = found.wall_seconds
        self._remember([*found.told, found.resumed])
        self._tell(found.resumed)
        return found.state

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
            size = keeping.bytes_in(self._run.path)
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
