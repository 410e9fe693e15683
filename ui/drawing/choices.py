"""What a visitor chooses on the Draw page: the way in, who answers, how strictly, on which canvas. The link follows."""

import streamlit as st

from dlcore.inference.calibration import DEFAULT_SHARE, SHARES
from dlcore.inference.sources import PRETRAINED
from dlcore.messages import UserError
from ui.drawing import models, pictures, state
from ui.language import translate as _
from ui.shell import show_error

_MODEL = "draw.model"
_CANVAS_CHOICE = "draw.canvas-choice"
_WAY = "draw.way"
_STRICTNESS = "draw.strictness"


def choose_way() -> None:
    """How something to read comes in; as chosen, else as in the link, which follows the choice."""
    page = state.page()
    named = "sample" if "sample" in st.query_params else page.way
    asked = st.session_state.get(_WAY) or st.query_params.get("way", named)
    st.session_state[_WAY] = asked if asked in state.WAYS else state.WAYS[0]
    names = {
        "draw": _("Draw"),
        "photo": _("A photo"),
        "camera": _("The camera"),
        "sample": _("From a dataset"),
    }
    page.way = st.segmented_control(
        _("What is to be read"),
        state.WAYS,
        key=_WAY,
        format_func=names.__getitem__,
        required=True,
        label_visibility="collapsed",
    )
    if page.way != "sample":
        st.query_params.pop("sample", None)
    _follow("way", page.way, state.WAYS[0])


def choose_strictness() -> None:
    """From where on the answer is "I don't know"; as chosen, else as in the link, which follows the choice."""
    page = state.page()
    options = [f"{share:g}" for share in SHARES]
    default = f"{DEFAULT_SHARE:g}"
    asked = st.session_state.get(_STRICTNESS) or st.query_params.get("strictness", f"{page.strictness:g}")
    st.session_state[_STRICTNESS] = asked if asked in options else default
    words = {option: _("never") if option == "0" else f"{float(option):.1%}" for option in options}
    chosen = st.select_slider(
        _("Say “I don't know”"),
        options,
        key=_STRICTNESS,
        format_func=words.__getitem__,
        help=_(
            "How many of its own validation images the model may refuse, those most unlike what it has learned from. The more"
            " you allow, the more scribbles and letters it refuses too."
        ),
        width=240,
    )
    page.strictness = float(chosen)
    _follow("strictness", chosen, default)


def choose_model(owner: str) -> str:
    """The model that answers: as chosen, else as in the link; the link follows the choice."""
    page = state.page()
    asked = st.session_state.get(_MODEL) or st.query_params.get("model", page.model)
    try:
        sources = models.choices(owner, asked, of_its_own=pictures.shows_its_own(page))
    except UserError as error:
        show_error(error)
        asked = PRETRAINED
        sources = models.choices(owner, asked)
    # Set at every run, or the run that follows when the browser has named its token may lose what the link asked for.
    st.session_state[_MODEL] = asked
    chosen: str = st.selectbox(
        _("Who answers"),
        sources,
        key=_MODEL,
        format_func=models.title,
        help=_("The bundled model, or any of your own runs that has finished on the Train page."),
        width=480,
    )
    page.model = chosen
    _follow("model", chosen, PRETRAINED)
    return chosen


def choose_canvas() -> None:
    """What is drawn on; as chosen, else as in the link, which follows the choice."""
    page = state.page()
    asked = st.session_state.get(_CANVAS_CHOICE) or st.query_params.get("canvas", page.canvas)
    st.session_state[_CANVAS_CHOICE] = asked if asked in state.CANVASES else state.CANVASES[0]
    names = {"paper": _("This page's own"), "drawable": "streamlit-drawable-canvas"}
    page.canvas = st.selectbox(
        _("Canvas"),
        state.CANVASES,
        key=_CANVAS_CHOICE,
        format_func=names.__getitem__,
        help=_(
            "This page's own answers while the pen moves, knows redo and the keyboard. The library's answers when the pen is lifted."
        ),
        width=260,
    )
    _follow("canvas", page.canvas, state.CANVASES[0])


def _follow(name: str, value: str, default: str) -> None:
    """Let the link say what is chosen, and nothing where that is what it is without."""
    if value == default:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value
