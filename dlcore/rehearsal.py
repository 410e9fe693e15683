"""Before a run: how long it will take, by a second of training, and which learning rate suits it, by a range test.

``python -m dlcore rehearse`` does both in a process of its own, for a page that must not load torch, and throws the
network away. What came out lies in ``rehearsals/<key>.json`` of :func:`~dlcore.home.home`, where the key is made of the
settings that it depends on. Nothing here imports torch before it rehearses.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dlcore import atomic
from dlcore.config import TrainConfig
from dlcore.data.availability import available
from dlcore.data.split import split_counts
from dlcore.elsewhere import Bench, command
from dlcore.home import home
from dlcore.messages import N_, UserError

CALIBRATION_SECONDS = 1.0
LEAST_RATE, HIGHEST_RATE = 1e-6, 10.0
RATES = 120
"""Updates of a range test, each at a higher learning rate,"""
TEST_SECONDS = 12.0
"""and the longest that they may take."""
FAR_UP = 3.0
"""A loss of so many times the lowest ends the range test."""
_MEMORY = 0.85
"""Of the moving average that smooths its losses."""
EVALUATED = 512
"""Images that the speed of evaluations is measured on."""
_TRAIN_SAMPLE = 5_000
"""Of the training images an epoch's evaluation looks at no more than this, see :mod:`dlcore.training.loop`."""
_IRRELEVANT = {
    "epochs",
    "seed",
    "target_accuracy",
    "early_stopping",
    "early_stopping_metric",
    "time_budget",
    "schedule",
}
_IRRELEVANT |= {"learning_rate"}
_KEPT = 200


class Rehearsal(BaseModel):
    """What was measured."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    updates: int = Field(ge=1)
    seconds: float = Field(gt=0)
    """That these updates took."""
    images_per_second: float = Field(gt=0)
    judged_per_second: float = Field(gt=0)
    """Images that an evaluation looks at in a second."""
    threads: int = Field(ge=1)
    rates: list[float] = Field(default=[], max_length=RATES)
    """Of the range test, rising,"""
    losses: list[float] = Field(default=[], max_length=RATES)
    """and the smoothed loss at each."""
    suggested: float | None = None
    """The rate at which the loss fell most steeply; None where it never fell clearly."""


def estimated_seconds(config: TrainConfig, found: Rehearsal) -> float:
    """How long a whole run takes at these speeds, its evaluations and its test included; loading is not."""
    data = config.data()
    learned_from, held_back = split_counts(
        data.train_count,
        validation_fraction=config.validation_fraction,
        train_fraction=config.train_fraction,
        held_back=data.held_back,
    )
    looked_at = held_back + min(held_back, learned_from, _TRAIN_SAMPLE)
    learning = config.epochs * learned_from / found.images_per_second
    if config.time_budget:
        learning = min(learning, 60 * config.time_budget)
    return learning + ((config.epochs + 1) * looked_at + data.test_count) / found.judged_per_second


def suggest(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """The rate where the smoothed loss falls most steeply over the logarithm of the rate; None where it hardly falls.

    Source: Smith, "Cyclical Learning Rates for Training Neural Networks" (2017), section 3.3; the steepest point as in
    Howard and Gugger, "fastai: A Layered API for Deep Learning" (2020).
    """
    if len(losses) < 10 or min(losses) > 0.9 * losses[0]:
        return None
    lowest = losses.index(min(losses))
    reach = max(2, len(losses) // 20)
    slopes = {
        place: (losses[min(len(losses) - 1, place + reach)] - losses[max(0, place - reach)])
        for place in range(reach, max(reach + 1, lowest))
    }
    steepest = min(slopes, key=slopes.__getitem__)
    lag = round(1 / (1 - _MEMORY)) - 1  # an average tells of what was some updates ago
    return float(f"{rates[max(0, steepest - lag)]:.1g}")


def request(config: TrainConfig) -> Rehearsal | None:
    """What was measured for ``config`` if it was; else None, and a process measures it. Ask again in a moment.

    One process measures at a time, for all visitors and servers of one folder.

    Raises:
        UserError: it cannot be measured, or too many others are being measured; the next time this is asked for it is
            tried again.
    """
    found = look_up(config)
    if found is not None:
        return found
    _expect_images(config)
    if reason := _bench().problem(place(config).name):
        raise UserError(N_("This could not be measured: {reason}"), reason=reason)
    _bench().start(place(config).name, lambda: _rehearse_elsewhere(config))
    return None


def look_up(config: TrainConfig) -> Rehearsal | None:
    """What was measured before; None if nothing was."""
    try:
        return Rehearsal.model_validate_json(place(config).read_bytes())
    except (OSError, ValidationError):
        return None


def is_settled(config: TrainConfig) -> bool:
    """Whether :func:`request` would have an answer."""
    return place(config).is_file() or place(config).name not in _bench().under_way


def place(config: TrainConfig) -> Path:
    """Where the result is or will be."""
    values = {name: value for name, value in config.model_dump().items() if name not in _IRRELEVANT}
    key = hashlib.sha256(json.dumps([1, values], sort_keys=True).encode()).hexdigest()[:32]
    return _folder() / f"{key}.json"


def rehearse(config: TrainConfig) -> Rehearsal:
    """Measure here and now, downloading nothing, and keep the result.

    Raises:
        UserError: the dataset is not at hand or cannot be read.
    """
    _expect_images(config)
    from dlcore.training.rehearsing import measure  # noqa: PLC0415  # torch

    found = measure(config)
    _folder().mkdir(parents=True, exist_ok=True)
    atomic.write(place(config), found.model_dump_json())
    _sweep()
    return found


def _expect_images(config: TrainConfig) -> None:
    if not available(config.dataset, own_images=config.own_images):
        raise UserError(N_("The images are not at hand yet: the first run downloads them."))


@cache
def _bench() -> Bench:
    return Bench("rehearsal")


def _rehearse_elsewhere(config: TrainConfig) -> UserError | None:
    """Wait for a process that measures; why it did not, or None."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in config.model_dump().items()]
    return command(["rehearse", *options], made=place(config))


def _sweep() -> None:
    kept = sorted(_folder().glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[_KEPT:]:
        with suppress(OSError):
            path.unlink()


def _folder() -> Path:
    return home() / "rehearsals"


def rising_rates() -> list[float]:
    """The learning rates of a range test, equal factors apart."""
    step = math.log(HIGHEST_RATE / LEAST_RATE) / (RATES - 1)
    return [float(f"{LEAST_RATE * math.exp(step * number):.6g}") for number in range(RATES)]


def smoothed(losses: Sequence[float]) -> list[float]:
    """A moving average that is not drawn towards zero at first (Kingma and Ba, "Adam" (2015), section 3)."""
    average, found = 0.0, []
    for number, loss in enumerate(losses, start=1):
        average = _MEMORY * average + (1 - _MEMORY) * loss
        found.append(average / (1 - _MEMORY**number))
    return found
