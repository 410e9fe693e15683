"""Your own symbols: five shapes, ten examples each, drawn by a script with jitter; how many of 200 new ones are read.

python -m bench symbols
"""

import math
import random
import tempfile
import time
from itertools import pairwise
from os import environ

import numpy as np

from bench.turns import row

SHAPES = ("circle", "square", "triangle", "cross", "zigzag")
EXAMPLES, HELD_BACK, SEEDS = 10, 40, 3


def stroke_shape(name, rng):
    """Strokes of one shape on the page's canvas: place, size, slant, proportions and hand differ."""
    size, wide = rng.uniform(50, 120), rng.uniform(0.75, 1.25)
    turn, x, y = math.radians(rng.gauss(0, 9)), rng.uniform(130, 190), rng.uniform(130, 190)
    corners = {
        "square": [[(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]],
        "triangle": [[(0, -1), (1, 0.9), (-1, 0.9), (0, -1)]],
        "cross": [[(-1, -1), (1, 1)], [(1, -1), (-1, 1)]],
        "zigzag": [[(-1, -0.6), (-0.4, 0.7), (0.1, -0.7), (0.5, 0.7), (1, -0.6)]],
    }
    if name == "circle":
        start, gap = rng.uniform(0, 2 * math.pi), rng.uniform(-0.3, 0.3)
        lines = [[(math.cos(start + a), math.sin(start + a)) for a in np.linspace(0, 2 * math.pi - gap, 24)]]
    else:
        lines = corners[name]
    strokes = []
    for line in lines:
        moved = [(px + rng.gauss(0, 0.09), py + rng.gauss(0, 0.09)) for px, py in line]
        points = []
        for (ax, ay), (bx, by) in pairwise(moved):
            for share in np.linspace(0, 1, 6):
                px, py = ax + share * (bx - ax) + rng.gauss(0, 0.02), ay + share * (by - ay) + rng.gauss(0, 0.02)
                px, py = px * size * wide, py * size
                points.append(
                    [x + px * math.cos(turn) - py * math.sin(turn), y + px * math.sin(turn) + py * math.cos(turn)]
                )
        strokes.append(np.clip(np.array(points), 0, 320))
    return strokes


def drawings(count, seed):
    from dlcore.data.drawings import Drawing
    from dlcore.inference.strokes import strokes_to_image

    rng = random.Random(seed)
    return [
        Drawing(strokes_to_image(stroke_shape(name, rng)), label)
        for label, name in enumerate(SHAPES)
        for _ in range(count)
    ]


def measure():
    """Two lines: how many of the new drawings are read, and how long the lesson takes."""
    before = environ.get("DLCORE_HOME")
    with tempfile.TemporaryDirectory() as home:
        environ["DLCORE_HOME"] = home
        try:
            found = [_lesson(seed) for seed in range(SEEDS)]
        finally:
            if before is None:
                del environ["DLCORE_HOME"]
            else:
                environ["DLCORE_HOME"] = before
    accuracies, seconds = zip(*found, strict=True)
    return [
        row("own symbols, share of new drawings that is read", list(accuracies), aim="≥ 0.9", unit=""),
        row("own symbols, training", list(seconds), aim="seconds", unit="s"),
    ]


def _lesson(seed):
    """Share of the new drawings that is read, and seconds in the worker."""
    from dlcore.data.drawings import keep_symbols
    from dlcore.inference.lessons import symbols_config
    from dlcore.inference.prediction import load_model, predict
    from dlcore.runs.directory import create
    from dlcore.runs.worker import work

    new = drawings(HELD_BACK, seed=1000 + seed)
    images, labels = np.stack([one.image for one in new]), np.array([one.label for one in new])
    kept = keep_symbols(drawings(EXAMPLES, seed), SHAPES, owner="")
    run = create(symbols_config(load_model(), kept.set_id, seed=seed))
    start = time.perf_counter()
    work(run)
    seconds = time.perf_counter() - start
    return float((predict(load_model(run.run_id), images).argmax(1) == labels).mean()), seconds


if __name__ == "__main__":
    for line in measure():
        print(line)
