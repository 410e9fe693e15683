"""The registry of architectures. Importing it costs no torch: an entry names the function that lists its layers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlcore.messages import N_
from dlcore.models import (
    accurate_cnn,
    article_cnn,
    committee_cnn,
    compact_cnn,
    custom,
    deskewed_cnn,
    lenet5,
    linear,
    mixed_committee_cnn,
    mlp,
    resnet_small,
    sprint_cnn,
)
from dlcore.models.layers import Layer
from dlcore.models.options import ModelOptions
from dlcore.models.table import Row, walk

if TYPE_CHECKING:
    from torch import nn

_NORMALIZED = frozenset({"normalization"})
_SHAPED = frozenset({"activation", "normalization"})


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """What is known of an architecture before it is built."""

    title: str
    summary: str
    layers: Callable[..., Sequence[Layer]]
    """``layers(shape=, classes=, dropout=, options=)``: what it consists of, for images of that shape."""
    settings: frozenset[str] = frozenset()
    """The fields of :class:`~dlcore.models.options.ModelOptions` that it heeds."""

    def table(
        self,
        *,
        in_channels: int,
        image_size: int,
        classes: int,
        dropout: float,
        options: ModelOptions = ModelOptions(),  # noqa: B008  # frozen
    ) -> list[Row]:
        """Layer by layer: shapes, parameters, arithmetic, memory; without torch, before anything is built.

        Raises:
            UserError: a layer cannot take what reaches it; with its number, the reason and the remedy.
        """
        shape = (in_channels, image_size, image_size)
        return walk(self.layers(shape=shape, classes=classes, dropout=dropout, options=options), shape)

    def build(
        self,
        *,
        in_channels: int,
        image_size: int,
        classes: int,
        dropout: float,
        options: ModelOptions = ModelOptions(),  # noqa: B008  # frozen
    ) -> "nn.Module":
        """A freshly initialised network that maps float images (B, C, H, W) to log-probabilities (B, classes).

        Raises:
            UserError: a layer cannot take what reaches it; with its number, the reason and the remedy.
        """
        from dlcore.models.network import network  # noqa: PLC0415  # torch, not before it must

        shape = (in_channels, image_size, image_size)
        layers = self.layers(shape=shape, classes=classes, dropout=dropout, options=options)
        walk(layers, shape)  # says what does not fit, as torch would not
        return network(layers, shape)


MODELS: Mapping[str, ModelSpec] = {
    "article-cnn": ModelSpec(
        title=N_("The article's CNN"),
        summary=N_(
            "Two convolutions and two linear layers, 1.2 million parameters: the network of the article, exactly."
        ),
        layers=article_cnn.layers,
        settings=_SHAPED,
    ),
    "compact-cnn": ModelSpec(
        title=N_("Compact CNN"),
        summary=N_(
            "Convolutions with batch normalisation that pool early: far fewer multiplications, better accuracy."
        ),
        layers=compact_cnn.layers,
        settings=_SHAPED,
    ),
    "accurate-cnn": ModelSpec(
        title=N_("Accurate CNN"),
        summary=N_("The compact one with two thirds more channels: three times its arithmetic, fewer mistakes."),
        layers=accurate_cnn.layers,
        settings=_SHAPED,
    ),
    "committee-cnn": ModelSpec(
        title=N_("Committee of CNNs"),
        summary=N_("Several deeper compact networks side by side, whose scores are added: slow, and seldom wrong."),
        layers=committee_cnn.layers,
        settings=_SHAPED | {"members"},
    ),
    "deskewed-cnn": ModelSpec(
        title=N_("Deskewed CNN"),
        summary=N_(
            "One member of the committee, which first leans each image back until what is on it stands upright."
            " For dark, even grounds."
        ),
        layers=deskewed_cnn.layers,
        settings=_SHAPED,
    ),
    "mixed-committee-cnn": ModelSpec(
        title=N_("Mixed committee"),
        summary=N_(
            "Networks that see the image as it is beside as many that see it leaned back upright: the two err apart."
        ),
        layers=mixed_committee_cnn.layers,
        settings=_SHAPED | {"members"},
    ),
    "sprint-cnn": ModelSpec(
        title=N_("Sprint CNN"),
        summary=N_(
            "Three small convolutions, each pooled at once: a sixth of the article's arithmetic, made for a hurry."
        ),
        layers=sprint_cnn.layers,
        settings=_SHAPED,
    ),
    "resnet-small": ModelSpec(
        title=N_("Small ResNet"),
        summary=N_(
            "Fourteen layers that each correct what they are given, by He et al. (2016): deep, accurate and slow."
        ),
        layers=resnet_small.layers,
        settings=_SHAPED,
    ),
    "lenet5": ModelSpec(
        title=N_("LeNet-5"),
        summary=N_("The classic by LeCun et al. (1998), with tanh and average pooling: 62 thousand parameters."),
        layers=lenet5.layers,
        settings=_NORMALIZED,
    ),
    "mlp": ModelSpec(
        title=N_("Multilayer perceptron"),
        summary=N_(
            "Hidden layers of neurons, as many as you like: no idea of neighbouring pixels, still surprisingly good."
        ),
        layers=mlp.layers,
        settings=_SHAPED | {"depth", "width"},
    ),
    "linear": ModelSpec(
        title=N_("Linear (softmax regression)"),
        summary=N_("One layer, no hidden neurons: the baseline that every deeper network has to beat."),
        layers=linear.layers,
    ),
    "custom": ModelSpec(
        title=N_("Your own layers"),
        summary=N_("Put it together below, layer by layer: shapes and costs are counted while you do."),
        layers=custom.layers,
        settings=frozenset({"layers"}),
    ),
}
