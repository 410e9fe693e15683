"""What a finished run is worth: accuracy with its uncertainty, who is taken for whom, the worst mistakes as pictures."""

import base64
import binascii
import io
import math
from collections.abc import Sequence
from functools import lru_cache

import streamlit as st
from PIL import Image

from dlcore.config import TrainConfig
from dlcore.runs.history import RunHistory
from dlcore.training.events import Mistake, Tested
from ui.class_names import shown_names
from ui.figure import figure
from ui.language import translate as _
from ui.shell import plain_text
from ui.training.figures import classes_height, confusion_figure, many_classes
from ui.training.statistics import class_reports, wilson_interval
from ui.training.words import duration

_DRAW_PAGE = "pages/draw.py"
_PIXELS = 168
"""A picture is enlarged to about this many pixels a side."""
_PICTURE_WIDTH = 96


def draw_link(model: str) -> None:
    """The way to the Draw page with the model of this name: a run, or the bundled one."""
    st.page_link(
        _DRAW_PAGE,
        label=_("Draw with this model"),
        icon=":material/draw:",
        query_params={"model": model},
    )


def _headline(history: RunHistory) -> None:
    """The numbers that count, in one row."""
    tested, started, latest = history.tested, history.started, history.latest
    if tested is None or started is None:
        return
    low, high = wilson_interval(tested.correct, tested.count)
    with st.container(horizontal=True, gap="medium", border=True):
        st.metric(
            _("Test accuracy"),
            f"{tested.accuracy:.2%}",
            help=_("{correct:,} of {count:,} test images, which the network never saw while learning.").format(
                correct=tested.correct, count=tested.count
            ),
            delta=_("95% interval {low:.2%} to {high:.2%}").format(low=low, high=high),
            delta_color="off",
            delta_arrow="off",
            width="content",
        )
        st.metric(
            _("Test loss"),
            f"{tested.loss:.4f}",
            help=_("Mean over the test images, in the unit of the curve."),
            width="content",
        )
        st.metric(_("Parameters"), f"{started.parameters:,}", width="content")
        if latest is not None:
            st.metric(_("Training time"), duration(latest.seconds), width="content")


def results(history: RunHistory, config: TrainConfig) -> None:
    """The numbers that count, the confusion matrix, the table of classes, and the worst mistakes."""
    tested, started = history.tested, history.started
    if tested is None or started is None:
        return
    _headline(history)
    names = shown_names(started.class_names, config.dataset)
    left, right = st.columns([1.15, 1], gap="large")
    with left:
        st.subheader(_("Who is taken for whom"), anchor=False)
        st.caption(_("Rows are what the image shows, columns what the network said. The diagonal is right."))
        if many_classes(names):
            st.caption(_("Numbers stand at the largest confusions. Point at a square for its own."))
        figure(
            *confusion_figure(tested.confusion, names),
            key="train.confusion",
            height=classes_height(names, 430),
            description=confusions_in_words(tested.confusion, names),
        )
    with right:
        st.subheader(_("Class by class"), anchor=False)
        st.caption(
            _("Precision: of those called so, how many are. Recall: of those that are, how many were found. F1: both.")
        )
        _class_table(tested, names)
    if tested.mistakes:
        st.subheader(_("The worst mistakes"), anchor=False)
        st.caption(_("Wrong and sure of it: what the image is → what the network said, and how sure it was."))
        alt = _("A test image of {label}, taken for {predicted}")
        gallery(tested.mistakes, names, alt=alt, key="train-mistakes")


def _class_table(tested: Tested, names: list[str]) -> None:
    reports = class_reports(tested.confusion)
    head = [_("Class"), _("Precision"), _("Recall"), _("F1"), _("Images")]
    rows = [
        [
            plain_text(name),
            *(_percent(share) for share in (report.precision, report.recall, report.f1)),
            f"{report.support:,}",
        ]
        for name, report in zip(names, reports, strict=True)
    ]
    lines = [head, [":--", "--:", "--:", "--:", "--:"], *rows]
    with st.container(key="train-classes"):
        st.markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def gallery(mistakes: Sequence[Mistake], names: list[str], *, alt: str, key: str) -> None:
    """The pictures, each with what it is, what it was taken for, and how sure the network was.

    ``alt`` describes one for those who do not see it, with places for ``{label}`` and ``{predicted}``.
    """
    pictures = []
    for mistake in mistakes:
        if (picture := picture_of(mistake.pixels)) is None:
            continue
        label, predicted = names[mistake.label], names[mistake.predicted]
        words = alt.format(label=label, predicted=predicted)
        pictures.append((picture, f"{plain_text(label)} → {plain_text(predicted)}  \n{mistake.confidence:.0%}", words))
    with st.container(key=key, horizontal=True, gap="small"):
        for picture, caption, words in pictures:
            st.image(picture, caption=caption, width=_PICTURE_WIDTH, alt=words)


@lru_cache(maxsize=256)
def picture_of(pixels: str) -> str | None:
    """The square image in ``pixels`` (8 bit, base64) as the URL of a PNG whose pixels stay crisp.

    A grey image is S² bytes row by row; one of colours is three such planes, red, green, blue: as 3 S² is never a
    square, the length tells which. The picture is inside the URL: Streamlit forgets its own media files at the next run
    of a page, which may be before the browser has asked for them. None where ``pixels`` is no such image.
    """
    try:
        content = base64.b64decode(pixels, validate=True)
    except binascii.Error:
        return None
    size = math.isqrt(len(content))
    if size > 0 and size * size == len(content):
        image = Image.frombytes("L", (size, size), content)
    else:
        size = math.isqrt(len(content) // 3)
        if size == 0 or 3 * size * size != len(content):
            return None
        planes = [content[start : start + size * size] for start in range(0, len(content), size * size)]
        image = Image.merge("RGB", [Image.frombytes("L", (size, size), plane) for plane in planes])
    factor = max(1, _PIXELS // size)
    return url_of(image.resize((size * factor, size * factor), Image.Resampling.NEAREST))


def url_of(image: Image.Image) -> str:
    """The URL of a picture, which holds all of it as a PNG."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def confusions_in_words(confusion: Sequence[Sequence[int]], names: list[str]) -> str:
    """The confusion matrix in words: what is mixed up most."""
    wrong = [
        (count, names[true], names[said])
        for true, row in enumerate(confusion)
        for said, count in enumerate(row)
        if true != said and count
    ]
    if not wrong:
        return _("Confusion matrix: no image was confused with another class.")
    count, true, said = max(wrong)
    return _("Confusion matrix. Most often, {true} was taken for {said}: {count} times.").format(
        true=true, said=said, count=count
    )
