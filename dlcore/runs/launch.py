"""Let a process of its own be the worker of a run; it outlives whoever started it. Nothing here imports torch."""

import logging
import secrets
import subprocess

from dlcore import background
from dlcore.formats import check_recipe
from dlcore.messages import N_, UserError
from dlcore.runs import spare
from dlcore.runs.budget import budget
from dlcore.runs.directory import Run
from dlcore.runs.status import RESUMABLE

_LOG = logging.getLogger(__name__)


def start(run: Run) -> None:
    """Let a worker train ``run``, the one that waits or else a new one, from its checkpoint if it has one, and return at once.

    Raises:
        UserError: no process could be started.
    """
    run.expect_worker()
    words = ["work", "--detach", str(run.path)]
    answer = spare.hand_over(run.path, token := secrets.token_hex(8))
    if answer == "taken":
        return
    if answer == "called":
        words += ["--if-left", token]
    try:
        background.start(words, log=run.log_path, environment=spare.environment())
    except (OSError, subprocess.CalledProcessError) as error:
        if answer == "called":  # the spare lives, only nobody watches it
            _LOG.warning("%s has nobody to step in should its worker die: %s", run.run_id, error)
            return
        run.expect_no_worker()
        raise UserError(
            N_("The training process could not be started ({reason}). What it said is in {log}."),
            reason=type(error).__name__,
            log=f"{run.run_id}/{run.log_path.name}",
        ) from error


def check_resumable(run: Run) -> None:
    """Raise :class:`UserError` unless ``run`` was stopped, failed or interrupted, and can go on exactly."""
    status = run.status()
    if status == "diverged":
        raise UserError(
            N_("The run {run_id} diverged and would do so again. Start a new one with a lower learning rate."),
            run_id=run.run_id,
        )
    if status == "completed":
        raise UserError(
            N_("The run {run_id} is complete: there is nothing left to continue. Start a new one."), run_id=run.run_id
        )
    if status not in RESUMABLE:
        raise UserError(N_("The run {run_id} is still going on. Stop it first."), run_id=run.run_id)
    spent = run.checkpoints.newest()
    seconds = budget(of_visitor=bool(run.owner)).wall_seconds
    if spent is not None and spent.wall_seconds >= seconds:
        raise UserError(
            N_("The run {run_id} has had its {hours} hours, the longest that a run may take here."),
            run_id=run.run_id,
            hours=f"{seconds / 3600:g}",
        )
    if (recipe := run.checkpoints.recipe()) is not None:
        check_recipe(recipe)
