"""Time to 99 % test accuracy on MNIST: the plain script over ``--preset fast-99``.

``DLCORE_DATA=… python -m bench time-to-99``. Counted is the time spent on training, not on judging, for both. The plain
script trains on all 60,000 images and is looked at after every epoch until 99 % of the test images are right. The preset
runs to its end; what its seeds reach on average on the test set has to be 99 % as well. Its settings were chosen on
validation images.
"""

import argparse
import json
import statistics
import time

import torch

from bench import plain
from bench.turns import WORKER_ENVIRONMENT, Row, ask, row, tell
from dlcore.data.loading import load
from dlcore.presets import PRESETS
from dlcore.training import loop
from dlcore.training.events import Stepped, Tested
from dlcore.training.faster import keep_freed_memory

SEEDS = range(5)
ENOUGH = 0.99
MOST_EPOCHS = 10


def ours(seed: int) -> dict[str, float]:
    keep_freed_memory()  # as the worker does
    config = PRESETS["fast-99"].config.model_copy(update={"seed": seed, "device": "cpu"})
    seconds, accuracy = 0.0, 0.0
    for event in loop.train(config, dataset=load("mnist")):
        if isinstance(event, Stepped):
            seconds = event.seconds
        elif isinstance(event, Tested):
            accuracy = event.accuracy
    return {"seconds": seconds, "accuracy": accuracy}


def the_plain_script(seed: int) -> dict[str, float]:
    torch.manual_seed(seed)
    model = plain.Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    batches, test = plain.loader(train=True), plain.loader(train=False, batch_size=1000)
    seconds = 0.0
    for epoch in range(1, MOST_EPOCHS + 1):
        start = time.perf_counter()
        for _ in plain.train(batches, model, optimizer):
            pass
        seconds += time.perf_counter() - start
        accuracy = plain.accuracy(model, test)
        tell(f"  plain, seed {seed}, epoch {epoch}: {seconds:.0f} s, {accuracy:.4f}")
        if accuracy >= ENOUGH:
            break
    return {"seconds": seconds, "accuracy": accuracy, "epochs": epoch}


def measure(seeds: int = len(SEEDS)) -> list[Row]:
    ratios, reached, slow_ones = [], [], []
    for seed in range(seeds):
        quick = ask("bench.time_to_99", "ours", "--seed", str(seed), environment=WORKER_ENVIRONMENT)
        tell(f"fast-99, seed {seed}: {quick['seconds']:.1f} s, {quick['accuracy']:.4f}")
        slow = ask("bench.time_to_99", "plain", "--seed", str(seed))
        ratios.append(slow["seconds"] / quick["seconds"])
        reached.append(100 * quick["accuracy"])
        slow_ones.append(slow)
    mean = statistics.mean(reached)
    epochs = statistics.median(slow["epochs"] for slow in slow_ones)
    never = sum(slow["accuracy"] < ENOUGH for slow in slow_ones)
    return [
        row(
            "time to 99 %, plain ÷ fast-99",
            ratios,
            aim="≥ 50",
            note=f"the plain script took {epochs:g} epochs, and {never} of {seeds} times was not there after {MOST_EPOCHS}",
        ),
        Row(
            name=f"fast-99, mean test accuracy of {seeds} seeds",
            value=mean,
            low=min(reached),
            high=max(reached),
            aim="≥ 99",
            unit="%",
        ),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=["ours", "plain"])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(json.dumps((ours if options.side == "ours" else the_plain_script)(options.seed)))
