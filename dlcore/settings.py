"""Numbers that the environment sets."""

import math
import os

from dlcore.messages import N_, UserError


def number(name: str, default: float, *, low: float, high: float) -> float:
    """The number in the environment variable ``name``, ``default`` where it is not set or empty.

    Raises:
        UserError: it holds no number in [``low``, ``high``].
    """
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text) if text.isascii() and len(text) <= 40 else math.nan
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise UserError(
            N_("{name} must be a number in [{low}, {high}]; got {value}."),
            name=name,
            low=f"{low:g}",
            high=f"{high:g}",
            value=text[:40],
        )
    return value
