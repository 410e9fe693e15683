"""Hostile input to the Draw page, counted and measured: ``python -m bench hostile``.

The named cases take turns in processes of their own, so that the memory of one is not hidden by that of another; the
generated ones follow each other in one process.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from bench.hostile_cases import Case, generated, knock, named
from bench.turns import Row, row, tell

GENERATED = 50_000
PROJECT = Path(__file__).resolve().parents[1]


def measure() -> list[Row]:
    names = [name for name, _, _ in named()]
    found = [_ask(str(index)) for index in range(len(names))] + [_ask("generated")]
    for name, one in zip([*names, f"{GENERATED:,} generated"], found, strict=True):
        tell(f"{name}: {one['outcome']}, {one['seconds']:.2f} s, {one['megabytes']:.0f} MB")
    faults = [one for one in found if "fault" in str(one["outcome"])]
    return [
        row("hostile input, seconds of the slowest", [max(one["seconds"] for one in found)], aim="≤ 1", unit="s"),
        row("hostile input, memory of the largest", [max(one["megabytes"] for one in found)], aim="≤ 150", unit="MB"),
        row("hostile input, faults", [float(len(faults))], aim="0", unit="of " + str(GENERATED + len(names))),
    ]


def _ask(which: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "bench.hostile", which], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"outcome": f"fault: the process ended with {done.returncode}", "seconds": 0.0, "megabytes": 0.0}
    answer: dict = json.loads(done.stdout.splitlines()[-1])
    return answer


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
    which = sys.argv[1]
    for case in generated(20, seed=1):  # what is imported lazily is in
        knock(case)
    if which == "generated":
        before, seconds, outcomes = _peak(), 0.0, dict[str, int]()
        for case in generated(GENERATED):
            outcome, took = _one(case)
            seconds = max(seconds, took)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    else:
        case = list(named())[int(which)]
        # The peak so far may be that of making the case: measured from what is resident now.
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = _high_water()
        told, seconds = _one(case)
        print(json.dumps({"outcome": told, "seconds": seconds, "megabytes": _high_water() - before}))
        return
    print(json.dumps({"outcome": told, "seconds": seconds, "megabytes": _peak() - before}))


def _high_water() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
