"""The loss that training lowers."""

import torch.nn.functional as F
from torch import Tensor


def training_loss(
    log_probabilities_BK: Tensor, labels_B: Tensor, label_smoothing: float = 0.0, *, loss: str = "cross-entropy"
) -> Tensor:
    """Mean loss per image; the labels may be smoothed, which evaluation never does.

    With smoothing ε the target q is 1 − ε + ε/K for the true class and ε/K for every other. ``cross-entropy`` is
    ``−Σ q log p`` over the classes, in nats; ``mse`` is ``Σ (q − p)²``, between 0 and 2.

    Sources: smoothing, Szegedy et al., "Rethinking the Inception Architecture" (2016), section 7; the squared error of
    probabilities, Brier, "Verification of Forecasts Expressed in Terms of Probability" (1950).
    """
    if loss == "mse":
        classes = log_probabilities_BK.shape[1]
        target_BK = F.one_hot(labels_B, classes) * (1 - label_smoothing) + label_smoothing / classes
        return (log_probabilities_BK.exp() - target_BK).square().sum(1).mean()
    nll = F.nll_loss(log_probabilities_BK, labels_B)
    if label_smoothing == 0:
        return nll
    return (1 - label_smoothing) * nll - label_smoothing * log_probabilities_BK.mean()
