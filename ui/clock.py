"""The clock of a part of a page that follows something: its fragment runs again after a while, as long as it is seen.

``st.fragment(run_every=…)`` also asks from tabs that nobody looks at, and its pace can only be changed by running the
whole page. This one is told its pace each time, waits for an answer before it counts on, and rests in the background.
"""

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from ui.packing import packed

_SCRIPT = Path(__file__).with_name("clock.js")


@cache
def _mount() -> Callable[..., Any]:
    component: Callable[..., Any] = st.components.v2.component(
        "clock", js=_SCRIPT.read_text(encoding="utf-8"), isolate_styles=False
    )
    return component


def run_again(seconds: float, *, key: str) -> None:
    """Run the fragment that this is called in again after so many seconds. It takes the place of an empty line."""
    # The time makes each call another one: the browser counts anew only when it is sent something new.
    _mount()(data=packed({"seconds": seconds, "asked": time.time()}), key=key, on_tick_change=lambda: None)
