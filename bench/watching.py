"""What it costs a run that it is watched: its updates a second with none, one and eight pages open, taking turns.

``DLCORE_DATA=… python -m bench watching``. Visitors' browsers are machines of their own; here one core plays them, and worker
and server share the other, as they would on a server with a single core: the harder case. The pages are open all the
while; those that do not watch in a turn are halted, which is how a closed page looks to the server.
"""

import os
import signal
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from itertools import accumulate
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

from bench.memory import CHROMIUM, served
from bench.turns import Row, row, tell
from dlcore.config import TrainConfig
from dlcore.runs import directory, launch
from dlcore.training.events import Stepped

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
    counts = [0, *accumulate(groups)]
    here, there = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, {here})
    rates: dict[int, list[float]] = {count: [] for count in counts}
    shares: dict[int, list[float]] = {count: [] for count in counts}
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DLCORE_HOME": folder, "DLCORE_SPARE": "off"}
        with ExitStack() as open_until_the_end:
            server, url = open_until_the_end.enter_context(served(Path(folder)))
            run = directory.create(TrainConfig(epochs=50, threads=1))
            launch.start(run)
            os.sched_setaffinity(0, {there})  # what is started from here on
            playwright = open_until_the_end.enter_context(sync_playwright())
            browsers: list[list[psutil.Process]] = []
            for count in groups:
                before = set(psutil.Process().children(recursive=True))
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
                for _ in range(count):
                    page = browser.new_context().new_page()
                    page.goto(f"{url}/train?lang=en&run={run.run_id}", wait_until="commit")
                browsers.append([p for p in set(psutil.Process().children(recursive=True)) - before if p.is_running()])
            time.sleep(OPENING_SECONDS * counts[-1])
            for turn in range(TURNS):
                for number, count in enumerate(rates):
                    for position, browser_processes in enumerate(browsers):
                        send(browser_processes, signal.SIGCONT if position < number else signal.SIGSTOP)
                    time.sleep(SETTLING)
                    used, start, offset = cpu_seconds(server), time.perf_counter(), run.events_path.stat().st_size
                    time.sleep(SECONDS)
                    shares[count].append((cpu_seconds(server) - used) / (time.perf_counter() - start))
                    steps = [event for event in run.read(offset)[0] if isinstance(event, Stepped)]
                    spent = steps[-1].seconds - steps[0].seconds
                    rates[count].append((steps[-1].step - steps[0].step) / spent)
                    tell(
                        f"turn {turn + 1}, {count} pages: {rates[count][-1]:.1f} updates/s, server {shares[count][-1]:.1%}"
                    )
            for browser_processes in browsers:
                send(browser_processes, signal.SIGCONT)
            run.request_stop()
            while run.summary() is None:
                time.sleep(0.2)
    rows = []
    for count in counts[1:]:
        ratios = [alone / watched for alone, watched in zip(rates[0], rates[count], strict=True)]
        rows.append(
            row(
                f"time of an update, pages open: {count} ÷ none", ratios, aim=AIMS.get(count, "stated"), note="one core"
            )
        )
        share = [100 * value for value in shares[count]]
        rows.append(row(f"server's share of that core, pages open: {count}", share, aim="stated", unit="%"))
    tell(f"updates a second with none: {statistics.median(rates[0]):.1f}")
    return rows


def send(processes: list[psutil.Process], what: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(what)


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
