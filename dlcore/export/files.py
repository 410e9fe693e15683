"""A run as files, by the name of the kind. Torch only where a kind needs it."""

import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from dlcore import atomic
from dlcore.export import script
from dlcore.export.card import card
from dlcore.export.recipe import recipe_of
from dlcore.export.tables import tables
from dlcore.formats import RUN_FORMAT
from dlcore.messages import N_, UserError
from dlcore.runs import glimpses, sealed
from dlcore.runs.directory import Run

Translate = Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Something that a run can become."""

    title: str
    suffix: str
    mime: str
    light: bool = True
    """Whether it takes no torch, so that a page may make it."""
    needs: tuple[str, ...] = ()
    """Packages beside those that the dashboard needs."""


KINDS: Mapping[str, Kind] = {
    "script": Kind(title=N_("PyTorch program"), suffix=".py", mime="text/x-python"),
    "notebook": Kind(title=N_("Jupyter notebook"), suffix=".ipynb", mime="application/x-ipynb+json"),
    "csv": Kind(title=N_("Measurements as CSV"), suffix="-csv.zip", mime="application/zip"),
    "weights": Kind(title=N_("Weights (safetensors)"), suffix=".safetensors", mime="application/octet-stream"),
    "card": Kind(title=N_("Model card"), suffix=".md", mime="text/markdown"),
    "zip": Kind(title=N_("The whole run as zip"), suffix=".zip", mime="application/zip"),
    "onnx": Kind(
        title=N_("ONNX model"),
        suffix=".onnx",
        mime="application/octet-stream",
        light=False,
        needs=("onnx", "onnxscript"),
    ),
    "tensorboard": Kind(
        title=N_("TensorBoard event files"),
        suffix="-tensorboard.zip",
        mime="application/zip",
        light=False,
        needs=("tensorboard",),
    ),
}
"""The kinds in the order in which they are offered."""


def export(run: Run, kind: str, path: Path, translate: Translate = str) -> None:
    """Write ``run`` to ``path``: a file; for ``tensorboard`` and ``csv`` a folder unless ``path`` ends with ``.zip``.

    Raises:
        UserError: the run cannot become that, something has to be installed first, or ``path`` cannot be written.
    """
    check_installed(kind)
    if kind == "tensorboard":
        from dlcore.export.tensorboard import write_events  # noqa: PLC0415  # torch

        if path.suffix.lower() == ".zip":
            _write(path, _zipped(lambda folder: write_events(run, folder)))
        else:
            write_events(run, _folder(path))
    elif kind == "onnx":
        from dlcore.export.onnx import to_onnx  # noqa: PLC0415  # torch

        _write(path, to_onnx(run))
    elif kind == "csv" and path.suffix.lower() != ".zip":
        made = tables(run)
        folder = _folder(path)
        for name, text in made.items():
            _write(folder / name, text.encode())
    elif kind == "weights":
        _copy(weights(run), path)
    else:
        _write(path, content(run, kind, translate))


def check_installed(kind: str) -> None:
    """Raise :class:`UserError` if ``kind`` needs packages that are not here."""
    missing = [name for name in KINDS[kind].needs if find_spec(name) is None]
    if missing:
        raise UserError(
            N_(
                "{what}: this needs more than is installed here. Whoever runs this dashboard can add it with: pip install"
                " {packages}"
            ),
            what=KINDS[kind].title,
            packages=" ".join(missing),
        )


def content(run: Run, kind: str, translate: Translate = str) -> bytes:
    """What a file of a kind that takes no torch holds; ``csv`` as one zip.

    Raises:
        UserError: the run cannot become that.
    """
    if kind == "script":
        return script.script(recipe_of(run), translate).encode()
    if kind == "notebook":
        return script.notebook(recipe_of(run), translate).encode()
    if kind == "card":
        return card(run, translate).encode()
    if kind == "weights":
        return weights(run).read_bytes()
    buffer = BytesIO()
    if kind == "csv":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
            for name, text in tables(run).items():
                file.writestr(name, text)
    else:
        pack(run, buffer)
    return buffer.getvalue()


def weights(run: Run) -> Path:
    """The file that holds what ``run`` has learned.

    Raises:
        UserError: it has no weights (yet).
    """
    if run.weights_path is None:
        raise UserError(N_("The run {run_id} has kept no weights: it has not ended, or it failed."), run_id=run.run_id)
    return run.weights_path


def pack(run: Run, file: IO[bytes]) -> None:
    """Write a zip of all that tells of ``run``: settings, log, insides, looks, summary, name, weights, under its own name.

    Checkpoints and locks stay behind, and so does the token of the visitor who owns it; and the weights of an earlier stop,
    where the run went on since and has not ended.
    """
    summary = run.summary()
    weights = ["model.safetensors"] if summary is not None and summary.weights_sha256 else []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        config = {"created": run.created.isoformat(), "owner": "", "config": run.config.model_dump()}
        archive.writestr(f"{run.run_id}/config.json", sealed.seal(config, format_number=RUN_FORMAT))
        names = ("events.jsonl", "summary.json", "label.json", *weights)
        epochs = sorted((run.path / "epochs").glob("[0-9]*.json"))
        for path in [*(run.path / name for name in names), *epochs, *glimpses.paths(run.path)]:
            if path.is_file():
                archive.write(path, f"{run.run_id}/{path.relative_to(run.path).as_posix()}")


def _zipped(fill: Callable[[Path], None]) -> bytes:
    """A zip of the files that ``fill`` puts into a folder."""
    buffer = BytesIO()
    with TemporaryDirectory() as name, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        folder = Path(name)
        fill(folder)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return buffer.getvalue()


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(path, data)
    except OSError as error:
        raise _unwritable(path, error) from error


def _copy(source: Path, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
    except (OSError, shutil.SameFileError) as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: Exception) -> UserError:
    reason = getattr(error, "strerror", None) or type(error).__name__
    return UserError(N_("{file} cannot be written: {reason}."), file=path, reason=reason)
