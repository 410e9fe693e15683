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
    return score(log_probabilities(model, images), labels.cpu(), loss=loss)


def score(log_p: Tensor, labels: Tensor, *, loss: str) -> tuple[float, float]:
    """As :func:`loss_and_accuracy`, of log-probabilities float32 (N, K)."""
    return float(training_loss(log_p, labels, loss=loss)), float((log_p.argmax(1) == labels).float().mean())


def confusion_matrix(log_p_NK: Tensor, labels_N: Tensor) -> list[list[int]]:
    """How many images of each class (row) were taken for each class (column)."""
    classes = log_p_NK.shape[1]
    counts = torch.bincount(labels_N * classes + log_p_NK.argmax(1), minlength=classes * classes)
    matrix: list[list[int]] = counts.view(classes, classes).tolist()
    return matrix


def worst_mistakes(
    log_p_NK: Tensor, labels_N: Tensor, images: Tensor, *, most: int, positions: Tensor | None = None
) -> list[Mistake]:
    """The most confident wrong answers, worst first; ``positions`` says where image i stands in ``images``, if not at i."""
    predictions = log_p_NK.argmax(1)
    wrong = (predictions != labels_N).nonzero().squeeze(1)
    confidence = log_p_NK.gather(1, predictions.unsqueeze(1)).squeeze(1).exp()
    worst = wrong[confidence[wrong].argsort(descending=True, stable=True)][:most]
    places = worst if positions is None else positions[worst]
    return [
        Mistake(
            index=place,
            label=int(labels_N[index]),
            predicted=int(predictions[index]),
            confidence=float(confidence[index]),
            pixels=base64.b64encode(images[place].cpu().numpy().tobytes()).decode("ascii"),
        )
        for index, place in zip(worst.tolist(), places.tolist(), strict=True)
    ]


def judge(
    log_p_NK: Tensor, images: Tensor, labels: Tensor, *, loss: str = "cross-entropy", seconds: float = 0.0
) -> Tested:
    """The result on a whole test set, given its log-probabilities: with the confusion matrix and its surest mistakes."""
    labels = labels.cpu()
    correct = int((log_p_NK.argmax(1) == labels).sum())
    return Tested(
        loss=float(training_loss(log_p_NK, labels, loss=loss)),
        accuracy=correct / len(labels),
        correct=correct,
        count=len(labels),
        confusion=confusion_matrix(log_p_NK, labels),
        mistakes=worst_mistakes(log_p_NK, labels, images, most=_MISTAKES),
        seconds=seconds,
    )
