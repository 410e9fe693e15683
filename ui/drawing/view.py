"""What the Draw page shows: the paper, the answer beside it, the choice of who answers."""

from typing import Any

import streamlit as st

from dlcore.data import DATASETS
from dlcore.inference.sources import PRETRAINED
from dlcore.inference.strokes import CANVAS_PEN_WIDTH, CANVAS_SIZE, Stroke, read_canvas
from dlcore.messages import N_, UserError
from ui.class_names import shown_names
from ui.clock import run_again
from ui.concepts.doors import read_next
from ui.drawing import answer, answering, choices, models, panels, paper, pictures, state
from ui.drawing.example import example
from ui.drawing.reading import Origin, Reading
from ui.language import explain
from ui.language import translate as _
from ui.part import part
from ui.shell import page_title, plain_text, show_error
from ui.visitor import visitor_token

_CANVAS = "draw.canvas"
# Each look takes time from the thread that is waited for: at 0.4 s it took three times as long.
_LOOK_AGAIN_SECONDS = 1.0
_NAMED = 30
"""Classes of a model that are named."""


def show_draw() -> None:
    """The whole page."""
    models.ready()
    page_title(
        _("Draw"),
        _(
            "Write a digit or a whole number, or show a picture. The network says what it sees, and shows how it saw it."
        ),
    )
    way, studio, choice, below = st.container(), st.container(), st.container(), st.container()
    with way:
        choices.choose_way()
    with choice:
        owner = visitor_token()
        with st.container(horizontal=True, gap="medium"):
            source = choices.choose_model(owner)
            choices.choose_strictness()
            if state.page().way == "draw":
                choices.choose_canvas()
        for reason in [] if pictures.shows_its_own(state.page()) else models.reasons_not_offered(owner):
            st.caption(_("Not offered here: {reason}").format(reason=explain(reason)))
        _explain_model(source)
    with studio:
        _studio(source)
    with below:
        reading = state.page().reading
        assert reading is not None  # the studio has just set it
        panels.show(reading)
        read_next("draw")


@part
def _studio(source: str) -> None:
    """What comes in and the answer; a stroke runs only this part of the page again, unless a panel below shows it too."""
    page = state.page()
    pen_down = False
    with st.container(horizontal=True, gap="medium", key="draw-studio"):
        with st.container(width=CANVAS_SIZE):
            if page.way == "draw":
                drawing = _drawing(page)
                given, pen_down = drawing.strokes, drawing.pen_down
            else:
                given = _picture(page, source)
        with st.container(width="stretch", key="draw-answer"):
            reading = _answer(page, source, given)
    if pen_down:
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
    st.caption(_privacy())
    return drawing


def _picture(page: state.DrawPage, source: str) -> pictures.Given | None:
    """What came in by another way; None as long as nothing has."""
    given = None
    try:
        given = pictures.show(page, source)
    except UserError as error:
        show_error(error)
    if given is not None and given.label:
        (label,) = shown_names([given.label], given.dataset)
        st.caption(_("Its label in the dataset: {label}").format(label=plain_text(label)))
    elif page.way != "sample":
        st.caption(_privacy())
    return given


def _privacy() -> str:
    return _(
        "What you draw or show goes to the server that this page came from and nowhere else. It stays in that server's memory during your visit and is written to its disk only if you teach a network with it."
    )


def _library_strokes(page: state.DrawPage) -> list[Stroke]:
    """The library's canvas with buttons of ours; the strokes on it."""
    if _CANVAS not in st.session_state and page.shown is not None:
        page.put(page.objects())  # the visitor was on another page, and the canvas has forgotten
    try:
        said = page.hear(_canvas(page))
    except (ValueError, RecursionError):  # JSON that Python's own reader refuses, such as numbers of 5,000 digits
        raise UserError(N_("This is no drawing of the canvas: clear it and draw again.")) from None
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


def _answer(page: state.DrawPage, source: str, given: list[Stroke] | pictures.Given | None) -> Reading:
    """The answer to what came in; without anything, to the example, as soon as the network is there."""
    model, waiting = None, not given and not models.ready()
    if not waiting:
        try:
            model = models.load(source)
        except UserError as error:
            show_error(error)
    origin: Origin
    if isinstance(given, pictures.Given):
        origin, picture = "picture", given.address
        images = [given.whole] if answering.kind_of(model) == "symbols" else given.images
        answered = answering.read_pictures(images, given.naive_image, model, strictness=page.strictness)
    else:
        origin, picture = "drawing" if given else "example", ""
        answered = answering.read_strokes(given or example(), model, strictness=page.strictness)
    page.answers += 1
    answer.show(answered, origin, count=page.answers, waiting=waiting, picture=picture)
    if waiting:
        _look_again()
    part = answered.parts[answer.picked(len(answered.parts))]
    return Reading(
        origin=origin,
        source=source,
        model=model,
        image=part.framed.image,
        strokes=answered.strokes,
        parts=len(answered.parts),
        class_names=answered.class_names,
        dataset=answered.dataset,
        probabilities=part.probabilities,
        temperature=answered.temperature,
    )


@part
def _look_again() -> None:
    """Show the page again once the network is there."""
    if models.ready():
        st.rerun()
    run_again(_LOOK_AGAIN_SECONDS, key="draw.clock")


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
