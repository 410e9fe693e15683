"""Widgets that show a value which other things may change too: a button, a link, another widget.

Writing such a value into ``st.session_state[key]`` before the widget is drawn looks right and is not: the browser
learns of it by one message only. If the next run begins before the browser has loaded that kind of widget, the widget
starts from its own default, reports that as the visitor's choice, and the value is lost. Here the value is the
widget's default, and a value changed elsewhere gets a widget with a new key.
"""

from dataclasses import dataclass

import streamlit as st

_STATE = "concepts.shown"
ARRIVED = "concepts.arrived"
"""Under this key stands whether this run is the first on the page, so that the link is news."""


@dataclass
class _Shown:
    generation: int
    initial: object
    bounds: object


def shown(field: str, value: object, bounds: object = None) -> str:
    """The key of the widget of ``field``, whose default must be ``initial(field)``.

    ``bounds`` is whatever else makes it another widget when it changes, such as a range.
    """
    widgets: dict[str, _Shown] = st.session_state.setdefault(_STATE, {})
    known = widgets.get(field)
    if known is None:
        known = widgets[field] = _Shown(0, value, bounds)
    elif st.session_state.get(_key(field, known), known.initial) != value or known.bounds != bounds:
        known = widgets[field] = _Shown(known.generation + 1, value, bounds)
    return _key(field, known)


def initial(field: str) -> object:
    """The default of the widget whose key :func:`shown` gave."""
    known: _Shown = st.session_state[_STATE][field]
    return known.initial


def drawn(field: str) -> bool:
    """Whether the last run drew the widget of ``field``: if not, the visitor has just come to where it stands."""
    known = st.session_state.get(_STATE, {}).get(field)
    return known is not None and _key(field, known) in st.session_state


def _key(field: str, known: _Shown) -> str:
    return f"concepts.{field}.{known.generation}"
