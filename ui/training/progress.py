"""How far a run is, how fast it goes and how long it still takes: a bar and a line of words."""

from dlcore.runs.history import RunHistory
from ui.language import translate as _
from ui.packing import Parcel
from ui.training import words
from ui.training.moving import parcel


def progress(history: RunHistory, *, going: bool, paused: bool = False) -> Parcel:
    """The bar of a run that has begun."""
    downloading = history.preparing if history.started is None else None
    share = downloading.bytes_done / downloading.bytes_total if downloading and downloading.bytes_total else None
    return _bar(
        min(1.0, history.progress if share is None else share), words.progress(history, going=going, paused=paused)
    )


def not_begun() -> Parcel:
    """The bar of a run that waits."""
    return _bar(0.0, _("Not begun yet."))


def _bar(share: float, told: str) -> Parcel:
    return parcel("progress", "train.progress", share=round(share, 4), words=told)
