"""Which of the training images a run learns from, and which it holds back: the same whenever somebody asks again."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dlcore.data.randomness import generator
from dlcore.data.split import split_counts

if TYPE_CHECKING:
    from dlcore.config import TrainConfig


def partition(config: "TrainConfig", count: int, *, held_back: int = 0) -> tuple[Tensor, Tensor]:
    """The rows that a run of ``config`` learns from, and those that it validates with; int64 each, drawn by its seed.

    Args:
        config: of the run.
        count: training images of its dataset.
        held_back: how many of them, the last ones, its dataset itself keeps apart; the run then chooses none.
    """
    order = torch.randperm(count - held_back, generator=generator(config.seed, "split"))
    learned_from, validation = split_counts(
        count,
        validation_fraction=config.validation_fraction,
        train_fraction=config.train_fraction,
        held_back=held_back,
    )
    if held_back:
        return order[:learned_from], torch.arange(count - held_back, count)
    return order[validation : validation + learned_from], order[:validation]
