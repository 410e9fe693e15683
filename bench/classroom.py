"""A class on one server: fifty pages opened at once, fifty runs asked for at once, fifty that watch the teacher's.

``DLCORE_DATA=… python -m bench.classroom [--visitors 50]``. Server and workers have the whole machine, as they would; the visitors
(:mod:`bench.visitors`) take a hundredth of a core. Runs are three epochs of the small digits, so that a class is through in a
minute or two: what is measured is the waiting room, not the training. The teacher's run is the article's.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from bench.serving import megabytes, served
from bench.turns import Row, row
from bench.visitors import Visitor
from bench.watching import cpu_seconds
from dlcore.config import TrainConfig
from dlcore.runs import launch
from dlcore.runs.directory import Run, create, list_runs
from dlcore.runs.status import LIVE

VISITORS = 50
START = "train.start"
SETTINGS = "lang=en&dataset=digits&model=mlp&epochs=3"
SETTLING_SECONDS = 5.0
WATCHED_SECONDS = 20.0
LONGEST_SECONDS = 900.0
_STEP_SECONDS = 0.05


def measure(visitors: int = VISITORS) -> Iterator[Row]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DLCORE_HOME"] = folder
        with served(Path(folder)) as (server, url):
            address = url.removeprefix("http://")
            yield from asyncio.run(lesson(address, server, visitors))
            yield from asyncio.run(_demonstration(address, server, visitors))


async def lesson(address: str, server: psutil.Process, count: int) -> list[Row]:
    """Everybody opens the page, presses Start, and stays until the last run is over."""
    others = {run.run_id for run in list_runs()}

    def theirs() -> list[Run]:
        return [run for run in list_runs() if run.run_id not in others]

    async with _class(address, SETTINGS, 1) as first:  # what a server does only once is not the class's
        await _until(lambda: first[0].shows(START))
    async with _class(address, SETTINGS, count) as visitors:
        await _until(lambda: all(visitor.waits and visitor.shows(START) for visitor in visitors))
        opened = [visitor.waits[0] for visitor in visitors]
        await asyncio.sleep(SETTLING_SECONDS)
        _forget(visitors)
        pressed_at = time.perf_counter()
        await asyncio.gather(*(visitor.press(START) for visitor in visitors))
        await _until(lambda: all(visitor.waits for visitor in visitors))
        pressed = [visitor.waits[0] for visitor in visitors]
        _forget(visitors)
        await _until(lambda: len(runs := theirs()) == count and not any(run.status() in LIVE for run in runs))
        through = time.perf_counter() - pressed_at
        waits = [wait for visitor in visitors for wait in visitor.waits]
        memory = megabytes([server])[0]
    everybody = f"{count} visitors"
    assert all(run.status() == "completed" for run in theirs())
    return [
        row("page opened by all at once, until it is whole", opened, aim="stated", unit="s", note=everybody),
        row("Start pressed by all at once, until the answer", pressed, aim="stated", unit="s", note=everybody),
        row("… until the last of their runs is over", [through], aim="stated", unit="s", note=f"{count} runs"),
        row("… answers meanwhile, 19 of 20 within", [_most(waits)], aim="≤ 1", unit="s", note=f"{len(waits)} answers"),
        row("… memory of the server", [memory], aim="stated", unit="MB", note=everybody),
    ]


async def _demonstration(address: str, server: psutil.Process, count: int) -> list[Row]:
    """Everybody watches one run."""
    run = create(TrainConfig(epochs=50))
    launch.start(run)
    try:
        async with _class(address, f"lang=en&run={run.run_id}", count) as visitors:
            await _until(lambda: all(len(visitor.waits) > 2 for visitor in visitors))
            await asyncio.sleep(SETTLING_SECONDS)
            _forget(visitors)
            used, start = cpu_seconds(server), time.perf_counter()
            await asyncio.sleep(WATCHED_SECONDS)
            seconds = time.perf_counter() - start
            share = 100 * (cpu_seconds(server) - used) / seconds
            looks = [len(visitor.waits) / seconds for visitor in visitors]
            waits = [wait for visitor in visitors for wait in visitor.waits]
    finally:
        run.request_stop()
        await _until(lambda: run.summary() is not None)
    everybody = f"{count} visitors, one run"
    return [
        row("one run watched by all: answers to each a second", looks, aim="stated", unit="1/s", note=everybody),
        row("… answers, 19 of 20 within", [_most(waits)], aim="≤ 1", unit="s", note=f"{len(waits)} answers"),
        row("… the server's share of a core", [share], aim="stated", unit="%", note=everybody),
    ]


@asynccontextmanager
async def _class(address: str, query: str, count: int) -> AsyncIterator[list[Visitor]]:
    """So many visitors on the Train page."""
    visitors = [Visitor(address, "train", query) for _ in range(count)]
    async with asyncio.TaskGroup() as group:
        visits = [group.create_task(visitor.visit()) for visitor in visitors]
        yield visitors
        for visit in visits:
            visit.cancel()
    problems = {visitor.problem for visitor in visitors} - {""}
    assert not problems, problems


async def _until(condition: Callable[[], bool]) -> None:
    start = time.perf_counter()
    while not condition():
        if time.perf_counter() - start > LONGEST_SECONDS:
            raise TimeoutError(f"not so after {LONGEST_SECONDS:g} s")
        await asyncio.sleep(_STEP_SECONDS)


def _forget(visitors: Iterable[Visitor]) -> None:
    for visitor in visitors:
        visitor.waits.clear()


def _most(waits: list[float]) -> float:
    """What 95% of them do not exceed."""
    return statistics.quantiles(waits, n=20, method="inclusive")[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=VISITORS)
    for one in measure(parser.parse_args().visitors):
        print(one, flush=True)


if __name__ == "__main__":
    main()
