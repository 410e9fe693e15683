"""A multilayer perceptron: pixels as one long list, no idea of which are neighbours."""

from collections.abc import Sequence

from dlcore.models.layers import Activation, Dropout, Flatten, Layer, Linear, LogSoftmax, Shape
from dlcore.models.options import ModelOptions, normalization


def layers(*, shape: Shape, classes: int, dropout: float, options: ModelOptions) -> Sequence[Layer]:
    """``depth`` hidden layers of ``width`` neurons; by default two of 128, 118,282 parameters for 28×28 grey images.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → flatten (B, 784) → linear, ReLU (B, 128) → dropout (half)
    → linear, ReLU (B, 128) → dropout → linear (B, 10) → log-softmax. With more hidden layers, half the dropout follows
    all but the last of them. A normalisation, where asked for, comes before each activation.

    Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors" (1986).
    """
    del shape
    norm = options.normalized("none")
    made: list[Layer] = [Flatten("flatten")]
    for number in range(1, options.depth + 1):
        made += [
            Linear(f"hidden{number}", options.width, bias=norm != "batch"),
            *normalization(f"norm{number}", norm),
            Activation(f"activation{number}", options.activation),
            Dropout(f"dropout{number}", dropout if number == options.depth else dropout / 2),
        ]
    return (*made, Linear("classifier", classes), LogSoftmax("log_softmax"))
