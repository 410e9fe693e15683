"""What recording costs: all that a worker does beyond training, as a share of it.

``DLCORE_DATA=… python -m bench.recording [--repeats 3] [--preset article] [--threads 1] [--json]``. Whole runs on MNIST
with their evaluations, as the worker does them for the presets. What an update takes when it is measured is told from
updates that are not: blocks of both take turns in the same run, so that what measuring makes slower elsewhere, in
caches, counts too, and what else the machine does meets both alike. What comes more rarely and takes longer is timed
where it happens: lines of the log written out, looks between evaluations, inspections at them, watching for dead units.
Both in processor time of all threads and on the clock; recording has one thread only, so on the clock it is the larger
share wherever training has several.
"""

import argparse
import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple, Self
from unittest.mock import patch

from dlcore.runs.spare import WORKER_ENVIRONMENT

os.environ |= WORKER_ENVIRONMENT | dict(os.environ)  # before torch is imported

from torch import Tensor

from bench.turns import Row, row, tell
from dlcore import atomic
from dlcore.config import TrainConfig
from dlcore.data.loading import Dataset, load
from dlcore.presets import PRESETS
from dlcore.runs import event_log, sealed
from dlcore.runs.directory import Run, create
from dlcore.runs.event_log import FLUSH_SECONDS, EventLog
from dlcore.runs.recorder import Recorder
from dlcore.training import loop
from dlcore.training.evaluation import log_probabilities
from dlcore.training.events import Evaluated, Event, Inspected, Stepped, to_json
from dlcore.training.faster import keep_freed_memory
from dlcore.training.state import TrainingState
from dlcore.training.telemetry import WATCHED_IMAGES, ReluWatch, StepMeter

MEASURED = ("article", "fast-99")
"""Whole, for a run has a head start in looks only once."""
UPDATES, LOG, LOOKS, INSPECTIONS, WATCHING = "updates measured", "log", "looks", "inspections", "watching"
INSPECTING = ("confusion_matrix", "worst_mistakes", "weight_histograms", "gradient_histograms")
"""What the loop calls for an inspection."""
BLOCK = 4
"""Updates in a row with recording, and then without."""


class Seconds(NamedTuple):
    """What something took: of all threads, and on the clock."""

    processor: float
    wall: float

    @classmethod
    def now(cls) -> Self:
        return cls(time.process_time(), time.perf_counter())

    def since(self, start: "Seconds") -> "Seconds":
        return Seconds(*(now - then for now, then in zip(self, start, strict=True)))

    def __add__(self, other: "Seconds") -> "Seconds":  # type: ignore[override]
        return Seconds(*(one + another for one, another in zip(self, other, strict=True)))


class _Switched(StepMeter):
    """Measures in every other block only."""

    on = True
    telling = Seconds(0, 0)
    """What it took to work out all ratios."""

    def _tell(self) -> None:
        start = Seconds.now()
        super()._tell()
        _Switched.telling += Seconds.now().since(start)

    def before_update(self, step: int, clipped_norm: Tensor | None) -> float | None:
        if self.on:
            return super().before_update(step, clipped_norm)
        self._measures = False
        return None


class _Turns:
    """The time of each block of updates, except where something else came between."""

    def __init__(self) -> None:
        self.blocks: list[tuple[bool, Seconds]] = []
        _Switched.on, _Switched.telling = True, Seconds(0, 0)
        self.interrupted()

    def interrupted(self) -> None:
        """Something other than updates took time: this block counts for nothing."""
        self._start: Seconds | None = None

    def leave_out(self, seconds: Seconds) -> None:
        """So much of this block is counted elsewhere."""
        if self._start is not None:
            self._start += seconds

    def after(self, stepped: Stepped) -> None:
        if stepped.step % BLOCK:
            return
        if self._start is not None:
            self.blocks.append((_Switched.on, Seconds.now().since(self._start)))
        _Switched.on = not _Switched.on
        self._start = Seconds.now()

    def costs(self) -> Seconds:
        """The share that measuring adds to an update.

        Each block ÷ the two around it, those with recording and those without alike: what skewed noise does to the
        one median it does to the other.

        Raises:
            ValueError: there are too few blocks.
        """
        ratios: dict[bool, list[list[float]]] = {True: [], False: []}
        for (was, before), (on, here), (will, after) in zip(
            self.blocks, self.blocks[1:], self.blocks[2:], strict=False
        ):
            if was == will != on:
                ratios[on].append([2 * one / (b + a) for one, b, a in zip(here, before, after, strict=True)])
        if not all(ratios.values()):
            raise ValueError("too few updates to compare those with recording and those without")
        with_it, without = (
            [statistics.median(column) for column in zip(*ratios[on], strict=True)] for on in (True, False)
        )
        return Seconds(*(math.sqrt(one / other) - 1 for one, other in zip(with_it, without, strict=True)))


class _Recording:
    """What the worker does beside training, timed part by part."""

    def __init__(self, run: Run, state: TrainingState, dataset: Dataset, log: EventLog) -> None:
        self.spent: dict[str, list[Seconds]] = {part: [] for part in (LOG, LOOKS, INSPECTIONS)}
        self.turns = _Turns()
        self._run, self._log, self._flushed = run, log, time.perf_counter()
        self._measured: Stepped | None = None
        self._recorder: Recorder = self.timed(LOOKS, Recorder)(run, state, dataset)

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            start = Seconds.now()
            result = function(*arguments, **named)
            self.spent[part].append(Seconds.now().since(start))
            return result

        return timed

    def after(self, event: Event) -> None:
        """Record ``event`` as the worker does."""
        if isinstance(event, Stepped):
            if _Switched.on or self._measured is None:
                self._measured = event
            self._log.append(self._measured)  # of every step a line as long as that of one that was measured
            if time.perf_counter() - self._flushed > FLUSH_SECONDS:
                self.timed(LOG, self._log.flush)()
                self.turns.leave_out(self.spent[LOG][-1])
                self._flushed = time.perf_counter()
        else:
            self.turns.interrupted()
            if isinstance(event, Inspected):
                self.timed(INSPECTIONS, self._keep)(event)
            else:
                self._log.append(event)
        self._look(event)
        if isinstance(event, Stepped):
            self.turns.after(event)

    def _keep(self, inspected: Inspected) -> None:
        self._run.inspection_path(inspected.epoch).parent.mkdir(exist_ok=True)
        atomic.write(self._run.inspection_path(inspected.epoch), sealed.seal_line(to_json(inspected)))

    def _look(self, event: Event) -> None:
        looked_at, start = self._recorder._looked_at, Seconds.now()  # noqa: SLF001
        self._recorder.after(event)
        if self._recorder._looked_at != looked_at:  # noqa: SLF001
            self.spent[LOOKS].append(Seconds.now().since(start))
            self.turns.interrupted()


def whole_run(config: TrainConfig, dataset: Dataset) -> dict[str, Seconds]:
    """The share of each part of recording in all that is none, of a run as the worker trains it, but for checkpoints and the test."""
    updates = Seconds(0, 0)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as patches:
        os.environ["DLCORE_HOME"] = folder
        run, state = create(config), TrainingState.create(config, dataset)
        patches.enter_context(patch.object(loop, "StepMeter", _Switched))
        patches.enter_context(patch.object(event_log, "FLUSH_SECONDS", math.inf))  # flushed below, to be timed
        start = Seconds.now()
        with EventLog(run.events_path) as log:
            recording = _Recording(run, state, dataset, log)
            for name in INSPECTING:
                timed = recording.timed(INSPECTIONS, getattr(loop, name))
                patches.enter_context(patch.object(loop, name, timed))
            began = Seconds.now()
            for event in loop.train(config, state=state, dataset=dataset):
                if isinstance(event, Stepped):
                    updates += Seconds.now().since(began)
                recording.after(event)
                if state.evaluated_epoch == config.epochs and isinstance(event, Evaluated):
                    break
                began = Seconds.now()
        everything = Seconds.now().since(start)
    # Where the code has moved, this bench has to move too.
    silent = [part for part, times in recording.spent.items() if not times]
    silent += [] if isinstance(state.meter, _Switched) else [UPDATES]
    assert not silent, f"nothing was measured of: {silent}"
    watched, shares = watching(state, dataset), []
    for kind, cost in zip(Seconds._fields, recording.turns.costs(), strict=True):
        parts = {part: sum(getattr(one, kind) for one in times) for part, times in recording.spent.items()}
        parts[WATCHING] = (config.epochs + 1) * getattr(watched, kind)
        measuring = cost * getattr(updates, kind) / (1 + cost / 2)  # all updates; half of them were measured
        rest = getattr(everything, kind) - sum(parts.values()) - measuring / 2
        parts[LOG] += getattr(_Switched.telling, kind)  # once more: half of the updates had a ratio to be worked out
        shares.append({UPDATES: measuring / rest} | {part: seconds / rest for part, seconds in parts.items()})
    return {part: Seconds(*(share[part] for share in shares)) for part in shares[0]}


def watching(state: TrainingState, dataset: Dataset) -> Seconds:
    """What it takes to see which units are dead, beside the answers themselves, at one evaluation."""
    images, differences = dataset.train_images[:WATCHED_IMAGES], []
    for _ in range(5):
        watch = ReluWatch(state.model)  # once it has seen all that it is there to see, it looks no more
        start = Seconds.now()
        log_probabilities(state.model, images)
        plain = Seconds.now().since(start)
        start = Seconds.now()
        with watch.watching():
            log_probabilities(state.model, images)
        differences.append(Seconds.now().since(start).since(plain))
    return Seconds(*(max(0.0, statistics.median(column)) for column in zip(*differences, strict=True)))


def measure(
    *, images: int = 60_000, repeats: int = 3, names: Sequence[str] = MEASURED, threads: int = 0
) -> Iterator[Row]:
    """Two lines for each preset."""
    keep_freed_memory()
    dataset = load("mnist").subset(images, 100)
    for name in names:
        config = PRESETS[name].config.model_copy(update={"threads": threads})
        found = []
        for turn in range(repeats):
            found.append(whole_run(config, dataset))
            processor, wall = (100 * sum(column) for column in zip(*found[-1].values(), strict=True))
            tell(f"{name}, turn {turn + 1} of {repeats}: {processor:.2f}% of processor time, {wall:.2f}% on the clock")
        for kind, aim in (("processor", "≤ 1"), ("wall", "≤ 1")):
            shares = [{part: 100 * getattr(seconds, kind) for part, seconds in one.items()} for one in found]
            of_them = ", ".join(f"{part} {statistics.median(one[part] for one in shares):.2f}" for part in shares[0])
            whole = [sum(one.values()) for one in shares]
            yield row(f"{name}, recording ÷ training, {kind} time", whole, aim=aim, unit="%", note=of_them)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--preset", action="append", choices=MEASURED, help="one of them; both without")
    parser.add_argument("--threads", type=int, default=0, help="of the run; as many as there are cores without")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    for one in measure(
        images=options.images, repeats=options.repeats, names=options.preset or MEASURED, threads=options.threads
    ):
        rows.append(one)
        print(one, flush=True)
    if options.json:
        print(json.dumps({one.name: [one.value, one.low, one.high] for one in rows}))


if __name__ == "__main__":
    main()
