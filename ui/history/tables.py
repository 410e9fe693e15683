"""A plain table that fits a phone: it scrolls by itself, and its first column stays in sight."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import streamlit as st

_STYLE = Path(__file__).with_name("tables.css")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: what it tells of, and the cells; those at the places ``best`` stand out."""

    head: str
    cells: Sequence[str]
    found: bool = False
    """Whether it tells what was measured, not what was set."""
    best: Sequence[int] = ()


def table(corner: str, heads: Sequence[str], lines: Sequence[Line]) -> None:
    """Show ``lines`` below ``heads``; whatever they say is plain text."""
    header = "".join(f"<th scope='col'>{escape(head)}</th>" for head in [corner, *heads])
    body = "".join(map(_row, lines))
    st.html(_STYLE)
    st.html(
        f"<div class='runs-side' tabindex='0'><table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(line: Line) -> str:
    cells = "".join(
        f"<td{' class=best' if place in line.best else ''}>{escape(cell)}</td>" for place, cell in enumerate(line.cells)
    )
    return f"<tr{' class=found' if line.found else ''}><th scope='row'>{escape(line.head)}</th>{cells}</tr>"
