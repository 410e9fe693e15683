"""The settings that a form shows first: what is learned from, which network learns, and how fast."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from dlcore.data import DATASETS, OWN_IMAGES
from dlcore.knobs import knob
from dlcore.messages import N_
from dlcore.models import MODELS, stack
from dlcore.models.options import DEPTHS, MEMBERS, WIDTHS


def _titles(registry: Mapping[str, Any]) -> Mapping[str, str]:
    return {name: spec.title for name, spec in registry.items()}


def models_with(setting: str) -> Mapping[str, set[str]]:
    """Where a setting of an architecture matters."""
    return {"model": {name for name, spec in MODELS.items() if setting in spec.settings}}


class Essentials(BaseModel):
    """The fields of the first group of a :class:`~dlcore.config.TrainConfig`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    dataset: str = knob(
        "mnist",
        N_("Dataset"),
        N_("The labelled images that the network learns from."),
        group="essentials",
        choices=_titles(DATASETS),
    )
    own_images: str = knob(
        "",
        N_("Set of images"),
        N_("The pictures that you brought. Only you, and whoever has the link, can choose them."),
        group="essentials",
        max_length=32,
        only_for={"dataset": {OWN_IMAGES}},
    )
    classes: str = knob(
        "",
        N_("Classes"),
        N_("Learn to tell these apart and no others, such as 0,1,7; empty for all."),
        group="essentials",
        max_length=2000,
    )
    model: str = knob(
        "article-cnn",
        N_("Model"),
        N_("The architecture: which layers, in which order."),
        group="essentials",
        choices=_titles(MODELS),
    )
    depth: int = knob(
        2,
        N_("Hidden layers"),
        N_("How many layers lie between the pixels and the answer."),
        group="essentials",
        step=1,
        ge=DEPTHS[0],
        le=DEPTHS[1],
        only_for=models_with("depth"),
    )
    width: int = knob(
        128,
        N_("Width"),
        N_("Neurons in each hidden layer."),
        group="essentials",
        unit=N_("neurons"),
        logarithmic=True,
        ge=WIDTHS[0],
        le=WIDTHS[1],
        only_for=models_with("width"),
    )
    members: int = knob(
        4,
        N_("Members"),
        N_(
            "Networks side by side, each with features of its own, and their scores are added. A mixed committee has so many of each kind."
        ),
        group="essentials",
        unit=N_("networks"),
        step=1,
        ge=MEMBERS[0],
        le=MEMBERS[1],
        only_for=models_with("members"),
    )
    layers: str = knob(
        stack.DEFAULT_LAYERS,
        N_("Layers"),
        N_("The network, layer after layer, separated by slashes. The layer that answers comes by itself."),
        group="essentials",
        max_length=stack.LONGEST_TEXT,
        only_for=models_with("layers"),
    )
    epochs: int = knob(
        10,
        N_("Epochs"),
        N_("How many times the network sees every training image."),
        group="essentials",
        unit=N_("passes"),
        step=1,
        ge=1,
        le=200,
    )
    batch_size: int = knob(
        64,
        N_("Batch size"),
        N_("Images per update. Small batches are noisy and many, large ones smooth and few."),
        group="essentials",
        unit=N_("images"),
        logarithmic=True,
        ge=1,
        le=4096,
    )
    learning_rate: float = knob(
        0.001,
        N_("Learning rate"),
        N_("How far each update moves the weights. The knob that matters most: too small crawls, too large diverges."),
        group="essentials",
        logarithmic=True,
        gt=0,
        le=10,
    )
