"""``python -m dlcore sweep …``: start, watch, stop and resume sweeps; repeat a run with several seeds."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dlcore.config import KNOBS, TrainConfig
from dlcore.messages import UserError
from dlcore.runs.directory import open_run
from dlcore.sweeps import plan as plans
from dlcore.sweeps.directory import STATUSES, Progress, Sweep, create, list_sweeps, open_directory, open_sweep

Answer = tuple[int, dict[str, Any], str]


def describe(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add the command with its actions to ``commands``, the subparsers of the program."""
    parser = commands.add_parser("sweep", help="Search for good settings, or repeat a run.", allow_abbrev=False)
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION", parser_class=type(parser))

    def add(name: str, command: Callable[[argparse.Namespace], Answer], text: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text, parents=[shared])
        added.set_defaults(command=command)
        return added

    start = add(
        "start", _start, "Search for good settings; every trial is an ordinary run. Ctrl-C stops, 'resume' goes on."
    )
    start.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting that does not move")
    start.add_argument(
        "--move",
        action="append",
        required=True,
        metavar="NAME=RANGE",
        help="a setting that moves: learning_rate=0.0001..0.1, width=16..256/5 (5 points of a grid), optimizer=sgd,adam",
    )
    start.add_argument("--sampler", default="tpe", help=f"{', '.join(plans.SAMPLERS)}; tpe if not given")
    start.add_argument("--pruner", default="none", help=f"{', '.join(plans.PRUNERS)}; none if not given")
    start.add_argument("--objective", default="validation_accuracy", help=", ".join(plans.OBJECTIVES))
    start.add_argument("--runs", default="20", metavar="N", help="20 if not given")
    start.add_argument("--minutes", default="60", metavar="N", help="60 if not given")
    start.add_argument("--name", default="", metavar="NAME", help="the tag of its runs")
    repeat = add("repeat", _repeat, "Train the settings of a run again with other seeds.")
    repeat.add_argument("run", metavar="RUN")
    repeat.add_argument(
        "--seeds", type=int, default=5, metavar="K", help="how many, the run's own included; 5 if not given"
    )
    add("list", _list, "List all sweeps, newest first.")
    for name, command, text in (
        ("show", _show, "Show how a sweep goes or went."),
        ("stop", _stop, "Stop a sweep; its run is kept and goes on when the sweep is resumed."),
        ("resume", _resume, "Go on with a sweep that was stopped or interrupted."),
    ):
        add(name, command, text).add_argument("sweep", metavar="SWEEP", help="its name, as 'list' tells it")
    work = add("work", _work, "Conduct a sweep. The dashboard starts this.")
    work.add_argument("directory", metavar="DIR", type=Path)
    weigh = add("importance", _importance, "Weigh the settings of a sweep. Its process starts this.")
    weigh.add_argument("directory", metavar="DIR", type=Path)


def _start(options: argparse.Namespace) -> Answer:
    base = TrainConfig.parse(dict(_pair(text) for text in options.set))
    plan = plans.Plan.parse(
        {
            "name": options.name,
            "base": base.model_dump(),
            "moves": {name: plans.read_move(name, text) for name, text in map(_pair, options.move)},
            **{name: getattr(options, name) for name in ("sampler", "pruner", "objective", "runs", "minutes")},
        }
    )
    return _conduct_here(create(plan))


def _repeat(options: argparse.Namespace) -> Answer:
    run = open_run(options.run)
    if not 2 <= options.seeds <= plans.MOST_CHOICES:
        raise UserError("--seeds must be in [2, {most}]; got {value}.", most=plans.MOST_CHOICES, value=options.seeds)
    return _conduct_here(create(plans.seeds(run.config, options.seeds)))


def _resume(options: argparse.Namespace) -> Answer:
    sweep = open_sweep(options.sweep)
    if sweep.progress().finished:
        raise UserError("This sweep is finished. Start a new one.")
    (sweep.path / "stop").unlink(missing_ok=True)
    return _conduct_here(sweep)


def _conduct_here(sweep: Sweep) -> Answer:
    from dlcore.sweeps.search import conduct  # noqa: PLC0415  # Optuna

    print(f"Sweep {sweep.sweep_id}", file=sys.stderr, flush=True)
    shown: set[int] = set()

    def watch(progress: Progress) -> None:
        for trial in progress.trials:
            if trial.state != "running" and trial.number not in shown:
                shown.add(trial.number)
                print(_line(trial.model_dump()), file=sys.stderr, flush=True)

    try:
        conduct(sweep, watch=watch)
    except KeyboardInterrupt:
        sweep.ask_to_stop()
        print("Interrupted; its run goes on by itself.", file=sys.stderr, flush=True)
    return _told(sweep)


def _work(options: argparse.Namespace) -> Answer:
    from dlcore.sweeps.search import conduct  # noqa: PLC0415

    if hasattr(os, "nice"):
        os.nice(5)  # it mostly waits, and nothing waits for it
    sweep = open_directory(options.directory)
    conduct(sweep)
    return _told(sweep)


def _importance(options: argparse.Namespace) -> Answer:
    from dlcore.sweeps.search import importance  # noqa: PLC0415

    found = importance(open_directory(options.directory))
    return 0, {"importance": found}, "\n".join(f"{name:<20} {share:.2f}" for name, share in found.items())


def _list(_: argparse.Namespace) -> Answer:
    rows = [_about(sweep) for sweep in list_sweeps()]
    lines = [
        f"{row['sweep_id']}  {row['status']:<12} {row['runs_done']:>3} runs  {', '.join(row['moves'])}" for row in rows
    ]
    return 0, {"sweeps": rows}, "\n".join(lines) or "There is no sweep yet: python -m dlcore sweep start --help"


def _show(options: argparse.Namespace) -> Answer:
    return _told(open_sweep(options.sweep))


def _stop(options: argparse.Namespace) -> Answer:
    sweep = open_sweep(options.sweep)
    sweep.ask_to_stop()
    return _told(sweep)


def _told(sweep: Sweep) -> Answer:
    about = _about(sweep)
    lines = [f"{sweep.sweep_id}  {STATUSES[sweep.status()].lower()}, {about['runs_done']} runs"]
    lines += [_line(trial) for trial in about["trials"]]
    return 0, about, "\n".join(lines)


def _about(sweep: Sweep) -> dict[str, Any]:
    progress = sweep.progress()
    complete = [trial for trial in progress.trials if trial.state == "complete" and trial.value is not None]
    best = None
    if complete:
        pick = min if sweep.plan.smaller_is_better else max
        best = pick(complete, key=lambda trial: trial.value or 0.0).model_dump()
    return {
        "sweep_id": sweep.sweep_id,
        "status": sweep.status(),
        "moves": list(sweep.plan.moves),
        "runs_done": sum(trial.state != "running" for trial in progress.trials),
        "best": best,
        "importance": progress.importance,
        "trials": [trial.model_dump() for trial in progress.trials],
    }


def _line(trial: dict[str, Any]) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in trial["values"].items())
    value = "" if trial["value"] is None else f"{trial['value']:.4f}"
    return f"{trial['number']:>3}  {trial['state']:<9} {value:>8}  {settings}  {trial['run_id']}"


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise UserError("Write NAME=VALUE, such as learning_rate=0.01; got {value}.", value=text[:60])
    name = name.replace("-", "_")
    if name not in KNOBS:
        TrainConfig.parse({name: value})  # which says what there is
    return name, value
