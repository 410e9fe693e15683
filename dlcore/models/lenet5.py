"""LeNet-5, the network that read cheques in the 1990s."""

from collections.abc import Sequence

from dlcore.models.layers import (
    Activation,
    AveragePooling,
    Convolution,
    Dropout,
    Flatten,
    Layer,
    Linear,
    LogSoftmax,
    Shape,
)
from dlcore.models.options import ModelOptions, normalization


def layers(*, shape: Shape, classes: int, dropout: float, options: ModelOptions) -> Sequence[Layer]:
    """Two convolutions and three linear layers with tanh; 61,706 parameters for 28×28 grey images and ten classes.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → 6 channels, 5×5, padded as the paper's 32×32 images were
    (B, 6, 28, 28) → tanh → average pool (B, 6, 14, 14) → 16 channels, 5×5 (B, 16, 10, 10) → tanh → average pool
    (B, 16, 5, 5) → dropout (half) → flatten (B, 400) → linear (B, 120) → tanh → linear (B, 84) → tanh → dropout
    → linear (B, 10) → log-softmax. Images need 12×12 pixels at least.

    It is read as everyone reads it today: every channel of the second convolution sees all six of the first, pooling
    has no weights of its own, tanh is not rescaled, and log-softmax stands in for the paper's radial basis functions.
    The paper had no dropout; ``dropout=0`` is its network. Nor had it a normalisation; where one is asked for, it
    comes before each tanh.

    Source: LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition" (1998),
    section II.B.
    """
    del shape
    norm = options.normalized("none")
    bias = norm != "batch"
    return (
        Convolution("conv1", 6, 5, padding=2, bias=bias),
        *normalization("norm1", norm),
        Activation("tanh1", "tanh"),
        AveragePooling("pool1", 2),
        Convolution("conv2", 16, 5, bias=bias),
        *normalization("norm2", norm),
        Activation("tanh2", "tanh"),
        AveragePooling("pool2", 2),
        Dropout("dropout1", dropout / 2),
        Flatten("flatten"),
        Linear("hidden1", 120, bias=bias),
        *normalization("norm3", norm),
        Activation("tanh3", "tanh"),
        Linear("hidden2", 84, bias=bias),
        *normalization("norm4", norm),
        Activation("tanh4", "tanh"),
        Dropout("dropout2", dropout),
        Linear("classifier", classes),
        LogSoftmax("log_softmax"),
    )
