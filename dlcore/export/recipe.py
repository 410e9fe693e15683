"""What has to be known of a run to make it again: its settings, and what happened to it. Torch-free."""

from dataclasses import dataclass

from dlcore.config import TrainConfig
from dlcore.data import OWN_IMAGES
from dlcore.formats import RECIPE
from dlcore.messages import N_, UserError
from dlcore.runs.directory import Run
from dlcore.runs.history import RunHistory
from dlcore.training.events import Started, Steered
from dlcore.training.metrics import most_loss


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A run as its log tells it."""

    run_id: str
    config: TrainConfig
    started: Started
    changes: tuple[Steered, ...]
    """What a visitor changed while it went on, in order."""
    last_step: int | None
    """The update after which somebody, or the clock, ended it; None where the settings alone did."""
    by_clock: bool
    diverged: bool
    most_loss: float | None
    """The validation loss that ended it, if it diverged by that."""
    test_accuracy: float | None

    @property
    def exact(self) -> bool:
        """Whether this version of the program computes as the one that made the run."""
        return self.started.versions.get("recipe", "1") == RECIPE


def check_fetchable(config: TrainConfig) -> None:
    """Raise :class:`UserError` if a run of this configuration began with something that no program can fetch."""
    if config.dataset == OWN_IMAGES:
        raise UserError(
            N_(
                "This run learned from pictures that somebody brought, and no program can fetch those. Take the run's"
                " settings and weights instead."
            )
        )
    if config.dataset == "mnist-pen":
        raise UserError(
            N_(
                "This run learned from pen strokes too, which this project draws itself: that is too much for a program"
                " that stands alone. Train on MNIST to take one home."
            )
        )
    if config.start_from:
        raise UserError(
            N_(
                "This run began with the weights of another model, and a program that stands alone has none. Take the run's"
                " settings and weights instead."
            )
        )


def recipe_of(run: Run) -> Recipe:
    """What the directory of ``run`` says.

    Raises:
        UserError: it has not begun, or learned from images that no program can fetch.
    """
    check_fetchable(run.config)
    history = RunHistory()
    history.append(run.metrics())
    if history.started is None:
        raise UserError(N_("The run {run_id} has not begun yet, so there is nothing to export."), run_id=run.run_id)
    ended, summary = history.ended, run.summary()
    by_clock = ended is not None and ended.reason == "completed" and "minutes" in ended.values
    cut_short = ended is not None and (by_clock or ended.reason == "stopped")
    ran_away = ended is not None and ended.reason == "diverged" and "loss" in ended.values and bool(history.evaluations)
    reached = summary.step if summary is not None else (history.latest.step if history.latest else 0)
    return Recipe(
        run_id=run.run_id,
        config=run.config,
        started=history.started,
        changes=tuple(history.changes),
        last_step=reached if cut_short and reached < history.total_steps else None,
        by_clock=by_clock,
        most_loss=most_loss(history.evaluations[0].validation_loss) if ran_away else None,
        diverged=ended is not None and ended.reason == "diverged",
        test_accuracy=history.tested.accuracy if history.tested else None,
    )
