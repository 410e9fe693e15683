"""The chapter of the seven fields: what goes in, what comes out, a figure computed here, what to read next."""

from collections.abc import Callable, Mapping

from ui.concepts import field_figures
from ui.concepts.doors import door
from ui.concepts.subjects import show_subjects
from ui.language import translate as _

_FIGURES: Mapping[str, Callable[[], None]] = {
    "vision": field_figures.vision,
    "language": field_figures.next_word,
    "speech": field_figures.speech,
    "medical": field_figures.medical,
    "finance": field_figures.finance,
    "driving": field_figures.driving,
    "games": field_figures.games,
}


def show() -> None:
    """Each field as a card, and a door."""
    show_subjects("fields", _FIGURES)
    door(_("Let a network read your handwriting"), "draw")
