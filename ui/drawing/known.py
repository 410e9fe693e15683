"""Labelled images to hold a model against: its own where they are at hand, else the bundled digits, else none."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from dlcore.config import TrainConfig
from dlcore.data import DATASETS
from dlcore.data.availability import available
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
    """At most two thousand images of each part; uint8 (N, C, S, S) and int64 (N,)."""

    dataset: str
    learned: bool
    """Whether it is what the model has learned from; else they are digits that it never saw."""
    train_images: "Tensor"
    """What the model has learned from, and nothing that was held back then."""
    train_labels: "Tensor"
    validation_images: "Tensor"
    """Held back from training."""
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
    try:
        config = models.config_of(model)
        dataset = "mnist" if config.dataset == "mnist-pen" else config.dataset  # of the two, what is quickly at hand
        at_hand = model.split_known and not (dataset != config.dataset and config.classes)
        if at_hand and available(dataset, own_images=config.own_images):
            return _load(dataset, config.model_dump_json(), learned=True)
    except UserError:
        pass  # deleted or damaged since: the digits may do
    fits = (model.channels, model.image_size, tuple(model.class_names)) == (1, 28, _DIGITS)
    return _load("digits", TrainConfig(dataset="digits").model_dump_json(), learned=False) if fits else None


@lru_cache(maxsize=2)
def _load(dataset: str, config_json: str, *, learned: bool) -> Known:
    from dlcore.data.loading import load  # noqa: PLC0415  # torch, not before it must
    from dlcore.data.partition import partition  # noqa: PLC0415
    from dlcore.data.pen_strokes import scans_of_partition  # noqa: PLC0415

    config = TrainConfig.model_validate_json(config_json)
    data = load(dataset, own_images=config.own_images, classes=config.classes)
    count = len(data.train_images)
    if config.dataset != dataset:  # MNIST for mnist-pen, which holds its last ones back
        learned_from, held_back = scans_of_partition(config, count)
    else:
        learned_from, held_back = partition(config, count, held_back=data.held_back)
    learned_from, held_back = learned_from[:_MOST], held_back[:_MOST]
    test = data.test_images[:_MOST].clone(), data.test_labels[:_MOST].clone()
    held = (data.train_images[held_back], data.train_labels[held_back]) if learned else test
    return Known(
        dataset,
        learned,
        data.train_images[learned_from],
        data.train_labels[learned_from],
        *held,
        *test,
        light_background=data.light_background,
    )
