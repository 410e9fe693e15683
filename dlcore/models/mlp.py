"""A multilayer perceptron: pixels as one long list, no idea of which are neighbours."""

from collections import OrderedDict

from torch import nn


def build(*, in_channels: int, image_size: int, classes: int, dropout: float) -> nn.Module:
    """Two hidden layers of 128 neurons; 118,282 parameters for 28×28 grey images and ten classes.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → flatten (B, 784) → linear, ReLU (B, 128) → dropout (half)
    → linear, ReLU (B, 128) → dropout → linear (B, 10) → log-softmax.

    Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors" (1986).
    """
    layers: list[tuple[str, nn.Module]] = [
        ("flatten", nn.Flatten()),
        ("hidden1", nn.Linear(in_channels * image_size * image_size, 128)),
        ("relu1", nn.ReLU()),
        ("dropout1", nn.Dropout(dropout / 2)),
        ("hidden2", nn.Linear(128, 128)),
        ("relu2", nn.ReLU()),
        ("dropout2", nn.Dropout(dropout)),
        ("classifier", nn.Linear(128, classes)),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return nn.Sequential(OrderedDict(layers))
