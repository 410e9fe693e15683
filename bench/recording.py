"""What recording costs: the same training with and without it, side by side.

``DLCORE_DATA=… python -m bench.recording [--images 6400] [--repeats 5] [--json]``. Both sides take turns, one epoch each
with its evaluations, and write what they yield to a log as the worker does. The ratio is the time with recording over
the time without, taken within each turn; 1.01 is one per cent.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker's

from dlcore import atomic
from dlcore.config import TrainConfig
from dlcore.data.loading import Dataset, load
from dlcore.runs import sealed
from dlcore.runs.worker import EventLog
from dlcore.training import loop
from dlcore.training.events import Ended, Inspected, Tested, to_json
from dlcore.training.faster import keep_freed_memory

MODELS = ("article-cnn", "sprint-cnn")


def seconds(model: str, dataset: Dataset, *, recording: bool) -> float:
    """Wall seconds of one epoch, its two evaluations included, the test at the end not."""
    config = TrainConfig(model=model, epochs=1)
    state = loop.TrainingState.create(config, dataset)
    with tempfile.TemporaryDirectory() as folder, EventLog(Path(folder) / "events.jsonl") as log:
        start = time.perf_counter()
        for event in loop.train(config, state=state, dataset=dataset, recording=recording):
            if isinstance(event, Tested | Ended):
                break
            if isinstance(event, Inspected):
                atomic.write(Path(folder) / f"{event.epoch}.json", sealed.seal_line(to_json(event)))
            else:
                log.append(event)
            if state.evaluated_epoch == 1:  # the test is no part of it
                break
        return time.perf_counter() - start


def compare(model: str, dataset: Dataset, repeats: int) -> dict[str, float]:
    """The ratio in each of ``repeats`` turns; who begins changes, so that no side is always the warmer one."""
    ratios = []
    for turn in range(repeats):
        sides = {
            recording: seconds(model, dataset, recording=recording) for recording in (turn % 2 == 0, turn % 2 == 1)
        }
        ratios.append(sides[True] / sides[False])
    result = {"ratio": statistics.median(ratios), "ratio_from": min(ratios), "ratio_to": max(ratios)}
    result = {name: round(value, 4) for name, value in result.items()}
    print(
        f"{model:12} with ÷ without recording {result['ratio']:.4f} ({result['ratio_from']} to {result['ratio_to']})",
        file=sys.stderr,
    )
    return result


def main(arguments: list[str] | None = None) -> dict[str, dict[str, float]]:
    """Compare both networks and return, for each, the median of the ratio and its spread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=6400)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    keep_freed_memory()
    dataset = load("mnist").subset(options.images, 100)
    for model in MODELS:
        seconds(model, dataset.subset(640, 10), recording=True)  # warm up
    result = {model: compare(model, dataset, options.repeats) for model in MODELS}
    if options.json:
        print(json.dumps(result))
    return result


if __name__ == "__main__":
    main()
