"""Hostile input to the Draw page, counted and measured: ``python -m bench hostile``.

Each named case is handed to a process of its own, so that the memory of one is not hidden by that of another; the generated
ones follow each other in one process.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.hostile_cases import Case, generated, knock, named
from bench.turns import Row, row, tell

GENERATED = 50_000
PROJECT = Path(__file__).resolve().parents[1]


def measure() -> list[Row]:
    found = _ask("named") + _ask("generated")
    for one in found:
        tell(f"{one['name']}: {one['outcome']}, {one['seconds']:.2f} s, {one['megabytes']:.0f} MB")
    faults = [one for one in found if "fault" in one["outcome"]]
    count = len(found) - 1 + GENERATED
    return [
        row("hostile input, seconds of the slowest", [max(one["seconds"] for one in found)], aim="≤ 1", unit="s"),
        row("hostile input, memory of the largest", [max(one["megabytes"] for one in found)], aim="≤ 150", unit="MB"),
        row("hostile input, faults", [float(len(faults))], aim="0", unit=f"of {count:,}"),
    ]


def _ask(which: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.hostile", which], cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def _one(case: Case) -> tuple[str, float]:
    start = time.perf_counter()
    try:
        outcome = knock(case)
    except Exception as error:  # noqa: BLE001  # that is what is looked for
        outcome = f"fault: {type(error).__name__} for {case[0]}"
    return outcome, time.perf_counter() - start


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    for case in generated(20, seed=1):  # what is imported lazily is in
        knock(case)
    if sys.argv[1] == "named":
        for case in named():
            _in_a_child(case)
        return
    before, seconds, outcomes = _peak(), 0.0, dict[str, int]()
    for case in generated(GENERATED):
        outcome, took = _one(case)
        seconds = max(seconds, took)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    _print(f"{GENERATED:,} generated", told, seconds, _peak() - before)


def _in_a_child(case: Case) -> None:
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if status:
            _print(case[0], f"fault: the process ended with {status}", 0.0, 0.0)
        return
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak so far was that of making the case
    before = _high_water()
    outcome, seconds = _one(case)
    _print(case[0], outcome, seconds, _high_water() - before)
    os._exit(0)


def _print(name: str, outcome: str, seconds: float, megabytes: float) -> None:
    about = {"name": name, "outcome": outcome, "seconds": seconds, "megabytes": megabytes}
    print(json.dumps(about), flush=True)


def _high_water() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
