"""What it costs a run that it is watched: its time with one open page, and with eight, over its time with none.

``DLCORE_DATA=… python -m bench watching``. The browser belongs on the visitors' machines; here it has to share this one,
so it gets the lowest priority, and what the server itself takes stands in a row of its own.
"""

import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

from bench.memory import CHROMIUM, served
from bench.turns import Row, row, tell
from dlcore.config import TrainConfig
from dlcore.machine import cores
from dlcore.runs import directory, launch

PAGES = (0, 1, 8)
REPEATS = 5
CONFIG = TrainConfig(train_fraction=0.25, validation_fraction=0.02, epochs=1)


def measure() -> list[Row]:
    seconds: dict[int, list[float]] = {pages: [] for pages in PAGES}
    shares: dict[int, list[float]] = {pages: [] for pages in PAGES}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DLCORE_HOME"] = folder
        with served(Path(folder)) as (server, url):
            step_aside()
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
                for turn in range(REPEATS):
                    for count in PAGES:
                        run = directory.create(CONFIG)
                        launch.start(run)
                        pages = [browser.new_page() for _ in range(count)]
                        before, start = cpu_seconds(server), time.perf_counter()
                        for page in pages:
                            page.goto(f"{url}/train?lang=en&run={run.run_id}")
                        while (summary := run.summary()) is None:
                            if pages:
                                pages[0].wait_for_timeout(200)  # playwright's own events need a hand to move on
                            else:
                                time.sleep(0.2)
                        used = cpu_seconds(server) - before
                        shares[count].append(used / (time.perf_counter() - start) / cores())
                        seconds[count].append(summary.train_seconds)
                        for page in pages:
                            page.close()
                        tell(f"turn {turn + 1}, {count} pages: {seconds[count][-1]:.1f} s, server {used:.1f} s")
                browser.close()
    rows = []
    for count, aim in ((1, "≤ 1.01"), (8, "≤ 1.03")):
        ratios = [watched / alone for watched, alone in zip(seconds[count], seconds[0], strict=True)]
        rows.append(row(f"training time, pages open: {count} ÷ none", ratios, aim=aim, note="browser on this machine"))
        rows.append(
            row(
                f"server's share of the machine, pages open: {count}",
                [100 * share for share in shares[count]],
                aim="stated",
                unit="%",
            )
        )
    return rows


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def step_aside() -> None:
    """Give this process and the browser that it starts the lowest priority, also among sessions."""
    os.nice(19)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text("19", encoding="ascii")
