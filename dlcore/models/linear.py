"""Softmax regression: the straight line among the networks."""

from collections.abc import Sequence

from dlcore.models.layers import Flatten, Layer, Linear, LogSoftmax, Shape
from dlcore.models.options import ModelOptions


def layers(*, shape: Shape, classes: int, dropout: float, options: ModelOptions) -> Sequence[Layer]:
    """One linear layer; 7,850 parameters for 28×28 grey images and ten classes.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → flatten (B, 784) → linear (B, 10) → log-softmax. There is no
    hidden layer to silence neurons of, and dropping pixels would be another thing, so ``dropout`` changes nothing.

    Source: Bishop, "Pattern Recognition and Machine Learning" (2006), section 4.3.4, multiclass logistic regression.
    """
    del shape, dropout, options
    return Flatten("flatten"), Linear("classifier", classes), LogSoftmax("log_softmax")
