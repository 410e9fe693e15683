"""Writes what :mod:`dlcore.runs.glimpses` describes, and takes a thousandth of the training time for it."""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dlcore import atomic
from dlcore.runs import glimpses, sealed
from dlcore.runs.directory import Run
from dlcore.training.events import Evaluated, Event, Stepped, Tested

if TYPE_CHECKING:
    from dlcore.data.loading import Dataset
    from dlcore.training.state import TrainingState

SHARE = 0.001
"""Of the training time that looks may take: with the rest of the recording it stays about a hundredth. But"""
HEAD_START = 5
"""so many come first, whatever they take: those of a fresh process are slow, the first seconds of a run are watched most,
and a large network would wait for minutes."""
LEAST_SECONDS = 0.5
"""Between two looks."""
MOST_LOOKS = 400
"""As a run goes on, looks become rarer: never more than this many in the time that it has trained so far."""

_LOG = logging.getLogger("dlcore.worker")


class Recorder:
    """One worker's looks at one run. Whatever goes wrong with them ends the looking, not the training."""

    def __init__(self, run: Run, state: "TrainingState", dataset: "Dataset") -> None:
        from dlcore.training import glimpse  # noqa: PLC0415  # torch: never in the server, which imports this module's package

        self._run, self._state, self._dataset, self._glimpse = run, state, dataset, glimpse
        wall = glimpse.wall_of(state, dataset)
        self._images = dataset.train_images[[picture.index for picture in wall.images]].to(state.device)
        self._working = bool(wall.images)
        self._ahead = HEAD_START
        self._spent = self._cost = 0.0
        """Seconds for looks after the head start, and for the latest."""
        self._looked_at = -1e9
        self._began = state.seconds
        if self._working:
            self._attempt(lambda: self._put_up(wall))

    def after(self, event: Event) -> None:
        """Look if it is time to; ``event`` was just logged."""
        if not self._working:
            return
        if isinstance(event, Stepped | Evaluated) and self._is_due():
            self._attempt(self._look)
        elif isinstance(event, Tested):
            self._attempt(self._look)
            self._attempt(self._keep_examples)

    def _is_due(self) -> bool:
        now, seconds = time.monotonic(), self._state.seconds
        if now - self._looked_at < max(LEAST_SECONDS, seconds / MOST_LOOKS):
            return False
        return self._ahead > 0 or self._spent + self._cost <= SHARE * (seconds - self._began)

    def _put_up(self, wall: glimpses.Wall) -> None:
        glimpses.folder(self._run.path).mkdir(exist_ok=True)
        sealed.cut_torn_line(glimpses.log_path(self._run.path))
        atomic.write(glimpses.wall_path(self._run.path), glimpses.write_line(wall))

    def _look(self) -> None:
        start = time.perf_counter()
        line = glimpses.write_line(self._glimpse.look(self._state, self._images))
        with glimpses.log_path(self._run.path).open("ab") as file:
            file.write(line)
        self._looked_at, self._cost = time.monotonic(), time.perf_counter() - start
        if self._ahead > 0:
            self._ahead -= 1
        else:
            self._spent += self._cost

    def _keep_examples(self) -> None:
        """Once, when training is over: what the cells of both confusion matrices hold."""
        state, data = self._state, self._dataset
        held_back = state.validation_indices
        if state.validation_answers is not None:
            self._keep(
                self._glimpse.examples_of(
                    state.validation_answers,
                    data.train_labels[held_back],
                    data.train_images,
                    split="validation",
                    epoch=state.epoch,
                    positions=held_back,
                )
            )
        if state.test_answers is not None:
            self._keep(
                self._glimpse.examples_of(
                    state.test_answers, data.test_labels, data.test_images, split="test", epoch=state.epoch
                )
            )

    def _keep(self, found: glimpses.Examples) -> None:
        atomic.write(glimpses.examples_path(self._run.path, found.split), glimpses.write_line(found))

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except (OSError, ValueError) as error:  # no room, or a number that no record holds
            self._working = False
            _LOG.warning("%s: nothing more is recorded between epochs: %s", self._run.run_id, error)
