"""The words that the command line understands."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from dlcore.cli import inference, preparation, runs, training
from dlcore.cli.answers import Answer
from dlcore.config import KNOBS
from dlcore.export.files import KINDS
from dlcore.knobs import Knob
from dlcore.messages import UserError
from dlcore.presets import PRESETS
from dlcore.preview import FIELDS as PREVIEW_FIELDS
from dlcore.resources import options as resources_options
from dlcore.runs.control import VALUES
from dlcore.sweeps import command as sweeps_command


class _Parser(argparse.ArgumentParser):
    """Complains in one sentence."""

    def error(self, message: str) -> NoReturn:
        raise UserError("{message} (see {program} --help).", message=message.rstrip("."), program=self.prog)


def command_parser() -> argparse.ArgumentParser:
    """What understands the words of a command; the ``command`` of what it finds is what does it."""
    shared = _Parser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print one JSON object on the last line of standard output")
    parser = _Parser(prog="python -m dlcore", description="Train small networks, look at runs, and predict.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=_Parser)

    def add(name: str, command: Callable[[argparse.Namespace], Answer], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text, parents=[shared], allow_abbrev=False)
        added.set_defaults(command=command)
        return added

    train = add("train", training.train, "Train a network. The run also shows on the dashboard's Train page.")
    train.add_argument("--preset", metavar="NAME", help=f"start from a named recipe: {', '.join(PRESETS)}")
    for name, knob in KNOBS.items():
        unit = f" {knob.unit}" if knob.unit else ""
        text = f"{knob.description} {knob.allowed}{unit}; {knob.default} if not given{_only_for(knob)}"
        train.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="VALUE", help=text.replace("%", "%%"))

    add("resume", training.resume_run, "Continue a run that was stopped, failed or interrupted.").add_argument(
        "run", metavar="RUN", help="the run's name, as 'runs' lists it"
    )
    steer = add(
        "steer",
        training.steer_run,
        "Change, pause, continue or stop a run that is going on; it obeys within one update.",
    )
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
    listing = add("runs", runs.list_all, "List all runs, newest first; or pin, rename, delete or restore one.")
    _runs_actions(listing, shared)
    bring = add("import", runs.take_in, "Take in a run that another installation exported as zip.")
    bring.add_argument("file", metavar="ZIP", type=Path, help="the file that 'export --to zip' wrote")
    add("show", runs.show_run, "Show how a run goes or went.").add_argument(
        "run", metavar="RUN", help="the run's name, as 'runs' lists it"
    )

    _export_arguments(
        add("export", runs.take_home, "Take a run home: as a program, tables, weights, or for other tools.")
    )

    sweeps_command.describe(commands, shared)

    predict = add("predict", inference.predict_pictures, "Say what is on pictures of one digit each.")
    predict.add_argument("images", nargs="+", metavar="IMAGE", type=Path, help="a PNG, JPEG, WebP, BMP or GIF file")
    strokes = add("strokes", inference.predict_strokes, "Say what pen strokes draw, by the same way as the Draw page.")
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
        add(
            "calibrate",
            inference.calibrate_model,
            "Compare how sure a model is with how often it is right, and set that right.",
        )
    )

    resources = commands.add_parser("resources", help="Keep the catalogue of resources true.", allow_abbrev=False)
    resources_options.describe(resources, shared, preparation.check_resources, preparation.resource_schema)
    _images_arguments(add("images", preparation.make_images, "Make a dataset of pictures: one folder for each class."))

    _before_a_run(add)
    add("doctor", preparation.examine_machine, "Say what is installed and at hand, and what is missing.")
    work = add("work", training.work_on, "Be the worker of a run directory. The dashboard starts this.")
    work.add_argument("directory", metavar="RUN_DIR", type=Path)
    work.add_argument("--if-left", metavar="TOKEN", help="only if the spare worker that was called so does not take it")
    add("spare", training.wait_as_spare, "Wait to be the worker of the next run. The dashboard starts this.")
    return parser


def _images_arguments(images: argparse.ArgumentParser) -> None:
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


def _before_a_run(add: Callable[..., argparse.ArgumentParser]) -> None:
    preview = add(
        "preview", preparation.make_preview, "Make pictures of a dataset and of what augmentation does to it."
    )
    rehearse = add(
        "rehearse", preparation.rehearse_run, "Measure how long a run will take, and which learning rate suits it."
    )
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


def _runs_actions(listing: argparse.ArgumentParser, shared: _Parser) -> None:
    actions = listing.add_subparsers(title="actions", metavar="ACTION", parser_class=_Parser)
    for name, action, text in (
        ("pin", runs.pin_run, "Keep a run, whatever the limits on old runs say."),
        ("unpin", runs.unpin_run, "Let the limits on old runs apply to a run again."),
        ("rename", runs.rename_run, "Give a run a name of its own; without a name, take it away."),
        ("delete", runs.delete_run, "Throw a run away; 'restore' brings it back for a while."),
        ("restore", runs.restore_run, "Bring back a run that was deleted."),
    ):
        added = actions.add_parser(name, help=text, description=text, parents=[shared], allow_abbrev=False)
        added.set_defaults(command=action)
        added.add_argument("run", metavar="RUN", help="the run's name, as 'runs' lists it")
        if name == "rename":
            added.add_argument("name", metavar="NAME", nargs="?", default="", help="the name to show")
