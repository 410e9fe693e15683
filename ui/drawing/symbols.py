"""Your own symbols: name a few, draw some of each, and a network that knew digits reads them."""

import streamlit as st

from dlcore.data.drawings import FEWEST_DRAWINGS, keep_symbols, read_names
from dlcore.inference.sources import PRETRAINED
from dlcore.messages import UserError
from dlcore.runs import queue
from ui.drawing import models, teach
from ui.drawing.reading import Reading
from ui.language import translate as _
from ui.shell import plain_text, show_error
from ui.visitor import found_token

_NAMES = "draw.symbols.names"


def show(reading: Reading) -> None:
    """The names, the drawings, and the model that learns them."""
    given = teach.lesson("symbols")
    st.session_state.setdefault(_NAMES, ", ".join(given.names))
    text = st.text_input(
        _("Your symbols, separated by commas"),
        key=_NAMES,
        max_chars=300,
        placeholder=_("circle, square, triangle"),
        width=560,
    )
    if not text.strip():
        st.caption(_("Name two to ten symbols: shapes, letters, arrows, whatever you like to draw."))
        return
    try:
        names = read_names(text)
    except UserError as error:
        show_error(error)
        return
    if names != given.names:
        _say(given, given.rename(names))
    teach.collect(reading, given, "draw.symbols.keep")
    missing = [name for label, name in enumerate(names) if given.count(label) < FEWEST_DRAWINGS]
    if missing:
        words = _("{fewest} of each are enough to begin, ten are better; every fifth is held back to test.")
        st.caption(words.format(fewest=FEWEST_DRAWINGS))
    elif st.button(_("Learn them"), key="draw.symbols.learn", type="primary", icon=":material/school:"):
        from dlcore.inference.lessons import symbols_config  # noqa: PLC0415  # torch, not before it must

        owner = found_token()
        images = keep_symbols(given.drawings, names, owner=owner)
        config = symbols_config(models.load(PRETRAINED), images.set_id)
        teach.begin(given, queue.submit(config, owner=owner))
    run = teach.finished(given)
    if run is None:
        return
    summary = run.summary()
    if summary is not None and summary.test_accuracy is not None:
        count = sum(config.test_class_counts) if (config := _data(run)) else 0
        words = _("It reads {right} of the {count} drawings that were held back.")
        st.success(words.format(right=round(summary.test_accuracy * count), count=count), icon=":material/school:")
    teach.use(run, "draw.symbols")


def _say(given: teach.Lesson, changed: dict[str, str]) -> None:
    """What became of the drawings when the names changed."""
    for old, new in changed.items():
        if given.count(given.names.index(new)):
            st.toast(_("What was {old} is called {new} now.").format(old=plain_text(old), new=plain_text(new)))
    if given.aside:
        gone = sorted({name for name, _drawing in given.aside})
        words = _("Put aside: the drawings of {names}. They come back with their name.")
        st.toast(words.format(names=plain_text(_(", ").join(gone))))


def _data(run: teach.Run):  # noqa: ANN202
    try:
        return run.config.data()
    except UserError:  # the drawings were deleted since
        return None
