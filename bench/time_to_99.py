"""Time to 99 % test accuracy on MNIST: the plain script over ``--preset fast-99``.

``DLCORE_DATA=… python -m bench time-to-99``. Counted is the time spent on training, not on judging, for both. The plain
script trains on all 60,000 images and is looked at after every epoch until 99 % of the test images are right; once it has
taken :data:`CERTAIN` times as long as ours it is stopped, in whatever epoch, and the ratio is a lower bound. The preset
runs to its end; what its seeds reach on average on the test set has to be 99 % as well. How its settings were chosen is
in :mod:`bench.choosing_fast_99`.
"""

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Sequence

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
COMPARED = 3
"""Seeds for which the plain script runs too, some minutes each."""
AIM, CERTAIN = 50, 60


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


def the_plain_script(seed: int, most_seconds: float) -> dict[str, float]:
    """How long it trained, how many whole epochs that was, and the accuracy after the last of them."""
    torch.manual_seed(seed)
    model = plain.Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    batches, test = plain.loader(train=True), plain.loader(train=False, batch_size=1000)
    seconds, accuracy = 0.0, 0.0
    for epoch in itertools.count(1):
        start = time.perf_counter()
        for _ in plain.train(batches, model, optimizer):
            if seconds + time.perf_counter() - start >= most_seconds:
                return {"seconds": most_seconds, "accuracy": accuracy, "epochs": epoch - 1}
        seconds += time.perf_counter() - start
        accuracy = plain.accuracy(model, test)
        tell(f"  plain, seed {seed}, epoch {epoch}: {seconds:.0f} s, {accuracy:.4f}")
        if accuracy >= ENOUGH:
            return {"seconds": seconds, "accuracy": accuracy, "epochs": epoch}
    raise AssertionError


def measure(seeds: Sequence[int] = SEEDS, compared: int = COMPARED) -> list[Row]:
    ratios, reached, slow_ones = [], [], []
    for seed in seeds:
        quick = ask("bench.time_to_99", "ours", "--seed", str(seed), environment=WORKER_ENVIRONMENT)
        tell(f"fast-99, seed {seed}: {quick['seconds']:.1f} s, {quick['accuracy']:.4f}")
        reached.append(100 * quick["accuracy"])
        if len(slow_ones) < compared:
            limit = str(CERTAIN * quick["seconds"])
            slow = ask("bench.time_to_99", "plain", "--seed", str(seed), "--most-seconds", limit)
            ratios.append(slow["seconds"] / quick["seconds"])
            slow_ones.append(slow)
            tell(
                f"plain ÷ fast-99, seed {seed}: {ratios[-1]:.1f} after {slow['epochs']:g} epochs, {slow['accuracy']:.4f}"
            )
    bounds = sum(slow["accuracy"] < ENOUGH for slow in slow_ones)
    rows = [
        Row(
            name=f"fast-99, mean test accuracy of {len(seeds)} seeds",
            value=statistics.mean(reached),
            low=min(reached),
            high=max(reached),
            aim="≥ 99",
            unit="%",
        )
    ]
    if ratios:
        note = f"{bounds} of {len(ratios)} are lower bounds: the plain script was stopped at {CERTAIN} without 99 %"
        rows.insert(0, row("time to 99 %, plain ÷ fast-99", ratios, aim=f"≥ {AIM}", note=note))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=["ours", "plain"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most-seconds", type=float, default=float("inf"))
    options = parser.parse_args()
    if options.side == "ours":
        print(json.dumps(ours(options.seed)))
    else:
        print(json.dumps(the_plain_script(options.seed, options.most_seconds)))
