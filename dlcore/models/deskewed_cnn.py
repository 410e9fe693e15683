"""A member of the committee that sees each image leaned back until it stands upright."""

from collections.abc import Sequence

from dlcore.models import committee_cnn
from dlcore.models.layers import Deskewing, Dropout, Layer, Linear, LogSoftmax, Shape
from dlcore.models.options import ModelOptions


def layers(*, shape: Shape, classes: int, dropout: float, options: ModelOptions) -> Sequence[Layer]:
    """Deskewing, then the layers of ``committee-cnn`` with one member; 241,802 parameters for 28×28 grey images.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → leaned back (B, 1, 28, 28) → flat features (B, 792) → dropout → linear
    (B, 10) → log-softmax. Source: as for :class:`~dlcore.models.network._Deskewing`.
    """
    del shape
    return (
        *features(options, members=1, dropout=dropout),
        Dropout("dropout2", dropout),
        Linear("classifier", classes),
        LogSoftmax("log_softmax"),
    )


def features(options: ModelOptions, *, members: int, dropout: float) -> tuple[Layer, ...]:
    """What comes before the second dropout, of so many ``members`` side by side."""
    return (Deskewing("deskewing"), *committee_cnn.features(options, members=members, dropout=dropout))
