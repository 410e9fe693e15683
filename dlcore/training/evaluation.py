"""Judging a network: always in eval mode, never changing it."""

import base64

import torch
from torch import Tensor, nn

from dlcore.data.normalization import normalize
from dlcore.training.events import Mistake, Tested
from dlcore.training.losses import training_loss

_BATCH = 32
"""Images at a time: larger batches are no faster here, and they need more memory than a training step."""
_MISTAKES = 20


@torch.no_grad()
def log_probabilities(model: nn.Module, images: Tensor) -> Tensor:
    """Log-probabilities float32 (N, K) on the CPU for images uint8 (N, C, H, W); the model's mode is put back after."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    log_p_NK = torch.empty(0)
    try:
        for start in range(0, len(images), _BATCH):
            log_p_BK = model(normalize(images[start : start + _BATCH].to(device))).cpu()
            if start == 0:
                # One tensor for all: small ones among large ones would keep the large ones' memory from being used again.
                log_p_NK = log_p_BK.new_empty(len(images), log_p_BK.shape[1])
            log_p_NK[start : start + len(log_p_BK)] = log_p_BK
        return log_p_NK
    finally:
        model.train(was_training)


def loss_and_accuracy(
    model: nn.Module, images: Tensor, labels: Tensor, *, loss: str = "cross-entropy"
) -> tuple[float, float]:
    """Mean loss per image, without smoothing, and accuracy in [0, 1]."""
    log_p = log_probabilities(model, images)
    labels = labels.cpu()
    return float(training_loss(log_p, labels, loss=loss)), float((log_p.argmax(1) == labels).float().mean())


def judge(
    model: nn.Module, images: Tensor, labels: Tensor, *, loss: str = "cross-entropy", seconds: float = 0.0
) -> Tested:
    """The result of ``model`` on a whole test set, with the confusion matrix and its most confident mistakes."""
    log_p, labels = log_probabilities(model, images), labels.cpu()
    classes = log_p.shape[1]
    predictions = log_p.argmax(1)
    wrong = (predictions != labels).nonzero().squeeze(1)
    confidence = log_p.gather(1, predictions.unsqueeze(1)).squeeze(1).exp()
    worst = wrong[confidence[wrong].argsort(descending=True, stable=True)][:_MISTAKES]
    counts = torch.bincount(labels * classes + predictions, minlength=classes * classes)
    return Tested(
        loss=float(training_loss(log_p, labels, loss=loss)),
        accuracy=(len(labels) - len(wrong)) / len(labels),
        correct=len(labels) - len(wrong),
        count=len(labels),
        confusion=counts.view(classes, classes).tolist(),
        mistakes=[
            Mistake(
                index=index,
                label=int(labels[index]),
                predicted=int(predictions[index]),
                confidence=float(confidence[index]),
                pixels=base64.b64encode(images[index].cpu().numpy().tobytes()).decode("ascii"),
            )
            for index in worst.tolist()
        ],
        seconds=seconds,
    )
