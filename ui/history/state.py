"""What the Runs page remembers of a visit, and how it reads and writes its link."""

from dataclasses import dataclass, field

import streamlit as st

from dlcore.messages import UserError
from dlcore.runs.directory import Run, is_run_id, open_run

MOST_CHOSEN = 50
"""Runs that are compared at once."""
VIEWS = ("curves", "settings", "parallel", "scatter", "front", "repeats")
"""The ways of comparing, as the link names them."""
_KEY = "runs"
_KEPT_BY_OTHERS = {"lang", "embed", "embed_options", "theme"}


@dataclass(slots=True)
class RunsPage:
    """Everything that the page remembers, under one key of the session."""

    visitor: str = ""
    chosen: tuple[str, ...] = ()
    """The runs that are compared, in the order of their choice."""
    revision: int = 0
    """Grows when the choice is changed by something other than the table, which takes it over then."""
    drawn: tuple[str, ...] = ()
    """The choice that the page below the table was drawn for,"""
    listed: list[Run] = field(default_factory=list)
    """and the visitor's runs then, newest first, of which it shows some where none is chosen."""
    deleted: tuple[str, ...] = ()
    """What was deleted last and can be brought back."""
    opening: str = ""
    """The run to open on the Train page."""
    editing: str = ""
    """The run whose name, tags and note are being written,"""
    editing_drawn: str = ""
    """and the one whose dialog is on the screen."""
    problem: UserError | None = None
    """Why what was asked of the table could not be done."""
    sweep_problem: UserError | None = None
    """Why a search or a repetition could not be started, stopped or deleted."""
    view: dict[str, str] = field(default_factory=dict)
    """What the link says of the comparison: which way, which axes."""
    base: str = ""
    """The run whose settings are to be repeated or searched around; empty as long as nobody has chosen."""
    sweep: str = ""
    """The sweep that is shown."""
    going: bool = False
    """Whether it was going on at the last look."""
    imported: str = ""
    """The uploaded file that was taken in last, or refused."""
    taken_in: str = ""
    """The run that it became."""
    import_problem: UserError | None = None
    """Why it was refused."""

    def choose(self, chosen: tuple[str, ...]) -> None:
        """Compare these from now on."""
        self.chosen = tuple(dict.fromkeys(chosen))[:MOST_CHOSEN]
        self.revision += 1


def enter(visitor: str) -> RunsPage:
    """The state of this session's Runs page; on arrival by a link, the link decides.

    Only then: while the page is open, what the browser says of its address may be older than what was ticked since.
    """
    state = st.session_state.get(_KEY)
    arriving = not isinstance(state, RunsPage)
    if not isinstance(state, RunsPage):
        state = st.session_state[_KEY] = RunsPage()
    state.visitor = visitor
    if arriving:
        asked = read_runs(st.query_params.get("runs", ""))
        if asked:
            state.choose(asked)
        state.view |= {name: text[:60] for name, text in st.query_params.to_dict().items() if name in PLACES}
        if sweep := st.query_params.get("sweep", ""):
            state.sweep = sweep[:80]
    return state


PLACES = ("view", "x", "y", "metric", "axis")
"""What else the link may say of a comparison."""


def read_runs(text: str) -> tuple[str, ...]:
    """The runs that a link names; whatever is no run's name is left out."""
    names = dict.fromkeys(name for name in text[: 100 * MOST_CHOSEN].split(",") if is_run_id(name))
    return tuple(names)[:MOST_CHOSEN]


def write_link(state: RunsPage) -> None:
    """Make the browser's address the link of this comparison; parameters that others own stay."""
    before = st.query_params.to_dict()
    after = {name: text for name, text in before.items() if name in _KEPT_BY_OTHERS or name.startswith("utm_")}
    if state.chosen:
        after["runs"] = ",".join(state.chosen)
    after |= {name: state.view[name] for name in PLACES if state.view.get(name)}
    if state.sweep:
        after["sweep"] = state.sweep
    if after != before:
        st.query_params.from_dict(after)


def opened(names: tuple[str, ...]) -> tuple[list[Run], list[UserError]]:
    """The runs of these names, and why some could not be opened."""
    runs, problems = [], []
    for name in names:
        try:
            runs.append(open_run(name))
        except UserError as error:
            problems.append(error)
    return runs, problems
