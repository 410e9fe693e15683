"""The same drawing before any number of models."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from dlcore.inference.strokes import frame, framing_of
from dlcore.messages import UserError
from ui import palette
from ui.class_names import shown_names
from ui.drawing import models
from ui.drawing.answer import percent
from ui.drawing.answering import softened
from ui.drawing.reading import Reading
from ui.language import explain
from ui.language import translate as _
from ui.part import part
from ui.shell import plain_text
from ui.visitor import found_token

_FIRST = 4


@dataclass(frozen=True)
class Said:
    """What one model says; no probabilities where it could not be asked, for a reason in the visitor's words."""

    source: str
    names: Sequence[str] = ()
    probabilities: Sequence[float] = ()
    reason: str = ""

    @property
    def label(self) -> str:
        """The most probable class's name."""
        return self.names[max(range(len(self.names)), key=self.probabilities.__getitem__)] if self.names else ""


@part
def show(reading: Reading) -> None:
    """The choice of models, and the table."""
    chosen = choose(reading, "draw.compare.models")
    said = [_ask(reading, source) for source in chosen]
    if not said:
        st.caption(_("Choose at least one model."))
        return
    st.html(table(said))
    labels = {one.label for one in said if one.names}
    if len(labels) > 1:
        st.markdown(_("They disagree: {labels}.").format(labels=plain_text(_(", ").join(sorted(labels)))))
    elif len(said) > 1:
        st.markdown(_("All of them say {label}.").format(label=plain_text(next(iter(labels), "–"))))
    if len(models.choices(found_token(), reading.source)) == 1:
        st.caption(_("There is only the bundled model so far. Train one of your own, and it stands here beside it."))


def choose(reading: Reading, key: str, *, without: str = "") -> list[str]:
    """Any number of models, the visitor's own and the bundled one."""
    offered = [source for source in models.choices(found_token(), reading.source) if source != without]
    chosen: list[str] = st.multiselect(
        _("Models"),
        offered,
        default=offered[:_FIRST],
        key=key,
        format_func=models.title,
        placeholder=_("Choose models"),
    )
    return chosen


def _ask(reading: Reading, source: str) -> Said:
    from dlcore.inference.prediction import predict  # noqa: PLC0415  # torch, not before it must

    try:
        model = models.load(source)
    except UserError as error:
        return Said(source, reason=explain(error))
    image = reading.image
    if reading.strokes:  # each as its own data was framed
        image = frame(reading.strokes, framing=framing_of(model.dataset)).image
    return Said(source, shown_names(model.class_names, model.dataset), softened(model, predict(model, image)[0]))


def table(said: Sequence[Said]) -> str:
    """A row a model; whoever contradicts the first one stands out."""
    head = "".join(f"<th>{escape(text)}</th>" for text in (_("Model"), _("Answer"), _("How sure"), _("Second guess")))
    first = next((one.label for one in said if one.names), "")
    rows = []
    for one in said:
        name = f"<td>{escape(models.title(one.source))}</td>"
        if not one.names:
            rows.append(f'<tr>{name}<td colspan="3">{escape(one.reason)}</td></tr>')
            continue
        order = sorted(range(len(one.names)), key=lambda index: -one.probabilities[index])
        top, second = order[0], order[1]
        bar = f'<td><i style="width:{6 * one.probabilities[top]:.2f}rem"></i><span>{percent(one.probabilities[top])}</span></td>'
        mark = ' class="other"' if one.label != first else ""
        rows.append(
            f"<tr{mark}>{name}<td><b>{escape(one.names[top])}</b></td>{bar}"
            f"<td>{escape(one.names[second])} {percent(one.probabilities[second])}</td></tr>"
        )
    return f'<style>{_STYLE}</style><div class="said"><table><tr>{head}</tr>{"".join(rows)}</table></div>'


_STYLE = (
    """
.said { overflow-x: auto; }
.said table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
.said td, .said th { white-space: nowrap; padding: .35rem .9rem .35rem .3rem; text-align: left; border: 0; border-bottom: 1px solid rgba(124,130,152,.3); }
.said th { font-weight: 600; }
.said td b { font-size: 1.2rem; }
.said td i { display: inline-block; height: .7rem; border-radius: .2rem; background: NEUTRAL; margin-right: .5rem; }
.said tr.other td { background: SOFT; }
.said tr.other b { color: WRONG; }
""".replace("NEUTRAL", palette.NEUTRAL)
    .replace("SOFT", palette.faded(palette.WRONG, 0.1))
    .replace("WRONG", palette.WRONG)
)
