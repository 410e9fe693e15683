"""Labelled images to hold a model against: its own where they are at hand, else the bundled digits, else none."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from dlcore.config import TrainConfig
from dlcore.data import DATASETS
from dlcore.data.availability import available
from dlcore.inference.sources import PRETRAINED
from dlcore.messages import UserError
from ui.drawing import models
from ui.drawing.reading import Reading
from ui.language import translate as _

if TYPE_CHECKING:
    from torch import Tensor

_MOST = 2000
"""Images of a part that are kept in memory, which the server has little of."""
_DIGITS = DATASETS["digits"].class_names


@dataclass(frozen=True, eq=False)
class Known:
    """At most the first two thousand images of each part; uint8 (N, C, S, S) and int64 (N,)."""

    dataset: str
    learned: bool
    """Whether it is what the model has learned from; else they are digits that it never saw."""
    train_images: "Tensor"
    train_labels: "Tensor"
    validation_images: "Tensor"
    """Held back from training, as far as that is known."""
    validation_labels: "Tensor"
    test_images: "Tensor"
    test_labels: "Tensor"
    light_background: bool

    @property
    def title(self) -> str:
        """The dataset's name for the visitor."""
        return _(DATASETS[self.dataset].title)


def known(reading: Reading) -> Known | None:
    """The images for the model of ``reading``; None where no labelled images fit it."""
    model = reading.model
    assert model is not None
    config = TrainConfig(dataset="mnist") if reading.source == PRETRAINED else models.config(reading.source)
    try:
        if available(config.dataset, own_images=config.own_images):
            return _load(config.model_dump_json(), learned=True)
    except UserError:
        pass  # deleted or damaged since: the digits may do
    fits = (model.channels, model.image_size, tuple(model.class_names)) == (1, 28, _DIGITS)
    return _load(TrainConfig(dataset="digits").model_dump_json(), learned=False) if fits else None


@lru_cache(maxsize=2)
def _load(config_json: str, *, learned: bool) -> Known:
    from dlcore.data.loading import load  # noqa: PLC0415  # torch, not before it must
    from dlcore.inference.neighbours import validation_part  # noqa: PLC0415

    config = TrainConfig.model_validate_json(config_json)
    data = load(config.dataset, own_images=config.own_images, classes=config.classes)
    images, labels = validation_part(config, data) if learned else (data.test_images, data.test_labels)
    parts = (data.train_images, data.train_labels, images, labels, data.test_images, data.test_labels)
    return Known(
        config.dataset,
        learned,
        *(part[:_MOST].clone() for part in parts),
        light_background=data.light_background,
    )
