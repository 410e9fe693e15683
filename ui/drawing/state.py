"""What the Draw page remembers of a visit: what is on the canvas, and what its own buttons have put there."""

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from dlcore.inference.calibration import DEFAULT_SHARE
from dlcore.inference.sources import PRETRAINED
from ui.drawing.reading import Reading

PAPER = "#fdfcf7"
INK = "#1c1f33"
CANVASES = ("paper", "drawable")
"""The page's own paper, and that of streamlit-drawable-canvas; the first unless somebody chooses."""
WAYS = ("draw", "photo", "camera", "sample")
"""How something to read comes in."""
_KEY = "draw"


@dataclass(slots=True)
class DrawPage:
    """The canvas keeps its drawing in the browser and tells of it; Undo and Clear hand it another one to show."""

    model: str = PRETRAINED
    canvas: str = field(default_factory=lambda: CANVASES[0])
    way: str = WAYS[0]
    sample: str = ""
    """The image of a dataset that is shown, as a link names it."""
    strictness: float = DEFAULT_SHARE
    """The share of fair images that "I don't know" may be said to."""
    shown: Any = None
    """The drawing as of now, untrusted; None before the canvas has said anything."""
    put_objects: list[Any] = field(default_factory=list)
    """What the canvas was last told to start from."""
    revision: int = 0
    """How often it was told."""
    written: str = ""
    """The drawing as of now on the page's own paper, as :func:`dlcore.inference.strokes.read_written` reads it."""
    put_written: str = ""
    """What the paper was last told to start from,"""
    paper_revision: int = 0
    """and how often it was."""
    pictures_taken_away: int = 0
    """How often a photo was done with: the fields that it came in by begin anew, and so do their keys."""
    answers: int = 0
    """How many answers were shown; the paper waits for one before it asks again."""
    reading: Reading | None = None
    """What the answer on the screen answers to."""
    follows: bool = False
    """Whether a panel below shows something of the drawing, so that the whole page has to follow it."""

    @property
    def background(self) -> str:
        """The paper's colour, its letters large or small by the revision.

        The canvas starts anew whenever it is told another colour, and names the colour in all that it says: so what it
        says can be told from what it said before it took a new drawing over, and both look the same.
        """
        bits = iter(f"{self.revision % 32:05b}")
        return "".join(letter.upper() if letter.isalpha() and next(bits) == "1" else letter for letter in PAPER)

    def put(self, objects: list[Any]) -> None:
        """Hand the canvas a drawing to show."""
        self.put_objects = objects
        self.revision += 1
        self.shown = {"objects": objects}

    def hear(self, said: Any) -> Any:
        """The drawing as of now, given what the canvas says; the browser needs a moment to take over a new one."""
        colour = said.get("background") if isinstance(said, dict) else None
        outdated = isinstance(colour, str) and colour != self.background and colour.lower() == PAPER
        if not outdated:
            self.shown = said
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

    def fresh_paper(self) -> None:
        """Take the drawing away, whichever canvas it is on, for the next one."""
        if self.canvas == "paper":
            self.written = self.put_written = ""
            self.paper_revision += 1
        else:
            self.clear()


def page() -> DrawPage:
    """The state of this session's Draw page."""
    state: DrawPage = st.session_state.setdefault(_KEY, DrawPage())
    return state
