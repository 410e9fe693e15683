"""Where a run goes on: its newest whole checkpoint, and what a visitor should know of damage that was found."""

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlcore.formats import recipe_of
from dlcore.messages import N_, UserError
from dlcore.runs.checkpoint_store import Checkpoint
from dlcore.runs.directory import Run
from dlcore.training.events import Event, Resumed, Started

if TYPE_CHECKING:
    from dlcore.data.loading import Dataset
    from dlcore.training.state import TrainingState

_LOG = logging.getLogger("dlcore.worker")


@dataclass(frozen=True)
class Restored:
    """What was found."""

    state: "TrainingState"
    resumed: Resumed
    """What the log should say of it."""
    told: list[Event]
    """What the log tells of the time before."""
    wall_seconds: float
    """That earlier workers spent on what the checkpoint holds."""


def restore(run: Run, dataset: "Dataset") -> Restored | None:
    """The newest checkpoint of ``run`` that is whole, and word of those that are not; None before the first.

    Raises:
        UserError: there are checkpoints, and none is whole; or the images were divided otherwise when the run began.
        OSError: one cannot be read, which is no damage: nothing is given up for it.
    """
    from dlcore.training import checkpoints  # noqa: PLC0415
    from dlcore.training.tensor_file import DamagedFileError  # noqa: PLC0415

    store = run.checkpoints
    manifest_damaged = store.manifest_is_damaged()
    damaged: list[str] = []
    for candidate in store.candidates():
        known = candidate.known
        try:
            state, about = checkpoints.restore(
                run.config, dataset, candidate.path, sha256=known.sha256 if known else ""
            )
        except DamagedFileError as error:
            _LOG.warning("run %s: %s", run.run_id, error)
            damaged.append(candidate.path.name)
            continue
        told = run.scan()
        _expect_same_split(told.events, state)
        log_bytes = about.get("log_bytes")  # the first format did not say
        wall_seconds = float(about.get("wall_seconds", 0.0))
        if damaged or manifest_damaged or known is None:
            whole = known or Checkpoint(
                file=candidate.path.name,
                sha256=hashlib.sha256(candidate.path.read_bytes()).hexdigest(),
                step=state.step,
                epoch=state.epoch,
                log_bytes=log_bytes or 0,
                recipe=recipe_of(about),
                wall_seconds=wall_seconds,
            )
            store.keep_only(whole, damaged=damaged)
        store.prune()
        lost = told.damaged_lines > 0 or (log_bytes is not None and told.offset < log_bytes)
        message = _damage(newest=bool(damaged), manifest=manifest_damaged, log=lost)
        values = {"files": ", ".join(damaged), "step": state.step} if message else {}
        resumed = Resumed(step=state.step, epoch=state.epoch, log_bytes=log_bytes, message=message, values=values)
        return Restored(state, resumed, told.events, wall_seconds)
    if damaged or manifest_damaged:
        raise UserError(
            N_(
                "This run cannot go on: its checkpoints are damaged or gone ({files}), perhaps by a fault of the"
                " disk. Its curves are kept. Start it again with the same settings."
            ),
            files=", ".join(damaged) or store.manifest_path.name,
        )
    return None


def _expect_same_split(told: list[Event], state: "TrainingState") -> None:
    """Earlier versions held other images of some datasets back: going on would learn from those that judge."""
    began = next((event for event in told if isinstance(event, Started)), None)
    if began is not None and began.train_count != len(state.train_indices):
        raise UserError(
            N_(
                "This run cannot go on: it began with {before:,} images to learn from, and this version makes it {now:,}."
                " What it has learned is kept. Start it again with the same settings."
            ),
            before=began.train_count,
            now=len(state.train_indices),
        )


def _damage(*, newest: bool, manifest: bool, log: bool) -> str:
    """What a visitor should know of damage that was found and got round, empty if there was none."""
    if newest:
        return N_(
            "The newest checkpoint was damaged ({files}), perhaps by a fault of the disk. The one before it is whole and"
            " was used: the updates after step {step} are made again."
        )
    if manifest:
        return N_(
            "The list of checkpoints was damaged, perhaps by a fault of the disk. The newest checkpoint is whole and was"
            " used, of step {step}."
        )
    if log:
        return N_(
            "A part of the log was damaged or lost, perhaps by a fault of the disk: the curves have gaps. What the"
            " network has learned is whole."
        )
    return ""
