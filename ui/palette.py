"""One colour, one meaning. Every tone is readable on the light and on the dark background (3:1 and more)."""

TRAIN = "#6366f1"
"""Whatever is measured on training images."""
VALIDATION = "#ea7a0c"
"""Whatever is measured on images held back while training."""
TEST = "#0d9488"
"""Whatever is measured on the test set, once, at the end."""
POSITIVE = "#0284c7"
"""Numbers above zero: weights, gradients, evidence for."""
NEGATIVE = "#e11d48"
"""Numbers below zero, and evidence against."""
RIGHT = "#16a34a"
"""A correct answer."""
WRONG = NEGATIVE
"""An incorrect answer."""
NEUTRAL = "#7c8298"
"""Guides, references, what is not in question."""
HIGHLIGHT = "#c026d3"
"""The one thing to look at now."""

CLASSES = (TRAIN, VALIDATION, TEST, NEGATIVE, POSITIVE, HIGHLIGHT, RIGHT, "#a16207", "#64748b", "#9f5f80")
"""Up to ten things side by side that have no meaning of their own."""

SEQUENTIAL = [[0.0, "rgba(99, 102, 241, 0)"], [1.0, "rgba(99, 102, 241, 1)"]]
"""From nothing to much, for heatmaps; nothing is the background itself."""
DIVERGING = [[0.0, NEGATIVE], [0.5, "rgba(124, 130, 152, 0.12)"], [1.0, POSITIVE]]
"""From negative over zero to positive, for heatmaps."""


def faded(colour: str, opacity: float) -> str:
    """The colour ``#rrggbb`` with an opacity in [0, 1], as CSS writes it."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"
