"""What the Draw page shows: the paper, the answer beside it, the choice of who answers."""

from typing import Any, Literal

import streamlit as st

from dlcore.data import DATASETS
from dlcore.inference.sources import PRETRAINED
from dlcore.inference.strokes import CANVAS_PEN_WIDTH, CANVAS_SIZE, Stroke, read_canvas
from dlcore.messages import UserError
from ui.class_names import shown_names
from ui.concepts.doors import read_next
from ui.drawing import answer, models, panels, paper, state
from ui.drawing.example import example
from ui.drawing.reading import Reading
from ui.language import explain
from ui.language import translate as _
from ui.shell import page_title, plain_text, show_error
from ui.visitor import visitor_token

_CANVAS = "draw.canvas"
_MODEL = "draw.model"
_CANVAS_CHOICE = "draw.canvas-choice"
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
    studio, choice, below = st.container(), st.container(), st.container()
    with choice:
        owner = visitor_token()
        with st.container(horizontal=True, gap="medium"):
            source = _choose_model(owner)
            _choose_canvas()
        for reason in models.reasons_not_offered(owner):
            st.caption(_("Not offered here: {reason}").format(reason=explain(reason)))
        _explain_model(source)
    with studio:
        _studio(source)
    with below:
        reading = state.page().reading
        assert reading is not None  # the studio has just set it
        panels.show(reading)
        read_next("draw")


@st.fragment
def _studio(source: str) -> None:
    """Paper and answer; a stroke runs only this part of the page again, unless a panel below shows the drawing too."""
    page = state.page()
    with st.container(horizontal=True, gap="medium", key="draw-studio"):
        with st.container(width=CANVAS_SIZE):
            drawing = _drawing(page)
        with st.container(width="stretch", key="draw-answer"):
            reading = _answer(source, drawing.strokes)
    if drawing.pen_down:
        return  # what lies below waits until the stroke is done
    before, page.reading = page.reading, reading
    if page.follows and not reading.same_as(before):
        page.follows = False  # until a panel says so again
        st.rerun()


def _drawing(page: state.DrawPage) -> paper.Drawing:
    """The paper, or the canvas of the library, and what is on it."""
    try:
        drawing = paper.show(page) if page.canvas == "paper" else paper.Drawing(_library_strokes(page))
    except UserError as error:
        show_error(error)
        drawing = paper.Drawing([])
    st.caption(_("The drawing goes to the server of this page, which does not keep it."))
    return drawing


def _library_strokes(page: state.DrawPage) -> list[Stroke]:
    """The library's canvas with buttons of ours; the strokes on it."""
    if _CANVAS not in st.session_state and page.shown is not None:
        page.put(page.objects())  # the visitor was on another page, and the canvas has forgotten
    said = page.hear(_canvas(page))
    empty = not page.objects()
    with st.container(horizontal=True):
        st.button(_("Undo"), key="draw.undo", icon=":material/undo:", disabled=empty, on_click=page.undo)
        st.button(_("Clear"), key="draw.clear", icon=":material/delete:", disabled=empty, on_click=page.clear)
    return read_canvas(said)


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


def _answer(source: str, strokes: list[Stroke]) -> Reading:
    """The answer to a drawing; without one, to the example, as soon as the network is there."""
    origin: Literal["drawing", "example"] = "drawing" if strokes else "example"
    model, waiting = None, not strokes and not models.ready()
    if not waiting:
        try:
            model = models.load(source)
        except UserError as error:
            show_error(error)
    given = answer.read(strokes or example(), model)
    page = state.page()
    page.answers += 1
    answer.show(given, origin, count=page.answers, waiting=waiting)
    if waiting:
        _look_again()
    return Reading(
        origin=origin,
        source=source,
        model=model,
        image=given.framed.image,
        strokes=given.strokes,
        class_names=given.class_names,
        dataset=given.dataset,
        probabilities=given.probabilities,
    )


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
def _look_again() -> None:
    """Show the page again once the network is there."""
    if models.ready():
        st.rerun()


def _choose_model(owner: str) -> str:
    """The model that answers: as chosen, else as in the link; the link follows the choice."""
    page = state.page()
    asked = st.session_state.get(_MODEL) or st.query_params.get("model", page.model)
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
    page.model = chosen
    if chosen == PRETRAINED:
        st.query_params.pop("model", None)
    else:
        st.query_params["model"] = chosen
    return chosen


def _choose_canvas() -> None:
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
    if page.canvas == state.CANVASES[0]:
        st.query_params.pop("canvas", None)
    else:
        st.query_params["canvas"] = page.canvas


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
