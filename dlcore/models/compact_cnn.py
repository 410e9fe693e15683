"""A small convolutional network that pools early: most of its arithmetic happens on 14×14 and 7×7 pixels."""

from collections.abc import Sequence

from dlcore.models.layers import Dropout, Flatten, Layer, Linear, LogSoftmax, MaxPooling, Shape
from dlcore.models.options import ModelOptions, convolution

WIDTHS = (32, 48, 96)
"""Channels on the first, the second and the third scale."""


def layers(
    *, shape: Shape, classes: int, dropout: float, options: ModelOptions, widths: tuple[int, int, int] = WIDTHS
) -> Sequence[Layer]:
    """Five convolutions with batch normalisation and a linear layer.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → 32 channels → pool (B, 32, 14, 14) → 48 → 48 → pool (B, 48, 7, 7)
    → dropout (half) → 96 → 96 → pool (B, 96, 3, 3) → flatten (B, 864) → dropout → linear (B, 10) → log-softmax.
    Another normalisation, or none, takes the place of batch normalisation where asked for.

    Sources: stacked 3×3 convolutions between poolings are VGG's (Simonyan and Zisserman 2014, section 2.1); batch
    normalisation before each ReLU is Ioffe and Szegedy's (2015, section 3.2).
    """
    del shape
    first, second, third = widths
    return (
        *convolution("stem", first, options),
        MaxPooling("pool1", 2),
        *convolution("conv2", second, options),
        *convolution("conv3", second, options),
        MaxPooling("pool2", 2),
        Dropout("dropout1", dropout / 2),
        *convolution("conv4", third, options),
        *convolution("conv5", third, options),
        MaxPooling("pool3", 2),
        Flatten("flatten"),
        Dropout("dropout2", dropout),
        Linear("classifier", classes),
        LogSoftmax("log_softmax"),
    )
