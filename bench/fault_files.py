"""The kinds of file that make a run, and what a reader takes from each, whatever its bytes."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dlcore import formats
from dlcore.messages import UserError
from dlcore.runs import control, glimpses, keeping, overview, sealed
from dlcore.runs.checkpoint_store import CheckpointStore
from dlcore.runs.diagnosis import diagnose
from dlcore.runs.directory import Run, open_directory
from dlcore.runs.history import RunHistory

FOLDER, MARK = "folder", "mark of a start"
PATTERNS: Mapping[str, str] = {
    r"config\.json": "config",
    r"events\.jsonl": "log",
    r"checkpoint-\d+\.safetensors": "checkpoint",
    r"checkpoints\.json": "manifest",
    r"model\.safetensors": "weights",
    r"calibration\.safetensors": "calibration",
    r"summary\.json": "summary",
    r"epochs/\d+\.json": "inspection",
    r"watching/wall\.json": "wall",
    r"watching/glimpses\.jsonl": "looks",
    r"watching/examples-\w+\.json": "examples",
    r"control\.json": "control",
    r"label\.json": "label",
    r"launched": MARK,
}
"""Each kind by its name in the run directory. Locks hold nothing, and ``worker.log`` is words that nothing reads."""
DECORATIVE = frozenset({"inspection", "wall", "looks", "examples", "label", "calibration"})
"""A run without them is whole: damaged ones are left out, and the run goes on as if nothing had been."""
_TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{8}\.tmp")


def kind_of(path: str | Path, run_path: Path) -> str | None:
    """The kind of file that ``path`` is, under its own name or a temporary one; None for what is no file of the run's."""
    try:
        place = Path(path).relative_to(run_path)
    except ValueError:
        return None
    if not place.suffix and place.name in ("", "epochs", "watching"):
        return FOLDER
    name = matched[1] if (matched := _TEMPORARY.fullmatch(place.name)) else place.name
    name = (place.parent / name).as_posix()
    return next((kind for pattern, kind in PATTERNS.items() if re.fullmatch(pattern, name)), None)


def stored(run: Run) -> dict[str, Path]:
    """For each kind one file of a stopped run that has been asked for something and has a label."""
    return {
        "checkpoint": run.path / run.checkpoints.manifest()[0].file,
        "manifest": run.checkpoints.manifest_path,
        "log": run.events_path,
        "weights": run.final_weights_path,
        "calibration": run.path / "calibration.safetensors",
        "config": run.path / "config.json",
        "summary": run.path / "summary.json",
        "inspection": run.inspection_path(1),
        "wall": glimpses.wall_path(run.path),
        "looks": glimpses.log_path(run.path),
        "examples": glimpses.examples_path(run.path, "test"),
        "control": run.path / "control.json",
        "label": run.path / "label.json",
    }


def reading(run: Run, kind: str) -> Any:
    """What a reader takes from a file, comparable; None if it leaves the file out.

    Raises:
        UserError, ValueError: it tells that the file is damaged.
        OSError: the file could not be read.
    """
    from dlcore.inference import calibration  # torch: only in the fork that reads
    from dlcore.inference.sources import fingerprint
    from dlcore.training import checkpoints, tensor_file

    def checkpoint() -> str:
        known = CheckpointStore(run.path).manifest()[0]
        tensor_file.read(run.path / known.file, limit_bytes=10**9, sha256=known.sha256)
        return "as written"

    def weights() -> str:
        checkpoints.load_weights(run.final_weights_path)
        return "as written"

    def measured() -> Any:
        found = calibration.read(run.final_weights_path, fingerprint(run.final_weights_path))
        if found is None:
            return None
        return found.calibration, found.familiar.projection.tobytes(), found.familiar.remembered.tobytes()

    def log() -> Any:
        found = run.scan()
        whole = found.damaged_lines == 0 and found.offset == run.events_path.stat().st_size
        return found.events if whole else None

    def label() -> Any:
        said = keeping.label(run)
        return None if said == keeping.Label(pinned=True) else said  # what it says of a label that is unreadable

    def summary() -> Any:
        data = (run.path / "summary.json").read_bytes()
        return sealed.unseal(data, file="summary.json", known=formats.SUMMARY_FORMAT)

    readers: Mapping[str, Callable[[], Any]] = {
        "checkpoint": checkpoint,
        "manifest": run.checkpoints.manifest,
        "log": log,
        "weights": weights,
        "calibration": measured,
        "config": lambda: open_directory(run.path),
        "summary": summary,
        "inspection": lambda: run.inspection(1),
        "wall": lambda: glimpses.read_wall(run.path),
        "looks": lambda: glimpses.read_glimpses(run.path)[0] or None,
        "examples": lambda: glimpses.read_examples(run.path, "test"),
        "control": lambda: control.read(run.path) or None,
        "label": label,
    }
    return readers[kind]()


def outcome(run: Run, kind: str, expected: Any) -> str:
    """What a reader makes of a damaged file whose content was ``expected``, in words; ``undetected`` is the bad one."""
    try:
        found = reading(run, kind)
    except (UserError, ValueError):
        return "told"
    if found is None:
        return "left out"
    if found == expected:
        return "same meaning"
    # Of a log of looks a damaged line is left out and the others stand.
    lines = iter(expected if isinstance(expected, list) else ())
    return "left out" if isinstance(found, list) and all(line in lines for line in found) else "undetected"


def show(run: Run) -> None:
    """Read all that pages show of a run; may say what is wrong, and must not break."""
    try:
        run = open_directory(run.path)
    except UserError:
        return
    run.status(), run.summary(), run.checkpoints.newest(), overview.overview(run), overview.steered(run)
    history = RunHistory()
    history.append(run.read()[0])
    diagnose(history, run.config, run.inspection(1))
    looks, _ = glimpses.read_glimpses(run.path)
    glimpses.merged([], looks)
    for kind in DECORATIVE | {"control"}:
        reading(run, kind)


def broken(run: Run) -> list[str]:
    """Which of the files that a completed run keeps are not whole: an export of such a run is refused as damaged."""
    found = [path.name for path in (run.path / "epochs").glob("*.json") if run.inspection(int(path.stem)) is None]
    paths = [path for path in glimpses.paths(run.path) if path.exists()]
    return found + [path.name for path in paths if not glimpses.is_whole(path.name, path.read_bytes())]
