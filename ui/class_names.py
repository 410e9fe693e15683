"""The names of classes as a visitor reads them."""

from collections.abc import Sequence

from dlcore.data import OWN_IMAGES
from ui.language import translate as _


def shown_names(names: Sequence[str], dataset: str) -> list[str]:
    """``names`` in the visitor's language; those of own images as their owner wrote them, whatever they mean elsewhere."""
    return list(names) if dataset == OWN_IMAGES else [_(name) for name in names]
