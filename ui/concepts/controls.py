# ruff: noqa: D102 - a kind of control does what Control says
"""The controls of a lab: declared once, drawn as widgets, checked, kept for the visitor and held by the link.

A lab declares :class:`Controls` with a prefix of its own (``"n."``); :meth:`Controls.restore` gives the values at the
start of a run and puts into the link what differs from the untouched lab; :meth:`Controls.draw` shows a control. Values
from a link are bounded by the control and refused kindly.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from dlcore.messages import N_, UserError
from ui.concepts import link
from ui.concepts.shown import ARRIVED, initial, shown
from ui.language import translate as _
from ui.shell import show_error

Values = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Control:
    """One thing to set. Titles are English, marked with ``N_``, or symbols that need no translation."""

    name: str
    title: str
    default: Any
    note: str = ""

    def read(self, text: str) -> Any:
        """The value of a link.

        Raises:
            UserError: what it says is no value of this control.
        """
        raise NotImplementedError

    def write(self, value: Any) -> str:
        """The value for a link."""
        return str(value)

    def draw(self, title: str, key: str, first: Any, note: str | None, changed: Mapping[str, Any]) -> None:
        """The widget."""
        raise NotImplementedError

    def bounds(self, value: Any) -> object:
        """Whatever makes it another widget when it changes."""
        del value
        return None

    def refused(self, text: str, allowed: str) -> UserError:
        """The refusal of a value."""
        message = N_("{name} must be in {allowed}; got {value}.")
        return UserError(message, name=self.name, allowed=allowed, value=text[:40])


@dataclass(frozen=True, kw_only=True)
class Choice(Control):
    """One of a few, as a list; or side by side where there is room."""

    options: Mapping[str, str]
    side_by_side: bool = False

    def read(self, text: str) -> str:
        if text not in self.options:
            raise self.refused(text, ", ".join(self.options))
        return text

    def draw(self, title: str, key: str, first: Any, note: str | None, changed: Mapping[str, Any]) -> None:
        said = {name: _(words) for name, words in self.options.items()}
        names = list(said)
        if self.side_by_side:
            st.segmented_control(
                title,
                names,
                default=first,
                key=key,
                format_func=said.__getitem__,
                help=note,
                required=True,
                **changed,
            )
        else:
            st.selectbox(title, names, names.index(first), key=key, format_func=said.__getitem__, help=note, **changed)


@dataclass(frozen=True, kw_only=True)
class Slide(Control):
    """A number between two others; whole if all three and the step are."""

    low: float
    high: float
    step: float

    def read(self, text: str) -> float | int:
        try:
            value = float(text[:30])
        except ValueError:
            value = math.nan
        whole = isinstance(self.default, int)
        if not self.low <= value <= self.high or (whole and value != int(value)):
            raise self.refused(text, f"[{self.low:g}, {self.high:g}]")
        return int(value) if whole else value

    def write(self, value: Any) -> str:
        return f"{value:.10g}"

    def draw(self, title: str, key: str, first: Any, note: str | None, changed: Mapping[str, Any]) -> None:
        kind = type(self.default)
        # Shown with as many digits as the step has, as a sum of tenths would otherwise end in ...0001.
        digits = max(0, -math.floor(math.log10(self.step)))
        shape = "%d" if kind is int else f"%.{digits}f"
        low, high, step = kind(self.low), kind(self.high), kind(self.step)
        st.slider(title, low, high, first, step, format=shape, key=key, help=note, **changed)


@dataclass(frozen=True, kw_only=True)
class Steps(Control):
    """One of some numbers in a row; a value of a link that lies between them joins them."""

    values: Sequence[float]
    words: Mapping[float, str] = field(default_factory=dict)
    """Words for single values."""

    def read(self, text: str) -> float | int:
        return Slide(
            name=self.name, title="", default=self.default, low=min(self.values), high=max(self.values), step=1
        ).read(text)

    def write(self, value: Any) -> str:
        return f"{value:.10g}"

    def bounds(self, value: Any) -> object:
        return self._row(value)

    def _row(self, value: Any) -> tuple[float, ...]:
        return tuple(sorted({*self.values, value}))

    def draw(self, title: str, key: str, first: Any, note: str | None, changed: Mapping[str, Any]) -> None:
        said = {value: _(self.words[value]) if value in self.words else f"{value:g}" for value in self._row(first)}
        st.select_slider(title, list(said), first, key=key, format_func=said.__getitem__, help=note, **changed)


@dataclass(frozen=True, kw_only=True)
class Switch(Control):
    """On or off."""

    def read(self, text: str) -> bool:
        if text not in {"0", "1"}:
            raise self.refused(text, "0, 1")
        return text == "1"

    def write(self, value: Any) -> str:
        return str(int(value))

    def draw(self, title: str, key: str, first: Any, note: str | None, changed: Mapping[str, Any]) -> None:
        st.toggle(title, first, key=key, help=note, **changed)


@dataclass(frozen=True, kw_only=True)
class Free(Control):
    """A value that widgets of the lab's own set: its reader and writer are functions."""

    reader: Callable[[str], Any]
    """Raises :class:`UserError` or :class:`ValueError` for what is no value."""
    writer: Callable[[Any], str]

    def read(self, text: str) -> Any:
        try:
            return self.reader(text[:2000])
        except ValueError as error:
            raise self.refused(text, "…") from error

    def write(self, value: Any) -> str:
        return self.writer(value)


@dataclass
class Kept:
    """One visitor's values, and what was written into the link lately: the browser may send an older link of ours."""

    values: dict[str, Any]
    written: deque[Mapping[str, str]] = field(default_factory=lambda: deque(maxlen=50))
    arrived: Mapping[str, str] = field(default_factory=dict)
    """What the latest link said that was news, and was taken."""


@dataclass(frozen=True)
class Controls:
    """All controls of a lab."""

    chapter: str
    prefix: str
    controls: Mapping[str, Control]
    trials: Mapping[str, tuple[str, Values]] = field(default_factory=dict)
    """Ready settings: a title, and what differs from the untouched lab."""

    @classmethod
    def of(
        cls, chapter: str, prefix: str, *controls: Control, trials: Mapping[str, tuple[str, Values]] | None = None
    ) -> "Controls":
        """The controls of a chapter, whose names in a link begin with ``prefix``, which ends in a dot."""
        return cls(chapter, prefix, {control.name: control for control in controls}, trials or {})

    @property
    def state(self) -> str:
        """The key of the visitor's values in the session."""
        return f"concepts.{self.chapter}.values"

    @property
    def untouched(self) -> dict[str, Any]:
        """The values of a link that says nothing."""
        return {name: control.default for name, control in self.controls.items()}

    def read(self, query: Mapping[str, str]) -> dict[str, Any]:
        """The values of a link.

        Raises:
            UserError: one of them is not a value of its control.
        """
        values = self.untouched
        for name, control in self.controls.items():
            if self.prefix + name in query:
                values[name] = control.read(query[self.prefix + name])
        return values

    def written(self, values: Values) -> dict[str, str]:
        """What differs from the untouched lab, as the link holds it."""
        return {
            self.prefix + name: control.write(values[name])
            for name, control in self.controls.items()
            if values[name] != control.default
        }

    def restore(self) -> Values:
        """The values of the link where the link is news, else those remembered; the link then holds them."""
        linked = {name: value for name, value in st.query_params.items() if name.startswith(self.prefix)}
        kept: Kept | None = st.session_state.get(self.state)
        news = st.session_state.get(ARRIVED) or (kept is not None and linked not in kept.written)
        if kept is None or (linked and news):
            kept = kept or Kept(self.untouched)
            try:
                kept.values, kept.arrived = self.read(linked), linked
            except UserError as error:
                show_error(error)
            kept.written.append(linked)
            st.session_state[self.state] = kept
        self._put(kept)
        return kept.values

    def keep(self, **changes: Any) -> Values:
        """Change values while the chapter is being drawn, and the link with them; gives all of them."""
        self.set(**changes)
        self._put(st.session_state[self.state])
        return self.now

    def _put(self, kept: Kept) -> None:
        wanted = self.written(kept.values)
        if wanted not in kept.written:
            kept.written.append(wanted)
        link.put(wanted, instead_of=self.prefix)

    def arrived(self, *names: str) -> bool:
        """Whether the link with which the visitor came set one of these; after :meth:`restore`."""
        kept: Kept = st.session_state[self.state]
        return any(f"{self.prefix}{name}" in kept.arrived for name in names)

    @property
    def now(self) -> Values:
        """The visitor's values; after :meth:`restore`."""
        kept: Kept = st.session_state[self.state]
        return kept.values

    def set(self, **changes: Any) -> None:
        """Change values; for callbacks."""
        kept: Kept = st.session_state.setdefault(self.state, Kept(self.untouched))
        kept.values = {**kept.values, **changes}

    def draw(self, *names: str) -> None:
        """The widgets of some controls, in this order."""
        kept: Kept = st.session_state[self.state]
        for name in names:
            control, value = self.controls[name], kept.values[name]
            place = f"{self.chapter}.{name}"
            key = shown(place, value, control.bounds(value))
            changed = {"on_change": self._changed, "args": (name, key)}
            control.draw(_(control.title), key, initial(place), _(control.note) if control.note else None, changed)

    def draw_trials(self) -> None:
        """The ready settings as buttons, the one on show marked."""
        kept: Kept = st.session_state[self.state]
        st.markdown(_("**Try these in turn**, or set everything yourself below."))
        with st.container(horizontal=True, gap="small"):
            for name, (title, changes) in self.trials.items():
                st.button(
                    _(title),
                    key=f"concepts.{self.chapter}.trial.{name}",
                    on_click=self._try,
                    args=(changes,),
                    type="primary" if kept.values == {**self.untouched, **changes} else "secondary",
                )

    @property
    def trial(self) -> str | None:
        """The name of the ready settings on show, where they are some."""
        values = self.now
        return next(
            (name for name, (_t, changes) in self.trials.items() if values == {**self.untouched, **changes}), None
        )

    def _try(self, changes: Values) -> None:
        self.set(**{**self.untouched, **changes})

    def _changed(self, name: str, key: str) -> None:
        self.set(**{name: st.session_state[key]})
