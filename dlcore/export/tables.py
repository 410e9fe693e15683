"""What was measured, as tables of comma-separated values. Torch-free."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence

from dlcore.runs.directory import Run
from dlcore.runs.history import RunHistory

_STEPS = (
    "step",
    "epoch",
    "loss",
    "learning_rate",
    "images_seen",
    "seconds",
    "gradient_norm",
    "update_ratio",
)
_EPOCHS = (
    "epoch",
    "step",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "seconds",
)


def tables(run: Run) -> Mapping[str, str]:
    """File name to its text: ``steps.csv``, a row an update; ``epochs.csv``, a row an evaluation, the untrained network's
    first; and once it was tested ``test.csv``, the confusion matrix, rows what the images show.

    Losses are means per image, accuracies in [0, 1], seconds those spent on updates; what was not measured is empty.
    """
    history = RunHistory()
    history.append(run.metrics())
    steps = history.steps
    made = {
        "steps.csv": _table(_STEPS, zip(*(getattr(steps, name) for name in _STEPS), strict=True)),
        "epochs.csv": _table(
            _EPOCHS, ([getattr(evaluated, name) for name in _EPOCHS] for evaluated in history.evaluations)
        ),
    }
    if history.tested is not None and history.started is not None:
        names = history.started.class_names
        rows = ([name, *row] for name, row in zip(names, history.tested.confusion, strict=True))
        made["test.csv"] = _table(["", *names], rows)
    return made


def _table(head: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return "" if math.isnan(value) else str(value)
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value  # a class called so must not become a formula in a spreadsheet
    return value
