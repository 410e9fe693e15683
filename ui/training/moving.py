"""What moves on a page that follows a run: its charts, the bar of its progress, the wall, the filters.

The page draws each of them once. From then on a look at the run sends the browser only what became of those that
changed, all in one message (:mod:`ui.clock` carries it), and they take it where they stand. To draw the page anew for
each look would cost many times as much as the look.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import streamlit as st

from ui import figure
from ui.figure import Packed
from ui.packing import Parcel, packed

_HERE = Path(__file__).resolve().parent
Made = TypeVar("Made", bound=Parcel)


@cache
def _mount() -> Callable[..., Any]:
    css, js = ((_HERE / name).read_text(encoding="utf-8") for name in ("moving.css", "moving.js"))
    component: Callable[..., Any] = st.components.v2.component(
        "moving", html='<div class="moving"></div>', css=css, js=js, isolate_styles=False
    )
    return component


def parcel(kind: Literal["progress", "pictures", "wall"], key: str, **told: Any) -> Parcel:
    """A part of the page that is no chart; ``moving.js`` says what each kind wants to be told."""
    return Parcel(packed({"kind": kind, "key": key} | told), key)


def put(made: Parcel) -> None:
    """Show or update a part that is no chart."""
    _mount()(data=made.payload, key=made.key)


@dataclass(slots=True)
class Moving:
    """What one page shows that moves, and what was sent of it last."""

    _make: dict[str, Callable[[], Parcel]] = field(default_factory=dict)
    _sent: dict[str, str] = field(default_factory=dict)

    def forget(self) -> None:
        """The page is drawn anew: what it shows from now on is what it will be asked to move."""
        self._make.clear()
        self._sent.clear()

    def figure(self, make: Callable[[], Packed]) -> None:
        """Show a chart, and keep it up to date: ``make`` is asked at each look."""
        self._show(make, figure.show)

    def part(self, make: Callable[[], Parcel]) -> None:
        """Show what :func:`parcel` made, likewise."""
        self._show(make, put)

    def _show(self, make: Callable[[], Made], show: Callable[[Made], None]) -> None:
        made = make()
        show(made)
        self._make[made.key], self._sent[made.key] = make, made.json

    def news(self) -> dict[str, str]:
        """What has become of those that are no longer as they were sent last, by their keys; now it counts as sent."""
        now = {key: make().json for key, make in self._make.items()}
        found = {key: json for key, json in now.items() if json != self._sent[key]}
        self._sent |= found
        return found
