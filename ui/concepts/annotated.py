"""A program explained line by line: source and notes side by side, stacked on a phone."""

import io
import keyword
import re
import tokenize
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).resolve().parent
_NOTE = re.compile(r"^- `([^`]+)` (.+)$", re.MULTILINE)
_INLINE = re.compile(r"(`[^`]+`|\*\*[^*]+\*\*|\*[^*]+\*)")
_MARKS = {"`": "code", "**": "strong", "*": "em"}

Piece = tuple[str, str]
"""Text and its kind; the kind is empty for plain text."""


def notes(markdown: str) -> Mapping[str, str]:
    """Each list item ``- `first line` explanation`` as first line and explanation."""
    return dict(_NOTE.findall(markdown))


def rows(source: str, explained: Mapping[str, str]) -> list[dict[str, Any]]:
    """The program cut before each explained line; what comes before the first one is left out.

    Raises:
        ValueError: an explained line is not there, or not in the order of the explanations.
    """
    lines = source.splitlines()
    starts = []
    place = 0
    for first in explained:
        while place < len(lines) and lines[place].strip() != first:
            place += 1
        if place == len(lines):
            raise ValueError(f"no line {first!r} in the program, or it is not in this order")
        starts.append(place)
        place += 1
    coloured = _coloured(source)
    result = []
    for start, end, note in zip(starts, [*starts[1:], len(lines)], explained.values(), strict=True):
        numbers = [number for number in range(start, end) if lines[number].strip()]
        result.append(
            {
                "lines": [
                    {
                        "number": number + 1,
                        "indent": len(lines[number]) - len(lines[number].lstrip()),
                        "tokens": coloured[number],
                    }
                    for number in numbers
                ],
                "note": pieces(note),
                "marked": note.startswith("**"),
            }
        )
    return result


def pieces(text: str) -> list[Piece]:
    """Inline Markdown (code, bold, italics) as pieces."""
    found: list[Piece] = []
    for part in _INLINE.split(text):
        mark = next((mark for mark in ("`", "**", "*") if part.startswith(mark) and part.endswith(mark)), None)
        if mark and len(part) > 2 * len(mark):
            found.append((part[len(mark) : -len(mark)], _MARKS[mark]))
        elif part:
            found.append((part, ""))
    return found


def _coloured(source: str) -> list[list[Piece]]:
    """Each line without its indentation as pieces of a kind: keyword, string, number, comment, definition."""
    lines: list[list[Piece]] = [[] for _ in source.splitlines()]
    ends = [0] * len(lines)
    texts = source.splitlines()
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        (row, start), (end_row, end) = token.start, token.end
        if row != end_row or not token.string.strip():
            continue
        gap = texts[row - 1][ends[row - 1] : start]
        if gap and lines[row - 1]:
            lines[row - 1].append((gap, ""))
        lines[row - 1].append((token.string, _kind(token, before)))
        ends[row - 1] = end
        before = token.string
    return lines


def _kind(token: tokenize.TokenInfo, before: str) -> str:
    if token.type == tokenize.COMMENT:
        return "comment"
    if token.type == tokenize.STRING:
        return "string"
    if token.type == tokenize.NUMBER:
        return "number"
    if token.type == tokenize.NAME:
        return "keyword" if keyword.iskeyword(token.string) else "definition" if before in {"def", "class"} else ""
    return ""


@cache
def _mount() -> Callable[..., Any]:
    css, js = ((_HERE / name).read_text(encoding="utf-8") for name in ("annotated.css", "annotated.js"))
    component: Callable[..., Any] = st.components.v2.component(
        "annotated_program", html='<div class="annotated"></div>', css=css, js=js, isolate_styles=False
    )
    return component


def annotated(program_rows: Sequence[dict[str, Any]], *, version: str, key: str) -> None:
    """Show the rows; ``version`` changes when they do, the language for instance."""
    _mount()(data={"rows": list(program_rows), "version": version}, key=key)
