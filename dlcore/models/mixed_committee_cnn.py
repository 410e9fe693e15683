"""Two committees of unlike members, whose scores are added: what one kind misreads, the other often does not."""

from collections.abc import Sequence

from dlcore.models import committee_cnn, large_kernel_cnn
from dlcore.models.layers import Branches, Dropout, Layer, Linear, LogSoftmax, Shape
from dlcore.models.options import ModelOptions

PARTS = {"small": "committee-cnn", "large": "large-kernel-cnn"}
"""The branches, by the size of their kernels, and the architecture that a member of each has when it learns apart."""


def layers(*, shape: Shape, classes: int, dropout: float, options: ModelOptions) -> Sequence[Layer]:
    """So many members of ``committee-cnn`` as asked for beside as many of ``large-kernel-cnn``.

    Shapes for 28×28 grey images and four members of each kind: (B, 1, 28, 28) → (B, 3168) of the one and (B, 3584) of
    the other, one behind the other (B, 6752) → dropout → linear (B, 10) → log-softmax. Members that learned apart
    become one such network, see :func:`dlcore.training.committee.mixed`.

    Source: as for ``large-kernel-cnn``, whose authors mix three kinds.
    """
    members = options.members
    small = committee_cnn.features(options, members=members, dropout=dropout)
    large = large_kernel_cnn.features(options, shape=shape, members=members)
    return (
        Branches("branches", tuple(zip(PARTS, (small, large), strict=True))),
        Dropout("dropout", dropout),
        Linear("classifier", classes),
        LogSoftmax("log_softmax"),
    )
