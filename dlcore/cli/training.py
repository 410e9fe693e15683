"""Commands that train: a run from its start or its checkpoint, in this process or in the background; and steering."""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any

from dlcore.cli.answers import FAILURE, SUCCESS, Answer, epoch_line, say, table
from dlcore.config import KNOBS, TrainConfig
from dlcore.messages import UserError
from dlcore.presets import PRESETS
from dlcore.runs import keeping, launch, queue, spare
from dlcore.runs.control import VALUES
from dlcore.runs.directory import Run, create, open_directory, open_run
from dlcore.runs.history import RunHistory
from dlcore.runs.status import STATUSES
from dlcore.training.events import Evaluated, Event, Paused, Preparing, Resumed, Started, Steered, Stepped, Tested


def train(options: argparse.Namespace) -> Answer:
    """Train a new run in this process."""
    values: dict[str, Any] = {}
    if options.preset is not None:
        if options.preset not in PRESETS:
            raise UserError(
                "There is no preset called {name}; the presets are {names}.",
                name=options.preset[:40],
                names=", ".join(PRESETS),
            )
        values = PRESETS[options.preset].config.model_dump()
    given = {name: getattr(options, name) for name in KNOBS if getattr(options, name) is not None}
    config = TrainConfig.parse(values | given)
    queue.check_disk()
    run = create(config)
    say(f"Run {run.run_id}")
    return work_here(run)


def resume_run(options: argparse.Namespace) -> Answer:
    """Continue a run in this process."""
    run = open_run(options.run)
    launch.check_resumable(run)
    queue.check_disk()
    run.forget_wishes()
    run.expect_worker()
    return work_here(run)


def steer_run(options: argparse.Namespace) -> Answer:
    """Ask something of a run that is going on."""
    run = open_run(options.run)
    given = {name: getattr(options, name) for name in VALUES if getattr(options, name) is not None}
    parsed = TrainConfig.parse(given)
    then, updates = options.then, 1
    if options.updates is not None:
        if not (options.updates.isascii() and options.updates.isdigit() and len(options.updates) < 10):
            raise UserError("--step must be a whole number; got {value}.", value=options.updates[:40])
        then, updates = "step", int(options.updates)
    numbers = run.steer(**{name: getattr(parsed, name) for name in given}, then=then, updates=updates)
    status = run.status()
    answer = {"run_id": run.run_id, "commands": numbers, "status": status}
    return SUCCESS, answer, f"Asked. The run obeys within one update; now it is {STATUSES[status].lower()}."


def work_here(run: Run) -> Answer:
    """Train in this process, as the worker that a page starts would; the first Ctrl-C stops kindly."""
    os.environ |= spare.WORKER_ENVIRONMENT | dict(os.environ)  # before torch is imported
    from dlcore.runs.process import log_to, stop_on_signals  # noqa: PLC0415  # only commands that train need it
    from dlcore.runs.worker import work  # noqa: PLC0415  # only commands that train need it

    progress = _Progress(sys.stderr.isatty())
    with log_to(run.log_path), stop_on_signals(signal.SIGINT, signal.SIGTERM) as stop:
        ended = work(run, watch=progress.show, stop=stop)
    summary = run.summary()
    answer: dict[str, Any] = {
        "run_id": run.run_id,
        "run_dir": str(run.path),
        "status": ended.reason,
        "test_accuracy": summary.test_accuracy if summary else None,
        "test_loss": summary.test_loss if summary else None,
        "train_seconds": summary.train_seconds if summary else None,
        "images_seen": summary.images_seen if summary else None,
        "weights_sha256": ended.weights_sha256,
    }
    if ended.message:
        answer["message"] = ended.message.format(**ended.values)
        say(answer["message"])
    kept = ended.reason in ("completed", "stopped")
    return (SUCCESS if kept else FAILURE), answer, table({**answer, "status": STATUSES[ended.reason]})


def work_on(options: argparse.Namespace) -> Answer:
    """Be the worker of a run directory."""
    from dlcore.runs.process import step_back  # noqa: PLC0415

    step_back()
    if options.if_left is not None and not spare.is_left(options.if_left):
        return SUCCESS, {"run_id": None}, ""
    return _train_in_background(options.directory)


def wait_as_spare(_: argparse.Namespace) -> Answer:
    """Wait for a run, then be its worker."""
    from dlcore.runs.process import step_aside, step_back  # noqa: PLC0415

    step_back()
    step_aside()
    directory = spare.wait()
    if directory is None:
        return SUCCESS, {"run_id": None}, ""
    step_back(again=True)
    with (directory / "worker.log").open("ab") as log:  # what is said from here on belongs to the run
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    return _train_in_background(directory)


def _train_in_background(directory: Path) -> Answer:
    from dlcore.runs.process import log_to, stop_on_signals  # noqa: PLC0415
    from dlcore.runs.worker import work  # noqa: PLC0415

    run = open_directory(directory)
    try:
        with log_to(run.log_path), stop_on_signals(signal.SIGTERM) as stop:
            ended = work(run, stop=stop)
    finally:
        queue.advance()
        keeping.tidy()
    status = FAILURE if ended.reason == "failed" else SUCCESS
    return status, {"run_id": run.run_id, "status": ended.reason}, ""


class _Progress:
    """What happens, on standard error: a line an epoch, and on a terminal a line that counts in between."""

    def __init__(self, on_terminal: bool) -> None:
        self._on_terminal = on_terminal
        self._history = RunHistory()
        self._shown = 0.0

    def show(self, event: Event) -> None:
        self._history.append([event])
        match event:
            case Preparing() if event.bytes_total and self._on_terminal:
                self._count(f"{event.stage} {event.file} {event.bytes_done / event.bytes_total:.0%}")
            case Stepped() if self._on_terminal and event.seconds - self._shown > 0.2:
                self._shown = event.seconds
                speed, left = self._history.images_per_second, self._history.seconds_left
                rate = f"  {speed:,.0f} images/s" if speed else ""
                rest = f"  {left:.0f} s left" if left is not None else ""
                self._count(f"step {event.step}/{self._history.total_steps}  loss {event.loss:.4f}{rate}{rest}")
            case Started():
                say(
                    f"{event.parameters:,} parameters, {event.train_count:,} images, {event.device}, {event.threads} threads"
                )
            case Resumed():
                say(f"Continuing after epoch {event.epoch}, step {event.step}")
            case Steered():
                changed = ", ".join(
                    f"{name} {value:g}" for name in VALUES if (value := getattr(event, name)) is not None
                )
                self._count("")
                say(f"after step {event.step}: {changed or event.action}")
            case Paused():
                self._count(f"paused after step {event.step}")
            case Evaluated():
                self._count("")
                say(epoch_line(event))
            case Tested():
                say(f"test: loss {event.loss:.4f}, accuracy {event.accuracy:.2%} of {event.count:,} images")

    def _count(self, text: str) -> None:
        if self._on_terminal:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
