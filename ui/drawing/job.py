"""Longer work beside the page: in a thread that calls nothing of Streamlit, with progress, and it can be stopped."""

from collections.abc import Iterator
from functools import cache
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from dlcore.inference.corruptions import Progress

_Result = TypeVar("_Result")


@cache
def _turn() -> Lock:
    """One job at a time: the pages come first."""
    return Lock()


class Job(Generic[_Result]):
    """Work that yields :class:`~dlcore.inference.corruptions.Progress`, and its result at the end; None if it had none."""

    def __init__(self, steps: "Iterator[Progress | _Result]") -> None:
        self.share = 0.0
        """Of the work that is done, in [0, 1]."""
        self.result: _Result | None = None
        self._stop = Event()
        self._thread = Thread(target=self._work, args=(steps,), name="draw-job", daemon=True)
        self._thread.start()

    def _work(self, steps: "Iterator[Progress | _Result]") -> None:
        from dlcore.inference.corruptions import Progress  # noqa: PLC0415  # torch, not before it must

        with _turn():
            for step in steps:
                if self._stop.is_set():
                    return
                if isinstance(step, Progress):
                    self.share = step.done / max(1, step.total)
                else:
                    self.result = step

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End it after the chunk that it is at."""
        self._stop.set()
