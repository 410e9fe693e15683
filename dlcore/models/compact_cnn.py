"""A small convolutional network that pools early: most of its arithmetic happens on 14×14 and 7×7 pixels."""

from collections.abc import Sequence

from dlcore.models.layers import Activation, Convolution, Dropout, Flatten, Layer, Linear, LogSoftmax, MaxPooling, Shape
from dlcore.models.options import ModelOptions, group, normalization


def layers(*, shape: Shape, classes: int, dropout: float, options: ModelOptions) -> Sequence[Layer]:
    """Five convolutions with batch normalisation and a linear layer.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → 32 channels → pool (B, 32, 14, 14) → 48 → 48 → pool (B, 48, 7, 7)
    → dropout (half) → 96 → 96 → pool (B, 96, 3, 3) → flatten (B, 864) → dropout → linear (B, 10) → log-softmax.
    Another normalisation, or none, takes the place of batch normalisation where asked for.

    Sources: stacked 3×3 convolutions between poolings are VGG's (Simonyan and Zisserman 2014, section 2.1); batch
    normalisation before each ReLU is Ioffe and Szegedy's (2015, section 3.2).
    """
    del shape
    norm = options.normalized("batch")

    def convolution(name: str, channels: int) -> tuple[Layer, ...]:
        """3×3, normalised, ReLU; the image keeps its size. Batch normalisation brings the bias."""
        return group(
            name,
            Convolution("", channels, 3, padding=1, bias=norm != "batch"),
            *normalization("", norm),
            Activation("", options.activation, in_place=norm != "none"),
        )

    return (
        *convolution("stem", 32),
        MaxPooling("pool1", 2),
        *convolution("conv2", 48),
        *convolution("conv3", 48),
        MaxPooling("pool2", 2),
        Dropout("dropout1", dropout / 2),
        *convolution("conv4", 96),
        *convolution("conv5", 96),
        MaxPooling("pool3", 2),
        Flatten("flatten"),
        Dropout("dropout2", dropout),
        Linear("classifier", classes),
        LogSoftmax("log_softmax"),
    )
