"""Paper and pen of our own: what is drawn is told while the pen moves, and undo, redo and clear need no server."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from dlcore.inference.strokes import CANVAS_PEN_WIDTH, CANVAS_SIZE, Stroke, read_written
from dlcore.messages import N_, UserError
from ui.drawing import state
from ui.language import translate as _
from ui.packing import packed

_HERE = Path(__file__).parent
_KEY = "draw.paper"
_LONGEST = 400_000
"""Characters that are looked at: more than the longest drawing that is read."""


@dataclass(frozen=True)
class Drawing:
    """What is on the paper now."""

    strokes: list[Stroke]
    pen_down: bool = False
    """Whether the last stroke is still being drawn."""


@cache
def _mount() -> Callable[..., Any]:
    html, css, js = ((_HERE / f"paper.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    component: Callable[..., Any] = st.components.v2.component("drawing_paper", html=html, css=css, js=js)
    return component


def show(page: state.DrawPage) -> Drawing:
    """The paper, and what is on it.

    Raises:
        UserError: the browser sent what is no drawing.
    """
    if _KEY not in st.session_state and page.written:
        page.paper_revision += 1  # the visitor was on another page, and the paper has forgotten
        page.put_written = page.written
    text = {
        "paper": _("Paper to draw on"),
        "undo": _("Undo"),
        "redo": _("Redo"),
        "clear": _("Clear"),
        "undoKeys": "Ctrl+Z",
        "redoKeys": "Ctrl+Y",
        "clearKeys": _("Delete key, with the paper in focus"),
        "keys": _("Arrow keys move the pen, with Shift more finely; the space bar puts it down and lifts it."),
    }
    try:
        said = _mount()(
            key=_KEY,
            data=packed(
                {
                    "size": CANVAS_SIZE,
                    "pen": CANVAS_PEN_WIDTH,
                    "ink": state.INK,
                    "revision": page.paper_revision,
                    "strokes": page.put_written,
                    "live": True,
                    "text": text,
                }
            ),
            default={"said": ""},
            on_said_change=lambda: None,
        ).said
    except (ValueError, RecursionError):  # JSON that Python's own reader refuses, such as numbers of 5,000 digits
        raise UserError(N_("This is no drawing of the canvas: clear it and draw again.")) from None
    return hear(page, said)


def hear(page: state.DrawPage, said: Any) -> Drawing:
    """The drawing in what the browser said: ``"revision pen strokes"``, or anything at all.

    Raises:
        UserError: this is no drawing, or a larger one than is read.
    """
    if said in ("", None):
        return Drawing(read_written(page.written))
    refused = UserError(N_("This is no drawing of the canvas: clear it and draw again."))
    if not isinstance(said, str) or len(said) > _LONGEST:
        raise refused
    revision, pen, strokes = (*said.split(" ", 2), "", "")[:3]
    if not (revision.isascii() and revision.isdigit() and len(revision) < 9 and pen in ("0", "1")):
        raise refused
    if int(revision) < page.paper_revision:  # the browser has not taken the new drawing over yet
        return Drawing(read_written(page.put_written))
    read = read_written(strokes)
    page.written = strokes
    return Drawing(read, pen == "1")
