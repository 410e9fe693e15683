"""Networks that learned apart, as one network that answers with the mean of their scores.

Source: Lakshminarayanan, Pritzel and Blundell, "Simple and Scalable Predictive Uncertainty Estimation using Deep
Ensembles" (2017); the mean is of scores here, which makes the geometric mean of probabilities.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def merged(members: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The weights of ``committee-cnn`` with all ``members``, each given by the weights of one with a single member.

    Its convolutions and normalisations hold theirs side by side, so each works as it did; its linear layer sees the
    features of all, and adds what theirs would have said, divided by their number. The count of batches that a
    normalisation has seen is the first one's.

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


def mixed(committees: Mapping[str, tuple[Mapping[str, Tensor], int]]) -> dict[str, Tensor]:
    """The weights of ``mixed-committee-cnn``.

    Args:
        committees: for each branch the weights that :func:`merged` gave, and of how many members. All members' scores
            count alike.
    """
    everyone = sum(count for _weights, count in committees.values())
    together = {
        f"branches.{branch}.{name}": tensor
        for branch, (weights, _count) in committees.items()
        for name, tensor in weights.items()
        if not name.startswith("classifier.")
    }
    shares = [(weights, count / everyone) for weights, count in committees.values()]
    together["classifier.weight"] = torch.cat(
        [share * weights["classifier.weight"] for weights, share in shares], dim=1
    )
    together["classifier.bias"] = torch.stack([share * weights["classifier.bias"] for weights, share in shares]).sum(0)
    return together
