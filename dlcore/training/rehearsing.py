"""A second of training to know its speed, and a hundred updates at rising learning rates; the network is thrown away."""

import math
import time

import torch

from dlcore.config import TrainConfig
from dlcore.data.loading import Dataset, load
from dlcore.data.randomness import generator
from dlcore.rehearsal import (
    CALIBRATION_SECONDS,
    EVALUATED,
    FAR_UP,
    TEST_SECONDS,
    Rehearsal,
    rising_rates,
    smoothed,
    suggest,
)
from dlcore.training import loop
from dlcore.training.evaluation import log_probabilities
from dlcore.training.events import Stepped
from dlcore.training.precision import prepare_kernels
from dlcore.training.state import TrainingState, use_threads
from dlcore.training.telemetry import StepMeter

_WARM_UP = 2
"""The first updates are slower than all others."""


def measure(config: TrainConfig, dataset: Dataset | None = None) -> Rehearsal:
    """How fast ``config`` trains and judges here, and how its loss falls at which learning rate."""
    threads = use_threads(config)
    config = config.model_copy(update={"schedule": "constant"})
    dataset = dataset or load(config.dataset, own_images=config.own_images, classes=config.classes)
    updates, seconds, images = _calibrate(config, dataset)
    start = time.perf_counter()
    looked_at = dataset.train_images[:EVALUATED]
    log_probabilities(TrainingState.create(config, dataset).model, looked_at)
    judged = len(looked_at) / max(1e-9, time.perf_counter() - start)
    rates, losses = _range_test(config, dataset)
    return Rehearsal(
        updates=updates,
        seconds=round(seconds, 3),
        images_per_second=round(images / seconds, 1),
        judged_per_second=round(judged, 1),
        threads=threads,
        rates=rates,
        losses=[float(f"{loss:.5g}") for loss in losses],
        suggested=suggest(rates, losses),
    )


class _Batches:
    """Updates of a fresh network, one batch after the other."""

    def __init__(self, config: TrainConfig, dataset: Dataset) -> None:
        self.state = TrainingState.create(config, dataset)
        prepare_kernels(config.precision, self.state.device)
        self._images = dataset.train_images.to(self.state.device)
        self._labels = dataset.train_labels.to(self.state.device)
        self._meter = StepMeter(self.state.network)
        self._order = torch.empty(0, dtype=torch.int64)

    def update(self) -> Stepped:
        size = self.state.config.batch_size
        if len(self._order) < min(size, len(self.state.train_indices)):
            draw = torch.randperm(
                len(self.state.train_indices), generator=generator(self.state.config.seed, "rehearsal", self.state.step)
            )
            self._order = torch.cat([self._order, self.state.train_indices[draw]])
        chosen, self._order = self._order[:size].to(self.state.device), self._order[size:]
        return loop.update(self.state, self._images[chosen], self._labels[chosen], 1, self._meter)


def _calibrate(config: TrainConfig, dataset: Dataset) -> tuple[int, float, int]:
    """Updates, seconds, and images; after a warm-up."""
    batches = _Batches(config, dataset)
    size = min(config.batch_size, len(batches.state.train_indices))
    for _ in range(_WARM_UP):
        batches.update()
    start, updates = time.perf_counter(), 0
    while (seconds := time.perf_counter() - start) < CALIBRATION_SECONDS or not updates:
        batches.update()
        updates += 1
    return updates, seconds, updates * size


def _range_test(config: TrainConfig, dataset: Dataset) -> tuple[list[float], list[float]]:
    """The rates that were tried and the smoothed loss at each, until it was far up or the time was."""
    batches, losses = _Batches(config, dataset), list[float]()
    rates, tried = rising_rates(), list[float]()
    start = time.perf_counter()
    for rate in rates:
        batches.state.learning_rate = rate
        stepped = batches.update()
        if not (math.isfinite(stepped.loss) and math.isfinite(stepped.gradient_norm or 0.0)):
            break
        losses.append(stepped.loss)
        tried.append(rate)
        smooth = smoothed(losses)
        if smooth[-1] > FAR_UP * min(smooth) or time.perf_counter() - start > TEST_SECONDS:
            break
    return tried, smoothed(losses)
