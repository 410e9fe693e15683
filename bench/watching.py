"""What it costs a run that it is watched: its updates per second of the clock with none, one and eight pages open, by turns.

``DLCORE_DATA=… python -m bench.watching [--pages 1 8] [--turns 10] [--seconds 5]``. The worker is a process of its own, and
what is divided is its wall time: all between two updates counts, also the log, looks between epochs and waiting for a core.
Evaluations and checkpoints, which fall upon some turns by chance, are kept out: a stretch in which one comes is measured
again. Visitors' browsers are machines of their own; :mod:`bench.visitors` plays them, for a hundredth of a core. The pages
are open all the while; those that do not watch in a turn rest, as in a tab in the background.

Two cores are shared in three ways. The server has one of them, as where workers leave a core to it (the queue keeps one
free of them); the run uses both, as one alone does if nothing else is chosen; or worker and server share one, as on a
machine that has no other.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.serving import served
from bench.turns import Row, row, tell
from bench.visitors import visiting
from dlcore.config import TrainConfig
from dlcore.runs import directory, event_log, launch
from dlcore.runs.directory import Run
from dlcore.training.events import Stepped
from ui.training.feed import PRESENT_SECONDS

PAGES = (1, 8)
AIMS = {1: "≤ 1.01", 8: "≤ 1.03"}
TURNS = 10
SECONDS = 5.0
"""Of a turn, after as long as pages need to come back to themselves:"""
SETTLING_SECONDS = 2.0
OPENING_SECONDS = 0.5
"""For each page, until the server has drawn it, and ten times as long for what a server does only once."""
LOOK_SECONDS = 0.002
"""Between two looks at the length of the log: the clock is read so soon after a line was written."""
ATTEMPTS = 5
SILENT_SECONDS = 60.0


class Sharing(NamedTuple):
    """Who may use which cores."""

    worker: set[int]
    server: set[int]
    note: str


def measure(pages: Sequence[int] = PAGES, turns: int = TURNS, seconds: float = SECONDS) -> Iterator[Row]:
    """The rows of the table, for each number of pages open."""
    here, there = sorted(os.sched_getaffinity(0))[:2]
    both = {here, there}
    for sharing in (
        Sharing({here}, {there}, "a core for the server"),
        Sharing(both, both, "the run on both cores"),
        Sharing({here}, {here}, "worker and server on one core"),
    ):
        yield from played(pages, sharing, visitors={there}, turns=turns, seconds=seconds)


def played(pages: Sequence[int], sharing: Sharing, *, visitors: set[int], turns: int, seconds: float) -> Iterator[Row]:
    """The rows of one way to share the cores."""
    counts = [0, *sorted(set(pages))]
    rates: dict[int, list[float]] = {count: [] for count in counts}
    shares: dict[int, list[float]] = {count: [] for count in counts}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_until_the_end:
        os.environ |= {"DLCORE_HOME": folder, "DLCORE_SPARE": "off", "DLCORE_CHECKPOINT_SECONDS": "3600"}
        os.sched_setaffinity(0, sharing.server)  # of what is started from here on
        process, url = open_until_the_end.enter_context(served(Path(folder)))
        os.sched_setaffinity(0, sharing.worker)
        # Little is held back, so that evaluations are short and seldom.
        run = directory.create(TrainConfig(epochs=50, threads=len(sharing.worker), validation_fraction=0.01))
        launch.start(run)
        open_until_the_end.callback(_stop, run)
        os.sched_setaffinity(0, visitors)
        address, query = url.removeprefix("http://"), f"lang=en&run={run.run_id}"
        present = open_until_the_end.enter_context(visiting(address, "train", query, counts[-1]))
        time.sleep(OPENING_SECONDS * (10 + counts[-1]))
        for turn in range(turns):
            # Whoever came first in one turn comes last in the next.
            for count in counts[:: -1 if turn % 2 else 1]:
                fewer = count < sum(visitor.seen for visitor in present)
                for number, visitor in enumerate(present):
                    visitor.seen = number < count
                # As long as the server takes those that have left for present, the others look as seldom as with them.
                time.sleep(SETTLING_SECONDS + (PRESENT_SECONDS if fewer and count else 0))
                rate, share = updates_per_second(run, process, seconds)
                rates[count].append(rate)
                shares[count].append(share)
                tell(f"turn {turn + 1} of {turns}, {count} pages: {rate:.2f} updates/s, server {share:.1%}")
        assert not any(visitor.problem for visitor in present), [visitor.problem for visitor in present]
    tell(f"updates a second with none: {statistics.median(rates[0]):.1f}")
    for count in counts[1:]:
        ratios = [alone / watched for alone, watched in zip(rates[0], rates[count], strict=True)]
        aim = AIMS.get(count, "stated")
        yield row(f"wall time of a run, pages open: {count} ÷ none", ratios, aim=aim, note=sharing.note)
        share_percent = [100 * value for value in shares[count]]
        yield row(
            f"server's share of a core, pages open: {count}", share_percent, aim="stated", unit="%", note=sharing.note
        )


def updates_per_second(run: Run, server: psutil.Process, seconds: float) -> tuple[float, float]:
    """Of the clock, over a stretch of ``seconds`` without an evaluation; and the server's share of a core meanwhile."""
    for _ in range(ATTEMPTS):
        offset, start = _grown(run)
        used = cpu_seconds(server)
        time.sleep(seconds)
        length, end = _grown(run)
        share = (cpu_seconds(server) - used) / (end - start)
        events = [event for place, event in event_log.read(run.events_path, offset)[0] if place < length]
        if all(isinstance(event, Stepped) for event in events):  # so short a run logs every one
            return len(events) / (end - start), share
    raise RuntimeError(f"no stretch of {seconds:g} s without an evaluation in {ATTEMPTS} attempts")


def _grown(run: Run) -> tuple[int, float]:
    """The length of the log just after lines were written to it, and the time, which is that of the last update in it."""
    before = length = run.events_path.stat().st_size
    begun = now = time.perf_counter()
    while length == before:
        if now - begun > SILENT_SECONDS:
            raise RuntimeError(f"the run is {run.status()}, and its log has not grown for {SILENT_SECONDS:g} s")
        time.sleep(LOOK_SECONDS)
        length, now = run.events_path.stat().st_size, time.perf_counter()
    return length, now


def _stop(run: Run) -> None:
    run.request_stop()
    while run.summary() is None:
        time.sleep(0.2)


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, nargs="+", default=PAGES, help="how many are open")
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of a turn")
    options = parser.parse_args()
    for one in measure(options.pages, options.turns, options.seconds):
        print(one, flush=True)


if __name__ == "__main__":
    main()
