"""The command line: ``python -m dlcore train | resume | steer | runs | show | predict | strokes | images | preview | …``.

With ``--json`` the last line of standard output is exactly one JSON object; progress and messages go to standard error.
The exit status is 0 on success, 1 on failure and 2 on bad input, which is told in one sentence.
"""

import argparse
import json
import math
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from dlcore.config import KNOBS, TrainConfig
from dlcore.data import OWN_IMAGES
from dlcore.export.files import KINDS, export
from dlcore.knobs import Knob
from dlcore.messages import UserError
from dlcore.presets import PRESETS
from dlcore.preview import FIELDS as PREVIEW_FIELDS
from dlcore.resources import options as resources_options
from dlcore.runs import keeping, launch, queue, spare
from dlcore.runs.control import VALUES
from dlcore.runs.directory import Run, create, list_runs, open_directory, open_run
from dlcore.runs.history import RunHistory
from dlcore.runs.status import STATUSES
from dlcore.sweeps import command as sweeps_command
from dlcore.training.events import Evaluated, Event, Paused, Preparing, Resumed, Started, Steered, Stepped, Tested
from dlcore.translation import translator

if TYPE_CHECKING:
    from dlcore.data.own_images import ImageSet

Answer = tuple[int, dict[str, Any], str]
"""Exit status, the object for ``--json``, and the text for people."""

SUCCESS, FAILURE, BAD_INPUT = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    try:
        options = _parser().parse_args(words)
        command: Callable[[argparse.Namespace], Answer] = options.command
        status, answer, text = command(options)
    except UserError as error:
        status, answer, text = BAD_INPUT, {"error": str(error)}, ""
        _say(str(error))
    except OSError as error:
        status, answer, text = FAILURE, {"error": str(error)}, ""
        _say(f"The system refused: {error}")
    except KeyboardInterrupt:
        status, answer, text = FAILURE, {"error": "interrupted"}, ""
        _say("Interrupted.")
    except Exception as error:  # a mistake of ours: whoever parses the answer still gets one, the rest is for a report
        if not as_json:
            raise
        status, answer, text = FAILURE, {"error": f"{type(error).__name__}: {error}"}, ""
        traceback.print_exc()
    if as_json:
        _print(json.dumps(_finite(answer)))
    elif text:
        _print(text)
    return status


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # whoever reads, as ``head`` does, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it closes


class _Parser(argparse.ArgumentParser):
    """Complains in one sentence."""

    def error(self, message: str) -> NoReturn:
        raise UserError("{message} (see {program} --help).", message=message.rstrip("."), program=self.prog)


def _parser() -> argparse.ArgumentParser:
    shared = _Parser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print one JSON object on the last line of standard output")
    parser = _Parser(prog="python -m dlcore", description="Train small networks, look at runs, and predict.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=_Parser)

    def add(name: str, command: Callable[[argparse.Namespace], Answer], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text, parents=[shared], allow_abbrev=False)
        added.set_defaults(command=command)
        return added

    train = add("train", _train, "Train a network. The run also shows on the dashboard's Train page.")
    train.add_argument("--preset", metavar="NAME", help=f"start from a named recipe: {', '.join(PRESETS)}")
    for name, knob in KNOBS.items():
        unit = f" {knob.unit}" if knob.unit else ""
        text = f"{knob.description} {knob.allowed}{unit}; {knob.default} if not given{_only_for(knob)}"
        train.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="VALUE", help=text.replace("%", "%%"))

    add("resume", _resume, "Continue a run that was stopped, failed or interrupted.").add_argument(
        "run", metavar="RUN", help="the run's name, as 'runs' lists it"
    )
    steer = add("steer", _steer, "Change, pause, continue or stop a run that is going on; it obeys within one update.")
    steer.add_argument("run", metavar="RUN", help="the run's name, as 'runs' lists it")
    flow = steer.add_mutually_exclusive_group()
    flow.add_argument("--pause", dest="then", action="store_const", const="pause", help="wait after the current update")
    flow.add_argument("--go", dest="then", action="store_const", const="go", help="train on")
    flow.add_argument("--step", dest="updates", metavar="N", help="make N updates, then pause")
    flow.add_argument(
        "--stop", dest="then", action="store_const", const="stop", help="stop, test and keep what it learned"
    )
    for name in VALUES:
        text = f"{KNOBS[name].title.lower()} from the next update on, {KNOBS[name].allowed}"
        steer.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="VALUE", help=text)
    runs = add("runs", _runs, "List all runs, newest first; or pin, rename, delete or restore one.")
    _runs_actions(runs, shared)
    bring = add("import", _import, "Take in a run that another installation exported as zip.")
    bring.add_argument("file", metavar="ZIP", type=Path, help="the file that 'export --to zip' wrote")
    add("show", _show, "Show how a run goes or went.").add_argument(
        "run", metavar="RUN", help="the run's name, as 'runs' lists it"
    )

    _export_arguments(add("export", _export, "Take a run home: as a program, tables, weights, or for other tools."))

    sweeps_command.describe(commands, shared)

    predict = add("predict", _predict, "Say what is on pictures of one digit each.")
    predict.add_argument("images", nargs="+", metavar="IMAGE", type=Path, help="a PNG, JPEG, WebP, BMP or GIF file")
    strokes = add("strokes", _strokes, "Say what pen strokes draw, by the same way as the Draw page.")
    strokes.add_argument(
        "file", metavar="FILE", type=Path, help='JSON lines {"strokes": [[[x, y], ...], ...]}, optionally with "label"'
    )
    for command in (predict, strokes):
        command.add_argument(
            "--model-from",
            default="pretrained",
            metavar="MODEL",
            help="'pretrained', or a run's name; pretrained if not given",
        )

    _calibrate_arguments(
        add("calibrate", _calibrate, "Compare how sure a model is with how often it is right, and set that right.")
    )

    resources = commands.add_parser("resources", help="Keep the catalogue of resources true.", allow_abbrev=False)
    resources_options.describe(resources, shared, _check_resources, _resource_schema)
    images = add("images", _images, "Make a dataset of pictures: one folder for each class.")
    images.add_argument("source", nargs="?", metavar="FOLDER_OR_ZIP", type=Path, help="without it, the sets are listed")
    images.add_argument(
        "--size", type=int, default=28, metavar="PIXELS", help="side of the images: 28, 32 or 64; 28 if not given"
    )
    kind = images.add_mutually_exclusive_group()
    kind.add_argument("--grey", action="store_true", help="make them grey, as they become if nothing is said")
    kind.add_argument("--colour", action="store_true", help="keep their colours")
    images.add_argument(
        "--name", default="", metavar="NAME", help="what to call the set; its folder's name if not given"
    )
    images.add_argument("--share", action="store_true", help="offer the set to every visitor of the dashboard")

    _before_a_run(add)
    add("doctor", _doctor, "Say what is installed and at hand, and what is missing.")
    work = add("work", _work, "Be the worker of a run directory. The dashboard starts this.")
    work.add_argument("directory", metavar="RUN_DIR", type=Path)
    add("spare", _spare, "Wait to be the worker of the next run. The dashboard starts this.")
    return parser


def _before_a_run(add: Callable[..., argparse.ArgumentParser]) -> None:
    preview = add("preview", _preview, "Make pictures of a dataset and of what augmentation does to it.")
    rehearse = add("rehearse", _rehearse, "Measure how long a run will take, and which learning rate suits it.")
    for command, names in ((preview, PREVIEW_FIELDS), (rehearse, KNOBS)):
        for name in names:
            command.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="VALUE", help="as of train")


def _export_arguments(export: argparse.ArgumentParser) -> None:
    export.add_argument("run", metavar="RUN", help="the run's name, as 'runs' lists it")
    export.add_argument("--to", required=True, choices=list(KINDS), help="what to make of it")
    export.add_argument(
        "--out",
        required=True,
        metavar="PATH",
        type=Path,
        help="the file to write; for tensorboard and csv a folder unless it ends with .zip",
    )
    export.add_argument("--language", default="en", help="of comments in programs: en or zh; en if not given")


def _calibrate_arguments(calibrating: argparse.ArgumentParser) -> None:
    words = "'pretrained', or a run's name; pretrained if not given"
    calibrating.add_argument("model", nargs="?", default="pretrained", metavar="MODEL", help=words)


def _only_for(knob: Knob) -> str:
    settings = [f"{name} {' or '.join(sorted(wanted))}" for name, wanted in knob.only_for.items()]
    return f"; only for {' and '.join(settings)}" if settings else ""


def _runs_actions(runs: argparse.ArgumentParser, shared: _Parser) -> None:
    actions = runs.add_subparsers(title="actions", metavar="ACTION", parser_class=_Parser)
    for name, action, text in (
        ("pin", _pin, "Keep a run, whatever the limits on old runs say."),
        ("unpin", _unpin, "Let the limits on old runs apply to a run again."),
        ("rename", _rename, "Give a run a name of its own; without a name, take it away."),
        ("delete", _delete, "Throw a run away; 'restore' brings it back for a while."),
        ("restore", _restore, "Bring back a run that was deleted."),
    ):
        added = actions.add_parser(name, help=text, description=text, parents=[shared], allow_abbrev=False)
        added.set_defaults(command=action)
        added.add_argument("run", metavar="RUN", help="the run's name, as 'runs' lists it")
        if name == "rename":
            added.add_argument("name", metavar="NAME", nargs="?", default="", help="the name to show")


def _train(options: argparse.Namespace) -> Answer:
    values: dict[str, Any] = {}
    if options.preset is not None:
        if options.preset not in PRESETS:
            raise UserError(
                "There is no preset called {name}; the presets are {names}.",
                name=options.preset[:40],
                names=", ".join(PRESETS),
            )
        values = PRESETS[options.preset].config.model_dump()
    given = {name: getattr(options, name) for name in KNOBS if getattr(options, name) is not None}
    run = create(TrainConfig.parse(values | given))
    _say(f"Run {run.run_id}")
    return _work_here(run)


def _resume(options: argparse.Namespace) -> Answer:
    run = open_run(options.run)
    launch.check_resumable(run)
    run.forget_wishes()
    run.expect_worker()
    return _work_here(run)


def _steer(options: argparse.Namespace) -> Answer:
    run = open_run(options.run)
    given = {name: getattr(options, name) for name in VALUES if getattr(options, name) is not None}
    parsed = TrainConfig.parse(given)
    then, updates = options.then, 1
    if options.updates is not None:
        if not (options.updates.isascii() and options.updates.isdigit() and len(options.updates) < 10):
            raise UserError("--step must be a whole number; got {value}.", value=options.updates[:40])
        then, updates = "step", int(options.updates)
    numbers = run.steer(**{name: getattr(parsed, name) for name in given}, then=then, updates=updates)
    status = run.status()
    answer = {"run_id": run.run_id, "commands": numbers, "status": status}
    return SUCCESS, answer, f"Asked. The run obeys within one update; now it is {STATUSES[status].lower()}."


def _work_here(run: Run) -> Answer:
    """Train in this process, as the worker that a page starts would; the first Ctrl-C stops kindly."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in dlcore.runs.launch
    from dlcore.runs.process import log_to, stop_on_signals  # noqa: PLC0415  # only commands that train need it
    from dlcore.runs.worker import work  # noqa: PLC0415  # only commands that train need it

    progress = _Progress(sys.stderr.isatty())
    with log_to(run.log_path), stop_on_signals(signal.SIGINT, signal.SIGTERM) as stop:
        ended = work(run, watch=progress.show, stop=stop)
    summary = run.summary()
    answer: dict[str, Any] = {
        "run_id": run.run_id,
        "run_dir": str(run.path),
        "status": ended.reason,
        "test_accuracy": summary.test_accuracy if summary else None,
        "test_loss": summary.test_loss if summary else None,
        "train_seconds": summary.train_seconds if summary else None,
        "images_seen": summary.images_seen if summary else None,
        "weights_sha256": ended.weights_sha256,
    }
    if ended.message:
        answer["message"] = ended.message.format(**ended.values)
        _say(answer["message"])
    kept = ended.reason in ("completed", "stopped")
    return (SUCCESS if kept else FAILURE), answer, _table({**answer, "status": STATUSES[ended.reason]})


def _work(options: argparse.Namespace) -> Answer:
    from dlcore.runs.process import step_back  # noqa: PLC0415

    step_back()
    return _train_in_background(options.directory)


def _spare(_: argparse.Namespace) -> Answer:
    from dlcore.runs.process import step_aside, step_back  # noqa: PLC0415

    step_back()
    step_aside()
    directory = spare.wait()
    if directory is None:
        return SUCCESS, {"run_id": None}, ""
    step_back(again=True)
    with (directory / "worker.log").open("ab") as log:  # what is said from here on belongs to the run
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    return _train_in_background(directory)


def _train_in_background(directory: Path) -> Answer:
    from dlcore.runs.process import log_to, stop_on_signals  # noqa: PLC0415
    from dlcore.runs.worker import work  # noqa: PLC0415

    run = open_directory(directory)
    try:
        with log_to(run.log_path), stop_on_signals(signal.SIGTERM) as stop:
            ended = work(run, stop=stop)
    finally:
        queue.advance()
        keeping.tidy()
    status = FAILURE if ended.reason == "failed" else SUCCESS
    return status, {"run_id": run.run_id, "status": ended.reason}, ""


def _runs(_: argparse.Namespace) -> Answer:
    rows = [_overview(run) for run in list_runs()]
    lines = [
        f"{row['run_id']:<56} {row['status']:<12} "
        + (f"{'':8}" if row["test_accuracy"] is None else f"{row['test_accuracy']:8.2%}")
        + ("  pinned" if row["pinned"] else "")
        + (f"  {row['name']}" if row["name"] else "")
        for row in rows
    ]
    return SUCCESS, {"runs": rows}, "\n".join(lines) or "There is no run yet: python -m dlcore train --preset tiny"


def _pin(options: argparse.Namespace) -> Answer:
    run = open_run(options.run)
    keeping.pin(run)
    return SUCCESS, {"run_id": run.run_id, "pinned": True}, f"{run.run_id} is pinned."


def _unpin(options: argparse.Namespace) -> Answer:
    run = open_run(options.run)
    keeping.pin(run, pinned=False)
    return SUCCESS, {"run_id": run.run_id, "pinned": False}, f"{run.run_id} is no longer pinned."


def _rename(options: argparse.Namespace) -> Answer:
    run = open_run(options.run)
    name = keeping.rename(run, options.name)
    text = f"{run.run_id} is called {name} now." if name else f"{run.run_id} has no name of its own any more."
    return SUCCESS, {"run_id": run.run_id, "name": name}, text


def _delete(options: argparse.Namespace) -> Answer:
    run = open_run(options.run)
    keeping.delete(run)
    text = f"{run.run_id} is deleted. To bring it back: python -m dlcore runs restore {run.run_id}"
    return SUCCESS, {"run_id": run.run_id, "deleted": True}, text


def _restore(options: argparse.Namespace) -> Answer:
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


def _show(options: argparse.Namespace) -> Answer:
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
    lines = [_table(head), f"settings        {settings}", *map(_epoch_line, history.evaluations)]
    if reading.damaged_lines:
        lines.append(f"{reading.damaged_lines} lines of the log are damaged and were skipped.")
    return SUCCESS, answer, "\n".join(lines)


def _import(options: argparse.Namespace) -> Answer:
    from dlcore.runs.importing import import_run  # noqa: PLC0415  # only where it is needed

    try:
        with options.file.open("rb") as file:
            run = import_run(file)
    except OSError as error:
        raise UserError("The file {file} cannot be read: {reason}.", file=options.file, reason=error.strerror) from None
    return SUCCESS, _overview(run), f"Imported: {run.run_id}"


def _export(options: argparse.Namespace) -> Answer:
    translate = translator(options.language)
    run = open_run(options.run)
    export(run, options.to, options.out, translate)
    answer = {"run_id": run.run_id, "to": options.to, "path": str(options.out)}
    return SUCCESS, answer, f"Written: {options.out}"


def _predict(options: argparse.Namespace) -> Answer:
    from dlcore.data.picture_reading import convert  # noqa: PLC0415
    from dlcore.inference.photo import image_to_digit, open_image  # noqa: PLC0415  # torch, only where it is needed
    from dlcore.inference.prediction import load_model, predict, predict_pictures  # noqa: PLC0415

    pictures = [open_image(path) for path in options.images]
    model = load_model(options.model_from)
    if model.dataset in ("cifar10", OWN_IMAGES):  # as the pictures were made that it has learned from
        images = [convert(picture, model.image_size, colour=model.channels == 3) for picture in pictures]
        answers = predict_pictures(model, np.stack(images))
    else:
        images = [image_to_digit(picture) for picture in pictures]
        answers = predict(model, np.stack(images))
    rows = [
        {
            "file": str(path),
            "prediction": int(probabilities.argmax()),
            "class_name": model.class_names[int(probabilities.argmax())],
            "probability": float(probabilities.max()),
            "probabilities": [float(probability) for probability in probabilities],
            "blank": not image.any(),
        }
        for path, image, probabilities in zip(options.images, images, answers, strict=True)
    ]
    lines = [
        f"{row['file']}: nothing is drawn there"
        if row["blank"]
        else f"{row['file']}: {row['class_name']} ({row['probability']:.1%})"
        for row in rows
    ]
    return (
        SUCCESS,
        {"model": model.source, "class_names": list(model.class_names), "predictions": rows},
        "\n".join(lines),
    )


def _strokes(options: argparse.Namespace) -> Answer:
    drawings, labels = _read_drawings(options.file)

    from dlcore.inference.prediction import load_model, predict  # noqa: PLC0415  # torch, after the input was judged
    from dlcore.inference.sources import check_reads_drawings  # noqa: PLC0415
    from dlcore.inference.strokes import frame, framing_of  # noqa: PLC0415

    model = load_model(options.model_from)
    check_reads_drawings(model.dataset)
    framing = framing_of(model.dataset)
    images = np.stack([frame(drawing, framing=framing).image for drawing in drawings])
    predictions = [int(row.argmax()) for row in predict(model, images)]
    answer: dict[str, Any] = {
        "model": model.source,
        "class_names": list(model.class_names),
        "predictions": predictions,
        "count": len(predictions),
    }
    judged = [
        label in (index, model.class_names[index])
        for index, label in zip(predictions, labels, strict=True)
        if label is not None
    ]
    text = "\n".join(model.class_names[index] for index in predictions)
    if judged:
        answer |= {"labelled": len(judged), "correct": sum(judged), "accuracy": sum(judged) / len(judged)}
        text += f"\n{sum(judged)} of {len(judged)} are right: {answer['accuracy']:.2%}"
    return SUCCESS, answer, text


def _read_drawings(path: Path) -> tuple[list[list[NDArray[np.float64]]], list[int | str | None]]:
    """The drawings of a JSON-lines file as strokes, and their labels, None where a line has none."""
    from dlcore.inference.strokes import read_strokes  # noqa: PLC0415  # SciPy-free, but not free

    drawings: list[list[NDArray[np.float64]]] = []
    labels: list[int | str | None] = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    drawing = json.loads(line)
                    drawings.append(read_strokes(drawing["strokes"]))
                    labels.append(drawing.get("label"))
                except (ValueError, KeyError, TypeError, RecursionError):
                    raise UserError(
                        'Line {number} of {file} must be a JSON object like {{"strokes": [[[x, y], ...], ...]}}.',
                        number=number,
                        file=path,
                    ) from None
                except UserError as error:
                    raise UserError(
                        "Line {number} of {file}: {reason}", number=number, file=path, reason=error
                    ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError("The file {file} cannot be read: {reason}.", file=path, reason=reason) from None
    if not drawings:
        raise UserError("The file {file} holds no drawing.", file=path)
    return drawings, labels


def _check_resources(options: argparse.Namespace) -> Answer:
    from dlcore.resources.command import check  # noqa: PLC0415  # other commands start without the catalogue

    sound, answer, text = check(options)
    return (SUCCESS if sound else FAILURE), answer, text


def _calibrate(options: argparse.Namespace) -> Answer:
    from dlcore.inference.calibrate import calibrate  # noqa: PLC0415  # torch, after the input was judged
    from dlcore.inference.prediction import load_model  # noqa: PLC0415

    found = calibrate(load_model(options.model)).calibration
    answer = {
        "temperature": found.temperature,
        "images": found.images,
        "loss_before": found.loss_before,
        "loss_after": found.loss_after,
        "expected_calibration_error_before": found.error_before,
        "expected_calibration_error_after": found.error_after,
    }
    return SUCCESS, answer, _table(answer)


def _resource_schema(_: argparse.Namespace) -> Answer:
    from dlcore.resources.schema import entry_schema  # noqa: PLC0415

    schema = entry_schema()
    return SUCCESS, schema, json.dumps(schema, indent=1, ensure_ascii=False)


def _images(options: argparse.Namespace) -> Answer:
    from dlcore.data import own_images, picture_import, picture_sources  # noqa: PLC0415  # only where it is needed

    if options.source is None:
        sets = own_images.list_sets("")
        rows = [_about_set(one) for one in sets]
        lines = [
            f"{row['id']}  {row['name']}: {len(row['class_names'])} classes, {row['pictures']:,} pictures"
            for row in rows
        ]
        return SUCCESS, {"sets": rows}, "\n".join(lines) or "There is no set yet: python -m dlcore images FOLDER_OR_ZIP"
    limit = own_images.limits()
    listing = picture_sources.from_folder if options.source.is_dir() else picture_sources.from_zip
    if not options.source.exists():
        raise UserError("There is no folder or zip file {file}.", file=options.source)
    with listing(options.source, limit) as (entries, skipped):
        importing = picture_import.import_pictures(
            entries,
            size=options.size,
            colour=options.colour,
            name=options.name or options.source.resolve().stem,
            owner=own_images.EVERYONE if options.share else "",
            limit=limit,
            skipped=skipped,
        )
        while True:
            try:
                progress = next(importing)
            except StopIteration as done:
                found: own_images.ImageSet = done.value
                break
            if sys.stderr.isatty():
                print(f"\r\x1b[K{progress.done} of {progress.total} files", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        _say("\r\x1b[K")
    answer = _about_set(found)
    for one in found.record.skipped:
        _say(f"skipped {one.file}: {one.reason}")
    if (unnamed := found.record.skipped_count - len(found.record.skipped)) > 0:
        _say(f"and {unnamed:,} more were skipped")
    train, test = sum(answer["train_class_counts"]), sum(answer["test_class_counts"])
    lines = [
        _table({"id": found.set_id, "name": found.record.name}),
        f"{train:,} pictures to learn from and {test:,} to test with, in {len(answer['class_names'])} classes:",
        *(
            f"  {name:<40} {learned:>6,} {tested:>6,}"
            for name, learned, tested in zip(
                answer["class_names"], answer["train_class_counts"], answer["test_class_counts"], strict=True
            )
        ),
        f"python -m dlcore train --dataset own-images --own-images {found.set_id}",
    ]
    return SUCCESS, answer, "\n".join(lines)


def _about_set(found: "ImageSet") -> dict[str, Any]:
    description, record = found.description, found.record
    return {
        "id": found.set_id,
        "name": record.name,
        "created": record.created.isoformat(),
        "image_size": description.image_size,
        "channels": description.channels,
        "class_names": list(description.class_names),
        "train_class_counts": list(description.train_class_counts),
        "test_class_counts": list(description.test_class_counts),
        "pictures": sum(description.train_class_counts) + sum(description.test_class_counts),
        "skipped_count": record.skipped_count,
        "skipped": [one.model_dump() for one in record.skipped],
    }


def _preview(options: argparse.Namespace) -> Answer:
    given = {name: getattr(options, name) for name in PREVIEW_FIELDS if getattr(options, name) is not None}
    config = TrainConfig.parse(given)
    from dlcore.preview import render  # noqa: PLC0415  # torch, after the input was judged

    made = render(config)
    answer = {"samples": str(made.samples), "augmentation": str(made.augmentation)}
    return SUCCESS, answer, _table(answer)


def _rehearse(options: argparse.Namespace) -> Answer:
    config = TrainConfig.parse({name: getattr(options, name) for name in KNOBS if getattr(options, name) is not None})
    from dlcore.rehearsal import estimated_seconds, rehearse  # noqa: PLC0415

    found = rehearse(config)
    answer = {"estimated_seconds": round(estimated_seconds(config, found), 1)} | found.model_dump()
    told = {name: answer[name] for name in ("estimated_seconds", "images_per_second", "suggested")}
    return SUCCESS, answer, _table(told)


def _doctor(_: argparse.Namespace) -> Answer:
    from dlcore.doctor import examine  # noqa: PLC0415  # torch

    answer, text = examine()
    return (SUCCESS if answer["healthy"] else FAILURE), answer, text


class _Progress:
    """What happens, on standard error: a line an epoch, and on a terminal a line that counts in between."""

    def __init__(self, on_terminal: bool) -> None:
        self._on_terminal = on_terminal
        self._history = RunHistory()
        self._shown = 0.0

    def show(self, event: Event) -> None:
        self._history.append([event])
        match event:
            case Preparing() if event.bytes_total and self._on_terminal:
                self._count(f"{event.stage} {event.file} {event.bytes_done / event.bytes_total:.0%}")
            case Stepped() if self._on_terminal and event.seconds - self._shown > 0.2:
                self._shown = event.seconds
                speed, left = self._history.images_per_second, self._history.seconds_left
                rate = f"  {speed:,.0f} images/s" if speed else ""
                rest = f"  {left:.0f} s left" if left is not None else ""
                self._count(f"step {event.step}/{self._history.total_steps}  loss {event.loss:.4f}{rate}{rest}")
            case Started():
                _say(
                    f"{event.parameters:,} parameters, {event.train_count:,} images, {event.device}, {event.threads} threads"
                )
            case Resumed():
                _say(f"Continuing after epoch {event.epoch}, step {event.step}")
            case Steered():
                changed = ", ".join(
                    f"{name} {value:g}" for name in VALUES if (value := getattr(event, name)) is not None
                )
                self._count("")
                _say(f"after step {event.step}: {changed or event.action}")
            case Paused():
                self._count(f"paused after step {event.step}")
            case Evaluated():
                self._count("")
                _say(_epoch_line(event))
            case Tested():
                _say(f"test: loss {event.loss:.4f}, accuracy {event.accuracy:.2%} of {event.count:,} images")

    def _count(self, text: str) -> None:
        if self._on_terminal:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _epoch_line(event: Evaluated) -> str:
    return (
        f"epoch {event.epoch}: loss {event.train_loss:.4f}, validation loss {event.validation_loss:.4f},"
        f" validation accuracy {event.validation_accuracy:.2%}, {event.seconds:.1f} s"
    )


def _table(values: Mapping[str, Any]) -> str:
    shown = {name: value for name, value in values.items() if value not in (None, "")}
    return "\n".join(
        f"{name:<15} {f'{value:.4f}' if isinstance(value, float) else value}" for name, value in shown.items()
    )


def _finite(value: Any) -> Any:
    """``value`` with ``null`` for what JSON has no number for."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
