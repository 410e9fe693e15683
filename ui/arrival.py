"""Where a link leads to a fold of a page, the fold comes into view."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from ui.packing import packed

_SCRIPT = Path(__file__).with_name("arrival.js")


@cache
def _mount() -> Callable[..., Any]:
    component: Callable[..., Any] = st.components.v2.component(
        "arrival", js=_SCRIPT.read_text(encoding="utf-8"), isolate_styles=False
    )
    return component


def bring_into_view(key: str) -> None:
    """Scroll to the fold that this is called in, once in the life of a page. It takes the place of an empty line."""
    _mount()(data=packed({"key": key}), key=key)
