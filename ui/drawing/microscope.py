"""The microscope: the drawing on its way through the network, layer by layer, down to the last multiplication."""

import base64
import re
from collections.abc import Callable, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from dlcore.messages import N_
from dlcore.models.layers import Deskewing
from ui import palette
from ui.class_names import shown_names
from ui.drawing import pixels, working
from ui.drawing.reading import Reading
from ui.language import translate as _
from ui.packing import packed
from ui.part import part
from ui.training.architecture import branch_title, in_words

if TYPE_CHECKING:
    from dlcore.inference.trace import Trace
    from dlcore.inference.workings import Place

_HERE = Path(__file__).parent
_PICK = re.compile(r"([0-9]{1,3}):([0-9]{1,7}(?:,[0-9]{1,7}){0,2})", re.ASCII)
_SUM = N_("Sum with the shortcut")
_JOINED = N_("Branches, one after the other")


@part
def show(reading: Reading) -> None:
    """The maps, and the working of the number that the visitor points at."""
    from dlcore.inference.prediction import as_input  # noqa: PLC0415  # torch, not before it must
    from dlcore.inference.trace import look  # noqa: PLC0415

    assert reading.model is not None
    image = as_input(reading.model, reading.image)[0]
    seen = look(reading.model, image)
    first = _first_pick(seen)
    told = _component()(
        key="draw.microscope",
        data=packed(_payload(seen, image, first)),
        default={"pick": ""},
        on_pick_change=lambda: None,
    )
    index, place = _picked(told.pick, seen) or first
    _show_working(reading, seen, index, place)


def _show_working(reading: Reading, seen: "Trace", index: int, place: "Place") -> None:
    from dlcore.inference.microscope import explain, follow, receptive_field  # noqa: PLC0415

    assert reading.model is not None
    if index < 0:
        st.caption(_("This is the drawing itself. Choose a layer above, then point at a pixel of it."))
        return
    box = receptive_field(seen, index, place)
    names = shown_names(reading.class_names, reading.dataset)
    sources, worked = st.columns([1, 4])
    with sources:
        st.html(_where(reading, seen, box))
    with worked:
        title = _title(seen, index)
        st.markdown("**" + _("How this number came about: {layer}").format(layer=title) + "**")
        st.html(working.in_html(explain(seen, index, place), names))
        for step, then in follow(seen, index, place):
            words = escape(_title(seen, step))
            st.html(
                f'<div class="working"><small>{words}</small><p class="formula">{working.in_a_line(then)}</p></div>'
            )


def _where(reading: Reading, seen: "Trace", box: tuple[int, int, int, int]) -> str:
    """The network's input with the part of it framed that the number can depend on."""
    from dlcore.inference.prediction import as_input  # noqa: PLC0415

    assert reading.model is not None
    height, width = seen.image.shape[-2:]
    top, left, bottom, right = box
    frame = (
        f"left:{100 * left / width:.2f}%;top:{100 * top / height:.2f}%;"
        f"width:{100 * (right - left) / width:.2f}%;height:{100 * (bottom - top) / height:.2f}%"
    )
    image = as_input(reading.model, reading.image)[0]
    shaped = image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
    words = escape(
        _("It depends on {height}×{width} pixels of the image at most.").format(height=bottom - top, width=right - left)
    )
    return (
        '<div style="position:relative;max-width:10rem;line-height:0">'
        f'<img alt="" src="{pixels.data_address(shaped)}" style="width:100%;image-rendering:pixelated;border-radius:.3rem">'
        f'<i style="position:absolute;box-sizing:border-box;border:2px solid {palette.HIGHLIGHT};{frame}"></i></div>'
        f"<p><small>{words}</small></p>"
    )


def _title(seen: "Trace", index: int) -> str:
    from dlcore.inference.trace import Addition, Concatenation  # noqa: PLC0415

    step = seen.steps[index]
    first = step.name.partition(".")[0]
    block = branch_title(step.name)
    if first.startswith("stage") or "residual" in first:
        block = step.name.rpartition(".")[0]
    match step.layer:
        case Addition():
            kind = _(_SUM)
        case Concatenation():
            kind = _(_JOINED)
        case Deskewing():  # says by itself in which branch it lies
            return in_words(step.layer)
        case layer:
            kind = in_words(layer)
    return f"{block}\N{NO-BREAK SPACE}· {kind}" if block else kind


def _first_pick(seen: "Trace") -> "tuple[int, Place]":
    """The largest value of the first layer: a place where something is to be seen."""
    values = seen.steps[0].values
    place = np.unravel_index(int(values.abs().argmax()), tuple(values.shape))
    return 0, tuple(int(part) for part in place)


def _picked(told: Any, seen: "Trace") -> "tuple[int, Place] | None":
    """What the component says was pointed at, if there is such a place; it comes from a browser."""
    found = _PICK.fullmatch(told) if isinstance(told, str) and len(told) < 40 else None
    if found is None:
        return None
    index, place = int(found[1]) - 1, tuple(int(part) for part in found[2].split(","))
    if index >= len(seen.steps):
        return None
    shape = seen.values(index).shape
    fits = len(place) == len(shape) and all(part < side for part, side in zip(place, shape, strict=True))
    return (index, place) if fits else None


def _payload(seen: "Trace", image: np.ndarray, pick: "tuple[int, Place]") -> dict[str, Any]:
    steps = [_step(_("The drawing"), image.shape, image, grey=True, most=255)]
    for index, step in enumerate(seen.steps):
        values = step.values.numpy()
        most = float(np.abs(values).max()) or 1.0
        quantised = np.rint(values / most * 127 + 128).astype(np.uint8)
        steps.append(_step(_title(seen, index), values.shape, quantised, grey=False, most=most))
    return {
        "steps": steps,
        "pick": [pick[0] + 1, *pick[1]],
        "colours": {"positive": palette.POSITIVE, "negative": palette.NEGATIVE, "highlight": palette.HIGHLIGHT},
        "labels": {
            "layers": _("Layers"),
            "sheet": _("All maps of {layer}. Arrow keys move, Page Up and Page Down change the channel."),
            "channel": _("Channel"),
            "row": _("Row"),
            "column": _("Column"),
            "number": _("Number"),
            "readMap": _("channel {channel}, row {row}, column {column}: {value}"),
            "readList": _("number {channel}: {value}"),
        },
    }


def _step(title: str, shape: Sequence[int], values: np.ndarray, *, grey: bool, most: float) -> dict[str, Any]:
    encoded = base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")
    return {"title": title, "shape": list(shape), "pixels": encoded, "grey": grey, "most": float(f"{most:.6g}")}


@cache
def _component() -> Callable[..., Any]:
    html, css, js = ((_HERE / f"microscope.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    component: Callable[..., Any] = st.components.v2.component("drawing_microscope", html=html, css=css, js=js)
    return component
