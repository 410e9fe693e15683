"""What the Draw page remembers of a visit: what is on the canvas, and what its own buttons have put there."""

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from dlcore.inference.sources import PRETRAINED

_KEY = "draw"


@dataclass(slots=True)
class DrawPage:
    """The canvas keeps its drawing in the browser and tells of it; Undo and Clear hand it another one to show."""

    model: str = PRETRAINED
    shown: Any = None
    """What the canvas last said, untrusted; None before it has said anything."""
    initial: dict[str, Any] = field(default_factory=lambda: {"objects": [], "revision": 0})
    """What the canvas is told to start from. It does so again whenever this changes, hence the revision."""
    outdated: Any = None
    """What the canvas said before it was handed another drawing: not to be believed any more."""

    def put(self, objects: list[Any]) -> None:
        """Hand the canvas a drawing to show."""
        self.outdated = self.shown
        self.initial = {"objects": objects, "revision": self.initial["revision"] + 1}
        self.shown = self.initial

    def hear(self, said: Any) -> Any:
        """The drawing as of now, given what the canvas says; the browser needs a moment to take over a new one."""
        if self.outdated is None or said != self.outdated:
            self.outdated, self.shown = None, said
        return self.shown

    def objects(self) -> list[Any]:
        """The objects of the drawing, as untrusted as it is; none if it is no drawing."""
        objects = self.shown.get("objects") if isinstance(self.shown, dict) else None
        return objects if isinstance(objects, list) else []

    def undo(self) -> None:
        """Take back the last stroke."""
        self.put(self.objects()[:-1])

    def clear(self) -> None:
        """Begin anew."""
        self.put([])


def page() -> DrawPage:
    """The state of this session's Draw page."""
    state: DrawPage = st.session_state.setdefault(_KEY, DrawPage())
    return state
