"""The catalogue as a folder: one file an entry, and beside them what belongs to the whole.

::

    catalogue.json      format, date, and the entries to meet first
    entries/<id>.json   one entry each; TEMPLATE.json is what a new one starts from
    labs.json           which places of the dashboard lead to which entries
    links.json          what the link checker last found, by address; written by it
"""

import difflib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import TypeAdapter, ValidationError, model_validator
from pydantic_core import ErrorDetails

from dlcore.messages import UserError
from dlcore.resources.rules import Problem, broken
from dlcore.resources.schema import KINDS, Content, Identifier, Lab, Month, Resource

_LARGEST_ENTRY = 50_000
_PROJECT = Path(__file__).resolve().parents[2]
FOLDER = _PROJECT / "content" / "resources"
"""The catalogue of this project."""


class Head(Content):
    """What belongs to the whole: the month it was put together, and the entries to meet first."""

    format: Literal[1]
    date: Month
    start_here: tuple[Identifier, ...]


class Catalogue(Head):
    """All entries, by kind and id, and what belongs to the whole."""

    resources: tuple[Resource, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if problems := broken(self.resources, self.start_here):
            raise ValueError("; ".join(f"{problem.entry} {problem.message}".strip() for problem in problems))
        return self


def in_order(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """The entries as the catalogue keeps them: by kind, then by id."""
    return tuple(sorted(resources, key=lambda resource: (KINDS.index(resource.kind), resource.id)))


def read_json(path: Path) -> Any:
    """The JSON file at ``path``."""
    return json.loads(path.read_text(encoding="utf-8"))


def entry_files(folder: Path = FOLDER) -> list[Path]:
    """The files of the entries, by name."""
    return sorted((folder / "entries").glob("*.json"))


def read_catalogue(folder: Path = FOLDER) -> Catalogue:
    """The catalogue in ``folder``, for whoever only wants to use it.

    Raises:
        ValidationError: an entry is faulty, or the entries do not fit together.
    """
    entries = [Resource.model_validate(read_json(path)) for path in entry_files(folder)]
    return Catalogue(**read_json(folder / "catalogue.json"), resources=in_order(entries))


def read_labs(folder: Path = FOLDER) -> dict[str, Lab]:
    """The labs of the dashboard by id.

    Raises:
        ValidationError: a lab is faulty.
    """
    return TypeAdapter(dict[Identifier, Lab]).validate_python(read_json(folder / "labs.json"))


def read_head(folder: Path) -> Head:
    """``catalogue.json``, for the check.

    Raises:
        UserError: ``folder`` holds no catalogue.
    """
    try:
        return Head.model_validate(read_json(folder / "catalogue.json"))
    except (OSError, ValueError) as error:
        raise UserError(
            "{folder} is no catalogue of resources: {reason}.",
            folder=folder,
            reason=_plain(error),
        ) from None


def _plain(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"catalogue.json cannot be read, {error.strerror}"
    return "catalogue.json is not as it should be: " + " ".join(str(error).split())[:200]


def read_entry(path: Path) -> tuple[Resource | None, list[Problem]]:
    """The entry in a file, and all that is wrong with the file; None if the entry cannot be used.

    Raises:
        OSError: the file cannot be read.
    """
    name = path.stem
    if path.stat().st_size > _LARGEST_ENTRY:
        return None, [Problem("error", name, "", f"the file is larger than {_LARGEST_ENTRY:,} bytes")]
    try:
        values = read_json(path)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "nested too deeply"
        return None, [Problem("error", name, "", f"the file is not JSON: {reason}")]
    if not isinstance(values, dict):
        return None, [Problem("error", name, "", "the file must hold one JSON object, one entry")]
    try:
        resource = Resource.model_validate(values)
    except ValidationError as error:
        return None, [_explained(name, fault) for fault in error.errors(include_url=False)]
    problems = []
    if path.name != f"{resource.id}.json":
        problems.append(Problem("error", resource.id, "id", f"the file must be called {resource.id}.json"))
    return resource, problems


def _explained(name: str, fault: ErrorDetails) -> Problem:
    """One fault that pydantic found, as a sentence for whoever wrote the entry."""
    field = ".".join(str(part) for part in fault["loc"])
    top = str(fault["loc"][0]) if fault["loc"] else ""
    about = Resource.model_fields.get(top)
    meaning = (about.description or "") if about else ""
    got = repr(fault["input"])
    got = got if len(got) <= 60 else got[:60] + "…"
    match fault["type"]:
        case "missing":
            message = f"{field} is missing. {meaning}"
        case "string_too_short" | "too_short":
            message = f"{field} is empty. {meaning}"
        case _ if fault["input"] in ("", None) and about:
            message = f"{field} is empty. {meaning}" + _choices(fault)
        case "extra_forbidden":
            near = difflib.get_close_matches(field, Resource.model_fields, 1)
            message = f"{field} is no field of an entry" + (f"; {near[0]} is" if near else "")
        case "literal_error":
            message = f"{field} is {got}.{_choices(fault)}"
        case "value_error":
            message = fault["msg"].removeprefix("Value error, ").removeprefix(f"{name} ")
        case _:
            message = f"{field} is {got}: {fault['msg'].lower()}. {meaning}"
    return Problem("error", name, field, message.strip())


def _choices(fault: ErrorDetails) -> str:
    expected = fault.get("ctx", {}).get("expected") if fault["type"] == "literal_error" else None
    return f" It must be {expected}." if expected else ""
