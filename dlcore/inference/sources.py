"""Where a model's weights lie. Importing this costs no torch, so a page can offer models before it loads one."""

import hashlib
from pathlib import Path

from dlcore.data import DATASETS
from dlcore.messages import N_, UserError
from dlcore.runs.directory import open_run

PRETRAINED = "pretrained"
"""The name of the bundled model."""
FOLDER = Path(__file__).resolve().parent / "pretrained"


def find_weights(source: str) -> Path:
    """The weights file of the model called ``source``: ``"pretrained"`` or a run's id.

    Raises:
        UserError: there is no such run, or it has no weights (yet).
    """
    if source == PRETRAINED:
        path = FOLDER / "model.safetensors"
        if not path.is_file():
            raise UserError(
                N_(
                    "The bundled model is missing: get {file} again.",
                ),
                file=path.name,
            )
        return path
    weights = open_run(source).weights_path
    if weights is None:
        raise UserError(
            N_("The run {run_id} has no model yet: a run writes its weights when it ends. Choose another model."),
            run_id=source,
        )
    return weights


def check_reads_drawings(dataset: str) -> None:
    """Raise :class:`UserError` if a model of this dataset could make nothing of a pen's line."""
    if dataset == "cifar10":
        raise UserError(
            N_("A model of {dataset} knows colour photos only: a line drawn with a pen is like none of them."),
            dataset=DATASETS[dataset].title,
        )


def fingerprint(path: Path) -> str:
    """The SHA-256 of a file: what a cache of loaded models goes by.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(N_("The weights {file} cannot be read."), file=path.name) from error


def model_card(language: str) -> str:
    """The bundled model's card as Markdown: data, recipe, measured accuracy, limits; empty if there is none."""
    path = FOLDER / f"card.{language}.md"
    return path.read_text(encoding="utf-8") if path.is_file() else ""
