"""The models that may answer: which there are, and each loaded once for the whole server."""

import logging
from functools import cache, lru_cache
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from dlcore.config import TrainConfig
from dlcore.data import DATASETS
from dlcore.inference.calibration import FILE_NAME
from dlcore.inference.sources import PRETRAINED, check_reads_drawings, find_weights, fingerprint
from dlcore.messages import UserError
from dlcore.models import MODELS
from dlcore.runs.directory import Run, list_runs, open_run
from ui.language import translate as _
from ui.visitor import local_time

if TYPE_CHECKING:
    from dlcore.inference.prediction import Model

_LOG = logging.getLogger(__name__)
_KEPT = 6
"""Models in memory at a time, at most 5 MB each."""
_OFFERED = 40


@cache
def _warm_up() -> Thread:
    """Load torch and the bundled model beside the page, once, so that the first stroke need not wait for them."""

    def work() -> None:
        import torch  # noqa: PLC0415  # the second or two that the page does not wait for

        torch.set_num_threads(1)  # one drawing is too little work to share, and a run may be training beside it
        try:
            load(PRETRAINED)
        except UserError as error:
            _LOG.warning("%s", error)

    thread = Thread(target=work, name="warm-up", daemon=True)
    thread.start()
    return thread


def ready() -> bool:
    """Whether an answer would come at once. Asking is enough to get it under way."""
    return not _warm_up().is_alive()


def load(source: str) -> "Model":
    """The model called ``source``, from memory if its weights are the same as before.

    Raises:
        UserError: there is no such model, or its weights are damaged.
    """
    path = find_weights(source)
    return _load(path, source, fingerprint(path), _written(path.with_name(FILE_NAME)))


def _written(path: Path) -> int:
    """When a file was written; 0 where there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def identity(source: str) -> tuple[str, str]:
    """What results of the model called ``source`` go by: another model of the same name is another one.

    Raises:
        UserError: there is no such model.
    """
    return source, fingerprint(find_weights(source))


@lru_cache(maxsize=_KEPT)
def _load(path: Path, source: str, _sha256: str, _calibrated: int) -> "Model":
    from dlcore.inference.prediction import load_file  # noqa: PLC0415  # torch, not before it must

    return load_file(path, source)


def choices(owner: str, asked: str, *, of_its_own: bool = False) -> list[str]:
    """The bundled model, then this visitor's newest runs that have a model, and the one that a link asks for; with
    ``of_its_own``, that one may be of a kind that no drawing is for, since it is shown an image of its own data.

    Raises:
        UserError: the one asked for cannot be had.
    """
    sources = [PRETRAINED]
    finished = [run for run in list_runs(owner) if run.weights_path is not None]
    sources += [run.run_id for run in finished if _reads_drawings(run)][:_OFFERED]
    if asked not in sources:
        find_weights(asked)
        if not of_its_own:
            check_reads_drawings(open_run(asked).config.dataset)
        sources.append(asked)
    return sources


def reasons_not_offered(owner: str) -> list[UserError]:
    """Why some of this visitor's models cannot answer here; each reason once."""
    reasons: dict[str, UserError] = {}
    for run in list_runs(owner):
        try:
            if run.weights_path is not None:
                check_reads_drawings(run.config.dataset)
        except UserError as error:
            reasons[str(error)] = error
    return list(reasons.values())


def _reads_drawings(run: Run) -> bool:
    try:
        check_reads_drawings(run.config.dataset)
    except UserError:
        return False
    return True


def title(source: str) -> str:
    """What a model is called in a list."""
    if source == PRETRAINED:
        return _("The bundled digit model")
    run = open_run(source)
    return _("{dataset} · {model} · {accuracy} right in the test · {date}").format(
        dataset=_(DATASETS[run.config.dataset].title),
        model=_(MODELS[run.config.model].title),
        accuracy=_accuracy(run),
        date=local_time(run.created),
    )


def config(source: str) -> TrainConfig:
    """What a run was asked to learn."""
    return open_run(source).config


def config_of(model: "Model") -> TrainConfig:
    """How a model was trained: as its run says, or its weights do.

    Raises:
        UserError: they do not.
    """
    if model.source != PRETRAINED:
        return config(model.source)
    return TrainConfig.parse(dict(model.metadata.get("config", {"dataset": model.dataset})))


def _accuracy(run: Run) -> str:
    summary = run.summary()
    return "?" if summary is None or summary.test_accuracy is None else f"{summary.test_accuracy:.1%}"
