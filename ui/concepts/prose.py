"""Chapters are Markdown files; a line ``<!-- name -->`` begins a section, so that figures can stand between sections."""

import re
from collections.abc import Mapping
from functools import cache

from ui import language

_MARK = re.compile(r"^<!-- ([a-z0-9-]+) -->\n", re.MULTILINE)


@cache
def split(text: str) -> Mapping[str, str]:
    """The sections of a text by name, in order; what stands before the first mark is called ``intro``."""
    parts = _MARK.split(text)
    named = zip(["intro", *parts[1::2]], parts[0::2], strict=True)
    return {name: body.strip() for name, body in named if body.strip()}


def sections(chapter: str) -> Mapping[str, str]:
    """The sections of ``content/<language>/concepts-<chapter>.md`` in the visitor's language."""
    return split(language.prose(f"concepts-{chapter}"))


def heading_and_body(section: str) -> tuple[str, str]:
    """A section's first line without its ``##``, and the rest."""
    heading, _, body = section.partition("\n")
    return heading.lstrip("# "), body.strip()
