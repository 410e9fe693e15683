"""Old runs: pinned, named, tagged, thrown away, brought back, and kept within bounds. Nothing here imports torch.

    runs/<run id>/label.json    what its owner says of it: a name, tags, a note, and whether it is pinned
    trash/<run id>/             a run that was thrown away, to be brought back for a while

A run made in a shell, a pinned one, and one that trains or waits is never thrown away by itself.
"""

import contextlib
import logging
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from dlcore import atomic, settings
from dlcore.formats import LABEL_FORMAT
from dlcore.messages import N_, UserError, Verbatim
from dlcore.runs import sealed
from dlcore.runs.directory import Run, is_run_id, list_runs, open_directory, runs_folder
from dlcore.runs.status import LIVE

NAME_LENGTH = 60
"""Most characters of a name."""
MOST_TAGS = 8
TAG_LENGTH = 24
"""Most characters of a tag."""
NOTE_LENGTH = 2000
"""Most characters of a note."""
_UNFINISHED_SECONDS = 3600.0
"""After this time a directory without a config.json, left by a server that was killed as it made it, is litter."""
_LOG = logging.getLogger(__name__)


class Label(BaseModel):
    """What the owner says of a run."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = ""
    pinned: bool = False
    tags: tuple[str, ...] = ()
    """Short words to find it by, each once."""
    note: str = ""
    """Whatever else is to be remembered of it; may have several lines."""


_UNREADABLE = Label(pinned=True)
"""Better one run too many is kept than one that somebody wanted."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much is kept; 0 is without bound."""

    runs_each: int = 100
    """Runs of one visitor that are not pinned; those of searches and repetitions are counted apart, so that they push out
    only their like.
    """
    megabytes: int = 0
    """Of all visitors' runs together, the trash included."""
    trash_hours: float = 24.0
    """How long a run that was thrown away can be brought back."""


def bounds() -> Bounds:
    """The bounds in force: ``$DLCORE_KEEP_RUNS``, ``$DLCORE_KEEP_MEGABYTES``, ``$DLCORE_TRASH_HOURS``.

    Raises:
        UserError: one of them holds no number that fits.
    """
    return Bounds(
        runs_each=int(settings.number("DLCORE_KEEP_RUNS", Bounds.runs_each, low=0, high=10**6)),
        megabytes=int(settings.number("DLCORE_KEEP_MEGABYTES", Bounds.megabytes, low=0, high=10**9)),
        trash_hours=settings.number("DLCORE_TRASH_HOURS", Bounds.trash_hours, low=0, high=24 * 365),
    )


def label(run: Run) -> Label:
    """What its owner says of ``run``; nothing if they said nothing, or it cannot be read."""
    try:
        return _said(run)
    except OSError as error:
        _LOG.warning("%s: label.json cannot be read: %s", run.run_id, error)
        return _UNREADABLE


def pin(run: Run, *, pinned: bool = True) -> None:
    """Keep ``run`` whatever the bounds say, or no longer.

    Raises:
        UserError: the folder of runs cannot be written.
    """
    _change(run, pinned=pinned)


def rename(run: Run, name: str) -> str:
    """Call ``run`` by ``name``, or by its settings again if that is empty; return the name as it was kept.

    Raises:
        UserError: the name is too long or holds what cannot be shown, or the folder of runs cannot be written.
    """
    kept = " ".join(name.split())
    if len(kept) > NAME_LENGTH:
        raise UserError(
            N_("A run's name has at most {limit} characters; this one has {count}."), limit=NAME_LENGTH, count=len(kept)
        )
    if not kept.isprintable():
        raise UserError(N_("A run's name cannot hold characters that do not show."))
    _change(run, name=kept)
    return kept


def tag(run: Run, tags: Iterable[str]) -> tuple[str, ...]:
    """Let ``run`` have these tags and no others; return them as they were kept: each once, without empty ones.

    Raises:
        UserError: there are too many, one is too long or cannot be shown, or the folder of runs cannot be written.
    """
    kept = tuple(dict.fromkeys(word for one in tags if (word := " ".join(one.split()))))
    if len(kept) > MOST_TAGS:
        raise UserError(N_("A run has at most {limit} tags; these are {count}."), limit=MOST_TAGS, count=len(kept))
    for word in kept:
        if len(word) > TAG_LENGTH or not word.isprintable() or "," in word:
            raise UserError(
                N_("A tag has at most {limit} characters that show, and no comma; got {value}."),
                limit=TAG_LENGTH,
                value=Verbatim(word[: 2 * TAG_LENGTH]),
            )
    _change(run, tags=kept)
    return kept


def annotate(run: Run, note: str) -> str:
    """Keep ``note`` with ``run``, or none if it is empty; return it as it was kept.

    Raises:
        UserError: it is too long or holds what cannot be shown, or the folder of runs cannot be written.
    """
    kept = "\n".join(line.rstrip() for line in note.splitlines()).strip()
    if len(kept) > NOTE_LENGTH:
        raise UserError(
            N_("A note has at most {limit} characters; this one has {count}."), limit=NOTE_LENGTH, count=len(kept)
        )
    if not all(line.replace("\t", " ").isprintable() for line in kept.split("\n")):
        raise UserError(N_("A note cannot hold characters that do not show."))
    _change(run, note=kept)
    return kept


def delete(run: Run) -> None:
    """Throw ``run`` away; :func:`restore` brings it back for a while.

    Raises:
        UserError: it trains or waits, or the folder of runs cannot be written.
    """
    try:
        with run.lock().acquire(timeout=0):
            if run.status_without_worker() in LIVE:
                raise Timeout(run.run_id)  # noqa: TRY301  # a worker is about to come: said below
            if os.name == "posix":  # elsewhere no folder moves while a file in it is open
                _throw_away(run.path)
                return
    except Timeout:
        raise UserError(
            N_("The run {run_id} is still going on or waiting. Stop it first."), run_id=run.run_id
        ) from None
    except OSError as error:
        raise not_writable(error) from error
    try:
        _throw_away(run.path)
    except OSError as error:
        raise not_writable(error) from error


def restore(run_id: str) -> Run:
    """Bring back the run called ``run_id`` from the trash.

    Raises:
        UserError: it is not there (any more), or the folder of runs cannot be written.
    """
    thrown = trash_folder() / run_id
    if not is_run_id(run_id) or not thrown.is_dir():
        raise UserError(
            N_("There is no deleted run called {run_id} to bring back. Deleted runs are kept for {hours} hours."),
            run_id=run_id[:100],
            hours=f"{bounds().trash_hours:g}",
        )
    target = runs_folder() / run_id
    try:
        (thrown / "deleted").unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        thrown.rename(target)
    except OSError as error:
        raise not_writable(error) from error
    return open_directory(target)


def thrown_away(owner: str | None = None) -> list[Run]:
    """The runs in the trash, the one thrown away last first; with ``owner``, that visitor's alone."""
    runs = []
    for path in _trash():
        with contextlib.suppress(UserError):
            runs.append(open_directory(path))
    runs = [run for run in runs if owner is None or run.owner == owner]
    return sorted(runs, key=lambda run: _thrown_at(run.path), reverse=True)


def tidy() -> None:
    """Keep within the :func:`bounds`: the oldest runs go to the trash, and what lay there long enough goes for good.

    Cheap where there is nothing to do; any number of processes may do it at once.

    Raises:
        UserError: a bound in the environment is no number.
    """
    limit = bounds()
    now = time.time()
    for path in _trash():
        if now - _thrown_at(path) >= 3600 * limit.trash_hours:
            _remove(path)
    _sweep(now)
    if not limit.runs_each and not limit.megabytes:
        return
    runs = sorted(list_runs(), key=lambda run: (run.arrived, run.run_id))  # what was imported just now came last
    counts = Counter((run.owner, bool(run.sweep)) for run in runs)
    crowded = {account for account, count in counts.items() if 0 < limit.runs_each < count}
    # What is pinned takes no place, or a new result would find none. Only looked up where it matters: labels are files.
    counts -= Counter(
        account for run in runs if (account := (run.owner, bool(run.sweep))) in crowded and label(run).pinned
    )
    used = 0
    if limit.megabytes:
        used = sum(bytes_in(path) for path in (*(run.path for run in runs if run.owner), *_trash()))
    for run in runs:
        account = (run.owner, bool(run.sweep))
        too_many = limit.runs_each and counts[account] > limit.runs_each
        too_large = limit.megabytes and used > limit.megabytes * 1_000_000
        if not run.owner or not (too_many or too_large) or label(run).pinned:
            continue
        size = bytes_in(run.path)
        try:
            delete(run)
        except UserError:  # it trains or waits
            continue
        counts[account] -= 1
        _LOG.info("%s was thrown away to keep within the bounds", run.run_id)
        if too_large:  # what lies in the trash takes room as well
            _remove(trash_folder() / run.run_id)
            used -= size


def empty_trash() -> None:
    """Remove for good what was thrown away, because the room is needed."""
    for path in _trash():
        _remove(path)


def trash_folder() -> Path:
    """The folder that holds what was thrown away."""
    return runs_folder().with_name("trash")


def not_writable(error: OSError) -> UserError:
    """What to say where the folder of runs cannot be written."""
    return UserError(
        N_("The folder of runs cannot be written: {reason}. Make room there, or set DLCORE_HOME to another folder."),
        reason=error.strerror or type(error).__name__,
    )


def _said(run: Run) -> Label:
    """As :func:`label`, but an ``OSError`` is raised: it says nothing of what stands there."""
    path = run.path / "label.json"
    try:
        return Label.model_validate(sealed.unseal(path.read_bytes(), file=path.name, known=LABEL_FORMAT))
    except FileNotFoundError:
        return Label()
    except (ValueError, ValidationError, UserError) as error:
        _LOG.warning("%s: label.json is unreadable: %s", run.run_id, error)
        return _UNREADABLE


def _change(run: Run, **values: object) -> None:
    try:
        before = _said(run)
    except OSError as error:
        raise not_writable(error) from error
    _note(run, before.model_copy(update=values))


def _note(run: Run, said: Label) -> None:
    try:
        atomic.write(run.path / "label.json", sealed.seal(said.model_dump(), format_number=LABEL_FORMAT))
    except OSError as error:
        raise not_writable(error) from error


def _throw_away(path: Path) -> None:
    target = trash_folder() / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    (path / "deleted").touch()  # its time is that of the deletion
    path.rename(target)


def _trash() -> list[Path]:
    try:
        return [path for path in trash_folder().iterdir() if is_run_id(path.name)]
    except FileNotFoundError:
        return []


def _thrown_at(path: Path) -> float:
    for file in (path / "deleted", path):
        with contextlib.suppress(OSError):
            return file.stat().st_mtime
    return 0.0


def incoming_folder() -> Path:
    """The folder in which a run from elsewhere is unpacked and checked, beside the folder of runs."""
    return runs_folder().with_name("incoming")


def _sweep(now: float) -> None:
    """Remove what faults left behind: imports that were cut off, directories that never became a run, and files half
    written when a disk broke.
    """
    with contextlib.suppress(OSError):
        for path in incoming_folder().iterdir():
            if path.is_dir() and now - path.stat().st_mtime > _UNFINISHED_SECONDS:
                _remove(path)
    try:
        paths = [path for path in runs_folder().iterdir() if is_run_id(path.name)]
    except FileNotFoundError:
        return
    for path in paths:
        with contextlib.suppress(OSError):
            if now - path.stat().st_mtime > _UNFINISHED_SECONDS and not (path / "config.json").exists():
                names = {entry.name for entry in path.iterdir()}
                if all(name == "launched" or name.endswith(".tmp") for name in names):
                    _remove(path)
                    continue
            for folder in (path, path / "epochs", path / "watching"):
                atomic.sweep(folder, age_seconds=_UNFINISHED_SECONDS)


def bytes_in(path: Path) -> int:
    """What all files in ``path`` and in its folders take, the folders' own entries not counted."""
    total = 0
    for folder, _folders, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(folder, name).lstat().st_size
    return total


def _remove(path: Path) -> None:
    try:
        shutil.rmtree(path)
    except FileNotFoundError:  # somebody else did
        return
    except OSError as error:
        _LOG.warning("%s could not be removed: %s", path.name, error)
