"""Make the recorded run of the Train page from a finished one: ``python -m bench.record_run RUN_DIR``.

Every event stays but most of the updates: of those, the lowest and the highest loss of each stretch, about a thousand,
as they were measured. Of the looks between epochs every second one stays, or every third, until no more than eighty are
left. Nothing is averaged and nothing invented.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from dlcore.runs import glimpses
from dlcore.runs.directory import open_directory
from dlcore.training.events import Event, Preparing, Stepped, to_json
from ui.training.curves import thin

MOST_LOOKS = 80
PROJECT = Path(__file__).resolve().parents[1]


def thinned(events: Sequence[Event]) -> list[Event]:
    steps = [event for event in events if isinstance(event, Stepped)]
    kept = set(thin([event.step for event in steps], [event.loss for event in steps])[0]) | {steps[-1].step}
    return [e for e in events if not isinstance(e, Preparing) and (not isinstance(e, Stepped) or e.step in kept)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--to", type=Path, default=PROJECT / "content" / "recorded_run")
    options = parser.parse_args()
    run = open_directory(options.run)
    events, _offset = run.read()
    assert run.status() == "completed", f"the run is {run.status()}"
    options.to.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run.path / "config.json", options.to / "config.json")
    lines = [to_json(event) for event in thinned(events)]
    (options.to / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for folder in ("epochs", "watching"):
        shutil.rmtree(options.to / folder, ignore_errors=True)
        shutil.copytree(run.path / folder, options.to / folder)
    log = glimpses.log_path(options.to)
    looks = log.read_bytes().splitlines(keepends=True)
    every = -(-len(looks) // MOST_LOOKS)
    log.write_bytes(b"".join(look for number, look in enumerate(looks) if number % every == 0 or look is looks[-1]))
    print(f"{len(lines)} of {len(events)} events")


if __name__ == "__main__":
    main()
