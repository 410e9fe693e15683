"""Softmax regression: the straight line among the networks."""

from collections import OrderedDict

from torch import nn


def build(*, in_channels: int, image_size: int, classes: int, dropout: float) -> nn.Module:
    """One linear layer; 7,850 parameters for 28×28 grey images and ten classes.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → flatten (B, 784) → linear (B, 10) → log-softmax. There is no
    hidden layer to silence neurons of, and dropping pixels would be another thing, so ``dropout`` changes nothing.

    Source: Bishop, "Pattern Recognition and Machine Learning" (2006), section 4.3.4, multiclass logistic regression.
    """
    del dropout
    layers: list[tuple[str, nn.Module]] = [
        ("flatten", nn.Flatten()),
        ("classifier", nn.Linear(in_channels * image_size * image_size, classes)),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return nn.Sequential(OrderedDict(layers))
