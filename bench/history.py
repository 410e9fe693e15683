"""How soon the Runs page opens with fifty runs in it, and with 650: seconds from asking for the page to its last row.

The runs are copies of one that was trained, and belong to the visitor of the bench, whose browser has been here before: it
has the token in its storage and in its cookie. The server process has not seen these runs.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from bench.serving import served
from bench.turns import CHROMIUM, Row, row, tell
from dlcore.config import TrainConfig
from dlcore.runs import directory
from dlcore.runs.worker import work

COUNTS = (50, 650)
REPEATS = 5
VISITOR = "a-visitor-of-the-bench-0001"


def measure() -> Iterator[Row]:
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["DLCORE_HOME"] = folder
            run = directory.create(TrainConfig(dataset="digits", model="mlp", epochs=5), owner=VISITOR)
            work(run)
            for number in range(1, count):
                shutil.copytree(run.path, run.path.with_name(f"{run.run_id[:-12]}{number:012x}"))
            opened, again, listed = [], [], []
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
                for turn in range(REPEATS):
                    with served(Path(folder)) as (_server, url):
                        page = _known(browser, url)
                        page.goto(f"{url}/resources?lang=en")
                        page.wait_for_selector("h1")
                        for times in (opened, again):
                            began = time.perf_counter()
                            page.goto(f"{url}/runs?lang=en")
                            page.wait_for_selector(f".runs tbody tr:nth-child({min(count, 100)})")
                            times.append(time.perf_counter() - began)
                        page.get_by_role("link", name="Resources").click()
                        page.wait_for_selector("h1:has-text('Resources')")
                        began = time.perf_counter()
                        page.get_by_role("link", name="Runs").click()
                        page.wait_for_selector(f".runs tbody tr:nth-child({min(count, 100)})")
                        listed.append(time.perf_counter() - began)
                        tell(
                            f"{count} runs, turn {turn + 1}: {opened[-1]:.2f} s, again {again[-1]:.2f} s, {listed[-1]:.2f} s"
                        )
                browser.close()
            aim = "≤ 1" if count == 50 else ""
            name, note = f"history of {count} runs", "browser here too"
            yield row(f"{name}, from another page", listed, aim=aim, unit="s", note=note)
            yield row(f"{name}, whole page loaded anew", again, aim="", unit="s", note=note)
            yield row(f"{name}, first time for the server", opened, aim="", unit="s", note=note)


def _known(browser: Browser, url: str) -> Page:
    """A page of a visitor who has been here before."""
    context = browser.new_context()
    context.add_cookies([{"name": "dlcore.visitor", "value": VISITOR, "url": url, "sameSite": "Strict"}])
    page = context.new_page()
    # An empty page has no storage, and says so by an error.
    page.add_init_script(f"if (location.protocol === 'http:') localStorage.setItem('dlcore.visitor', '{VISITOR}')")
    return page
