"""What it costs a run that it is watched: its updates a second with none, one and eight pages open, taking turns.

``DLCORE_DATA=… python -m bench watching``. Visitors' browsers are machines of their own; here one core plays them. It is
also the server's, as where workers leave a core to it (the queue keeps one free of them), or worker and server share the
other, as they would on a machine with a single core: the harder case. The pages are open all the while; those that do
not watch in a turn are told that nobody sees them, as a browser tells a tab in the background.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

from bench.memory import CHROMIUM, served
from bench.turns import Row, row, tell
from dlcore.config import TrainConfig
from dlcore.runs import directory, launch
from dlcore.training.events import Stepped

SEEN = """state => {
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true })
  document.dispatchEvent(new Event("visibilitychange"))
}"""
GROUPS = (1, 7)
"""Pages of two browsers; the second joins the first."""
AIMS = {1: "≤ 1.01", 8: "≤ 1.03"}
TURNS = 5
SECONDS = 7.0
"""Of a turn, after as much as pages need to come back to themselves:"""
SETTLING = 2.0
OPENING_SECONDS = 10.0
"""For each page, until the one core that plays the browsers has drawn it."""


def measure(groups: Sequence[int] = GROUPS) -> list[Row]:
    """The rows of the table; ``groups`` are pages of browsers that join one after the other."""
    here, there = sorted(os.sched_getaffinity(0))[:2]
    rows = played(groups, worker=here, server=there, browsers=there, note="a core for the server and the browsers")
    return rows + played(groups, worker=here, server=here, browsers=there, note="server on the worker's core")


def played(groups: Sequence[int], *, worker: int, server: int, browsers: int, note: str) -> list[Row]:
    """The rows of one way to share the cores."""
    counts = [0, *accumulate(groups)]
    os.sched_setaffinity(0, {server})
    rates: dict[int, list[float]] = {count: [] for count in counts}
    shares: dict[int, list[float]] = {count: [] for count in counts}
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DLCORE_HOME": folder, "DLCORE_SPARE": "off"}
        with ExitStack() as open_until_the_end:
            process, url = open_until_the_end.enter_context(served(Path(folder)))
            os.sched_setaffinity(0, {worker})
            run = directory.create(TrainConfig(epochs=50, threads=1))
            launch.start(run)
            os.sched_setaffinity(0, {browsers})  # what is started from here on
            playwright = open_until_the_end.enter_context(sync_playwright())
            groups_of_pages: list[list[Page]] = []
            for count in groups:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
                groups_of_pages.append([browser.new_context().new_page() for _ in range(count)])
                for page in groups_of_pages[-1]:
                    page.goto(f"{url}/train?lang=en&run={run.run_id}", wait_until="commit")
            time.sleep(OPENING_SECONDS * counts[-1])
            for turn in range(TURNS):
                for number, count in enumerate(rates):
                    for position, pages in enumerate(groups_of_pages):
                        for page in pages:
                            page.evaluate(SEEN, "visible" if position < number else "hidden")
                    time.sleep(SETTLING)
                    used, start, offset = cpu_seconds(process), time.perf_counter(), run.events_path.stat().st_size
                    time.sleep(SECONDS)
                    shares[count].append((cpu_seconds(process) - used) / (time.perf_counter() - start))
                    steps = [event for event in run.read(offset)[0] if isinstance(event, Stepped)]
                    spent = steps[-1].seconds - steps[0].seconds
                    rates[count].append((steps[-1].step - steps[0].step) / spent)
                    tell(
                        f"turn {turn + 1}, {count} pages: {rates[count][-1]:.1f} updates/s, server {shares[count][-1]:.1%}"
                    )
            run.request_stop()
            while run.summary() is None:
                time.sleep(0.2)
    rows = []
    for count in counts[1:]:
        ratios = [alone / watched for alone, watched in zip(rates[0], rates[count], strict=True)]
        rows.append(
            row(f"time of an update, pages open: {count} ÷ none", ratios, aim=AIMS.get(count, "stated"), note=note)
        )
        share = [100 * value for value in shares[count]]
        rows.append(row(f"server's share of a core, pages open: {count}", share, aim="stated", unit="%", note=note))
    tell(f"updates a second with none: {statistics.median(rates[0]):.1f}")
    return rows


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
