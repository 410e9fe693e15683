"""What recording costs: all that a worker does beyond training, as a share of it, and side by side with a run without.

``DLCORE_DATA=… python -m bench.recording [--repeats 3] [--model article-cnn] [--json]``. One epoch of MNIST with its two
evaluations, as the worker does it: every update measured, dead units watched for while evaluating, the network inspected at
both evaluations, looked at between them, every event appended to the log, every inspection and look written down.

Two ways, by turns. The share: what does all this is timed where it is called, in processor time of all threads, ÷ all
other. It tells hundredths on any machine, but not what recording makes slower elsewhere, in caches. Side by side: the same
epoch with it and with nothing but loss and accuracy, nothing written; its ratios count everything, and the noise of the
machine as well: they tell hundredths on quiet cores only.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, NamedTuple
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
from dlcore.training.events import Evaluated, Inspected, to_json
from dlcore.training.faster import keep_freed_memory
from dlcore.training.state import TrainingState
from dlcore.training.telemetry import WATCHED_IMAGES, ReluWatch, StepMeter

MODELS = ("article-cnn", "sprint-cnn")
UPDATES, INSPECTIONS, WATCHING, LOOKS, LOG = "updates measured", "inspections", "watching", "looks", "log"
RECORDING = [
    (UPDATES, StepMeter, "before_update"),
    (UPDATES, StepMeter, "after_update"),
    (INSPECTIONS, loop, "confusion_matrix"),
    (INSPECTIONS, loop, "worst_mistakes"),
    (INSPECTIONS, loop, "weight_histograms"),
    (INSPECTIONS, loop, "gradient_histograms"),
]
"""What the loop calls to look at itself, beside the watch over dead units."""
EVALUATIONS = 2


class Seconds(NamedTuple):
    """What something took: on the clock, and of all threads."""

    wall: float
    processor: float

    @classmethod
    def now(cls) -> "Seconds":
        return cls(time.perf_counter(), time.process_time())

    def since(self, start: "Seconds") -> "Seconds":
        return Seconds(self.wall - start.wall, self.processor - start.processor)


class Stopwatches:
    """Processor time spent within each part of recording."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys((UPDATES, INSPECTIONS, WATCHING, LOOKS, LOG), 0.0)

    @contextmanager
    def running(self, part: str) -> Iterator[None]:
        start = time.process_time()
        yield
        self.seconds[part] += time.process_time() - start

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            with self.running(part):
                return function(*arguments, **named)

        return timed


def _untimed(_part: str) -> AbstractContextManager[None]:
    return nullcontext()


def with_it(
    config: TrainConfig, dataset: Dataset, timing: Callable[[str], AbstractContextManager[None]] = _untimed
) -> tuple[Seconds, TrainingState]:
    """One epoch as the worker does it, but for checkpoints; ``timing`` is entered around each part of recording."""
    state = TrainingState.create(config, dataset)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DLCORE_HOME"] = folder
        run = create(config)
        start = Seconds.now()
        with EventLog(run.events_path) as log:
            with timing(LOOKS):
                recorder = Recorder(run, state, dataset)
            for event in loop.train(config, state=state, dataset=dataset):
                if isinstance(event, Inspected):
                    with timing(INSPECTIONS):
                        run.inspection_path(event.epoch).parent.mkdir(exist_ok=True)
                        atomic.write(run.inspection_path(event.epoch), sealed.seal_line(to_json(event)))
                else:
                    with timing(LOG):
                        log.append(event)
                with timing(LOOKS):
                    recorder.after(event)
                if state.evaluated_epoch == 1 and isinstance(event, Evaluated):
                    break
            with timing(LOG):
                log.sync()
        return Seconds.now().since(start), state


def without_it(config: TrainConfig, dataset: Dataset) -> Seconds:
    """The same epoch, of which only loss and accuracy are known, and nothing is written."""
    state, start = TrainingState.create(config, dataset), Seconds.now()
    for event in loop.train(config, state=state, dataset=dataset, recording=False):
        if state.evaluated_epoch == 1 and isinstance(event, Evaluated):
            break
    return Seconds.now().since(start)


def shares(config: TrainConfig, dataset: Dataset) -> dict[str, float]:
    """The processor time that each part of recording took in one epoch ÷ all that is no recording."""
    watches = Stopwatches()
    with ExitStack() as patches:
        for part, place, name in RECORDING:
            patches.enter_context(patch.object(place, name, watches.timed(part, getattr(place, name))))
        everything, state = with_it(config, dataset, watches.running)
    within = sum(watches.seconds.values())
    watches.seconds[WATCHING] = EVALUATIONS * watching(state, dataset)
    other = everything.processor - within - watches.seconds[WATCHING]
    silent = [part for part, seconds in watches.seconds.items() if not seconds and part != WATCHING]
    assert not silent, f"nothing was measured of: {silent}"  # where the code has moved, this bench has to move too
    return {part: seconds / other for part, seconds in watches.seconds.items()}


def watching(state: TrainingState, dataset: Dataset) -> float:
    """What it takes to see which units are dead, beside the answers themselves, at one evaluation."""
    images, watch = dataset.train_images[:WATCHED_IMAGES], ReluWatch(state.model)
    differences = []
    for _ in range(5):
        start = time.process_time()
        log_probabilities(state.model, images)
        plain = time.process_time() - start
        with watch.watching():
            log_probabilities(state.model, images)
        differences.append(time.process_time() - start - 2 * plain)
    return max(0.0, statistics.median(differences))


def measure(*, images: int = 60_000, repeats: int = 3, models: Sequence[str] = MODELS) -> Iterator[Row]:
    """Three lines for each network."""
    keep_freed_memory()
    dataset = load("mnist").subset(images, 100)
    for model in models:
        config = TrainConfig(model=model, epochs=1)
        without_it(config, dataset.subset(min(images, 640), 10))  # warm up
        parts: list[dict[str, float]] = []
        turns: list[tuple[Seconds, Seconds]] = []
        for turn in range(repeats):
            parts.append(shares(config, dataset))
            # The one that comes second meets a warmer machine: they take turns in that as well.
            if turn % 2:
                recorded, bare = with_it(config, dataset)[0], without_it(config, dataset)
            else:
                bare, recorded = without_it(config, dataset), with_it(config, dataset)[0]
            turns.append((recorded, bare))
            tell(
                f"{model}, turn {turn + 1} of {repeats}: {100 * sum(parts[-1].values()):.2f}%; with ÷ without"
                f" {recorded.processor / bare.processor:.4f} processor, {recorded.wall / bare.wall:.4f} wall"
            )
        whole = [100 * sum(one.values()) for one in parts]
        of_them = ", ".join(f"{part} {100 * statistics.median(one[part] for one in parts):.2f}" for part in parts[0])
        yield row(f"{model}, recording ÷ all other, processor time", whole, aim="≤ 1", unit="%", note=of_them)
        for name, ratios in (
            ("processor time", [with_.processor / bare.processor for with_, bare in turns]),
            ("wall time", [with_.wall / bare.wall for with_, bare in turns]),
        ):
            yield row(f"{model}, with recording ÷ without, {name}", ratios, aim="≤ 1.01")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", action="append", choices=MODELS, help="one of them; both without")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    for one in measure(images=options.images, repeats=options.repeats, models=options.model or MODELS):
        rows.append(one)
        print(one, flush=True)
    if options.json:
        print(json.dumps({one.name: [one.value, one.low, one.high] for one in rows}))


if __name__ == "__main__":
    main()
