"""Who is asking: a random token that stays in the visitor's browser, so that a reload finds the same runs; their clock.

The token is no login. It keeps visitors' lists of runs apart; whoever has a run's link may watch it.
"""

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

_KEY = "visitor.token"
_COOKIE = "dlcore.visitor"
_FORM = re.compile(r"[A-Za-z0-9_-]{22,64}")
_JS = """
export default ({ data, setStateValue }) => {
  const name = "dlcore.visitor"
  try {
    const found = localStorage.getItem(name) ?? ""
    const token = /^[\\w-]{22,64}$/.test(found) ? found : data.token // else each visit would be of somebody new
    if (token !== found) localStorage.setItem(name, token)
    if (token !== data.token) setStateValue("token", token)
    // Said before it is asked: the next visit's first look finds the same runs. Storage decides, where they differ.
    // No other site's page can have it sent; and where this page came encrypted, it goes nowhere in the clear.
    const secure = location.protocol === "https:" ? "; secure" : ""
    document.cookie = `${name}=${token}; max-age=31536000; samesite=strict${secure}`
  } catch {
    // Storage is forbidden: the token of this session is used.
  }
}
"""


@cache
def _keeper() -> Callable[..., Any]:
    component: Callable[..., Any] = st.components.v2.component("visitor_token", js=_JS, isolate_styles=False)
    return component


def visitor_token() -> str:
    """The visitor's token: the one their browser kept, else a new one, which it keeps from now on.

    In the first moment of a session it is what a cookie says, or a new one; the page runs again as soon as the browser
    has named another. Where cookies are refused, as in a frame of another site, that is all that is lost.
    """
    token = str(st.session_state.setdefault(_KEY, _said_before() or secrets.token_urlsafe(24)))
    answer = _keeper()(
        data={"token": token},
        key="visitor.keeper",
        default={"token": ""},
        on_token_change=lambda: None,
    )
    kept = answer.token
    if isinstance(kept, str) and _FORM.fullmatch(kept):
        st.session_state[_KEY] = kept
        return kept
    return token


def _said_before() -> str:
    """The token that came with the browser's request; empty if none did, or what came is none."""
    said: object = st.context.cookies.get(_COOKIE, "")
    return said if isinstance(said, str) and _FORM.fullmatch(said) else ""  # AppTest's cookies are no texts


def found_token() -> str:
    """What :func:`visitor_token` found in this run; it asks the browser, which can be done once a run only."""
    return str(st.session_state[_KEY])


def local_time(moment: datetime) -> str:
    """The day and minute of ``moment`` by the visitor's clock, by UTC where the browser names no place that is known."""
    try:
        zone = ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of places
        zone = UTC
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
