"""From asking for a run to its first event and its first update: with a spare worker waiting, and without, by turns.

``python -m bench start``. Two beginnings. *Parsed*: the moment before what a form or a link says, as text, is made a
configuration and checked, which is all that the server does between a press of Start and handing the run over, but for
Streamlit's own way from the browser and back. *Submitted*: the moment before ``queue.submit``, which makes the run
directory and finds a worker. The end is when a reader that looks every two milliseconds finds the event in the log.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from typing import NamedTuple

from bench.turns import Row, row, tell
from dlcore.config import TrainConfig
from dlcore.runs import queue, spare
from dlcore.runs.status import LIVE
from dlcore.training.events import Stepped

ASKED = {"dataset": "digits", "model": "article-cnn", "epochs": "1", "learning_rate": "0.001", "threads": "1"}
"""As the address of the Train page has it."""
POLL_SECONDS = 0.002
ROUNDS = 5


class Seconds(NamedTuple):
    """From the moment before the configuration is parsed."""

    parsed: float
    event: float
    """The first in the log."""
    update: float
    """The first there."""


def seconds(*, warm: bool) -> Seconds:
    """One start. With a spare it waits until that has imported everything."""
    os.environ["DLCORE_SPARE"] = "0" if warm else "off"
    if warm:
        spare.ensure()
        while not spare.is_warm():
            time.sleep(0.05)
    started = time.perf_counter()
    config = TrainConfig.parse(ASKED)
    parsed = time.perf_counter() - started
    run = queue.submit(config, owner="bench")
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
    return Seconds(parsed, first, stepped)


def measure() -> Iterator[Row]:
    """Both ways by turns, so that whatever else the machine does befalls both."""
    times: dict[bool, list[Seconds]] = {False: [], True: []}
    with tempfile.TemporaryDirectory(prefix="dlcore-start-") as home:
        os.environ["DLCORE_HOME"] = home
        for turn in range(ROUNDS):
            for warm in (False, True):
                times[warm].append(seconds(warm=warm))
                tell(f"turn {turn + 1} of {ROUNDS}, {'warm' if warm else 'cold'}: {times[warm][-1].event:.2f} s")
        time.sleep(0.5)
    os.environ["DLCORE_SPARE"] = "off"
    for warm in (True, False):
        name = "with a spare worker" if warm else "without"
        found = times[warm]
        for what in ("event", "update"):
            for beginning in ("parsed", "submitted"):
                values = [getattr(one, what) - (one.parsed if beginning == "submitted" else 0) for one in found]
                aim = "≤ 1" if warm and what == "event" else "stated"
                yield row(f"{beginning} to first {what} in the log, {name}", values, aim=aim, unit="s")
