"""Files of a run that take torch, made by a process of its own for a page that must not load it. Torch-free.

``python -m dlcore export`` makes them; they lie in ``exports/`` of :func:`~dlcore.home.home`, each under a name made of
what it depends on, until others push them out.
"""

import hashlib
import json
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from dlcore import atomic
from dlcore.elsewhere import Bench, command
from dlcore.export.files import KINDS, check_installed
from dlcore.home import home
from dlcore.messages import N_, UserError
from dlcore.runs.directory import Run

_KEPT = 40
_KEPT_BYTES = 500_000_000
_HALF_WRITTEN_SECONDS = 600.0


def request(run: Run, kind: str) -> Path | None:
    """The file if it was made; else None, and a process makes it. Ask again in a moment.

    Raises:
        UserError: it cannot be made, a package is missing, or too many others wait; the next time this is asked for it is
            tried again.
    """
    if (found := look_up(run, kind)) is not None:
        return found
    made = place(run, kind)
    check_installed(kind)
    if reason := _bench().problem(made.name):
        raise UserError(N_("This could not be made: {reason}"), reason=reason)

    def work() -> UserError | None:
        problem = command(["export", run.run_id, "--to", kind, "--out", str(made)], made=made)
        _sweep()
        return problem

    _bench().start(made.name, work)
    return None


def look_up(run: Run, kind: str) -> Path | None:
    """The file if it was made before."""
    found = place(run, kind)
    if not found.is_file():
        return None
    with suppress(OSError):
        os.utime(found)
    return found


def is_settled(run: Run, kind: str) -> bool:
    """Whether :func:`request` would have an answer: the file, or why there is none."""
    made = place(run, kind)
    return made.is_file() or made.name not in _bench().under_way


def place(run: Run, kind: str) -> Path:
    """Where the file is or will be; another place once the run has trained on."""
    sizes = [path.stat().st_size if path.is_file() else 0 for path in (run.events_path, run.final_weights_path)]
    summary = run.summary()
    key = json.dumps([1, run.run_id, kind, *sizes, summary.weights_sha256 if summary else ""])
    return home() / "exports" / (hashlib.sha256(key.encode()).hexdigest()[:32] + KINDS[kind].suffix)


@cache
def _bench() -> Bench:
    return Bench("export")


def _sweep() -> None:
    """Keep the files that were looked at last, and none that a process was killed over."""
    with suppress(OSError):
        atomic.sweep(home() / "exports", age_seconds=_HALF_WRITTEN_SECONDS)
    looked_at = {}
    for path in (home() / "exports").glob("[0-9a-f]*"):
        with suppress(OSError):
            stat = path.stat()
            looked_at[path] = (stat.st_mtime, stat.st_size)
    kept_bytes = 0
    for number, (path, (_time, size)) in enumerate(sorted(looked_at.items(), key=lambda one: -one[1][0]), start=1):
        kept_bytes += size
        if number > _KEPT or (kept_bytes > _KEPT_BYTES and number > 1):
            with suppress(OSError):
                path.unlink()
