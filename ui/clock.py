"""The clock of a part of a page that follows something: its fragment runs again after a while, as long as it is seen.

``st.fragment(run_every=…)`` also asks from tabs that nobody looks at, and its pace can only be changed by running the
whole page. This one is told its pace each time, waits for an answer before it counts on, and rests in the background.
It can also carry news to components that are on the page already, so that nothing but the clock need be drawn.
"""

import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import streamlit as st

from ui.packing import packed

_SCRIPT = Path(__file__).with_name("clock.js")
_NOTHING: Mapping[str, str] = MappingProxyType({})


@cache
def _mount() -> Callable[..., Any]:
    component: Callable[..., Any] = st.components.v2.component(
        "clock", js=_SCRIPT.read_text(encoding="utf-8"), isolate_styles=False
    )
    return component


def run_again(seconds: float, *, key: str, news: Mapping[str, str] = _NOTHING, rouse: str = "") -> None:
    """Run the fragment that this is called in again after so many seconds. It takes the place of an empty line.

    Args:
        seconds: until then, counted in the browser.
        key: the clock's own name.
        news: JSON for components on the page, by the names that they listen to.
        rouse: the clock that shall strike at once.
    """
    # The time makes each call another one: the browser counts anew only when it is sent something new.
    told = packed({"seconds": seconds, "asked": time.time(), "name": key, "rouse": rouse})
    _mount()(data={**news, **told}, key=key, on_tick_change=lambda: None)
