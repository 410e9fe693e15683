"""The same network and batch size, side by side: our loop and the plain script; our batches and the DataLoader's.

``DLCORE_DATA=… python -m bench throughput``. Each side runs in a process of its own, as its user would run it, and they
take turns. Beside it stands, of the same turns, how fast this machine multiplies matrices in float32 (its GEMM peak, by
``torch.mm``), and the share of that which training ``article-cnn`` reaches, all that an update takes included.
"""

import itertools
import json
import statistics
import sys
import time
from collections.abc import Iterator

import torch

from bench import plain
from bench.turns import Row, ask, row, tell
from dlcore.config import TrainConfig
from dlcore.data.loading import load
from dlcore.data.normalization import normalize
from dlcore.machine import cores
from dlcore.models import MODELS
from dlcore.models.table import totals
from dlcore.runs.spare import WORKER_ENVIRONMENT
from dlcore.training import loop
from dlcore.training.events import Stepped
from dlcore.training.faster import gathered, in_parts, keep_freed_memory

REPEATS = 7
WARM_UP = 8
STEPS = 60
MATRIX = 2048


def images_per_second(counts: Iterator[int], steps: int) -> float:
    """Rate of an iterator that yields the images of each update, after a few updates to warm up."""
    for _ in itertools.islice(counts, WARM_UP):
        pass
    start = time.perf_counter()
    images = sum(itertools.islice(counts, steps))
    return images / (time.perf_counter() - start)


def ours() -> float:
    keep_freed_memory()  # as the worker does
    # The defaults; a small validation set, because only updates are timed.
    config = TrainConfig(validation_fraction=0.01, epochs=1, device="cpu")
    events = loop.train(config, dataset=load("mnist"))
    return images_per_second((plain.BATCH_SIZE for event in events if isinstance(event, Stepped)), STEPS)


def the_plain_script() -> float:
    model = plain.Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    return images_per_second(plain.train(plain.loader(train=True), model, optimizer), STEPS)


def our_batches() -> float:
    keep_freed_memory()
    mnist = load("mnist")
    rates = []
    for _ in range(4):  # the first warms up
        start = time.perf_counter()
        order = torch.randperm(len(mnist.train_images))
        for chosen in order.split(plain.BATCH_SIZE):
            in_parts(normalize, gathered(mnist.train_images, chosen))
            mnist.train_labels.index_select(0, chosen)
        rates.append(len(order) / (time.perf_counter() - start))
    return sorted(rates[1:])[1]


def loader_batches() -> float:
    return images_per_second((len(images) for images, _ in plain.loader(train=True)), 150)


def gigaflops_an_image() -> float:
    """Of an image and update of the article's network: forward, and twice that backward, less the gradient of the pixels."""
    layers = MODELS["article-cnn"].table(in_channels=1, image_size=28, classes=10, dropout=0.5)
    return 2 * (3 * totals(layers).multiply_adds - layers[0].multiply_adds) / 1e9


def matrix_gigaflops() -> float:
    left, right, out = (torch.randn(MATRIX, MATRIX) for _ in range(3))
    rates = []
    for _ in range(10):  # the first warm up
        start = time.perf_counter()
        torch.mm(left, right, out=out)
        rates.append(2 * MATRIX**3 / (time.perf_counter() - start) / 1e9)
    return max(rates)


SIDES = {
    "ours": ours,
    "plain": the_plain_script,
    "our-batches": our_batches,
    "loader-batches": loader_batches,
    "matrices": matrix_gigaflops,
}


def measure() -> list[Row]:
    turns: list[dict[str, float]] = []
    for turn in range(REPEATS):
        turns.append(
            {
                side: ask("bench.throughput", side, environment=WORKER_ENVIRONMENT if "our" in side else None)["rate"]
                for side in SIDES
            }
        )
        tell(f"turn {turn + 1} of {REPEATS}: " + ", ".join(f"{side} {rate:,.0f}" for side, rate in turns[-1].items()))
    return [
        row("article-cnn, images/s, ours ÷ plain", [t["ours"] / t["plain"] for t in turns], aim="≥ 1.5"),
        row(
            "batches alone, ours ÷ DataLoader",
            [t["our-batches"] / t["loader-batches"] for t in turns],
            aim="≥ 30",
        ),
        row(
            "article-cnn, training's share of the GEMM peak",
            [100 * t["ours"] * gigaflops_an_image() / t["matrices"] for t in turns],
            aim="stated",
            unit="%",
            note=f"of {statistics.median(t['matrices'] for t in turns):,.0f} GFLOP/s by torch.mm, {cores()} cores",
        ),
    ]


if __name__ == "__main__":
    print(json.dumps({"rate": SIDES[sys.argv[1]]()}))
