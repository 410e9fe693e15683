"""What a visitor of the page is looking at: kept over pages, read from the link, written back to it."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from dlcore.messages import N_, UserError
from ui.resources import selection
from ui.resources.catalogue import known
from ui.resources.frameworks import chooser
from ui.resources.paths import backgrounds, paths
from ui.resources.selection import Selection, shortened

VIEWS: Mapping[str, str] = {
    "directory": N_("Directory"),
    "paths": N_("Where to start"),
    "today": N_("The article, today"),
    "frameworks": N_("Which framework"),
    "compare": N_("Compare"),
}
PAGE = 12
MOST_HOURS = 40
MOST_COMPARED = 4
ANY = "any"
_KEY = "resources"
_FIELDS = ("q", *selection.FACETS, "article", "sort")


@dataclass
class Visit:
    """The page's memory.

    ``imported``: of the last file of progress, the entries new here, done in all, and unknown. ``url``: what was last
    written to the link, ``written``: what was lately; ``acted``: whether a button has just changed something;
    ``refused``: what the link asked in vain.
    """

    selection: Selection = field(default_factory=Selection)
    view: str = "directory"
    entry: str = ""
    shown: int = PAGE
    know: str = "python"
    goal: str = "first-cnn"
    hours: int = 4
    done: set[str] = field(default_factory=set)
    needs: dict[str, str] = field(default_factory=dict)
    compare: tuple[str, ...] = ()
    imported: tuple[int, int, int] | None = None
    import_error: UserError | None = None
    url: dict[str, str] = field(default_factory=dict)
    written: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=20))
    acted: bool = False
    refused: list[UserError] = field(default_factory=list)


def current() -> Visit:
    """The visit of this session."""
    visit: Visit = st.session_state.setdefault(_KEY, Visit())
    return visit


def key(name: str) -> str:
    """The key of the widget that shows a field."""
    return f"{_KEY}.{name}"


def _questions() -> dict[str, tuple[str, ...]]:
    return {question.id: tuple(need.id for need in question.needs) for question in chooser().questions}


def _own() -> tuple[str, ...]:
    return (*_FIELDS, "view", "id", "know", "goal", "hours", "compare", *_questions())


def arrive() -> Visit:
    """Take up what changed since the last run: a link followed, or a widget moved; then bring the link up to date."""
    first = _KEY not in st.session_state
    visit = current()
    link = {name: st.query_params[name] for name in _own() if name in st.query_params}
    if first or (link and link != visit.url and not _stale(link, visit)):
        _follow(link, visit)
        for name, value in _shown(visit).items():
            st.session_state[key(name)] = value
    else:
        _read_widgets(visit)
    for name, value in _shown(visit).items():
        # Set at every run, or a run that follows at once may lose it on its way to the browser. Not so what is being
        # typed: the browser is ahead of us there.
        if name != "q" or key(name) not in st.session_state:
            st.session_state[key(name)] = value
    _write_link(visit)
    visit.acted = False
    return visit


def _stale(link: Mapping[str, str], visit: Visit) -> bool:
    """Whether a link is an older one of ours that came along with a click, since the browser had no newer one yet.

    Without a click it is a way back through the browser's history, and to be followed.
    """
    shown = _shown(visit)
    clicked = visit.acted or any(st.session_state.get(key(name), value) != value for name, value in shown.items())
    return clicked and link in visit.written


def _follow(link: Mapping[str, str], visit: Visit) -> None:
    visit.selection, visit.refused = selection.parse(link)
    visit.shown = PAGE
    visit.view = _choice(link, "view", VIEWS, "directory", visit.refused)
    visit.know = _choice(link, "know", backgrounds(), visit.know, visit.refused)
    visit.goal = _choice(link, "goal", paths(), visit.goal, visit.refused)
    hours = link.get("hours", str(visit.hours))
    if hours.isascii() and hours.isdigit() and len(hours) <= 4 and 1 <= int(hours) <= MOST_HOURS:
        visit.hours = int(hours)
    else:
        message = N_("hours in the link must be a whole number from 1 to {most}, got {value}; it was left out.")
        visit.refused.append(UserError(message, most=MOST_HOURS, value=shortened(hours)))
    if "compare" in link:
        visit.compare = _compared(link["compare"], visit.refused)
    visit.needs = {}
    for question, needs in _questions().items():
        if (answer := _choice(link, question, needs, ANY, visit.refused)) != ANY:
            visit.needs[question] = answer
    visit.entry = link.get("id", "")
    if visit.entry and not known(visit.entry):
        message = N_("There is no entry {value} in the directory. Try the search.")
        visit.refused.append(UserError(message, value=shortened(visit.entry)))
        visit.entry = ""


def _compared(asked: str, refused: list[UserError]) -> tuple[str, ...]:
    names = list(dict.fromkeys(name for name in asked.split(",")[:50] if name))
    if unknown := next((name for name in names if not known(name)), None):
        message = N_("There is no entry {value} in the directory. Try the search.")
        refused.append(UserError(message, value=shortened(unknown)))
    there = tuple(name for name in names if known(name))
    if len(there) > MOST_COMPARED:
        message = N_("The link compares {count} entries; only the first {most} are shown.")
        refused.append(UserError(message, count=len(there), most=MOST_COMPARED))
    return there[:MOST_COMPARED]


def _choice(
    link: Mapping[str, str],
    name: str,
    allowed: Mapping[str, object] | tuple[str, ...],
    otherwise: str,
    refused: list[UserError],
) -> str:
    value = link.get(name) or otherwise
    if value in allowed or value == otherwise:
        return value
    message = N_("The link says {name}={value}, which does not exist and was left out. Possible are: {allowed}.")
    refused.append(UserError(message, name=name, value=shortened(value), allowed=", ".join(allowed)))
    return otherwise


def _shown(visit: Visit) -> dict[str, object]:
    """The value of each widget, by field."""
    values: dict[str, object] = {name: getattr(visit.selection, name) for name in _FIELDS}
    values |= {facet: list(visit.selection.wanted(facet)) for facet in selection.FACETS}
    values |= {"view": visit.view, "know": visit.know, "goal": visit.goal, "hours": visit.hours}
    values["compare"] = list(visit.compare)
    return values | {question: visit.needs.get(question, ANY) for question in _questions()}


def _read_widgets(visit: Visit) -> None:
    now = _shown(visit) | {name: st.session_state[key(name)] for name in _shown(visit) if key(name) in st.session_state}
    fresh = Selection(
        q=" ".join(str(now["q"] or "").split())[: selection.LONGEST_QUERY],
        **{facet: tuple(now[facet] or ()) for facet in selection.FACETS},  # type: ignore[arg-type, call-overload]
        article=bool(now["article"]),
        sort=str(now["sort"]),
    )
    if fresh != visit.selection or now["view"] != visit.view:
        visit.shown = PAGE
        visit.entry = ""
    if now != _shown(visit):
        visit.refused = []
    visit.selection = fresh
    visit.view, visit.know, visit.goal = str(now["view"]), str(now["know"]), str(now["goal"])
    visit.hours = int(str(now["hours"]))
    visit.compare = tuple(now["compare"] or ())  # type: ignore[arg-type, call-overload]
    visit.needs = {question: str(now[question]) for question in _questions() if now[question] != ANY}


def _write_link(visit: Visit) -> None:
    link = {"view": visit.view} if visit.view != "directory" else {}
    if visit.view == "directory":
        link |= {"id": visit.entry} if visit.entry else selection.to_parameters(visit.selection)
    elif visit.view == "paths":
        link |= {"know": visit.know, "goal": visit.goal, "hours": str(visit.hours)}
    elif visit.view == "frameworks":
        link |= visit.needs
    elif visit.view == "compare" and visit.compare:
        link["compare"] = ",".join(visit.compare)
    visit.url = link
    if link not in visit.written:
        visit.written.append(link)
    now = st.query_params.to_dict()
    wanted = {name: value for name, value in now.items() if name not in _own()} | link
    if wanted != now:
        st.query_params.from_dict(wanted)  # all at once: one step of the browser's history


def ask(**changes: object) -> None:
    """Change fields from a button: what the widgets show changes with them."""
    for name, value in changes.items():
        st.session_state[key(name)] = value


def clear() -> None:
    """Drop the search and all filters, keep the order."""
    ask(q="", article=False, **{facet: [] for facet in selection.FACETS})


def open_entry(identifier: str) -> None:
    """Show one entry in full."""
    visit = current()
    ask(view="directory")
    visit.view, visit.entry, visit.refused, visit.acted = "directory", identifier, [], True


def put_beside(identifier: str) -> None:
    """Take an entry into the comparison, in place of the first one if it is full; or out of it again."""
    visit = current()
    others = [name for name in visit.compare if name != identifier]
    if identifier not in visit.compare:
        others = [*others[-(MOST_COMPARED - 1) :], identifier]
    ask(compare=others)


def close_entry() -> None:
    """Back to the list, as it was."""
    current().entry, current().acted = "", True


def show_more() -> None:
    """Two pages more of the list."""
    current().shown += 2 * PAGE
    current().acted = True


def tick(identifier: str) -> None:
    """Mark a stop of a path as done, or not done after all, as its box now says."""
    current().acted = True
    if st.session_state[key(f"done.{identifier}")]:
        current().done.add(identifier)
    else:
        current().done.discard(identifier)
