"""Time to 99 % test accuracy on MNIST: the plain script over ``--preset fast-99``.

``DLCORE_DATA=… python -m bench time-to-99``, or in parts, each of which adds to what the ones before have kept:

    python -m bench.time_to_99 --keep found.json --seeds 0,1 --compared 0    # the preset alone: half a minute a seed
    python -m bench.time_to_99 --keep found.json --seeds 2,3,4 --compared 0
    python -m bench.time_to_99 --keep found.json --seeds 0 --compared 1      # the plain script beside it: ten minutes a seed

Counted is the time spent on training, not on judging, for both. The plain
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
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from bench import plain
from bench.turns import Row, ask, row, tell
from dlcore import atomic
from dlcore.data.loading import load
from dlcore.presets import PRESETS
from dlcore.runs.spare import WORKER_ENVIRONMENT
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


Found = dict[str, dict[str, dict[str, float]]]
"""By the side, ``ours`` or ``plain``, and the seed: what was measured."""


def measure(seeds: Sequence[int] = SEEDS, compared: int = COMPARED, keep: Path | None = None) -> Iterator[Row]:
    """The rows, of all seeds that were ever measured if they are kept.

    Args:
        seeds: those to measure now; one that is kept already is not measured again.
        compared: for so many of them, the first ones, the plain script runs too.
        keep: a file; written after each measurement, so that a session that ends early loses one at most.
    """
    found: Found = json.loads(keep.read_text()) if keep is not None and keep.exists() else {"ours": {}, "plain": {}}

    def once(side: str, seed: int, *more: str) -> dict[str, float]:
        if str(seed) not in found[side]:
            environment = WORKER_ENVIRONMENT if side == "ours" else None
            tell(f"{side}, seed {seed} …")
            found[side][str(seed)] = ask("bench.time_to_99", side, "--seed", str(seed), *more, environment=environment)
            if keep is not None:
                atomic.write(keep, json.dumps(found, indent=1))
        return found[side][str(seed)]

    for position, seed in enumerate(seeds):
        quick = once("ours", seed)
        tell(f"fast-99, seed {seed}: {quick['seconds']:.1f} s, {quick['accuracy']:.4f}")
        if position < compared:
            slow = once("plain", seed, "--most-seconds", str(CERTAIN * quick["seconds"]))
            ratio = slow["seconds"] / quick["seconds"]
            tell(f"plain ÷ fast-99, seed {seed}: {ratio:.1f} after {slow['epochs']:g} epochs, {slow['accuracy']:.4f}")
    return rows(found)


def rows(found: Found) -> Iterator[Row]:
    """The ratio where the plain script was measured, and what the preset reaches on average, all seeds counted."""
    if found["plain"]:
        ratios = [slow["seconds"] / found["ours"][seed]["seconds"] for seed, slow in found["plain"].items()]
        bounds = sum(slow["accuracy"] < ENOUGH for slow in found["plain"].values())
        note = f"{bounds} of {len(ratios)} are lower bounds: the plain script was stopped at {CERTAIN} without 99 %"
        yield row("time to 99 %, plain ÷ fast-99", ratios, aim=f"≥ {AIM}", note=note)
    reached = [100 * quick["accuracy"] for quick in found["ours"].values()]
    yield Row(
        name=f"fast-99, mean test accuracy of {len(reached)} seeds",
        value=statistics.mean(reached),
        low=min(reached),
        high=max(reached),
        aim="≥ 99",
        unit="%",
        note=f"seeds {', '.join(sorted(found['ours'], key=int))}",
    )
    yield row("fast-99, seconds of training", [quick["seconds"] for quick in found["ours"].values()], aim="", unit="s")


def _seeds(text: str) -> list[int]:
    return [int(seed) for seed in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", nargs="?", choices=["ours", "plain"], help="one side for one seed, as JSON")
    parser.add_argument("--seed", type=int, default=0, help="of that side")
    parser.add_argument("--most-seconds", type=float, default=float("inf"), help="of the plain script")
    parser.add_argument("--seeds", type=_seeds, default=[*SEEDS], metavar="0,1", help="those to measure, %(default)s")
    parser.add_argument("--compared", type=int, default=COMPARED, help="for how many of them the plain script runs too")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="add to what this file has; needed for parts")
    options = parser.parse_args()
    if options.side == "ours":
        print(json.dumps(ours(options.seed)))
    elif options.side == "plain":
        print(json.dumps(the_plain_script(options.seed, options.most_seconds)))
    else:
        for one in measure(options.seeds, options.compared, options.keep):
            print(one, flush=True)


if __name__ == "__main__":
    main()
