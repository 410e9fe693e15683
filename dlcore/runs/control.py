"""``control.json``: what a visitor asks of a run while it lives, from the one who asks to the worker that obeys.

    {"format": 1, "last": 3, "commands": [{"number": 2, "do": "set", "learning_rate": 0.01}, {"number": 3, "do": "pause"}]}

Commands are numbered from 1 on and obeyed in that order; a number is never used twice in the life of a run, so none is
lost and none obeyed twice, however many pages and shells ask at once and however often the worker is killed. Whoever
asks holds the operating system's lock on ``control.lock`` while the file is replaced. The worker only reads it, and
logs each command it obeys as a :class:`~dlcore.training.events.Steered`.

Nothing here imports torch.
"""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dlcore import atomic
from dlcore.config import TrainConfig
from dlcore.messages import N_, UserError
from dlcore.training.events import Action

VALUES = ("learning_rate", "weight_decay", "dropout")
"""The settings that may change while a run goes on."""
MOST_UPDATES = 1_000_000
_MOST_COMMANDS = 200
"""A file with more of them is folded: many changes into what they amount to."""
_LOCK_SECONDS = 10.0
_LIMIT_BYTES = 1_000_000
_LOG = logging.getLogger(__name__)


class Command(BaseModel):
    """One wish. ``set`` gives at least one of the values, ``step`` the number of updates after which to pause again."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    number: int = Field(ge=1)
    do: Action
    updates: int = Field(default=1, ge=1, le=MOST_UPDATES)
    learning_rate: float | None = None
    weight_decay: float | None = None
    dropout: float | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            TrainConfig.parse(self.values)
        except UserError as error:
            raise ValueError(str(error)) from None
        if self.do == "set" and not self.values:
            raise ValueError("set needs a value")
        return self

    @property
    def values(self) -> dict[str, float]:
        """The settings that change, by name."""
        return {name: value for name in VALUES if (value := getattr(self, name)) is not None}


class _File(BaseModel):
    """The content of ``control.json``."""

    model_config = ConfigDict(extra="ignore")

    format: Literal[1] = 1
    last: int = Field(default=0, ge=0)
    """The highest number ever given, also to commands that are no longer listed."""
    commands: tuple[Command, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _read_the_first_form(cls, content: Any) -> Any:
        """Before commands had numbers, the whole file was ``{"command": "stop"}``."""
        if content == {"command": "stop"}:
            return {"last": 1, "commands": [{"number": 1, "do": "stop"}]}
        return content


def ask(run_path: Path, wishes: Sequence[dict[str, Any]]) -> list[int]:
    """Add ``wishes``, the fields of a :class:`Command` each but for its number, and return the numbers they got.

    Raises:
        UserError: a value is outside its range, or the file cannot be written.
    """
    for wish in wishes:
        TrainConfig.parse({name: wish[name] for name in VALUES if wish.get(name) is not None})

    def add(file: _File) -> _File:
        last = max([file.last, *(command.number for command in file.commands)])
        added = [Command(number=last + place, **wish) for place, wish in enumerate(wishes, 1)]
        return _File(last=last + len(added), commands=(*file.commands, *added))

    return list(range((last := _rewrite(run_path, add).last) - len(wishes) + 1, last + 1))


def forget(run_path: Path, actions: frozenset[Action]) -> None:
    """Take back all commands of these kinds, as a new worker must not obey what was asked of the last one.

    Raises:
        UserError: the file cannot be written.
    """
    if any(command.do in actions for command in read(run_path)):

        def without(file: _File) -> _File:
            kept = tuple(command for command in file.commands if command.do not in actions)
            return _File(last=max(file.last, file.commands[-1].number), commands=kept)

        _rewrite(run_path, without)


def read(run_path: Path) -> tuple[Command, ...]:
    """The commands in the order of their numbers; none if there is no file, or one that holds none."""
    return _read(run_path).commands


class Inbox:
    """The worker's end. A look costs a microsecond as long as nothing new was asked."""

    def __init__(self, run_path: Path, *, after: int = 0) -> None:
        self._run_path = run_path
        self._file = str(run_path / "control.json")
        self._seen: tuple[int, int, int] | None = None
        self._after = after

    def news(self) -> list[Command]:
        """The commands since the last look, each once."""
        try:
            found = os.stat(self._file)  # noqa: PTH116  # after every update: pathlib takes five times as long
        except FileNotFoundError:
            return []
        seen = (found.st_mtime_ns, found.st_ino, found.st_size)
        if seen == self._seen:
            return []
        self._seen = seen
        news = [command for command in read(self._run_path) if command.number > self._after]
        if news:
            self._after = news[-1].number
        return news


def _read(run_path: Path) -> _File:
    path = run_path / "control.json"
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise ValueError("too large")  # noqa: TRY301  # told as any other damage
        file = _File.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return _File()
    except (OSError, ValueError, ValidationError) as error:
        _LOG.warning("%s: control.json is unreadable: %s", run_path.name, error)
        return _File()
    return file.model_copy(update={"commands": tuple(sorted(file.commands, key=lambda command: command.number))})


def _rewrite(run_path: Path, change: Callable[[_File], _File]) -> _File:
    try:
        with FileLock(run_path / "control.lock", thread_local=False).acquire(timeout=_LOCK_SECONDS, poll_interval=0.01):
            file = _folded(change(_read(run_path)))
            atomic.write(run_path / "control.json", file.model_dump_json(exclude_defaults=False, exclude_none=True))
            return file
    except (OSError, Timeout) as error:
        raise UserError(
            N_("The request cannot be written: {reason}. Try again, or make room in the folder of runs."),
            reason=getattr(error, "strerror", None) or type(error).__name__,
        ) from error


def _folded(file: _File) -> _File:
    """Of a long file, the older half as one change and one wish how to go on: obeyed, they leave the same as all would."""
    if len(file.commands) <= _MOST_COMMANDS:
        return file
    older, newer = file.commands[: _MOST_COMMANDS // 2], file.commands[_MOST_COMMANDS // 2 :]
    values: dict[str, float] = {}
    for command in older:
        values |= command.values
    changes = [command for command in older if command.do == "set"]
    flow = [command for command in older if command.do != "set"]
    kept = [Command(number=changes[-1].number, do="set", **values)] if changes else []  # type: ignore[arg-type]
    folded = sorted([*kept, *flow[-1:]], key=lambda command: command.number)
    return _File(last=file.last, commands=(*folded, *newer))
