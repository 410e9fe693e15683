"""The visitor's language: English messages are the keys, the catalogues under ``content/locale`` the rest."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import streamlit as st

from dlcore.messages import UserError, Verbatim
from dlcore.translation import catalogue

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}
CONTENT = Path(__file__).resolve().parent.parent / "content"


def current() -> str:
    """The code of the visitor's language: as chosen, else as in the link, else as the browser prefers."""
    chosen = st.session_state.get("shell.language") or st.query_params.get("lang")
    if chosen in LANGUAGES:
        return str(chosen)
    return "zh" if (st.context.locale or "").lower().startswith("zh") else "en"


def translate(message: str) -> str:
    """``message`` in the visitor's language; English where the catalogue has nothing."""
    return catalogue(current()).get(message, message)


def explain(error: UserError, show: Callable[[object], object] = lambda value: value) -> str:
    """The error in the visitor's language; a reason that came from below is translated with it.

    ``show`` is applied to each value before it is filled in.
    """
    values = {
        name: explain(value, show) if isinstance(value, UserError) else show(_translated(value))
        for name, value in error.values.items()
    }
    return translate(error.template).format(**values)


def _translated(value: object) -> object:
    return translate(value) if isinstance(value, str) and not isinstance(value, Verbatim) else value


@cache
def _prose(language: str, name: str) -> str:
    return (CONTENT / language / f"{name}.md").read_text(encoding="utf-8")


def prose(name: str) -> str:
    """The text ``content/<language>/<name>.md`` in the visitor's language."""
    return _prose(current(), name)
