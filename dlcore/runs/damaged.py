"""Runs that lists have to leave out, because what they are cannot be read here. Nothing here imports torch."""

import json
import os

from dlcore.messages import UserError
from dlcore.runs.directory import is_run_id, open_run, runs_folder, unreadable

_MOST_BYTES = 100_000


def damaged_runs(owner: str) -> dict[str, UserError]:
    """By its name, why a run of ``owner``, or of a shell, cannot be opened: its ``config.json`` is damaged, newer than this
    program, or asks for what this program does not have.

    Whose they are says what is left of that file; where it says nothing any more, as in an empty one, nobody is told:
    a run that is just being made looks like that.
    """
    signs = [f'"owner": {json.dumps(name, ensure_ascii=False)}'.encode() for name in {"", owner}]
    problems: dict[str, UserError] = {}
    folder = runs_folder()
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if is_run_id(entry.name))
    except FileNotFoundError:
        return {}
    for name in names:
        try:
            open_run(name, folder=folder)
        except UserError as error:
            try:
                with (folder / name / "config.json").open("rb") as file:
                    left = file.read(_MOST_BYTES)
            except OSError:
                continue
            if any(sign in left for sign in signs):
                problems[name] = error if _names_its_run(error) else unreadable(name)
    return problems


def _names_its_run(error: UserError) -> bool:
    return not {"run_id", "file"}.isdisjoint(error.values)
