"""What recording costs: the same training with and without it, side by side.

``DLCORE_DATA=… python -m bench.recording [--images 12800] [--repeats 7] [--json]``. Both sides take turns, one epoch each
with its evaluations, and write what they yield to a log as the worker does. The ratio is the processor time (of all
threads) with recording over that without, taken within each turn; 1.01 is one per cent. Wall time would show what else
the machine did: the difference looked for is smaller than that.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker's

from bench.turns import Row, row, tell
from dlcore import atomic
from dlcore.config import TrainConfig
from dlcore.data.loading import Dataset, load
from dlcore.runs import sealed
from dlcore.runs.event_log import EventLog
from dlcore.training import loop
from dlcore.training.events import Ended, Inspected, Tested, to_json
from dlcore.training.faster import keep_freed_memory
from dlcore.training.state import TrainingState

MODELS = ("article-cnn", "sprint-cnn")


def seconds(model: str, dataset: Dataset, *, recording: bool) -> float:
    """Processor seconds of one epoch, its two evaluations included, the test at the end not."""
    config = TrainConfig(model=model, epochs=1)
    state = TrainingState.create(config, dataset)
    with tempfile.TemporaryDirectory() as folder, EventLog(Path(folder) / "events.jsonl") as log:
        start = time.process_time()
        for event in loop.train(config, state=state, dataset=dataset, recording=recording):
            if isinstance(event, Tested | Ended):
                break
            if isinstance(event, Inspected):
                atomic.write(Path(folder) / f"{event.epoch}.json", sealed.seal_line(to_json(event)))
            else:
                log.append(event)
            if state.evaluated_epoch == 1:  # the test is no part of it
                break
        return time.process_time() - start


def compare(model: str, dataset: Dataset, repeats: int) -> list[float]:
    """The ratio in each of ``repeats`` turns; who begins changes, so that no side is always the warmer one."""
    ratios = []
    for turn in range(repeats):
        order = (True, False) if turn % 2 else (False, True)
        sides = {recording: seconds(model, dataset, recording=recording) for recording in order}
        ratios.append(sides[True] / sides[False])
        tell(f"{model}, turn {turn + 1} of {repeats}: {ratios[-1]:.4f}")
    return ratios


def measure(*, images: int = 12_800, repeats: int = 7) -> list[Row]:
    """One line for each network."""
    keep_freed_memory()
    dataset = load("mnist").subset(images, 100)
    rows = []
    for model in MODELS:
        seconds(model, dataset.subset(640, 10), recording=True)  # warm up
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
