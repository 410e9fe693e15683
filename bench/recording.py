"""What recording costs: of the processor time of a run, the share that looking at it takes.

``DLCORE_DATA=… python -m bench.recording [--repeats 3] [--json]``. One epoch of MNIST with its two evaluations, as the
worker does it: every update measured, the network inspected at both evaluations, looked at between them, all of it
written down. What does this is timed where it is called, in processor time of all threads: on a shared machine two runs
side by side differ by more than the hundredth that is looked for. Not counted is what it makes slower elsewhere, in
caches. The loss and accuracy of each evaluation and the line of each update are no part of it: without them nobody would train.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker's

from bench.turns import Row, row, tell
from dlcore import atomic
from dlcore.config import TrainConfig
from dlcore.data.loading import Dataset, load
from dlcore.runs import sealed
from dlcore.runs.directory import create
from dlcore.runs.event_log import EventLog
from dlcore.runs.recorder import Recorder
from dlcore.training import loop
from dlcore.training.evaluation import log_probabilities
from dlcore.training.events import Inspected, to_json
from dlcore.training.faster import keep_freed_memory
from dlcore.training.state import TrainingState
from dlcore.training.telemetry import WATCHED_IMAGES, ReluWatch, StepMeter

MODELS = ("article-cnn", "sprint-cnn")
RECORDING = [
    (StepMeter, "before_update"),
    (StepMeter, "after_update"),
    (loop, "confusion_matrix"),
    (loop, "worst_mistakes"),
    (loop, "weight_histograms"),
    (loop, "gradient_histograms"),
]
"""What the loop calls to look at itself, beside the watch over dead units."""
EVALUATIONS = 2


class Stopwatch:
    """Processor time spent within it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        start = time.process_time()
        yield
        self.seconds += time.process_time() - start

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            with self.running():
                return function(*arguments, **named)

        return timed


def share(model: str, dataset: Dataset) -> float:
    """The processor time that recording took in one epoch ÷ all other."""
    config = TrainConfig(model=model, epochs=1)
    state, recording = TrainingState.create(config, dataset), Stopwatch()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as patches:
        os.environ["DLCORE_HOME"] = folder
        for place, name in RECORDING:
            patches.enter_context(patch.object(place, name, recording.timed(getattr(place, name))))
        run = create(config)
        run.inspection_path(0).parent.mkdir()
        start = time.process_time()
        with EventLog(run.events_path) as log:
            with recording.running():
                recorder = Recorder(run, state, dataset)
            for event in loop.train(config, state=state, dataset=dataset):
                if isinstance(event, Inspected):
                    with recording.running():
                        atomic.write(run.inspection_path(event.epoch), sealed.seal_line(to_json(event)))
                else:
                    log.append(event)
                with recording.running():
                    recorder.after(event)
                if state.evaluated_epoch == 1:
                    break
        everything = time.process_time() - start
    taken = recording.seconds + EVALUATIONS * watching(state, dataset)
    return taken / (everything - taken)


def watching(state: TrainingState, dataset: Dataset) -> float:
    """What it takes to see which units are dead, beside the answers themselves."""
    images, watch = dataset.train_images[:WATCHED_IMAGES], ReluWatch(state.model)
    differences = []
    for _ in range(5):
        plain, watched = Stopwatch(), Stopwatch()
        with plain.running():
            log_probabilities(state.model, images)
        with watched.running(), watch.watching():
            log_probabilities(state.model, images)
        differences.append(watched.seconds - plain.seconds)
    return max(0.0, statistics.median(differences))


def measure(*, images: int = 60_000, repeats: int = 3) -> list[Row]:
    """One line for each network."""
    keep_freed_memory()
    dataset, rows = load("mnist").subset(images, 100), []
    for model in MODELS:
        share(model, dataset.subset(640, 10))  # warm up
        shares = []
        for turn in range(repeats):
            shares.append(100 * share(model, dataset))
            tell(f"{model}, turn {turn + 1} of {repeats}: {shares[-1]:.2f}%")
        rows.append(row(f"{model}, what recording adds", shares, aim="≤ 1", unit="%", note="of the processor time"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = measure(images=options.images, repeats=options.repeats)
    for one in rows:
        print(one)
    if options.json:
        print(json.dumps({one.name: [one.value, one.low, one.high] for one in rows}))


if __name__ == "__main__":
    main()
