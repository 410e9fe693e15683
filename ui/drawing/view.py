"""What the Draw page shows: the paper, the answer beside it, the choice of who answers."""

from typing import Any

import streamlit as st

from dlcore.data import DATASETS
from dlcore.inference.sources import PRETRAINED, model_card
from dlcore.inference.strokes import CANVAS_PEN_WIDTH, CANVAS_SIZE, Stroke, read_canvas
from dlcore.messages import UserError
from ui.class_names import shown_names
from ui.drawing import answer, models, state
from ui.drawing.example import example
from ui.language import current, explain, prose
from ui.language import translate as _
from ui.shell import page_title, plain_text, show_error
from ui.visitor import visitor_token

_CANVAS = "draw.canvas"
_MODEL = "draw.model"
# Each look takes time from the thread that is waited for: at 0.4 s it took three times as long.
_LOOK_AGAIN_SECONDS = 1.0
_NAMED = 30
"""Classes of a model that are named."""


def show_draw() -> None:
    """The whole page."""
    models.ready()
    page_title(
        _("Draw"),
        _("Write a digit on the paper. After each stroke the network says what it sees, and shows how it saw it."),
    )
    studio, below = st.container(), st.container()
    with below:
        source = _choose_model()
        _explain_model(source)
    with studio:
        _studio(source)


@st.fragment
def _studio(source: str) -> None:
    """Paper and answer; a stroke runs only this part of the page again."""
    page = state.page()
    with st.container(horizontal=True, gap="medium", key="draw-studio"):
        with st.container(width=CANVAS_SIZE):
            strokes = _paper(page)
        with st.container(width="stretch", key="draw-answer"):
            _answer(source, strokes)


def _paper(page: state.DrawPage) -> list[Stroke]:
    """The canvas and its buttons; the strokes on it."""
    if _CANVAS not in st.session_state and page.shown is not None:
        page.put(page.objects())  # the visitor was on another page, and the canvas has forgotten
    try:
        strokes = read_canvas(page.hear(_canvas(page)))
    except UserError as error:
        show_error(error)
        strokes = []
    empty = not page.objects()
    with st.container(horizontal=True):
        st.button(_("Undo"), key="draw.undo", icon=":material/undo:", disabled=empty, on_click=page.undo)
        st.button(_("Clear"), key="draw.clear", icon=":material/delete:", disabled=empty, on_click=page.clear)
    st.caption(_("The drawing goes to the server of this page, which does not keep it."))
    return strokes


def _canvas(page: state.DrawPage) -> Any:
    """What the canvas says is on it: anything, as it comes from a browser."""
    # Importing it registers its files with the server, so there must be one: not at the top.
    from streamlit_drawable_canvas import st_canvas  # noqa: PLC0415

    return st_canvas(
        stroke_width=CANVAS_PEN_WIDTH,
        stroke_color=state.INK,
        background_color=page.background,
        width=CANVAS_SIZE,
        height=CANVAS_SIZE,
        initial_drawing={"objects": page.put_objects},
        key=_CANVAS,
    ).json_data


def _answer(source: str, strokes: list[Stroke]) -> None:
    """The answer to a drawing; without one, to the example, as soon as the network is there."""
    if not strokes and not models.ready():
        answer.show(answer.read(example(), None), "example", waiting=True)
        _look_again()
        return
    try:
        model = models.load(source)
    except UserError as error:
        show_error(error)
        model = None
    answer.show(answer.read(strokes or example(), model), "drawing" if strokes else "example")


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
def _look_again() -> None:
    """Show the page again once the network is there."""
    if models.ready():
        st.rerun()


def _choose_model() -> str:
    """The model that answers: as chosen, else as in the link; the link follows the choice."""
    page = state.page()
    asked = st.session_state.get(_MODEL) or st.query_params.get("model", page.model)
    owner = visitor_token()
    try:
        sources = models.choices(owner, asked)
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
        width=560,
    )
    for reason in models.reasons_not_offered(owner):
        st.caption(_("Not offered here: {reason}").format(reason=explain(reason)))
    page.model = chosen
    if chosen == PRETRAINED:
        st.query_params.pop("model", None)
    else:
        st.query_params["model"] = chosen
    return chosen


def _explain_model(source: str) -> None:
    if source != PRETRAINED:
        config = models.config(source)
        names: tuple[str, ...]
        try:
            names = config.data().class_names
        except UserError:  # own images that were deleted since
            names = ()
        if names != DATASETS["mnist"].class_names:
            words = _(
                "This model has learned from {dataset} and knows nothing but {classes}. Whatever you draw, it takes it for one of them."
            )
            named = shown_names(names[:_NAMED], config.dataset) + ["…"] * (len(names) > _NAMED or not names)
            st.info(
                words.format(dataset=_(DATASETS[config.dataset].title), classes=plain_text(_(", ").join(named))),
                icon=":material/info:",
            )
    with st.expander(_("How a drawing becomes the network's input, and why it may be misread"), key="draw.how"):
        st.markdown(prose("draw-how"))
    if source == PRETRAINED and (card := model_card(current())):
        with st.expander(_("About the bundled model"), key="draw.card"):
            st.markdown(card.partition("\n")[2].replace("\n## ", "\n#### "))  # its title is the expander's
