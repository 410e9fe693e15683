"""Runs that lists have to leave out, because what they are can no longer be read. Nothing here imports torch."""

import json
import os

from dlcore.messages import UserError
from dlcore.runs.directory import is_run_id, open_run, runs_folder

_MOST_BYTES = 100_000


def damaged_runs(owner: str) -> list[UserError]:
    """Why some runs of ``owner``, or of a shell, cannot be opened: their ``config.json`` is damaged.

    Whose they are says what is left of that file; where it says nothing any more, as in an empty one, nobody is told:
    a run that is just being made looks like that.
    """
    signs = [f'"owner": {json.dumps(name, ensure_ascii=False)}'.encode() for name in {"", owner}]
    problems = []
    try:
        names = sorted(entry.name for entry in os.scandir(runs_folder()) if is_run_id(entry.name))
    except FileNotFoundError:
        return []
    for name in names:
        try:
            open_run(name)
        except UserError as error:
            try:
                with (runs_folder() / name / "config.json").open("rb") as file:
                    left = file.read(_MOST_BYTES)
            except OSError:
                continue
            if any(sign in left for sign in signs):
                problems.append(error)
    return problems
