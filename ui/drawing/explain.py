"""Which pixels the answer rests on, by four methods side by side, for the answer or for any other class."""

from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ui.class_names import shown_names
from ui.drawing import link, models
from ui.drawing.pixels import colour_scale, gallery, picture, signed_picture
from ui.drawing.reading import Reading
from ui.drawing.working import number
from ui.language import translate as _
from ui.part import part
from ui.shell import plain_text
from ui.training.architecture import branch_title

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlcore.inference.attribution import Attribution

_HARDLY = 0.1
"""Of what a map says against a class, so much for it is next to nothing."""


@part
def show(reading: Reading) -> None:
    """The choice of the class, and the pictures."""
    # torch and Captum, not before they must
    from dlcore.inference.attribution import convolutions, usual_convolution  # noqa: PLC0415

    assert reading.model is not None
    assert reading.guess is not None
    names = shown_names(reading.class_names, reading.dataset)
    guess = reading.guess
    with st.container(horizontal=True, vertical_alignment="bottom"):
        classes = ["", *map(str, range(len(names)))]
        link.hold("draw.explain.class", "why", classes, "")
        wanted = st.selectbox(
            _("Why not"),
            classes,
            key="draw.explain.class",
            format_func=lambda index: names[int(index)] if index else "–",
            help=_("Beside the answer itself, explain a class that it might have been."),
            width=160,
        )
        layers = convolutions(reading.model)
        layer = usual = usual_convolution(reading.model)
        if layers:
            link.hold("draw.explain.layer", "layer", layers, usual)
            titles = _titles(layers)
            layer = st.selectbox(
                _("Layer that Grad-CAM looks at"),
                layers,
                key="draw.explain.layer",
                format_func=titles.__getitem__,
                width=300,
            )
    asked = int(wanted) if wanted and int(wanted) != guess else None
    link.follow(why=wanted, layer="" if layer == usual else layer)
    rows = [(guess, None)] if asked is None else [(guess, None), (asked, None), (asked, guess)]
    found = [_explained(reading, wanted, layer) for wanted, instead_of in rows if instead_of is None]
    if asked is not None:
        found.append(_rather(reading, found[1], found[0], asked))
    most = {
        one.method: max(float(np.abs(row[place].values).max()) for row in found) for place, one in enumerate(found[0])
    }
    for (wanted, instead_of), row in zip(rows, found, strict=True):
        if instead_of is not None:
            title = _("For {label} rather than {other}").format(
                label=plain_text(names[wanted]), other=plain_text(names[instead_of])
            )
        else:
            title = _("For {label}").format(label=plain_text(names[wanted]))
        st.markdown("**" + title + "**")
        st.html(gallery(*_figures(reading, row, most), width_rem=10.5))
    words = escape(_("Pictures of one method share their scale: the fullest colour stands for the number below them."))
    st.html(colour_scale(escape(_("against the class")), escape(_("for the class")), words))
    st.caption(
        _(
            "Explained is the score before softmax. Saliency is the size of its gradient, so it has no sign. Integrated"
            " gradients add up to the score of the drawing minus that of empty paper; the error says by how much they"
            " fail to. Occlusion covers 5×5 pixels at a time with empty paper. Grad-CAM weighs the maps of one layer."
        )
    )
    if any(one.method == "grad-cam" and _hardly_for(one.values) for one in found[0]):
        st.caption(
            _(
                "Here Grad-CAM is against the class nearly everywhere: it weighs maps by the slope of the score at this very"
                " drawing, and more of the same would lower it. Where the map differs, it still tells what the layer"
                " looks at."
            )
        )
    if branch_title(layer):
        st.caption(_("The layer that Grad-CAM looks at lies in one of two branches; it says nothing of the other."))


def _hardly_for(values: "NDArray[np.float32]") -> bool:
    """Whether a map speaks against the class, and next to nothing of it for it."""
    return bool(values.clip(min=0).sum() < _HARDLY * -values.clip(max=0).sum())


def _titles(layers: list[str]) -> dict[str, str]:
    """The convolutions as visitors know them, counted within their branch, or with the name that a program uses."""
    branches: dict[str, list[str]] = {}
    for name in layers:
        branches.setdefault(branch_title(name), []).append(name)
    titles = {}
    for branch, names in branches.items():
        for place, name in enumerate(names, 1):
            kind = _("convolution {number} of {count}").format(number=place, count=len(names))
            titles[name] = f"{branch or plain_text(name)} · {kind}"
    return titles


def _explained(reading: Reading, wanted: int, layer: str) -> "list[Attribution]":
    from dlcore.inference.attribution import METHODS  # noqa: PLC0415

    image = _kept(reading)
    who = models.identity(reading.source)
    methods = [method for method in METHODS if layer or method != "grad-cam"]
    return [_attributed(who, image, method, wanted, None, layer if method == "grad-cam" else "") for method in methods]


def _rather(
    reading: Reading, first: "list[Attribution]", second: "list[Attribution]", wanted: int
) -> "list[Attribution]":
    from dlcore.inference.attribution import rather  # noqa: PLC0415

    who = models.identity(reading.source)
    return [
        _attributed(who, _kept(reading), one.method, wanted, reading.guess, "")
        if one.method == "saliency"
        else rather(one, other)
        for one, other in zip(first, second, strict=True)
    ]


def _kept(reading: Reading) -> tuple[bytes, tuple[int, ...]]:
    return reading.image.tobytes(), reading.image.shape


@lru_cache(maxsize=128)
def _attributed(
    identity: tuple[str, str],
    image: tuple[bytes, tuple[int, ...]],
    method: str,
    wanted: int,
    instead_of: int | None,
    layer: str,
) -> "Attribution":
    """As :func:`attribute`, kept: half a second each, and the next choice mostly asks for the same ones again."""
    from dlcore.inference.attribution import attribute  # noqa: PLC0415
    from dlcore.inference.prediction import as_input  # noqa: PLC0415

    model = models.load(identity[0])
    pixels = as_input(model, np.frombuffer(image[0], np.uint8).reshape(image[1]).copy())[0]
    return attribute(model, pixels, method, wanted, instead_of=instead_of, layer=layer)


def _figures(reading: Reading, row: "list[Attribution]", most: dict[str, float]) -> list[str]:
    from dlcore.inference.attribution import METHODS  # noqa: PLC0415
    from dlcore.inference.prediction import as_input  # noqa: PLC0415

    assert reading.model is not None
    figures = [picture(as_input(reading.model, reading.image)[0], escape(_("The drawing")))]
    for one in row:
        remark = _("full colour: {value}").format(value=f"{most[one.method]:.3g}")
        if one.completeness_error is not None:
            sums = _("Sum {sum}, expected {difference}; error {error}.").format(
                sum=number(round(float(one.values.sum()), 3)),
                difference=number(round(one.difference, 3)),
                error=f"{abs(one.completeness_error):.3f}",
            )
            remark = _("{remark}. {more}").format(remark=remark, more=sums)
        figures.append(signed_picture(one.values, most[one.method], escape(_(METHODS[one.method])), escape(remark)))
    return figures
