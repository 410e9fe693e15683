"""A small residual network: each block adds a correction to what it was given."""

from collections.abc import Sequence

from dlcore.models.layers import (
    Activation,
    Convolution,
    Dropout,
    Flatten,
    GlobalAveragePooling,
    Layer,
    Linear,
    LogSoftmax,
    Shape,
    residual_block,
)
from dlcore.models.options import ModelOptions, normalization

_WIDTHS = (16, 32, 64)
_BLOCKS_PER_STAGE = 2


def layers(*, shape: Shape, classes: int, dropout: float, options: ModelOptions) -> Sequence[Layer]:
    """Fourteen layers, six of them residual blocks of two; 174,970 parameters for grey images and ten classes.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → convolution, batch normalisation, ReLU (B, 16, 28, 28) → 2 blocks
    (B, 16, 28, 28) → 2 blocks (B, 32, 14, 14) → dropout (half) → 2 blocks (B, 64, 7, 7) → mean over pixels (B, 64)
    → dropout → linear (B, 10) → log-softmax. Any image size will do.

    Source: He et al., "Deep Residual Learning for Image Recognition" (2016), section 4.2 with n = 2, shortcuts by
    option B of section 3.3.
    """
    del shape
    norm, activation = options.normalized("batch"), options.activation
    made: list[Layer] = [
        Convolution("stem", _WIDTHS[0], 3, padding=1, bias=norm != "batch"),
        *normalization("norm", norm),
        Activation("activation", activation, in_place=norm != "none"),
    ]
    channels = _WIDTHS[0]
    for stage, width in enumerate(_WIDTHS, start=1):
        if stage == len(_WIDTHS):
            made.append(Dropout("dropout1", dropout / 2))
        for block in range(1, _BLOCKS_PER_STAGE + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            name = f"stage{stage}_block{block}"
            made.append(
                residual_block(name, channels, width, stride, activation=activation, normalization=norm),
            )
            channels = width
    return (
        *made,
        GlobalAveragePooling("pool"),
        Flatten("flatten"),
        Dropout("dropout2", dropout),
        Linear("classifier", classes),
        LogSoftmax("log_softmax"),
    )
