"""A sweep is a directory, as a run is. Nothing here imports torch or Optuna.

sweep.json     the plan, the owner, the time of creation
journal.log    Optuna's journal: every trial and what came of it, append-only; only the sweep's process reads it
trials.json    the same for whoever watches, replaced after each change
stop           there as long as the sweep is asked to stop
launched       touched when its process is started, removed by it once it holds the lock
lock           held by that process through the operating system for as long as it lives
sweep.log      for whoever looks for a fault
"""

import contextlib
import logging
import os
import re
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from dlcore import atomic, background
from dlcore.background import is_locked, is_recent, lock_of
from dlcore.formats import SWEEP_FORMAT
from dlcore.home import home
from dlcore.messages import N_, UserError
from dlcore.runs import keeping, sealed, spare
from dlcore.sweeps.plan import Plan, Value

Status = Literal["starting", "running", "stopping", "finished", "stopped", "interrupted"]
STATUSES: dict[Status, str] = {
    "starting": N_("Starting"),
    "running": N_("Running"),
    "stopping": N_("Stopping"),
    "finished": N_("Finished"),
    "stopped": N_("Stopped"),
    "interrupted": N_("Interrupted"),
}
LIVE: frozenset[Status] = frozenset({"starting", "running", "stopping"})

_SWEEP_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{12}", re.ASCII)
_STARTING_SECONDS = 30.0
_MOST_AT_ONCE = 3
"""Sweeps that go on at the same time; each is a process that mostly waits, of some 60 MB."""
_MOST_KEPT_EACH = 50
"""Sweeps of one visitor; of more, the oldest that is over goes when another begins. Its runs stay."""
_UNFINISHED_SECONDS = 3600.0
"""After this time a directory without a sweep.json, left by a server that was killed as it made it, is litter."""
_LOG = logging.getLogger(__name__)


class Trial(BaseModel):
    """One run of a sweep."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: int
    state: Literal["running", "complete", "pruned", "failed"]
    values: dict[str, Value]
    """The settings that move."""
    run_id: str = ""
    value: float | None = None
    """The objective, of a complete one; of others the last that was seen."""


class Progress(BaseModel):
    """How far a sweep has come, for whoever watches."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    trials: tuple[Trial, ...] = ()
    importance: dict[str, float] = {}
    """Share of each setting in how the results differ, by PED-ANOVA; empty while there are too few."""
    spent_seconds: float = 0.0
    finished: bool = False
    message: str = ""
    """An English template, see ``dlcore.messages``: why it waits, or why it ended."""
    message_values: dict[str, Any] = {}


class _SweepFile(BaseModel):
    created: datetime
    owner: str = ""
    plan: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep's directory with its unchanging facts read."""

    path: Path
    plan: Plan
    created: datetime
    owner: str

    @property
    def sweep_id(self) -> str:
        """The directory's name, which is also its name in a link."""
        return self.path.name

    def lock(self) -> FileLock:
        """The lock of its process, not yet taken."""
        return lock_of(self.path / "lock")

    def status(self) -> Status:
        """What it is doing now."""
        asked = (self.path / "stop").exists()
        if is_recent(self.path / "launched", _STARTING_SECONDS):
            return "starting"
        if is_locked(self.path / "lock"):
            return "stopping" if asked else "running"
        if self.progress().finished:
            return "finished"
        return "stopped" if asked else "interrupted"

    def progress(self) -> Progress:
        """How far it has come."""
        try:
            data = (self.path / "trials.json").read_bytes()
            return Progress.model_validate(sealed.unseal(data, file="trials.json", known=SWEEP_FORMAT))
        except FileNotFoundError:
            return Progress()
        except (OSError, ValueError, UserError) as error:
            _LOG.warning("%s: trials.json is unreadable: %s", self.sweep_id, error)
            return Progress()

    def write_progress(self, progress: Progress) -> None:
        """Replace what watchers see."""
        text = sealed.seal(progress.model_dump(mode="json"), format_number=SWEEP_FORMAT)
        atomic.write(self.path / "trials.json", text)

    def ask_to_stop(self) -> None:
        """Let it stop: its run is stopped and kept, and goes on when the sweep is resumed.

        Raises:
            UserError: the request cannot be written.
        """
        try:
            (self.path / "stop").touch()
        except OSError as error:
            raise _unwritable(error) from error

    def asked_to_stop(self) -> bool:
        """Whether somebody asked for it."""
        return (self.path / "stop").exists()

    def delete(self) -> None:
        """Forget it for good; its runs stay.

        Raises:
            UserError: it is going on, or the folder cannot be written.
        """
        try:
            with self.lock().acquire(timeout=0):
                if is_recent(self.path / "launched", _STARTING_SECONDS):
                    raise Timeout(self.sweep_id)  # noqa: TRY301  # a process is about to come: said below
                shutil.rmtree(self.path)
        except Timeout:
            raise UserError(N_("This sweep is still going on. Stop it first.")) from None
        except OSError as error:
            raise _unwritable(error) from error

    def best_run(self) -> str:
        """The name of the run that did best by the sweep's own objective; empty while none is complete."""
        pick = min if self.plan.smaller_is_better else max
        complete = [(trial.value, trial.run_id) for trial in self.progress().trials if trial.state == "complete"]
        return pick(((value, run) for value, run in complete if value is not None and run), default=(0.0, ""))[1]

    def launch(self) -> None:
        """Let a process of its own conduct it, from where it was left.

        Raises:
            UserError: it is finished or going on, too many are, or no process could be started.
        """
        status = self.status()
        if status in LIVE:
            raise UserError(N_("This sweep is still going on."))
        if status == "finished":
            raise UserError(N_("This sweep is finished. Start a new one."))
        going = [one for one in list_sweeps() if one.status() in LIVE]
        if any(one.owner == self.owner for one in going if one.owner):
            raise UserError(N_("You already have a sweep or a repetition going on. Stop it first, or wait."))
        if len(going) >= _MOST_AT_ONCE:
            raise UserError(N_("{count} sweeps are going on already. Try again later."), count=len(going))
        try:
            (self.path / "stop").unlink(missing_ok=True)
            (self.path / "launched").touch()
            words = ["sweep", "--detach", "work", str(self.path)]
            background.start(words, log=self.path / "sweep.log", environment=spare.environment())
        except (OSError, subprocess.CalledProcessError) as error:
            (self.path / "launched").unlink(missing_ok=True)
            raise UserError(
                N_("The sweep's process could not be started: {reason}."), reason=type(error).__name__
            ) from error


def create(plan: Plan, *, owner: str = "") -> Sweep:
    """A new sweep, not yet launched. ``owner`` is a visitor's token, empty for sweeps made in a shell.

    Raises:
        UserError: the folder cannot be written, or it would make more runs than are kept of one visitor.
    """
    most = keeping.bounds().runs_each
    if owner and most and plan.count > most:
        raise UserError(
            N_(
                "A sweep can make at most {most} runs here, because no more are kept for a visitor; this one makes {count}."
            ),
            most=most,
            count=plan.count,
        )
    _tidy(owner)
    created = datetime.now(UTC).replace(microsecond=0)
    path = sweeps_folder() / f"{created:%Y%m%d-%H%M%S}-{secrets.token_hex(6)}"
    content = {"created": created.isoformat(), "owner": owner, "plan": plan.model_dump(mode="json")}
    try:
        path.mkdir(parents=True)
        atomic.write(path / "sweep.json", sealed.seal(content, format_number=SWEEP_FORMAT))
    except OSError as error:
        raise _unwritable(error) from error
    return Sweep(path, plan, created, owner)


def start(plan: Plan, *, owner: str = "") -> Sweep:
    """A new sweep that goes on from here in a process of its own. One that cannot be launched leaves nothing behind.

    Raises:
        UserError: as :func:`create` and :meth:`Sweep.launch`.
    """
    sweep = create(plan, owner=owner)
    try:
        sweep.launch()
    except UserError:
        shutil.rmtree(sweep.path, ignore_errors=True)
        raise
    return sweep


def open_sweep(sweep_id: str) -> Sweep:
    """The sweep of this name.

    Raises:
        UserError: there is none, or its ``sweep.json`` cannot be used.
    """
    path = sweeps_folder() / sweep_id
    if not _SWEEP_ID.fullmatch(sweep_id) or not path.is_dir():
        raise UserError(N_("There is no sweep called {name}."), name=sweep_id[:60])
    return open_directory(path)


def open_directory(path: Path) -> Sweep:
    """The sweep in this directory.

    Raises:
        UserError: its ``sweep.json`` is missing, damaged or newer.
    """
    try:
        data = (path / "sweep.json").read_bytes()
        content = _SweepFile.model_validate(sealed.unseal(data, file="sweep.json", known=SWEEP_FORMAT))
    except (OSError, ValueError, ValidationError):
        raise UserError(
            N_("The sweep {name} cannot be opened: its sweep.json is missing or damaged."), name=path.name[:60]
        ) from None
    return Sweep(path.resolve(), Plan.parse(content.plan), content.created, content.owner)


def list_sweeps(owner: str | None = None) -> list[Sweep]:
    """All sweeps, newest first; with ``owner``, that visitor's and those made in a shell."""
    try:
        names = sorted((entry.name for entry in os.scandir(sweeps_folder()) if entry.is_dir()), reverse=True)
    except FileNotFoundError:
        return []
    sweeps = []
    for name in names:
        try:
            sweep = open_sweep(name)
        except UserError as error:
            _LOG.warning("%s", error)
            continue
        if owner is None or sweep.owner in ("", owner):
            sweeps.append(sweep)
    return sweeps


def _tidy(owner: str) -> None:
    """Make room for one more sweep of ``owner``, and remove what was never one."""
    with contextlib.suppress(FileNotFoundError):
        for path in sweeps_folder().iterdir():
            fresh = is_recent(path, _UNFINISHED_SECONDS)
            if _SWEEP_ID.fullmatch(path.name) and not fresh and not (path / "sweep.json").exists():
                shutil.rmtree(path, ignore_errors=True)
    mine = [sweep for sweep in list_sweeps() if sweep.owner == owner] if owner else []
    for sweep in mine[_MOST_KEPT_EACH - 1 :]:
        with contextlib.suppress(UserError):  # one that is going on stays
            sweep.delete()


def sweeps_folder() -> Path:
    """The folder that holds all sweeps."""
    return home() / "sweeps"


def _unwritable(error: OSError) -> UserError:
    return UserError(
        N_("The folder of runs cannot be written: {reason}. Make room there, or set DLCORE_HOME to another folder."),
        reason=error.strerror or type(error).__name__,
    )
