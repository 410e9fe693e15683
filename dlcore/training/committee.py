"""Networks that learned apart, as one network that answers with the mean of their scores.

Source: Lakshminarayanan, Pritzel and Blundell, "Simple and Scalable Predictive Uncertainty Estimation using Deep
Ensembles" (2017); the mean is of scores here, which makes the geometric mean of probabilities.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dlcore.models.mixed_committee_cnn import PARTS


def merged(members: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The weights of a network with all ``members``, each given by the weights of one with a single member.

    Its convolutions and normalisations hold theirs side by side, so each works as it did; its linear layer sees the
    features of all, and adds what theirs would have said, divided by their number. The count of batches that a
    normalisation has seen is the first one's. Not for layer normalisation, which would be over all of them together.

    Raises:
        ValueError: there is none, or they are not of the same layers.
    """
    if not members or any(member.keys() != members[0].keys() for member in members):
        raise ValueError("a committee needs members of the same layers")
    together = {}
    for name, first in members[0].items():
        parts = [member[name] for member in members]
        if name == "classifier.weight":
            together[name] = torch.cat(parts, dim=1) / len(parts)
        elif name == "classifier.bias":
            together[name] = torch.stack(parts).mean(0)
        else:
            together[name] = torch.cat(parts) if first.dim() else first  # else that count
    return together


def mixed(committees: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The weights of ``mixed-committee-cnn``: those that :func:`merged` gave for each of its branches, the same number of
    members in each.

    Raises:
        ValueError: the branches are others, or not of the same number of members.
    """
    if committees.keys() != PARTS.keys():
        raise ValueError(f"a mixed committee has the branches {', '.join(PARTS)}")
    if len({committee["classifier.weight"].shape for committee in committees.values()}) != 1:
        raise ValueError("a mixed committee has as many members of the one kind as of the other")
    together = {
        f"branches.{branch}.{name}": tensor
        for branch in PARTS
        for name, tensor in committees[branch].items()
        if not name.startswith("classifier.")
    }
    parts = [committees[branch] for branch in PARTS]
    together["classifier.weight"] = torch.cat([part["classifier.weight"] for part in parts], dim=1) / len(parts)
    together["classifier.bias"] = torch.stack([part["classifier.bias"] for part in parts]).mean(0)
    return together
