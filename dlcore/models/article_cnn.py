"""The article's network: two convolutions, one pooling, two linear layers."""

from collections.abc import Sequence

from dlcore.models.layers import Activation, Convolution, Dropout, Flatten, Layer, Linear, LogSoftmax, MaxPooling, Shape
from dlcore.models.options import ModelOptions, normalization


def layers(*, shape: Shape, classes: int, dropout: float, options: ModelOptions) -> Sequence[Layer]:
    """The article's digit classifier, layer for layer; 1,199,882 parameters for 28×28 grey images and ten classes.

    The second convolution has no ReLU of its own, in the article as here. Max-pooling follows it, so the network is
    still non-linear between the convolution and the linear layer, but features may be negative there. ``dropout=0.5``
    gives the article's 0.25 after the pooling and 0.5 before the last layer.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → conv1 (B, 32, 26, 26) → ReLU → conv2 (B, 64, 24, 24)
    → max-pool 2 (B, 64, 12, 12) → dropout → flatten (B, 9216) → linear (B, 128) → ReLU → dropout → linear (B, 10)
    → log-softmax, natural logarithms of probabilities. Where a normalisation is asked for, it follows each convolution
    and the first linear layer.

    Source: the article; the same layers stand in PyTorch's own MNIST example (github.com/pytorch/examples, ``mnist/``).
    """
    del shape
    norm = options.normalized("none")
    bias = norm != "batch"
    return (
        Convolution("conv1", 32, 3, bias=bias),
        *normalization("norm1", norm),
        Activation("activation1", options.activation, in_place=True),
        Convolution("conv2", 64, 3, bias=bias),
        *normalization("norm2", norm),
        MaxPooling("pool", 2),
        Dropout("dropout1", dropout / 2),
        Flatten("flatten"),
        Linear("fc1", 128, bias=bias),
        *normalization("norm3", norm),
        Activation("activation2", options.activation),
        Dropout("dropout2", dropout),
        Linear("fc2", classes),
        LogSoftmax("log_softmax"),
    )
