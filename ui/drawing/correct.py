"""Correct it: label your drawings, fine-tune a copy of the model on them, and see what it gained and what it forgot."""

from functools import lru_cache
from html import escape

import numpy as np
import streamlit as st

from dlcore.data import own_images
from dlcore.data.drawings import keep_corrections
from dlcore.messages import UserError
from dlcore.runs import queue
from dlcore.runs.directory import Run
from ui import palette
from ui.class_names import shown_names
from ui.drawing import known, models, teach
from ui.drawing.pixels import gallery, picture
from ui.drawing.reading import Reading
from ui.language import translate as _
from ui.shell import plain_text
from ui.visitor import found_token

_REHEARSED = 300
_TESTED = 500


def show(reading: Reading) -> None:
    """The labels, the fine-tuning, and before and after."""
    model = reading.model
    assert model is not None
    if (model.channels, model.image_size, model.metadata.get("light_background")) != (1, 28, None):
        st.info(_("Only models of grey images of 28×28 pixels, bright on dark, can be corrected here."))
        return
    given = teach.lesson(f"correct {reading.source}")
    given.names = tuple(shown_names(reading.class_names, reading.dataset))
    if reading.origin != "example" and reading.guess is not None:
        st.markdown(
            _("The answer is **{label}**. What is it really?").format(label=plain_text(given.names[reading.guess]))
        )
    together = reading.parts > 1 and bool(reading.strokes)
    if together:
        together = st.toggle(
            _("It is one digit, not {count}").format(count=reading.parts),
            key="draw.correct.whole",
            help=_("Then the whole drawing is one example; otherwise each digit is, the one that you have pointed at."),
        )
    teach.collect(reading, given, "draw.correct.keep", whole=together)
    data = known.known(reading)
    rehearse = False
    if data is not None:
        rehearse = st.toggle(
            _("Rehearse {count} images of {dataset} along with it").format(
                count=min(_REHEARSED, len(data.train_images)), dataset=data.title
            ),
            value=True,
            key="draw.correct.rehearse",
            help=_("Without it the network sees nothing but your drawings, and may forget the rest."),
        )
    if given.drawings and st.button(
        _("Fine-tune a copy"), key="draw.correct.learn", type="primary", icon=":material/school:"
    ):
        _begin(reading, given, data, rehearse=rehearse)
    run = teach.finished(given)
    if run is not None:
        _before_and_after(reading, given, run, tested=data is not None)
        teach.use(run, "draw.correct")


def _begin(reading: Reading, given: teach.Lesson, data: known.Known | None, *, rehearse: bool) -> None:
    from dlcore.inference.lessons import corrections_config  # noqa: PLC0415  # torch, not before it must

    assert reading.model is not None
    old, judged, test = [], [], []
    if data is not None:
        judged = teach.as_drawings(data.validation_images.numpy(), data.validation_labels.tolist())
        test = teach.as_drawings(data.test_images[:_TESTED].numpy(), data.test_labels[:_TESTED].tolist())
    if data is not None and rehearse:
        old = teach.as_drawings(data.train_images[:_REHEARSED].numpy(), data.train_labels[:_REHEARSED].tolist())
    owner = found_token()
    title = _("{count} corrected drawings").format(count=len(given.drawings))
    kept = keep_corrections(
        given.drawings,
        reading.model.class_names,
        rehearsed=old,
        validation=judged,
        test=test,
        title=title,
        owner=owner,
    )
    teach.begin(given, queue.submit(corrections_config(reading.model, kept.set_id), owner=owner))


def _before_and_after(reading: Reading, given: teach.Lesson, run: Run, *, tested: bool) -> None:
    from dlcore.inference.prediction import predict  # noqa: PLC0415

    before, after = models.load(reading.source), models.load(run.run_id)
    images = np.stack([one.image for one in given.learned])
    truth = [one.label for one in given.learned]
    said = [predict(model, images).argmax(1).tolist() for model in (before, after)]
    right = [sum(a == b for a, b in zip(answers, truth, strict=True)) for answers in said]
    rows = [(_("Your drawings"), *(f"{count} / {len(truth)}" for count in right))]
    summary = run.summary()
    if tested and summary is not None and summary.test_accuracy is not None:
        try:
            old = _accuracy(reading.source, models.identity(reading.source), run.config.own_images)
            rows.append((_("Test set"), f"{old:.1%}", f"{summary.test_accuracy:.1%}"))
        except UserError:  # the set was deleted since: what the run found still stands
            rows.append((_("Test set"), "–", f"{summary.test_accuracy:.1%}"))
    head = "".join(f"<th>{escape(text)}</th>" for text in (_("Right"), _("Before"), _("After")))
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    st.html(f'<style>{_STYLE}</style><table class="taught"><tr>{head}</tr>{body}</table>')
    figures = []
    for one, first, second in zip(given.learned, *said, strict=True):
        colour = palette.RIGHT if second == one.label else palette.WRONG
        remark = f'{escape(given.names[first])} → <b style="color:{colour}">{escape(given.names[second])}</b>'
        figures.append(picture(one.image, escape(given.names[one.label]), remark))
    st.html(gallery(*figures, width_rem=5))


@lru_cache(maxsize=16)
def _accuracy(source: str, _identity: tuple[str, str], set_id: str) -> float:
    """Of the model called ``source`` on the test images of a set."""
    from dlcore.inference.prediction import predict_pictures  # noqa: PLC0415

    _description, arrays = own_images.read(set_id)
    answers = predict_pictures(models.load(source), arrays["test_images"]).argmax(1)
    return float((answers == arrays["test_labels"]).mean())


_STYLE = """
.taught { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .95rem; margin-bottom: 1rem; }
.taught td, .taught th { padding: .35rem 1.6rem .35rem .2rem; text-align: left; border: 0; border-bottom: 1px solid rgba(124,130,152,.3); }
.taught td:last-child { font-weight: 700; }
"""
