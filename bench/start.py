"""From Start to the first event and the first update: with a spare worker waiting, and without, side by side.

python -m bench.start [--rounds 5]
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from dlcore.config import TrainConfig
from dlcore.runs import queue, spare
from dlcore.runs.directory import LIVE
from dlcore.training.events import Stepped

CONFIG = TrainConfig(dataset="digits", model="article-cnn", epochs=1)
POLL_SECONDS = 0.002


def measure(*, warm: bool) -> tuple[float, float]:
    """Seconds from the submission to the first event in the log, and to the first update there."""
    os.environ["DLCORE_SPARE"] = "0" if warm else "off"
    if warm:
        spare.ensure()
        while not spare.is_warm():
            time.sleep(0.05)
    started = time.perf_counter()
    run = queue.submit(CONFIG, owner="bench")
    first = 0.0
    while True:
        events, _ = run.read()
        if events and not first:
            first = time.perf_counter() - started
        if any(isinstance(event, Stepped) for event in events):
            break
        time.sleep(POLL_SECONDS)
    stepped = time.perf_counter() - started
    queue.stop(run)
    while run.status() in LIVE:
        time.sleep(0.05)
    return first, stepped


def main(arguments: list[str] | None = None) -> int:
    """Print the medians, and the range of the rounds."""
    parser = argparse.ArgumentParser(prog="python -m bench start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="dlcore-start-") as home:
        os.environ["DLCORE_HOME"] = home
        times = {warm: [] for warm in (False, True)}
        for _ in range(options.rounds):
            for warm in (False, True):  # by turns, so that whatever else the machine does befalls both
                times[warm].append(measure(warm=warm))
        time.sleep(0.5)
    for column, what in enumerate(("first event", "first update")):
        for warm in (False, True):
            values = sorted(row[column] for row in times[warm])
            label = "warm" if warm else "cold"
            spread = f"{values[0]:.2f} to {values[-1]:.2f}"
            print(f"Start to {what:<13} {label}: median {statistics.median(values):6.2f} s ({spread})")
        ratio = statistics.median(row[column] for row in times[False]) / statistics.median(
            row[column] for row in times[True]
        )
        print(f"Start to {what:<13} cold ÷ warm: {ratio:.1f}")
    left = [
        p
        for p in psutil.process_iter(["cmdline"])
        if home in " ".join(p.info["cmdline"] or []) and p.pid != os.getpid()
    ]
    print(f"processes left: {len(left)}, files left: {Path(home).exists():d}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
