"""What was measured for the chapters: ``content/measured/concepts.json``, written by ``bench/concepts.py``."""

import json
from functools import cache
from typing import Any

from ui.language import CONTENT


@cache
def measured() -> Any:
    """The measurements by name."""
    return json.loads((CONTENT / "measured" / "concepts.json").read_text(encoding="utf-8"))
