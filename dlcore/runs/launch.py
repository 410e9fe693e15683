"""Let a process of its own be the worker of a run; it outlives whoever started it. Nothing here imports torch."""

import subprocess
import sys
from pathlib import Path

from dlcore import settings
from dlcore.formats import check_recipe
from dlcore.messages import N_, UserError
from dlcore.runs import spare
from dlcore.runs.directory import RESUMABLE, Run

_PROJECT = Path(__file__).resolve().parents[2]


def start(run: Run) -> None:
    """Let a worker train ``run``, the one that waits or else a new one, from its checkpoint if it has one, and return at once.

    Raises:
        UserError: no process could be started.
    """
    run.expect_worker()
    if spare.hand_over(run.path):
        return
    command = [sys.executable, "-m", "dlcore", "work", "--detach", str(run.path)]
    try:
        with run.log_path.open("ab") as log:
            # The worker's first act is to fork and let this process end: it is nobody's child, so it cannot become a
            # zombie here, and no signal or hang-up meant for the server reaches it.
            subprocess.run(  # noqa: S603  # our own interpreter, our own module, a path that is no option
                command,
                cwd=_PROJECT,
                env=spare.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=True,
            )
    except (OSError, subprocess.CalledProcessError) as error:
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
    hours = settings.number("DLCORE_RUN_HOURS", 0, low=0, high=10_000)
    if hours and spent is not None and spent.wall_seconds >= 3600 * hours:
        raise UserError(
            N_("The run {run_id} has had its {hours} hours, the longest that a run may take here."),
            run_id=run.run_id,
            hours=f"{hours:g}",
        )
    if (recipe := run.checkpoints.recipe()) is not None:
        check_recipe(recipe)
