"""What recording costs: all that a worker does beyond training, as a share of it.

``DLCORE_DATA=… python -m bench.recording [--repeats 3] [--preset article] [--json]``. One epoch of MNIST with its two
evaluations, as the worker does it for the presets. What each update takes with its measuring and its line in the log is told from updates
without them: blocks of both take turns in the same run, so that what recording makes slower elsewhere, in caches, counts
too, and what else the machine does meets both alike. What comes more rarely and takes longer is timed where it happens:
looks between evaluations, inspections at them, watching for dead units. Both in processor time of all threads and on the
clock; recording has one thread only, so on the clock it is the larger share wherever training has several.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Self
from unittest.mock import patch

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker's

from torch import Tensor

from bench.turns import Row, row, tell
from dlcore import atomic
from dlcore.config import TrainConfig
from dlcore.data.loading import Dataset, load
from dlcore.presets import PRESETS
from dlcore.runs import sealed
from dlcore.runs.directory import create
from dlcore.runs.event_log import EventLog
from dlcore.runs.recorder import Recorder
from dlcore.training import loop
from dlcore.training.evaluation import log_probabilities
from dlcore.training.events import Evaluated, Event, Inspected, Stepped, to_json
from dlcore.training.faster import keep_freed_memory
from dlcore.training.state import TrainingState
from dlcore.training.telemetry import WATCHED_IMAGES, ReluWatch, StepMeter

NAMES = ("article", "fast-99")
UPDATES, LOOKS, INSPECTIONS, WATCHING = "updates measured and logged", "looks", "inspections", "watching"
INSPECTING = ("confusion_matrix", "worst_mistakes", "weight_histograms", "gradient_histograms")
"""What the loop calls for an inspection."""
BLOCK = 4
"""Updates in a row with recording, and then without."""
EVALUATIONS = 2


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

    def before_update(self, step: int, clipped_norm: Tensor | None) -> float | None:
        if self.on:
            return super().before_update(step, clipped_norm)
        self._measures = False
        return None


class _Turns:
    """The time of each block of updates, except where something else came between."""

    def __init__(self) -> None:
        self.blocks: list[tuple[bool, Seconds]] = []
        _Switched.on = True
        self.interrupted()

    def interrupted(self) -> None:
        """Something other than updates took time: this block counts for nothing."""
        self._start: Seconds | None = None

    def after(self, stepped: Stepped) -> None:
        if stepped.step % BLOCK:
            return
        if self._start is not None:
            self.blocks.append((_Switched.on, Seconds.now().since(self._start)))
        _Switched.on = not _Switched.on
        self._start = Seconds.now()

    def costs(self) -> Seconds:
        """The share that measuring and logging add to an update: medians of each block with them ÷ those around it."""
        ratios = [
            [2 * here / (before + after) for before, here, after in zip(one, two, three, strict=True)]
            for (on, two), (was_on, one), (is_on, three) in zip(
                self.blocks[1:], self.blocks, self.blocks[2:], strict=False
            )
            if on and not was_on and not is_on
        ]
        return Seconds(*(statistics.median(column) - 1 for column in zip(*ratios, strict=True)))


def _timed(function: Callable[..., Any], spent: list[Seconds]) -> Callable[..., Any]:
    def timed(*arguments: Any, **named: Any) -> Any:
        start = Seconds.now()
        result = function(*arguments, **named)
        spent.append(Seconds.now().since(start))
        return result

    return timed


def one_epoch(config: TrainConfig, dataset: Dataset) -> dict[str, Seconds]:
    """The share of each part of recording in all that is none, of one epoch as the worker trains it, but for checkpoints."""
    spent: dict[str, list[Seconds]] = {part: [] for part in (LOOKS, INSPECTIONS)}
    turns = _Turns()
    with tempfile.TemporaryDirectory() as folder, patch.object(loop, "StepMeter", _Switched):
        os.environ["DLCORE_HOME"] = folder
        run, state = create(config), TrainingState.create(config, dataset)
        for name in INSPECTING:
            inspecting = patch.object(loop, name, _timed(getattr(loop, name), spent[INSPECTIONS]))
            inspecting.start()

        def look(event: Event) -> None:
            looked_at = recorder._looked_at  # noqa: SLF001
            start = Seconds.now()
            recorder.after(event)
            if recorder._looked_at != looked_at:  # noqa: SLF001
                spent[LOOKS].append(Seconds.now().since(start))
                turns.interrupted()

        start = Seconds.now()
        try:
            with EventLog(run.events_path) as log:
                recorder = Recorder(run, state, dataset)
                spent[LOOKS].append(Seconds.now().since(start))
                for event in loop.train(config, state=state, dataset=dataset):
                    if isinstance(event, Inspected):
                        turns.interrupted()
                        writing = _timed(atomic.write, spent[INSPECTIONS])
                        run.inspection_path(event.epoch).parent.mkdir(exist_ok=True)
                        writing(run.inspection_path(event.epoch), sealed.seal_line(to_json(event)))
                    elif _Switched.on or not isinstance(event, Stepped):
                        log.append(event)
                    look(event)
                    if isinstance(event, Stepped):
                        turns.after(event)
                    if state.evaluated_epoch == 1 and isinstance(event, Evaluated):
                        break
        finally:
            patch.stopall()
        everything = Seconds.now().since(start)
    watched = watching(state, dataset)
    rarely = {part: sum(times, Seconds(0, 0)) for part, times in spent.items()}
    rarely[WATCHING] = Seconds(*(EVALUATIONS * each for each in watched))
    updates = turns.costs()
    # Half of the updates had recording in them.
    rest = [
        (whole - sum(parts)) / (1 + share / 2)
        for whole, share, *parts in zip(everything, updates, *rarely.values(), strict=True)
    ]
    shares = {
        part: Seconds(*(time_ / other for time_, other in zip(times, rest, strict=True)))
        for part, times in rarely.items()
    }
    return {UPDATES: updates} | shares


def watching(state: TrainingState, dataset: Dataset) -> Seconds:
    """What it takes to see which units are dead, beside the answers themselves, at one evaluation."""
    images, watch = dataset.train_images[:WATCHED_IMAGES], ReluWatch(state.model)
    differences = []
    for _ in range(5):
        start = Seconds.now()
        log_probabilities(state.model, images)
        plain = Seconds.now().since(start)
        start = Seconds.now()
        with watch.watching():
            log_probabilities(state.model, images)
        differences.append(Seconds.now().since(start).since(plain))
    return Seconds(*(max(0.0, statistics.median(column)) for column in zip(*differences, strict=True)))


def measure(*, images: int = 60_000, repeats: int = 3, names: Sequence[str] = NAMES) -> Iterator[Row]:
    """Two lines for each preset."""
    keep_freed_memory()
    dataset = load("mnist").subset(images, 100)
    for name in names:
        config = PRESETS[name].config.model_copy(update={"epochs": 1})
        found = []
        for turn in range(repeats):
            found.append(one_epoch(config, dataset))
            processor, wall = (100 * sum(column) for column in zip(*found[-1].values(), strict=True))
            tell(f"{name}, turn {turn + 1} of {repeats}: {processor:.2f}% of processor time, {wall:.2f}% on the clock")
        for kind, aim in (("processor", "≤ 1"), ("wall", "none")):
            shares = [{part: 100 * getattr(seconds, kind) for part, seconds in one.items()} for one in found]
            of_them = ", ".join(f"{part} {statistics.median(one[part] for one in shares):.2f}" for part in shares[0])
            whole = [sum(one.values()) for one in shares]
            yield row(f"{name}, recording ÷ training, {kind} time", whole, aim=aim, unit="%", note=of_them)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--preset", action="append", choices=NAMES, help="one of them; both without")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    for one in measure(images=options.images, repeats=options.repeats, names=options.preset or NAMES):
        rows.append(one)
        print(one, flush=True)
    if options.json:
        print(json.dumps({one.name: [one.value, one.low, one.high] for one in rows}))


if __name__ == "__main__":
    main()
