"""From Start to the first event and the first update: with a spare worker waiting, and without, side by side.

``python -m bench start``
"""

import os
import tempfile
import time

from bench.turns import Row, row, tell
from dlcore.config import TrainConfig
from dlcore.runs import queue, spare
from dlcore.runs.status import LIVE
from dlcore.training.events import Stepped

CONFIG = TrainConfig(dataset="digits", model="article-cnn", epochs=1)
POLL_SECONDS = 0.002
ROUNDS = 5


def seconds(*, warm: bool) -> tuple[float, float]:
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


def measure() -> list[Row]:
    """Both ways by turns, so that whatever else the machine does befalls both."""
    times: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    with tempfile.TemporaryDirectory(prefix="dlcore-start-") as home:
        os.environ["DLCORE_HOME"] = home
        for turn in range(ROUNDS):
            for warm in (False, True):
                times[warm].append(seconds(warm=warm))
                tell(f"turn {turn + 1} of {ROUNDS}, {'warm' if warm else 'cold'}: {times[warm][-1][0]:.2f} s")
        time.sleep(0.5)
    os.environ["DLCORE_SPARE"] = "off"
    return [
        row(
            f"Start pressed to {what}, {'warm' if warm else 'cold'}",
            [one[column] for one in times[warm]],
            aim="≤ 1" if warm and column == 0 else "stated",
            unit="s",
        )
        for column, what in enumerate(("first event", "first update"))
        for warm in (True, False)
    ]
