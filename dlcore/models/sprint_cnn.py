"""The network for a hurry: three small convolutions, each pooled at once."""

from collections.abc import Sequence

from dlcore.models.layers import Dropout, Flatten, Layer, Linear, LogSoftmax, Shape
from dlcore.models.options import ModelOptions, convolution

_WIDTHS = (16, 32, 64)


def layers(*, shape: Shape, classes: int, dropout: float, options: ModelOptions) -> Sequence[Layer]:
    """Three convolutions and a linear layer; 29,178 parameters for 28×28 grey images and ten classes.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → 16 channels, pooled (B, 16, 14, 14) → 32 (B, 32, 7, 7) → dropout
    (half) → 64 (B, 64, 3, 3) → flatten (B, 576) → dropout → linear (B, 10) → log-softmax. An image costs 1.9 million
    multiply-adds, where the article's network takes 12 million. Another normalisation, or none, takes the place of
    batch normalisation where asked for.

    Source: pooling right after each convolution for the sake of speed, github.com/tuomaso/train_mnist_fast.
    """
    del shape
    first, second, third = _WIDTHS
    return (
        *convolution("conv1", first, options, pooled=True),
        *convolution("conv2", second, options, pooled=True),
        Dropout("dropout1", dropout / 2),
        *convolution("conv3", third, options, pooled=True),
        Flatten("flatten"),
        Dropout("dropout2", dropout),
        Linear("classifier", classes),
        LogSoftmax("log_softmax"),
    )
