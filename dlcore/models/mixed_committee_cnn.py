"""Two committees that see each image in two ways, and whose scores are added: what one misreads, the other often does not."""

from collections.abc import Sequence

from dlcore.models import committee_cnn, deskewed_cnn
from dlcore.models.layers import Branches, Dropout, Layer, Linear, LogSoftmax, Shape
from dlcore.models.options import ModelOptions

BRANCHES = "branches"
"""The name of the layer that holds both."""
PARTS = {"plain": "committee-cnn", "deskewed": "deskewed-cnn"}
"""The branches, and the architecture that a member of each has when it learns apart."""


def layers(*, shape: Shape, classes: int, dropout: float, options: ModelOptions) -> Sequence[Layer]:
    """So many members of ``committee-cnn`` as asked for beside as many of ``deskewed-cnn``.

    Shapes for 28×28 grey images and four members of each kind: (B, 1, 28, 28) → (B, 3168) of the ones and (B, 3168) of
    the others, one after the other (B, 6336) → dropout → linear (B, 10) → log-softmax. Members that learned apart become
    one such network, see :func:`dlcore.training.committee.mixed`.

    Source: Ciresan, Meier, Gambardella and Schmidhuber, "Convolutional Neural Network Committees For Handwritten Character
    Classification" (2011), whose members see images of several widths.
    """
    del shape
    committees = {
        "plain": committee_cnn.features(options, members=options.members, dropout=dropout),
        "deskewed": deskewed_cnn.features(options, members=options.members, dropout=dropout),
    }
    return (
        Branches(BRANCHES, tuple((name, committees[name]) for name in PARTS)),
        Dropout("dropout", dropout),
        Linear("classifier", classes),
        LogSoftmax("log_softmax"),
    )
