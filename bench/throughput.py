"""The same network and batch size, side by side: our loop and the plain script; our batches and the DataLoader's.

``DLCORE_DATA=… python -m bench.throughput [--steps 40] [--repeats 5] [--json]``. Both sides take turns, so that whatever
else the machine does hits both; a ratio is taken within each turn.
"""

import argparse
import itertools
import json
import os
import statistics
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # for both sides: neither spins while it waits for a core

import torch

from bench import plain
from dlcore.config import TrainConfig
from dlcore.data.loading import Dataset, load
from dlcore.data.normalization import normalize
from dlcore.training import loop
from dlcore.training.events import Stepped

WARM_UP = 5


def images_per_second(counts, steps: int) -> float:
    """Rate of an iterator that yields the images of each update, after a few updates to warm up."""
    for _ in itertools.islice(counts, WARM_UP):
        pass
    start = time.perf_counter()
    images = sum(itertools.islice(counts, steps))
    return images / (time.perf_counter() - start)


def ours(mnist: Dataset, steps: int) -> float:
    # `threads` and `dropout` are the defaults of both; a small validation set, because only updates are timed
    config = TrainConfig(validation_fraction=0.01, epochs=1)
    events = loop.train(config, dataset=mnist)
    return images_per_second((plain.BATCH_SIZE for event in events if isinstance(event, Stepped)), steps)


def the_plain_script(steps: int) -> float:
    model = plain.Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    return images_per_second(plain.train(plain.loader(train=True), model, optimizer), steps)


def our_batches(mnist: Dataset) -> float:
    start = time.perf_counter()
    order = torch.randperm(len(mnist.train_images))
    for chosen in order.split(plain.BATCH_SIZE):
        normalize(mnist.train_images[chosen])
        mnist.train_labels[chosen]
    return len(order) / (time.perf_counter() - start)


def loader_batches(batches: int = 150) -> float:
    return images_per_second((len(images) for images, _ in plain.loader(train=True)), batches)


def summary(name: str, left: list[float], right: list[float]) -> dict:
    ratios = [a / b for a, b in zip(left, right, strict=True)]
    result = {
        "ours_per_second": round(statistics.median(left)),
        "plain_per_second": round(statistics.median(right)),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_from": round(min(ratios), 2),
        "ratio_to": round(max(ratios), 2),
    }
    print(
        f"{name:22} ours {result['ours_per_second']:>9,} /s   plain {result['plain_per_second']:>7,} /s   "
        f"ratio {result['ratio']:6.2f} ({result['ratio_from']} to {result['ratio_to']})",
        file=sys.stderr,
    )
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    mnist = load("mnist")
    turns = [
        (ours(mnist, options.steps), the_plain_script(options.steps), our_batches(mnist), loader_batches())
        for _ in range(options.repeats)
    ]
    left, right, batches, loaded = (list(column) for column in zip(*turns, strict=True))
    result = {
        "threads": torch.get_num_threads(),
        "training": summary("article-cnn, batch 64", left, right),
        "batches": summary("batches alone", batches, loaded),
    }
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
