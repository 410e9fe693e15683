"""What lies below the answer, one after the other: each panel gets the reading that is on the screen.

A panel that shows something of the drawing itself sets ``state.page().follows = True`` while it is open: then the whole
page runs again after each finished drawing; otherwise a stroke runs the studio alone.
"""

from collections.abc import Callable

import streamlit as st

from dlcore.inference.sources import PRETRAINED, model_card
from ui.drawing import lab, state, trust
from ui.drawing.reading import Reading
from ui.language import current, prose
from ui.language import translate as _


def show(reading: Reading) -> None:
    """All panels."""
    state.page().follows = False
    for panel in _PANELS:
        panel(reading)


_CARD = """
.st-key-draw-card table code { white-space: normal; overflow-wrap: anywhere; }
"""
"""Commands and checksums break, or the card's table is wider than a phone."""


def _how(_reading: Reading) -> None:
    with st.expander(_("How a drawing becomes the network's input, and why it may be misread"), key="draw.how"):
        st.markdown(prose("draw-how"))


def _card(reading: Reading) -> None:
    if reading.source == PRETRAINED and (card := model_card(current())):
        with st.expander(_("About the bundled model"), key="draw.card"):
            st.html(f"<style>{_CARD}</style>")
            st.markdown(card.partition("\n")[2].replace("\n## ", "\n#### "))  # its title is the expander's


_PANELS: tuple[Callable[[Reading], None], ...] = (lab.show, trust.show, _how, _card)
