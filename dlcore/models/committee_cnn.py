"""Small networks side by side, none of which sees another's values, and whose scores are added."""

from collections.abc import Sequence

from dlcore.models.layers import Dropout, Flatten, Layer, Linear, LogSoftmax, Shape
from dlcore.models.options import ModelOptions, convolution

_WIDTHS = (32, 48, 88)
"""A member's channels on the first, the second and the third scale."""


def layers(*, shape: Shape, classes: int, dropout: float, options: ModelOptions) -> Sequence[Layer]:
    """Members of seven convolutions each, as groups of wider layers; 241,802 parameters a member for 28×28 grey images.

    Shapes of one member for 28×28 grey images: (B, 1, 28, 28) → 32 channels, pooled (B, 32, 14, 14) → 48 → 48 → 48,
    pooled (B, 48, 7, 7) → dropout (half) → 88 → 88 → 88, pooled (B, 88, 3, 3) → flatten (B, 792) → dropout → linear
    (B, 10) → log-softmax. Another normalisation, or none, takes the place of batch normalisation where asked for; layer
    normalisation is over all members together.

    One linear layer over all features adds the members' scores. Members that learned apart become one such network, see
    :func:`dlcore.training.committee.merged`; members that learn together in it share one loss and are less unlike.

    Sources: Hansen and Salamon, "Neural Network Ensembles" (1990); Ciresan, Meier and Schmidhuber, "Multi-column Deep
    Neural Networks for Image Classification" (2012); groups, Krizhevsky, Sutskever and Hinton (2012), section 3.2.
    """
    del shape
    return (
        *features(options, members=options.members, dropout=dropout),
        Dropout("dropout2", dropout),
        Linear("classifier", classes),
        LogSoftmax("log_softmax"),
    )


def features(options: ModelOptions, *, members: int, dropout: float) -> tuple[Layer, ...]:
    """What comes before the second dropout, of so many ``members`` side by side."""
    first, second, third = (members * width for width in _WIDTHS)
    return (
        *convolution("stem", first, options, pooled=True),  # all see the image
        *convolution("conv2", second, options, groups=members),
        *convolution("conv3", second, options, groups=members),
        *convolution("conv4", second, options, groups=members, pooled=True),
        Dropout("dropout1", dropout / 2),
        *convolution("conv5", third, options, groups=members),
        *convolution("conv6", third, options, groups=members),
        *convolution("conv7", third, options, groups=members, pooled=True),
        Flatten("flatten"),
    )
