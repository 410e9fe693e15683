"""How much memory the whole takes: the server, one worker that trains MNIST, one visitor who watches, then draws.

    DLCORE_DATA=<a torchvision root with MNIST> python -m bench memory

Resident memory is counted as PSS, which shares out pages that several processes map; RSS is shown beside it.
"""

import os
import tempfile
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

from bench.serving import megabytes, served
from bench.turns import CHROMIUM, Row

LIMIT_MB = 900
SECOND_LIMIT_MB = 350
SEVEN = [(60, 60), (120, 62), (200, 64), (170, 130), (140, 200), (120, 250)]


def workers(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "dlcore" in line and any(str(home) in part for part in line):
            found.append(process)
    return found


def draw(page: Page) -> None:
    canvas = page.locator(".paper canvas")
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + SEVEN[0][0], box["y"] + SEVEN[0][1])
    page.mouse.down()
    for x, y in SEVEN[1:]:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=6)
    page.mouse.up()


def start_run(page: Page, url: str) -> None:
    page.goto(f"{url}/train?lang=en&dataset=mnist&model=article-cnn&epochs=1")
    page.get_by_role("button", name="Start", exact=False).first.click()
    page.wait_for_url("**run=**")


def highest(server: psutil.Process, home: Path, page: Page, *, until: int) -> tuple[float, float]:
    """The most that server and workers take together, until at most ``until`` workers are left."""
    totals = []
    while len(alive := workers(home)) > until:  # to the end: testing takes more than training
        try:
            totals.append(megabytes([server, *alive]))
        except psutil.NoSuchProcess:
            break
        page.wait_for_timeout(250)
    pss, rss = (max(values) for values in zip(*totals, strict=True))
    return pss, rss


def measure() -> list[Row]:
    found: dict[str, tuple[float, float]] = {}
    os.environ |= {"DLCORE_WORKERS": "2", "DLCORE_SPARE": "off"}
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as (server, url),
        sync_playwright() as playwright,
    ):
        home = Path(folder)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        found["server, nobody there"] = megabytes([server])
        start_run(page, url)
        page.wait_for_timeout(20_000)
        found["server and one watcher"] = megabytes([server])
        found["the worker, training MNIST"] = megabytes(workers(home))
        together = megabytes([server, *workers(home)])
        other = browser.new_context().new_page()  # a visitor of its own: each may have one run going on
        start_run(other, url)
        other.wait_for_timeout(20_000)
        both = megabytes([server, *workers(home)])
        other.get_by_role("button", name="Stop", exact=False).first.click()
        visitor = browser.new_page()
        visitor.goto(f"{url}/draw?lang=en")
        visitor.locator(".paper canvas").wait_for()
        visitor.wait_for_timeout(5_000)
        while len(workers(home)) > 1:
            visitor.wait_for_timeout(250)
        draw(visitor)
        found["server, worker, one watcher, one drawing, at the highest"] = highest(server, home, visitor, until=0)
        browser.close()
    aims = {"server, worker, one watcher, one drawing, at the highest": f"≤ {LIMIT_MB}"}
    rows = [_megabytes_row(name, pss, rss, aims.get(name, "stated")) for name, (pss, rss) in found.items()]
    added = both[0] - together[0]
    return [*rows, _megabytes_row("a second worker adds", added, both[1] - together[1], f"≤ {SECOND_LIMIT_MB}")]


def _megabytes_row(name: str, pss: float, rss: float, aim: str) -> Row:
    return Row(name=name, value=pss, low=pss, high=pss, aim=aim, unit="MB PSS", note=f"{rss:.0f} MB RSS")
