"""Small networks side by side, none of which sees another's values, and whose scores are added."""

from collections.abc import Sequence

from dlcore.models.layers import Activation, Convolution, Dropout, Flatten, Layer, Linear, LogSoftmax, MaxPooling, Shape
from dlcore.models.options import ModelOptions, group, normalization

_WIDTHS = (32, 48, 88)
"""A member's channels on the first, the second and the third scale."""


def layers(*, shape: Shape, classes: int, dropout: float, options: ModelOptions) -> Sequence[Layer]:
    """Members of seven convolutions each, as groups of wider layers; 243,402 parameters a member for 28×28 grey images.

    Shapes of one member for 28×28 grey images: (B, 1, 28, 28) → 32 channels, pooled (B, 32, 14, 14) → 48 → 48 → 48,
    pooled (B, 48, 7, 7) → dropout (half) → 88 → 88 → 88, pooled (B, 88, 3, 3) → flatten (B, 792) → dropout → linear
    (B, 10) → log-softmax. Pooling comes before normalisation, which so has a quarter of the work. Another
    normalisation, or none, takes the place of batch normalisation where asked for.

    One linear layer over all features adds the members' scores. Members that learned apart become one such network, see
    :func:`dlcore.training.committee.merged`; members that learn together in it share one loss and are less unlike.

    Sources: Hansen and Salamon, "Neural Network Ensembles" (1990); Ciresan, Meier and Schmidhuber, "Multi-column Deep
    Neural Networks for Image Classification" (2012); groups, Krizhevsky, Sutskever and Hinton (2012), section 3.2.
    """
    del shape
    return (
        *features(dropout, options),
        Dropout("dropout2", dropout),
        Linear("classifier", classes),
        LogSoftmax("log_softmax"),
    )


def features(dropout: float, options: ModelOptions) -> tuple[Layer, ...]:
    """What comes before the second dropout."""
    norm, members = options.normalized("batch"), options.members

    def convolution(name: str, width: int, *, pooled: bool = False, groups: int = members) -> tuple[Layer, ...]:
        """3×3, pooled where asked for, normalised, ReLU."""
        return group(
            name,
            Convolution("", width * members, 3, padding=1, bias=norm != "batch", groups=groups),
            *((MaxPooling("", 2),) if pooled else ()),
            *normalization("", norm),
            Activation("", options.activation, in_place=norm != "none"),
        )

    first, second, third = _WIDTHS
    return (
        *convolution("stem", first, pooled=True, groups=1),  # all see the image
        *convolution("conv2", second),
        *convolution("conv3", second),
        *convolution("conv4", second, pooled=True),
        Dropout("dropout1", dropout / 2),
        *convolution("conv5", third),
        *convolution("conv6", third),
        *convolution("conv7", third, pooled=True),
        Flatten("flatten"),
    )
