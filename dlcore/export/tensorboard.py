"""What was measured, as TensorBoard reads it."""

from pathlib import Path

from dlcore.runs.directory import Run
from dlcore.runs.history import RunHistory


def write_events(run: Run, folder: Path) -> None:
    """Write an event file into ``folder``: ``step/…`` by update, ``epoch/…`` by epoch, the test, and the settings as text.

    Values carry the time at which they were measured, pauses and evaluation not counted.
    """
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  # an extra dependency

    history = RunHistory()
    history.append(run.metrics())
    began = run.created.timestamp()
    with SummaryWriter(str(folder)) as writer:
        steps = history.steps
        for name in ("loss", "learning_rate", "gradient_norm", "update_ratio"):
            for step, value, seconds in zip(steps.step, getattr(steps, name), steps.seconds, strict=True):
                if value == value:  # noqa: PLR0124  # not measured: not a number
                    writer.add_scalar(f"step/{name}", value, step, walltime=began + seconds)
        for evaluated in history.evaluations:
            for name in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
                value, time = getattr(evaluated, name), began + evaluated.seconds
                writer.add_scalar(f"epoch/{name}", value, evaluated.epoch, walltime=time)
        if (tested := history.tested) is not None:
            for name in ("loss", "accuracy"):
                value, step = getattr(tested, name), history.latest.step if history.latest else 0
                writer.add_scalar(f"test/{name}", value, step, walltime=began + tested.seconds)
        settings = "\n".join(f"| {name} | {value} |" for name, value in run.config.model_dump().items())
        writer.add_text("settings", f"| | |\n|--|--|\n{settings}", walltime=began)
