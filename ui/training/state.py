"""What the Train page remembers of a visit."""

import time
from collections.abc import Hashable
from dataclasses import dataclass, field

import streamlit as st

from dlcore.config import TrainConfig
from dlcore.data.own_images import ImageSet
from dlcore.messages import UserError
from dlcore.runs.directory import Run
from dlcore.runs.glimpses import Split
from dlcore.runs.history import RunHistory
from dlcore.runs.status import Status
from ui.training.feed import Feed
from ui.training.lesson import Lesson
from ui.training.moving import Moving

_SAME_LOOK_SECONDS = 0.2
"""Two parts of a page that look within this have looked once."""


@dataclass(slots=True)
class Watch:
    """A run that this page follows, and how."""

    feed: Feed
    epoch: int | None = None
    """Whose inside is shown; None follows the newest."""
    seen: tuple[Status | None, int] = (None, 0)
    """The status and the length of the log at the last look."""
    moving: Moving = field(default_factory=Moving)
    """What the page shows of it that moves between two drawings."""
    told: tuple[Status, Hashable] | None = None
    """What the words and buttons on the page tell of, as :meth:`to_tell` gave it."""
    due: float = float("-inf")
    """When the page may be drawn anew for what there is to tell, by the monotonic clock."""
    quiet: int = 0
    """Looks in a row at which nothing was new."""
    cells: dict[Split, tuple[int, int]] = field(default_factory=dict)
    """The cells of the confusion matrices whose images are shown: true class and prediction."""
    costs: dict[str, float] = field(default_factory=dict)
    """Seconds that a look takes of a processor, of late, by the part of the page."""
    _looked_at: float = float("-inf")

    @property
    def run(self) -> Run:
        """The run itself."""
        return self.feed.run

    @property
    def history(self) -> RunHistory:
        """What is known of it so far."""
        return self.feed.history

    def to_tell(self, status: Status) -> tuple[Status, Hashable]:
        """The status, and what else becomes another where words or buttons of the page have to follow."""
        history, feed = self.history, self.feed
        events = len(history.evaluations), len(history.steered), len(history.resumed), feed.damaged_lines
        firsts = history.started is None, history.latest is None, feed.wall is None, not feed.glimpses
        return status, (events, firsts)

    def look(self) -> Status:
        """Take in what is new, and say what the run is doing."""
        status = self.feed.status()  # before the log: a run that has ended by now has written all of it
        self.feed.update(status)
        now = (status, self.feed.offset)
        if now != self.seen:
            self.quiet = 0
        elif time.monotonic() - self._looked_at > _SAME_LOOK_SECONDS:
            self.quiet += 1
        self.seen, self._looked_at = now, time.monotonic()
        return status


@dataclass(frozen=True, slots=True)
class Draft:
    """Layers that are being edited and do not make a network yet."""

    base: str
    """The layers of the configuration when it was begun."""
    text: str


@dataclass(slots=True)
class TrainPage:
    """Everything that the page remembers, under one key of the session."""

    config: TrainConfig
    run_id: str = ""
    """The run that is shown; empty for the recorded one."""
    refusals: tuple[UserError, ...] = ()
    """What the link asked for and did not get."""
    linked: bool = False
    """Whether a link, or the visitor, has already said what to show."""
    lesson: Lesson = Lesson()  # noqa: RUF009  # it is frozen
    """What a teacher's link locks and hides."""
    problem: UserError | None = None
    """What went wrong when something was last attempted."""
    deleted: str = ""
    """The run that the visitor has just deleted and may bring back."""
    keeping_problem: UserError | None = None
    """What went wrong when a run was last pinned, named, deleted or brought back."""
    visitor: str = ""
    """The visitor's token, which owns the runs started here."""
    watch: Watch | None = None
    draft: Draft | None = None
    """Edits of a custom network that are not part of ``config``, because they do not fit."""
    layer: int | None = None
    """The row of the layer editor that is open, from 0."""
    single_class: int | None = None
    """The one class that was chosen so far, where it takes two."""
    imported: ImageSet | None = None
    """The set of pictures that was brought last, to tell what became of its files."""
    guess: float | None = None
    """What test accuracy the visitor expects of the next run, in percent."""
    guesses: dict[str, float] = field(default_factory=dict)
    """What they expected of the runs that they started, by their names."""
    rehearsing: str = ""
    """What was asked to be measured before a run, see :mod:`dlcore.rehearsal`."""
    making: set[str] = field(default_factory=set)
    """Files of runs that were asked for and are not there yet, see :mod:`dlcore.export.making`."""
    not_made: dict[str, UserError] = field(default_factory=dict)
    """Why files that were asked for are not to be had; told until they are asked for again."""
    recording: Watch | None = None
    """The recorded run, as this visitor looks at it."""
    replay_started: float | None = None
    """When the recorded run began to be replayed, by the monotonic clock, in seconds."""


_KEY = "train"


def page() -> TrainPage | None:
    """The state of this session's Train page, if it was visited."""
    return st.session_state.get(_KEY)


def remember(state: TrainPage) -> TrainPage:
    """Keep ``state`` for the session."""
    st.session_state[_KEY] = state
    return state
