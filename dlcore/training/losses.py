"""The loss that training lowers."""

import torch.nn.functional as F
from torch import Tensor


def training_loss(log_probabilities_BK: Tensor, labels_B: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Mean negative log-likelihood per image, in nats; the labels may be smoothed.

    With smoothing ε the target is 1 − ε + ε/K for the true class and ε/K for every other, so the loss is
    ``(1 − ε) · nll + ε · mean over classes of −log p``. Evaluation never smooths.

    Source: Szegedy et al., "Rethinking the Inception Architecture" (2016), section 7.
    """
    loss = F.nll_loss(log_probabilities_BK, labels_B)
    if label_smoothing == 0:
        return loss
    return (1 - label_smoothing) * loss - label_smoothing * log_probabilities_BK.mean()
