"""Labels made wrong on purpose, to see a network learn by heart."""

import torch
from torch import Tensor


def with_wrong_labels(
    labels: Tensor, indices: Tensor, *, share: float, classes: int, generator: torch.Generator
) -> Tensor:
    """A copy of ``labels`` int64 (N,) in which ``share`` of those at ``indices`` name another class, any as likely.

    Source: Zhang et al., "Understanding Deep Learning Requires Rethinking Generalization" (2017), section 2.
    """
    count = round(share * len(indices))
    chosen = indices[torch.randperm(len(indices), generator=generator)[:count]]
    wrong = labels.clone()
    wrong[chosen] = (labels[chosen] + torch.randint(1, classes, (count,), generator=generator)) % classes
    return wrong
