"""Few convolutions with large kernels and no pooling: each layer shrinks the image by what its kernel cannot reach."""

from collections.abc import Sequence

from dlcore.models.layers import Activation, Convolution, Dropout, Flatten, Layer, Linear, LogSoftmax, Shape
from dlcore.models.options import ModelOptions, group, normalization

_KERNEL = 7
_WIDTHS = (16, 32, 48, 56)
"""A member's channels."""


def layers(*, shape: Shape, classes: int, dropout: float, options: ModelOptions) -> Sequence[Layer]:
    """Four 7×7 convolutions with batch normalisation and a linear layer; 242,122 parameters for 28×28 grey images.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → (B, 16, 22, 22) → (B, 32, 16, 16) → (B, 48, 10, 10) → (B, 56, 4, 4)
    → flatten (B, 896) → dropout → linear (B, 10) → log-softmax.

    Source: An, Lee, Park, Yang and So, "An Ensemble of Simple Convolutional Neural Network Models for MNIST Digit
    Recognition" (2020), whose M7 has more channels.
    """
    del shape
    return (
        *features(options),
        Dropout("dropout", dropout),
        Linear("classifier", classes),
        LogSoftmax("log_softmax"),
    )


def features(options: ModelOptions, members: int = 1) -> tuple[Layer, ...]:
    """What comes before dropout, of so many ``members`` side by side."""
    norm = options.normalized("batch")
    made: list[Layer] = []
    for place, width in enumerate(_WIDTHS):
        groups = members if place else 1  # all see the image
        made += group(
            f"conv{place + 1}",
            Convolution("", width * members, _KERNEL, bias=norm != "batch", groups=groups),
            *normalization("", norm),
            Activation("", options.activation, in_place=norm != "none"),
        )
    return (*made, Flatten("flatten"))
