"""All that is claimed to be fast or small, measured: ``DLCORE_DATA=… python -m bench [NAME…]``.

Without a name: everything but ``faults``, which is about safety and takes ten minutes of its own.
"""

import argparse
import sys
from collections.abc import Mapping
from importlib import import_module

from bench.turns import tell

MEASURES: Mapping[str, str] = {
    "throughput": "bench.throughput",
    "time-to-99": "bench.time_to_99",
    "start": "bench.start",
    "recording": "bench.recording",
    "watching": "bench.watching",
    "history": "bench.history",
    "memory": "bench.memory",
    "pen": "bench.pen",
    "symbols": "bench.symbols",
    "hostile": "bench.hostile",
    "hands": "bench.hands",
}
"""Each module's ``measure()`` gives the rows of its table."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*MEASURES, "faults"]))
    names = parser.parse_args().names or list(MEASURES)
    if unknown := set(names) - {*MEASURES, "faults"}:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join([*MEASURES, 'faults'])}")
    rows = []
    for name in names:
        if name == "faults":
            if status := import_module("bench.faults").main([]):
                sys.exit(status)
            continue
        tell(f"— {name}")
        rows += import_module(MEASURES[name]).measure()
    for row in rows:
        print(row)


if __name__ == "__main__":
    main()
