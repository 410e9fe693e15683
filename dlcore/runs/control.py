"""``control.json``: what a visitor asks of a run while it lives, from the one who asks to the worker that obeys.

    {"format": 2, "last": 3, "commands": [{"number": 2, "do": "set", "learning_rate": 0.01}, {"number": 3, "do": "pause"}],
     "sha256": …}

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
from typing import Any, Self

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dlcore import atomic
from dlcore.config import TrainConfig
from dlcore.formats import CONTROL_FORMAT
from dlcore.messages import N_, UserError
from dlcore.runs import event_log, sealed
from dlcore.training.events import Action, Steered

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
    try:
        commands = _read(run_path).commands
    except OSError as error:
        raise _refused(error) from error
    if any(command.do in actions for command in commands):

        def without(file: _File) -> _File:
            kept = tuple(command for command in file.commands if command.do not in actions)
            return _File(last=max(file.last, file.commands[-1].number), commands=kept)

        _rewrite(run_path, without)


def read(run_path: Path) -> tuple[Command, ...]:
    """The commands in the order of their numbers; none if there is no file, or one that holds none or cannot be read."""
    try:
        return _read(run_path).commands
    except OSError as error:
        _LOG.warning("%s: control.json cannot be read: %s", run_path.name, error)
        return ()


class Inbox:
    """The worker's end. A look costs a microsecond as long as nothing new was asked."""

    def __init__(self, run_path: Path, *, after: int = 0) -> None:
        self._run_path = run_path
        self._file = str(run_path / "control.json")
        self._seen: tuple[int, int, int] | None = None
        self._refused = False
        self._after = after

    def news(self) -> list[Command]:
        """The commands since the last look, each once."""
        try:
            found = os.stat(self._file)  # noqa: PTH116  # after every update: pathlib takes five times as long
            seen = (found.st_mtime_ns, found.st_ino, found.st_size)
            if seen == self._seen:
                return []
            commands = _read(self._run_path).commands
        except FileNotFoundError:
            return []
        except OSError as error:  # of the moment, as with too many files open: the next look tries again
            if not self._refused:
                _LOG.warning("%s: control.json cannot be read now: %s", self._run_path.name, error)
            self._refused = True
            return []
        self._seen, self._refused = seen, False
        news = [command for command in commands if command.number > self._after]
        if news:
            self._after = news[-1].number
        return news


def _read(run_path: Path) -> _File:
    """The file; one without commands where there is none, or a damaged one. An ``OSError`` says nothing of it."""
    path = run_path / "control.json"
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise ValueError("too large")  # noqa: TRY301  # told as any other damage
        file = _File.model_validate(sealed.unseal(path.read_bytes(), file=path.name, known=CONTROL_FORMAT))
    except FileNotFoundError:
        return _File()
    except (ValueError, ValidationError, UserError, RecursionError) as error:
        _LOG.warning("%s: control.json is unreadable: %s", run_path.name, error)
        # The worker waits for a number that it has not seen: after the last that it logged.
        entries = event_log.read(run_path / "events.jsonl")[0]
        return _File(last=max((event.command for _, event in entries if isinstance(event, Steered)), default=0))
    return file.model_copy(update={"commands": tuple(sorted(file.commands, key=lambda command: command.number))})


def _rewrite(run_path: Path, change: Callable[[_File], _File]) -> _File:
    try:
        with FileLock(run_path / "control.lock", thread_local=False).acquire(timeout=_LOCK_SECONDS, poll_interval=0.01):
            file = _folded(change(_read(run_path)))
            content = file.model_dump(mode="json", exclude_none=True)
            atomic.write(run_path / "control.json", sealed.seal(content, format_number=CONTROL_FORMAT))
            return file
    except (OSError, Timeout) as error:
        raise _refused(error) from error


def _refused(error: OSError) -> UserError:
    return UserError(
        N_("The request cannot be written: {reason}. Try again, or make room in the folder of runs."),
        reason=error.strerror or type(error).__name__,
    )


def _folded(file: _File) -> _File:
    """Of a long file, the older half as what it amounts to: obeyed, it leaves the same as all of it would.

    A worker that comes to a stop obeys nothing after it, so what was asked before the first one stays before it.
    """
    if len(file.commands) <= _MOST_COMMANDS:
        return file
    older, newer = file.commands[: _MOST_COMMANDS // 2], file.commands[_MOST_COMMANDS // 2 :]
    end = next((place for place, command in enumerate(older) if command.do == "stop"), len(older))
    folded = [*_amount(older[:end]), *older[end : end + 1], *_amount(older[end + 1 :])]
    return _File(last=file.last, commands=(*folded, *newer))


def _amount(commands: Sequence[Command]) -> list[Command]:
    """The last value of each setting as one change, the last wish how to go on, and the last stop.

    Each wish how to go on takes the place of the one before, also of the updates that a ``step`` had left.
    """
    values: dict[str, float] = {}
    last: dict[str, Command] = {}
    for command in commands:
        values |= command.values if command.do == "set" else {}
        last["flow" if command.do in ("pause", "go", "step") else command.do] = command
    if "set" in last:
        last["set"] = Command(number=last["set"].number, do="set", **values)  # type: ignore[arg-type]
    return sorted(last.values(), key=lambda command: command.number)
