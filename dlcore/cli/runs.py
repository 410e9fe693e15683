"""Commands on runs that there are: list, show, keep, take in and take home."""

import argparse
from typing import Any

from dlcore.cli.answers import SUCCESS, Answer, epoch_line, table
from dlcore.config import KNOBS
from dlcore.export.files import export
from dlcore.messages import UserError
from dlcore.runs import keeping
from dlcore.runs.directory import Run, list_runs, open_run
from dlcore.runs.history import RunHistory
from dlcore.runs.status import STATUSES
from dlcore.training.events import Evaluated
from dlcore.translation import translator


def list_all(_: argparse.Namespace) -> Answer:
    """All runs, newest first."""
    rows = [_overview(run) for run in list_runs()]
    lines = [
        f"{row['run_id']:<56} {row['status']:<12} "
        + (f"{'':8}" if row["test_accuracy"] is None else f"{row['test_accuracy']:8.2%}")
        + ("  pinned" if row["pinned"] else "")
        + (f"  {row['name']}" if row["name"] else "")
        for row in rows
    ]
    return SUCCESS, {"runs": rows}, "\n".join(lines) or "There is no run yet: python -m dlcore train --preset tiny"


def pin_run(options: argparse.Namespace) -> Answer:
    """Keep a run whatever the limits say."""
    run = open_run(options.run)
    keeping.pin(run)
    return SUCCESS, {"run_id": run.run_id, "pinned": True}, f"{run.run_id} is pinned."


def unpin_run(options: argparse.Namespace) -> Answer:
    """Let the limits apply to a run again."""
    run = open_run(options.run)
    keeping.pin(run, pinned=False)
    return SUCCESS, {"run_id": run.run_id, "pinned": False}, f"{run.run_id} is no longer pinned."


def rename_run(options: argparse.Namespace) -> Answer:
    """Give a run a name of its own."""
    run = open_run(options.run)
    name = keeping.rename(run, options.name)
    text = f"{run.run_id} is called {name} now." if name else f"{run.run_id} has no name of its own any more."
    return SUCCESS, {"run_id": run.run_id, "name": name}, text


def delete_run(options: argparse.Namespace) -> Answer:
    """Throw a run away, for now."""
    run = open_run(options.run)
    keeping.delete(run)
    text = f"{run.run_id} is deleted. To bring it back: python -m dlcore runs restore {run.run_id}"
    return SUCCESS, {"run_id": run.run_id, "deleted": True}, text


def restore_run(options: argparse.Namespace) -> Answer:
    """Bring back a run that was deleted."""
    run = keeping.restore(options.run)
    return SUCCESS, {"run_id": run.run_id, "run_dir": str(run.path), "deleted": False}, f"{run.run_id} is back."


def _overview(run: Run) -> dict[str, Any]:
    summary, label = run.summary(), keeping.label(run)
    return {
        "run_id": run.run_id,
        "name": label.name,
        "pinned": label.pinned,
        "run_dir": str(run.path),
        "status": run.status(),
        "created": run.created.isoformat(),
        "dataset": run.config.dataset,
        "model": run.config.model,
        "epochs": run.config.epochs,
        "test_accuracy": summary.test_accuracy if summary else None,
        "test_loss": summary.test_loss if summary else None,
        "weights_sha256": summary.weights_sha256 if summary else "",
    }


def show_run(options: argparse.Namespace) -> Answer:
    """How a run goes or went."""
    run = open_run(options.run)
    reading = run.scan()
    history = RunHistory()
    history.append(reading.events)
    latest, tested, ended = history.latest, history.tested, history.ended
    answer = {
        **_overview(run),
        "config": run.config.model_dump(),
        "progress": history.progress,
        "step": latest.step if latest else 0,
        "images_seen": latest.images_seen if latest else 0,
        "train_seconds": latest.seconds if latest else 0.0,
        "images_per_second": history.images_per_second,
        "epochs_done": [
            {name: getattr(evaluated, name) for name in Evaluated.__dataclass_fields__}
            for evaluated in history.evaluations
        ],
        "confusion": tested.confusion if tested else None,
        "message": ended.message.format(**ended.values) if ended else "",
        "damaged_lines": reading.damaged_lines,
    }
    head = {name: answer[name] for name in ("run_id", "run_dir", "created", "images_seen", "train_seconds")}
    head |= {
        "status": STATUSES[answer["status"]],
        "test_accuracy": answer["test_accuracy"],
        "message": answer["message"],
    }
    changed = {name: value for name, value in answer["config"].items() if value != KNOBS[name].default}
    settings = ", ".join(f"{name} {value}" for name, value in changed.items()) or "the defaults"
    lines = [table(head), f"settings        {settings}", *map(epoch_line, history.evaluations)]
    if reading.damaged_lines:
        lines.append(f"{reading.damaged_lines} lines of the log are damaged and were skipped.")
    return SUCCESS, answer, "\n".join(lines)


def take_in(options: argparse.Namespace) -> Answer:
    """Take in a run that was exported as zip."""
    from dlcore.runs.importing import import_run  # noqa: PLC0415  # only where it is needed

    try:
        with options.file.open("rb") as file:
            run = import_run(file)
    except OSError as error:
        raise UserError("The file {file} cannot be read: {reason}.", file=options.file, reason=error.strerror) from None
    return SUCCESS, _overview(run), f"Imported: {run.run_id}"


def take_home(options: argparse.Namespace) -> Answer:
    """Make a file of a run."""
    translate = translator(options.language)
    run = open_run(options.run)
    export(run, options.to, options.out, translate)
    answer = {"run_id": run.run_id, "to": options.to, "path": str(options.out)}
    return SUCCESS, answer, f"Written: {options.out}"
