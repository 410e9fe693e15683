"""Few convolutions with large kernels, and no pooling: what the edge of a window cannot reach falls away."""

from collections.abc import Sequence

from dlcore.models.layers import Dropout, Flatten, Layer, Linear, LogSoftmax, Shape
from dlcore.models.options import ModelOptions, convolution

_KERNEL = 7
_WIDTHS = (16, 32, 48, 56)
"""A member's channels."""
_SIDE = 28
"""Of images whose every pixel the first convolution looks at."""


def layers(*, shape: Shape, classes: int, dropout: float, options: ModelOptions) -> Sequence[Layer]:
    """Four 7×7 convolutions with batch normalisation and a linear layer; 242,122 parameters for 28×28 grey images.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → (B, 16, 22, 22) → (B, 32, 16, 16) → (B, 48, 10, 10) → (B, 56, 4, 4)
    → flatten (B, 896) → dropout → linear (B, 10) → log-softmax. The smallest image has 25×25 pixels; of one twice as
    large, the first convolution skips every second place. Another normalisation, or none, takes the place of batch
    normalisation where asked for.

    Source: An, Lee, Park, Yang and So, "An Ensemble of Simple Convolutional Neural Network Models for MNIST Digit
    Recognition" (2020), whose M7 has more channels.
    """
    return (
        *features(options, shape=shape, members=1),
        Dropout("dropout", dropout),
        Linear("classifier", classes),
        LogSoftmax("log_softmax"),
    )


def features(options: ModelOptions, *, shape: Shape, members: int) -> tuple[Layer, ...]:
    """What comes before dropout, of so many ``members`` side by side."""
    made: list[Layer] = []
    for place, width in enumerate(_WIDTHS):
        made += convolution(
            f"conv{place + 1}",
            members * width,
            options,
            kernel=_KERNEL,
            padding=0,
            stride=1 if place else max(1, shape[1] // _SIDE),
            groups=members if place else 1,  # all see the image
        )
    return (*made, Flatten("flatten"))
