"""How long after the pen is lifted the new bars stand on the page, on either canvas, alone and beside a run that trains.

``DLCORE_DATA=… python -m bench pen``. Real strokes are replayed with the mouse in a real browser, which shares this
machine's cores. What counts is the last change of the answer: one to an unfinished stroke does not.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bench.serving import served
from bench.turns import CHROMIUM, Row, row, tell
from dlcore.config import TrainConfig
from dlcore.data.availability import pen_strokes_file
from dlcore.data.pen_strokes import read_drawings
from dlcore.inference.strokes import Stroke
from dlcore.runs import directory, launch
from dlcore.training.events import Stepped

STROKES = 30
QUIET_MS = 900
"""Without a change for so long the answer has come."""
LIBRARY_MS = 200
"""What streamlit-drawable-canvas waits before it tells of a stroke."""
SELECTORS = {"paper": ".paper canvas", "drawable": "canvas.upper-canvas"}
_LISTEN = """() => {
  const find = (selector) => {
    for (const { shadowRoot } of document.querySelectorAll("[data-testid=stBidiComponentIsolated]"))
      if (shadowRoot?.querySelector(selector)) return shadowRoot.querySelector(selector)
  }
  let shown = ""
  document.addEventListener("pointerup", () => (window.up = performance.now()), true)
  document.addEventListener("drawing-answered", () => {
    const path = find(".answer .drawing path").getAttribute("d")
    if (path !== shown) window.changed = performance.now()
    shown = path
  })
}"""


def measure() -> Iterator[Row]:
    drawings = list(read_drawings(pen_strokes_file()))
    strokes = [drawing.strokes[0] * 0.6 for drawing in drawings[:: len(drawings) // STROKES][:STROKES]]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DLCORE_HOME"] = folder
        with served(Path(folder)) as (_, url), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            for beside in ("alone", "beside a run"):
                run = directory.create(TrainConfig(epochs=20))
                if beside != "alone":
                    launch.start(run)
                    while not any(isinstance(event, Stepped) for event in run.read()[0]):
                        time.sleep(0.2)
                for canvas, selector in SELECTORS.items():
                    page = browser.new_page(viewport={"width": 1280, "height": 900})
                    milliseconds = pen_up_to_bars(page, f"{url}/draw?lang=en&canvas={canvas}", selector, strokes)
                    page.close()
                    own_delay = LIBRARY_MS if canvas == "drawable" else 0
                    aim = (150 if beside == "alone" else 300) + own_delay
                    yield row(f"pen up to bars, {canvas}, {beside}", milliseconds, aim=f"≤ {aim}", unit="ms")
                    tell(f"{canvas}, {beside}: median {statistics.median(milliseconds):.0f} ms")
                if beside != "alone":
                    run.request_stop()
            browser.close()


def pen_up_to_bars(page: Page, address: str, selector: str, strokes: Sequence[Stroke]) -> list[float]:
    """Milliseconds from lifting the pen to the answer, for each stroke."""
    page.goto(address)
    page.locator(selector).wait_for()
    page.locator(".answer[data-kind=example] .bars li[data-top]").wait_for(timeout=120_000)
    page.evaluate(_LISTEN)
    found = []
    for stroke in strokes:
        area = page.locator(selector).bounding_box()
        assert area is not None
        for index, (x, y) in enumerate(stroke.tolist()):
            page.mouse.move(area["x"] + x, area["y"] + y)
            if not index:
                page.mouse.down()
            page.wait_for_timeout(10)
        page.mouse.up()
        page.wait_for_function(f"() => window.changed > window.up && performance.now() - window.changed > {QUIET_MS}")
        found.append(float(page.evaluate("window.changed - window.up")))
        page.get_by_role("button", name="Clear").click()
        page.locator(".answer[data-kind=example]").wait_for()
        page.wait_for_timeout(QUIET_MS)
    return found
