"""A network of the visitor's own layers."""

from collections.abc import Sequence

from dlcore.models import stack
from dlcore.models.layers import Layer, Shape
from dlcore.models.options import ModelOptions


def layers(*, shape: Shape, classes: int, dropout: float, options: ModelOptions) -> Sequence[Layer]:
    """What the text ``options.layers`` says, then a linear layer to the classes and log-softmax.

    Raises:
        UserError: the text cannot be read, a layer cannot take what reaches it, or the network is larger than a shared
            server can train; with the layer's number, the reason and the remedy.
    """
    items = stack.parse(options.layers)
    network = stack.layers(items, in_channels=shape[0], classes=classes, dropout=dropout)
    stack.check(items, network, shape)
    return network
