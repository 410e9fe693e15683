"""The registry of architectures. Importing it costs no torch: an entry names the function that builds the network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from dlcore.messages import N_

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """What is known of an architecture before it is built."""

    title: str
    summary: str
    builder: str
    """``"module:function"``; the function is called as ``build(in_channels=, image_size=, classes=, dropout=)``."""

    def build(self, *, in_channels: int, image_size: int, classes: int, dropout: float) -> "nn.Module":
        """A freshly initialised network that maps float images (B, C, H, W) to log-probabilities (B, classes)."""
        module, function = self.builder.split(":")
        build: Callable[..., nn.Module] = getattr(import_module(module), function)
        return build(in_channels=in_channels, image_size=image_size, classes=classes, dropout=dropout)


MODELS: Mapping[str, ModelSpec] = {
    "article-cnn": ModelSpec(
        title=N_("The article's CNN"),
        summary=N_(
            "Two convolutions and two linear layers, 1.2 million parameters: the network of the article, exactly."
        ),
        builder="dlcore.models.article_cnn:build",
    ),
    "compact-cnn": ModelSpec(
        title=N_("Compact CNN"),
        summary=N_(
            "Convolutions with batch normalisation that pool early: far fewer multiplications, better accuracy."
        ),
        builder="dlcore.models.compact_cnn:build",
    ),
    "sprint-cnn": ModelSpec(
        title=N_("Sprint CNN"),
        summary=N_(
            "Three small convolutions, each pooled at once: a sixth of the article's arithmetic, made for a hurry."
        ),
        builder="dlcore.models.sprint_cnn:build",
    ),
    "resnet-small": ModelSpec(
        title=N_("Small ResNet"),
        summary=N_(
            "Fourteen layers that each correct what they are given, by He et al. (2016): deep, accurate and slow."
        ),
        builder="dlcore.models.resnet_small:build",
    ),
    "lenet5": ModelSpec(
        title=N_("LeNet-5"),
        summary=N_("The classic by LeCun et al. (1998), with tanh and average pooling: 62 thousand parameters."),
        builder="dlcore.models.lenet5:build",
    ),
    "mlp": ModelSpec(
        title=N_("Multilayer perceptron"),
        summary=N_("Two hidden layers of 128 neurons: no idea of neighbouring pixels, still surprisingly good."),
        builder="dlcore.models.mlp:build",
    ),
    "linear": ModelSpec(
        title=N_("Linear (softmax regression)"),
        summary=N_("One layer, no hidden neurons: the baseline that every deeper network has to beat."),
        builder="dlcore.models.linear:build",
    ),
}
