"""What a finished run is worth: accuracy with its uncertainty, who is taken for whom, the worst mistakes as pictures."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from dlcore.runs.history import RunHistory
from dlcore.training.events import Mistake, Tested
from dlcore.training.metrics import accuracy_interval, class_reports
from ui.class_names import shown_names
from ui.figure import figure
from ui.language import translate as _
from ui.shell import plain_text
from ui.training.cells import cell_images, choose_cell
from ui.training.confusion_figures import classes_height, confusion_figure, many_classes
from ui.training.pictures import picture_of
from ui.training.state import Watch
from ui.training.words import duration

_DRAW_PAGE = "pages/draw.py"
_PICTURE_WIDTH = 92
_STYLE = Path(__file__).with_name("results.css")


def draw_link(model: str) -> None:
    """The way to the Draw page with the model of this name: a run, or the bundled one."""
    st.page_link(
        _DRAW_PAGE,
        label=_("Draw with this model"),
        icon=":material/draw:",
        query_params={"model": model},
    )


def _headline(history: RunHistory, guess: float | None) -> None:
    """The numbers that count, in one row."""
    tested, started, latest = history.tested, history.started, history.latest
    if tested is None or started is None:
        return
    low, high = accuracy_interval(tested.correct, tested.count)
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
        if guess is not None:
            st.metric(
                _("Your guess"),
                f"{guess:g}%",
                delta=_("off by {points:.1f} points").format(points=abs(guess - 100 * tested.accuracy)),
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


def results(watch: Watch, *, guess: float | None = None) -> None:
    """The numbers that count, the confusion matrix, the table of classes, and the worst mistakes."""
    history = watch.history
    tested, started = history.tested, history.started
    if tested is None or started is None:
        return
    _headline(history, guess)
    names = shown_names(started.class_names, watch.run.config.dataset)
    st.html(_STYLE)
    left, right = st.columns([1.15, 1], gap="medium")
    with left:
        st.subheader(_("Who is taken for whom"), anchor=False)
        st.caption(_("Rows are what the image shows, columns what the network said. The diagonal is right."))
        if many_classes(names):
            st.caption(_("Numbers stand at the largest confusions. Point at a square for its own."))
        key = "train.confusion"
        figure(
            *confusion_figure(tested.confusion, names),
            key=key,
            height=classes_height(names, 430),
            description=confusions_in_words(tested.confusion, names),
            on_point=lambda: choose_cell(watch, key, len(names), split="test"),
        )
        cell_images(watch, tested.confusion, names, split="test")
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
