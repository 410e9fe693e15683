"""Break it by accident: rotate, blur, noise, invert, thin and thicken; and what each costs on a whole test set."""

from collections.abc import Hashable
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from ui import palette
from ui.class_names import shown_names
from ui.clock import run_again
from ui.drawing import known, link, models
from ui.drawing.answer import percent
from ui.drawing.answering import softened
from ui.drawing.job import Job
from ui.drawing.pixels import gallery, picture
from ui.drawing.reading import Reading
from ui.figure import figure
from ui.language import translate as _
from ui.part import part
from ui.shell import plain_text

if TYPE_CHECKING:
    from dlcore.inference.corruptions import Corruption

_JOBS = "draw.corrupt.jobs"
_MOST = 500
"""Test images that a curve is drawn from."""


@part
def show(reading: Reading) -> None:
    """A slider for each kind, the drawing after them, and the curve."""
    import torch  # noqa: PLC0415  # not before it must

    from dlcore.data.normalization import normalize  # noqa: PLC0415
    from dlcore.inference.corruptions import CORRUPTIONS, corrupt  # noqa: PLC0415
    from dlcore.inference.prediction import as_input  # noqa: PLC0415

    model = reading.model
    assert model is not None
    assert reading.guess is not None
    names = shown_names(reading.class_names, reading.dataset)
    pixels = torch.from_numpy(as_input(model, reading.image).copy())
    light = model.metadata.get("light_background") is True
    sliders, pictures = st.columns([2, 3], gap="large")
    with sliders:
        asked = _asked()
        amounts = {name: _slider(name, kind, asked.get(name)) for name, kind in CORRUPTIONS.items()}
    link.follow(harm=",".join(f"{name}:{amount:g}" for name, amount in amounts.items() if amount))
    harmed = corrupt(pixels, amounts, light_background=light)
    with torch.inference_mode():
        shares = softened(model, model.network(normalize(harmed * 255)).double().softmax(1)[0].numpy())
    top = max(range(len(shares)), key=shares.__getitem__)
    before = f"{escape(names[reading.guess])}, {percent((reading.probabilities or [0.0])[reading.guess])}"
    after = f"{escape(names[top])}, {percent(shares[top])}"
    with pictures:
        st.html(
            gallery(
                picture(pixels[0].numpy(), escape(_("Before")), before),
                picture((harmed[0] * 255).round().byte().numpy(), escape(_("After")), f"<b>{after}</b>"),
                width_rem=11,
            )
        )
        if top != reading.guess:
            st.markdown(
                _("**Flipped.** What was {before} is {after} now.").format(
                    before=plain_text(names[reading.guess]), after=plain_text(names[top])
                )
            )
    _curve(reading, amounts)


def _asked() -> dict[str, str]:
    """How much of what the link asks for, ``rotate:30,blur:1``, unread."""
    parts = st.query_params.get("harm", "")[:200].split(",")
    return {name: amount for name, _colon, amount in (part.partition(":") for part in parts)}


def _slider(name: str, kind: "Corruption", asked: str | None) -> float:
    low, high, key = float(kind.amounts[0]), float(kind.amounts[-1]), f"draw.corrupt.{name}"
    link.hold_number(key, asked, 0.0, low=low, high=high, step=kind.step)
    return st.slider(_in_units(kind), low, high, step=kind.step, key=key)


def _in_units(kind: "Corruption") -> str:
    return _("{name} ({unit})").format(name=_(kind.title), unit=_(kind.unit))


def _curve(reading: Reading, amounts: dict[str, float]) -> None:
    """How accuracy falls over the test set, the drawing's own amount marked."""
    from dlcore.inference.corruptions import CORRUPTIONS, accuracy_curve  # noqa: PLC0415

    assert reading.model is not None
    st.markdown("**" + _("How much of it can the model bear?") + "**")
    data = known.known(reading)
    if data is None:
        st.caption(_("There are no labelled images for this model on the server, so no curve can be drawn."))
        return
    titles = {name: _(kind.title) for name, kind in CORRUPTIONS.items()}
    link.hold("draw.corrupt.kind", "curve", list(CORRUPTIONS), "rotate")
    name = st.segmented_control(
        _("Kind"), list(CORRUPTIONS), key="draw.corrupt.kind", format_func=titles.get, required=True
    )
    link.follow(curve="" if name == "rotate" else str(name))
    count = min(_MOST, len(data.test_images))
    words = _("{count} test images of {dataset}.").format(count=count, dataset=data.title)
    if not data.learned:
        words += " " + _("The model never learned from them: its own data are not on the server.")
    st.caption(words)
    jobs: dict[Hashable, Job[list[float]]] = st.session_state.setdefault(_JOBS, {})
    key = (models.identity(reading.source), data.dataset, name)
    if key not in jobs:
        if st.button(_("Draw the accuracy curve"), key="draw.corrupt.go", icon=":material/show_chart:"):
            images, labels = data.test_images[:count], data.test_labels[:count]
            steps = accuracy_curve(reading.model, images, labels, name, light_background=data.light_background)
            jobs[key] = Job(steps)
            st.rerun(scope="fragment")
        return
    if jobs[key].running:
        _watch(jobs, key)
        return
    if (curve := jobs[key].result) is None:
        del jobs[key]
        st.caption(_("The curve could not be drawn. Try once more."))
        return
    kind = CORRUPTIONS[name]
    told = _(", ").join(f"{amount:g}: {share:.1%}" for amount, share in zip(kind.amounts, curve, strict=True))
    figure(
        [
            {
                "x": list(kind.amounts),
                "y": curve,
                "mode": "lines+markers",
                "line": {"color": palette.TEST},
                "hovertemplate": "%{x}: %{y:.1%}<extra></extra>",
            },
        ],
        {
            "xaxis": {"title": {"text": _in_units(kind)}},
            "yaxis": {"title": {"text": _("Accuracy")}, "range": [0, 1.02], "tickformat": ".0%"},
            "showlegend": False,
            "margin": {"t": 10, "r": 10, "l": 60, "b": 45},
            "shapes": [
                {
                    "type": "line",
                    "x0": amounts[name],
                    "x1": amounts[name],
                    "yref": "paper",
                    "y0": 0,
                    "y1": 1,
                    "line": {"color": palette.HIGHLIGHT, "dash": "dot"},
                }
            ],
        },
        key=f"draw.corrupt.curve.{name}",
        height=280,
        description=_("Accuracy over the amount of harm; the dotted line is the drawing above.") + " " + told,
    )


@part
def _watch(jobs: "dict[Hashable, Job[list[float]]]", key: Hashable) -> None:
    """The progress of a curve in the making."""
    job = jobs.get(key)
    if job is None or not job.running:
        st.rerun()
    st.progress(job.share, text=_("Judging the test set"))
    if st.button(_("Stop"), key="draw.corrupt.stop", icon=":material/stop:"):
        job.stop()
        del jobs[key]
        st.rerun()
    run_again(0.5, key="draw.corrupt.clock")
