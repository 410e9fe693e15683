"""What a panel is set to, kept in the link: read where the panel opens, followed when the visitor changes it."""

from collections.abc import Collection

import streamlit as st

OF_PANELS = {
    "attack": ("method", "target", "epsilon"),
    "corrupt": ("harm", "curve"),
    "explain": ("why", "layer"),
}
"""Names in the link by the panel that they belong to; they go when it closes."""


def hold(key: str, name: str, options: Collection[str], default: str) -> None:
    """Let the widget ``key`` show what was chosen, else what the link says under ``name``; both only if it is offered."""
    wanted = st.session_state[key] if key in st.session_state else st.query_params.get(name)
    st.session_state[key] = wanted if wanted in options else default


def hold_number(key: str, asked: str | None, default: float, *, low: float, high: float, step: float) -> None:
    """As :func:`hold`, for a slider; ``asked`` is what the link says."""
    value = st.session_state[key] if key in st.session_state else number(asked or "", low, high, step)
    st.session_state[key] = default if value is None else float(value)


def number(text: str, low: float, high: float, step: float) -> float | None:
    """A number of a link, brought onto a slider's steps; None for anything else."""
    try:
        value = float(text[:20])
    except ValueError:
        return None
    if not low <= value <= high:
        return None
    return min(high, low + round((value - low) / step) * step)


def follow(**said: str) -> None:
    """Let the link say what is chosen, in one step of the browser's history; what is empty is left out."""
    before = st.query_params.to_dict()
    after = {name: text for name, text in (before | said).items() if text}
    if after != before:
        st.query_params.from_dict(after)
