"""A part of a page that runs again without the rest."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import streamlit as st

P = ParamSpec("P")
R = TypeVar("R")


def part(function: Callable[P, R]) -> Callable[P, R]:
    """As ``st.fragment``, in a container of its own.

    A fragment that begins again right after the page ran takes back what it has drawn and nobody sent yet; what the page
    drew below it is sent all the same. Where they stand in one container, these come too early for their places, and the
    browser gives up with "Bad delta path index".
    """
    fragment = st.fragment(function)

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with st.container():
            return fragment(*args, **kwargs)

    return run
