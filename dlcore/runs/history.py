"""The events of a run, reduced to what a page shows. Fed piece by piece, it never starts over. Nothing imports torch."""

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dlcore.training.events import Ended, Evaluated, Event, Preparing, Resumed, Started, Steered, Stepped, Tested, known

RATE_SECONDS = 5.0
"""The speed shown is the mean over this much training time."""


@dataclass(slots=True)
class Steps:
    """The updates as columns of equal length, ready for a chart: numpy reads them where they lie."""

    step: "array[int]" = field(default_factory=lambda: array("q"))
    epoch: "array[int]" = field(default_factory=lambda: array("q"))
    loss: "array[float]" = field(default_factory=lambda: array("d"))
    learning_rate: "array[float]" = field(default_factory=lambda: array("d"))
    images_seen: "array[int]" = field(default_factory=lambda: array("q"))
    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    gradient_norm: "array[float]" = field(default_factory=lambda: array("d"))
    """Not a number where it was not measured, as in runs of before, and the next one too."""
    update_ratio: "array[float]" = field(default_factory=lambda: array("d"))

    def __len__(self) -> int:
        return len(self.step)

    def _append(self, event: Stepped) -> None:
        self.step.append(event.step)
        self.epoch.append(event.epoch)
        self.loss.append(event.loss)
        self.learning_rate.append(event.learning_rate)
        self.images_seen.append(event.images_seen)
        self.seconds.append(event.seconds)
        self.gradient_norm.append(math.nan if event.gradient_norm is None else event.gradient_norm)
        ratio = known(event.update_ratio)
        self.update_ratio.append(math.nan if ratio is None else ratio)

    def _keep(self, count: int) -> None:
        columns = (self.step, self.epoch, self.loss, self.learning_rate, self.images_seen, self.seconds)
        for column in (*columns, self.gradient_norm, self.update_ratio):
            del column[count:]

    def images_per_second(self) -> NDArray[np.float64]:
        """The speed of each update, or of those since the entry before; not a number where no time passed."""
        images, seconds = np.diff(self.images_seen, prepend=0), np.diff(self.seconds, prepend=0.0)
        speeds = np.full(len(images), np.nan)
        np.divide(images, seconds, out=speeds, where=seconds > 0)
        return speeds


@dataclass(slots=True)
class RunHistory:
    """What is known of a run so far."""

    preparing: Preparing | None = None
    """The latest news of the data being fetched and read."""
    started: Started | None = None
    steps: Steps = field(default_factory=Steps)
    evaluations: list[Evaluated] = field(default_factory=list)
    """One an epoch, the untrained network's first."""
    tested: Tested | None = None
    ended: Ended | None = None
    resumed: list[int] = field(default_factory=list)
    """The steps from which the run was continued after an interruption."""
    notice: Resumed | None = None
    """The latest continuation that found files damaged, with what it has to say of them."""
    steered: list[Steered] = field(default_factory=list)
    """The commands that were obeyed, in their order."""

    def append(self, events: Iterable[Event]) -> None:
        """Take in what is new, in the order of the log."""
        for event in events:
            self._append(event)

    def _append(self, event: Event) -> None:
        match event:
            case Stepped():
                if self.steps.step and self.steps.step[-1] >= event.step:
                    self._forget(before=event.step)
                self.steps._append(event)  # noqa: SLF001  # the columns grow here and nowhere else
            case Evaluated():
                self._evaluate(event)
            case Preparing():
                self.preparing = event
            case Started():
                self.started = event
            case Tested():
                self.tested = event
            case Ended():
                self.ended = event
            case Steered():
                self._steer(event)
            case Resumed():
                self._forget(before=event.step + 1)
                self.resumed.append(event.step)
                self.notice = event if event.message else self.notice

    def _evaluate(self, event: Evaluated) -> None:
        while self.evaluations and self.evaluations[-1].step >= event.step:
            self.evaluations.pop()  # said again by a worker that continued from just before
        self.evaluations.append(event)

    def _steer(self, event: Steered) -> None:
        # Obeyed again by a worker that continued from before, a command keeps its number.
        self.steered = [*(earlier for earlier in self.steered if earlier.command != event.command), event]

    def _forget(self, *, before: int) -> None:
        """Keep only what came before step ``before``: the rest will be told again."""
        self.steps._keep(bisect_left(self.steps.step, before))  # noqa: SLF001
        self.evaluations = [evaluated for evaluated in self.evaluations if evaluated.step < before]
        self.steered = [steered for steered in self.steered if steered.step < before]
        self.tested = self.ended = None

    @property
    def latest(self) -> Stepped | None:
        """The newest update."""
        steps = self.steps
        if not steps.step:
            return None
        return Stepped(
            step=steps.step[-1],
            epoch=steps.epoch[-1],
            loss=steps.loss[-1],
            learning_rate=steps.learning_rate[-1],
            images_seen=steps.images_seen[-1],
            seconds=steps.seconds[-1],
            gradient_norm=None if math.isnan(steps.gradient_norm[-1]) else steps.gradient_norm[-1],
            update_ratio=None if math.isnan(steps.update_ratio[-1]) else steps.update_ratio[-1],
        )

    @property
    def changes(self) -> list[Steered]:
        """The commands that changed a value, in their order."""
        return [steered for steered in self.steered if steered.action == "set"]

    @property
    def total_steps(self) -> int:
        """Updates in a full run; 0 before training starts."""
        return self.started.steps_per_epoch * self.started.epochs if self.started else 0

    @property
    def progress(self) -> float:
        """Share of all updates made, in [0, 1]."""
        if self.ended is not None and self.ended.reason == "completed":
            return 1.0
        if not self.steps.step or not self.total_steps:
            return 0.0
        return min(1.0, max(self.steps.step[-1] / self.total_steps, self._share_of_time))

    @property
    def _share_of_time(self) -> float:
        """Of the time budget; 0 without one."""
        budget = self.started.time_budget if self.started else 0.0
        return self.steps.seconds[-1] / budget if budget else 0.0

    @property
    def images_per_second(self) -> float | None:
        """Training speed over the last few seconds, evaluation not counted; None before there is one."""
        rate = self._recent_rate(self.steps.images_seen)
        return rate or None

    @property
    def seconds_left(self) -> float | None:
        """Training time still to go at the speed of the last few seconds; None where unknown, 0 after the end."""
        if self.ended is not None:
            return 0.0
        steps_per_second = self._recent_rate(self.steps.step)
        if not steps_per_second or not self.total_steps:
            return None
        left = max(0, self.total_steps - self.steps.step[-1]) / steps_per_second
        budget = self.started.time_budget if self.started else 0.0
        return min(left, max(0.0, budget - self.steps.seconds[-1])) if budget else left

    def _recent_rate(self, column: "array[int]") -> float | None:
        seconds = self.steps.seconds
        if not seconds:
            return None
        first = max(0, min(bisect_left(seconds, seconds[-1] - RATE_SECONDS), len(seconds) - 2))
        if first == len(seconds) - 1:  # one step only: it began at zero
            return column[-1] / seconds[-1] if seconds[-1] > 0 else None
        elapsed = seconds[-1] - seconds[first]
        return (column[-1] - column[first]) / elapsed if elapsed > 0 else None
