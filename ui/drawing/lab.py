"""See why, break it, teach it: one panel at a time below the answer, computed only while it is open."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from dlcore.messages import N_, UserError
from ui.drawing import attack, compare, correct, corrupt, explain, link, microscope, nearest, state, symbols
from ui.drawing.reading import Reading
from ui.language import translate as _
from ui.shell import show_error

_KEY = "draw.panel"
_QUERY = "panel"


@dataclass(frozen=True)
class _Panel:
    title: str
    lead: str
    icon: str
    show: Callable[[Reading], None]


_PANELS: Mapping[str, _Panel] = {
    "microscope": _Panel(
        N_("Microscope"),
        N_(
            "The drawing on its way through the network. Choose a layer, then point at any pixel of its maps: below"
            " stands the arithmetic that made this number, down to the last multiplication."
        ),
        ":material/biotech:",
        microscope.show,
    ),
    "explain": _Panel(
        N_("Which pixels"),
        N_("Which pixels does the answer rest on? Four methods side by side, for the answer and for any other class."),
        ":material/center_focus_strong:",
        explain.show,
    ),
    "nearest": _Panel(
        N_("Nearest images"),
        N_("What the network finds most like the drawing among the images that it knows."),
        ":material/scatter_plot:",
        nearest.show,
    ),
    "compare": _Panel(
        N_("Compare models"),
        N_("The same drawing before any number of your models. Whoever contradicts the first one stands out."),
        ":material/groups:",
        compare.show,
    ),
    "attack": _Panel(
        N_("Fool it"),
        N_("Change every pixel by at most ε, in the direction that hurts most, until the answer flips."),
        ":material/bolt:",
        attack.show,
    ),
    "corrupt": _Panel(
        N_("Corrupt it"),
        N_("Turn, blur, speckle, invert, thin or thicken the drawing as the network gets it."),
        ":material/blur_on:",
        corrupt.show,
    ),
    "correct": _Panel(
        N_("Correct it"),
        N_(
            "Say what your drawings really are. A copy of the model learns from them in half a minute or less, and you see both what"
            " it gained and what it forgot."
        ),
        ":material/edit:",
        correct.show,
    ),
    "symbols": _Panel(
        N_("Your own symbols"),
        N_(
            "Teach it symbols of your own: what the bundled model has learned of strokes is kept, its last layer begins"
            " anew with your names."
        ),
        ":material/shapes:",
        symbols.show,
    ),
}


_OF_DRAWINGS = ("compare", "correct", "symbols")
"""Panels that show what is drawn to other models, which read images of another shape."""


def show(reading: Reading) -> None:
    """The choice, and the panel that is chosen."""
    st.subheader(_("See why, break it, teach it"), anchor=False)
    if _KEY not in st.session_state and (asked := st.query_params.get(_QUERY)) in _PANELS:
        st.session_state[_KEY] = asked
    offered = [name for name in _PANELS if not (reading.of_its_own and name in _OF_DRAWINGS)]
    if st.session_state.get(_KEY) not in (None, *offered):
        st.session_state[_KEY] = None
    chosen = st.pills(
        _("What to look at"),
        offered,
        key=_KEY,
        format_func=lambda name: f"{_PANELS[name].icon} {_(_PANELS[name].title)}",
        label_visibility="collapsed",
    )
    closed = {name: "" for panel, names in link.OF_PANELS.items() if panel != chosen for name in names}
    link.follow(**closed, **{_QUERY: chosen or ""})
    if chosen is None:
        st.caption(_("Choose one: nothing is computed before."))
        return
    state.page().follows = True
    panel = _PANELS[chosen]
    st.markdown(_(panel.lead))
    if reading.model is None:
        st.caption(_("As soon as the network is loaded, this panel opens."))
        return
    try:
        panel.show(reading)
    except UserError as error:
        show_error(error)
