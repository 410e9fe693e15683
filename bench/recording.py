"""What recording costs: the same training with and without it, side by side.

``DLCORE_DATA=… python -m bench.recording [--images 12800] [--repeats 7] [--json]``. Both sides train one epoch with its
evaluations and write what they yield to a log as the worker does; with recording also all that the worker looks at
between and after epochs. They take turns every few updates, so that both meet the same machine, however its speed
changes. The ratio is the processor time (of all threads) with recording over that without; 1.01 is one per cent. Wall
time would show what else the machine did: the difference looked for is smaller than that.
"""

import argparse
import itertools
import json
import os
import tempfile
import time
from collections.abc import Iterator

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
from dlcore.training.events import Inspected, Stepped, to_json
from dlcore.training.faster import keep_freed_memory
from dlcore.training.state import TrainingState
from dlcore.training.telemetry import SAMPLED_STEPS

MODELS = ("article-cnn", "sprint-cnn")
CHUNK = 2 * SAMPLED_STEPS
"""Updates between two changes of side; each has as many that are looked at closely."""


def training(model: str, dataset: Dataset, *, recording: bool) -> Iterator[None]:
    """One epoch, its two evaluations included, the test at the end not; stops for breath every :data:`CHUNK` updates."""
    config = TrainConfig(model=model, epochs=1)
    state = TrainingState.create(config, dataset)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DLCORE_HOME"] = folder
        run = create(config)
        run.inspection_path(0).parent.mkdir()
        with EventLog(run.events_path) as log:
            recorder = Recorder(run, state, dataset) if recording else None
            for event in loop.train(config, state=state, dataset=dataset, recording=recording):
                if isinstance(event, Inspected):
                    atomic.write(run.inspection_path(event.epoch), sealed.seal_line(to_json(event)))
                else:
                    log.append(event)
                if recorder is not None:
                    recorder.after(event)
                if state.evaluated_epoch == 1:  # the test is no part of it
                    return
                if isinstance(event, Stepped) and event.step % CHUNK == 0:
                    yield


def ratio(model: str, dataset: Dataset) -> float:
    """Processor time with recording over that without."""
    sides = {recording: training(model, dataset, recording=recording) for recording in (True, False)}
    seconds = {True: 0.0, False: 0.0}
    for turn in itertools.count():
        order = (True, False) if turn % 2 else (False, True)  # no side is always the warmer one
        for recording in order:
            start = time.process_time()
            going = next(sides[recording], ...) is None
            seconds[recording] += time.process_time() - start
        if not going:
            return seconds[True] / seconds[False]
    raise AssertionError


def compare(model: str, dataset: Dataset, repeats: int) -> list[float]:
    """The ratio in each of ``repeats`` turns."""
    ratios = []
    for turn in range(repeats):
        ratios.append(ratio(model, dataset))
        tell(f"{model}, turn {turn + 1} of {repeats}: {ratios[-1]:.4f}")
    return ratios


def measure(*, images: int = 12_800, repeats: int = 7) -> list[Row]:
    """One line for each network."""
    keep_freed_memory()
    dataset = load("mnist").subset(images, 100)
    rows = []
    for model in MODELS:
        ratio(model, dataset.subset(640, 10))  # warm up
        rows.append(
            row(f"{model}, processor time with ÷ without recording", compare(model, dataset, repeats), aim="≤ 1.01")
        )
    return rows


def main() -> None:
    """Compare both networks and print, for each, the median of the ratio and its spread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=12_800)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = measure(images=options.images, repeats=options.repeats)
    for one in rows:
        print(one)
    if options.json:
        print(json.dumps({one.name: [one.value, one.low, one.high] for one in rows}))


if __name__ == "__main__":
    main()
