"""All that is claimed to be fast or small, measured: ``DLCORE_DATA=… python -m bench [NAME…]``.

Without a name: everything but ``faults``, which is about safety and takes minutes of its own. Each row is printed as
soon as it is measured. What cannot be measured is left out with the reason, the others go on, and the exit status is 1.
"""

import argparse
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from bench.turns import CHROMIUM, PROJECT, tell
from dlcore.data.availability import available, pen_strokes_file
from dlcore.machine import cores


@dataclass(frozen=True)
class Measure:
    """What one name stands for; the module's ``measure()`` gives the rows, one after the other."""

    module: str
    minutes: float
    """On two quiet cores, roughly."""
    needs: tuple[str, ...] = ()


MEASURES: Mapping[str, Measure] = {
    "throughput": Measure("bench.throughput", 8, ("mnist",)),
    "time-to-99": Measure("bench.time_to_99", 30, ("mnist",)),
    "start": Measure("bench.start", 2),
    "recording": Measure("bench.recording", 10, ("mnist",)),
    "watching": Measure("bench.watching", 16, ("mnist", "two cores")),
    "classroom": Measure("bench.classroom", 2, ("mnist",)),
    "history": Measure("bench.history", 4, ("browser",)),
    "memory": Measure("bench.memory", 5, ("mnist", "browser")),
    "pen": Measure("bench.pen", 10, ("mnist", "pen strokes", "browser")),
    "symbols": Measure("bench.symbols", 1),
    "hostile": Measure("bench.hostile", 10),
    "hands": Measure("bench.hands", 5, ("pen strokes",)),
}
FAULTS = Measure("bench.faults", 5, ("fork",))
ALL = {**MEASURES, "faults": FAULTS}


def _has_browser() -> bool:
    return find_spec("playwright") is not None and Path(CHROMIUM).is_file()


NEEDS: Mapping[str, tuple[Callable[[], bool], str]] = {
    "mnist": (
        lambda: available("mnist"),
        "MNIST is not at hand; set DLCORE_DATA to a torchvision root that holds it",
    ),
    "pen strokes": (
        lambda: pen_strokes_file().is_file(),
        "pen-strokes/train.jsonl is not in the folder of datasets; CONTRIBUTING.md says where it comes from",
    ),
    "browser": (_has_browser, "there is no playwright or no Chromium; install it, or set CHROMIUM to the path of one"),
    "two cores": (lambda: cores() >= 2, "worker and server need a core each, and there is one"),
    "fork": (lambda: hasattr(os, "fork"), "its workers are forks, which this system has not"),
}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and say what was left out; the exit status is 1 if anything was."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ALL))
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    names = options.names or list(MEASURES)
    if unknown := set(names) - set(ALL):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    if options.alone:
        return max(_alone(name) for name in names)
    tell("roughly, on two quiet cores: " + ", ".join(f"{name} {ALL[name].minutes:g} min" for name in names))
    tell(f"together {sum(ALL[name].minutes for name in names):g} min")
    left_out = [name for name in names if not _measured(name)]
    if left_out:
        tell(f"left out, in whole or in part: {', '.join(left_out)}")
    return bool(left_out)


def _measured(name: str) -> bool:
    """Measure in a process of its own, so that no bench leaves cores, threads or a home behind for the next one."""
    for need in ALL[name].needs:
        is_there, sentence = NEEDS[need]
        if not is_there():
            print(f"{name} is left out: {sentence}.", flush=True)
            return False
    tell(f"— {name}")
    return not subprocess.run([sys.executable, "-m", "bench", "--alone", name], cwd=PROJECT, check=False).returncode


def _alone(name: str) -> int:
    try:
        module = import_module(ALL[name].module)
        if name == "faults":
            return int(module.main([]))
        for one in module.measure():
            print(one, flush=True)
    except Exception as error:  # noqa: BLE001  # whatever it is, the other benches go on
        traceback.print_exc()
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        print(f"{name} is left out from here on: {type(error).__name__}, {reason}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
