"""The chapter of the seven fields: what goes in, what comes out, a figure computed here, what to read next."""

from collections.abc import Callable, Mapping

from ui.concepts import field_figures
from ui.concepts.doors import door
from ui.concepts.subjects import show_subjects
from ui.language import current
from ui.language import translate as _

READING: Mapping[str, tuple[str, ...]] = {
    "vision": ("cs231n", "cnn-explainer", "resnet-2015"),
    "language": ("hf-llm-course", "annotated-transformer", "attention-2017"),
    "speech": ("hf-audio-course", "whisper", "speechbrain"),
    "medical": ("monai", "medmnist", "unet-2015"),
    "finance": ("qlib", "finrl"),
    "driving": ("carla", "nuscenes", "pilotnet-2016"),
    "games": ("hf-deep-rl-course", "gymnasium", "dqn-2013"),
}
"""Entries of the catalogue by field."""
CHINESE_READING: Mapping[str, tuple[str, ...]] = {
    "language": ("happy-llm", "hf-llm-course", "attention-2017"),
    "speech": ("hf-audio-course", "whisper", "aishell-1"),
}
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
    show_subjects("fields", _FIGURES, {**READING, **CHINESE_READING} if current() == "zh" else READING)
    door(_("Let a network read your handwriting"), "draw")
