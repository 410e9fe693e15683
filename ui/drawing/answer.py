"""The answer beside the canvas: what the network says, how sure it is, and what it saw."""

import base64
import math
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dlcore.inference.strokes import CANVAS_PEN_WIDTH, CANVAS_SIZE, MNIST_FRAMING, Framed, Stroke, size_of
from ui import palette
from ui.class_names import shown_names
from ui.drawing.answering import Answer, Part
from ui.drawing.reading import Origin
from ui.drawing.state import INK, PAPER
from ui.language import translate as _
from ui.packing import packed

_HERE = Path(__file__).parent
_KEY = "draw.answer"
_SURE = 0.9
_LIKELY = 0.6
_COLOURS = {
    "highlight": palette.HIGHLIGHT,
    "highlight-on-black": "#f0abfc",
    "neutral": palette.NEUTRAL,
    "different": palette.WRONG,
    "paper": PAPER,
    "ink": INK,
}


def picked(count: int) -> int:
    """Which of so many parts the visitor has pointed at; the first unless they did."""
    wanted = getattr(st.session_state.get(_KEY), "picked", 0)
    return min(wanted, count - 1) if type(wanted) is int and wanted >= 0 else 0


def show(answer: Answer, kind: Origin, *, count: int = 0, waiting: bool = False, picture: str = "") -> None:
    """Put the answer on the page; the next one takes its place without a flicker.

    Args:
        answer: what is to be shown.
        kind: whether it is the example, a drawing or a picture.
        count: tells this answer from the one before.
        waiting: whether the probabilities are missing only because the network is still on its way.
        picture: what stands for the drawing where there was none, as the address of an image.
    """
    chosen = picked(len(answer.parts))
    part = answer.parts[chosen]
    names = shown_names(answer.class_names, answer.dataset)
    labels = [_label(answer, one, names) for one in answer.parts]
    several = len(labels) > 1
    _component()(
        key=_KEY,
        data=packed(
            {
                "count": count,
                "kind": kind,
                "pending": waiting,
                "badge": _("Example") if kind == "example" else "",
                "label": "…" if waiting else "".join(labels),
                "percent": _together(answer),
                "note": _note(answer, part, kind, names),
                "heading": _("How probable the network finds each"),
                "names": names,
                "bars": part.probabilities
                and [{"share": share, "text": percent(share)} for share in part.probabilities],
                "top": None if answer.legibility == "dot" else part.guess,
                "parts": [
                    {
                        "pixels": _encoded(one.framed.image),
                        "label": label,
                        "percent": percent(_of(one.probabilities, one.guess)),
                    }
                    for one, label in zip(answer.parts, labels, strict=True)
                ]
                if several
                else [],
                "partText": _("Letter {number} of {count}: {label}, {percent}. Show its probabilities.")
                if answer.kind == "letters"
                else _("Digit {number} of {count}: {label}, {percent}. Show its probabilities."),
                "picked": chosen,
                "tiles": _tiles(answer, part, kind, names, picture),
                "pixelText": _("Row {row}, column {column}: brightness {value} of 255"),
                "colours": _COLOURS,
            }
        ),
        default={"picked": 0},
        on_picked_change=lambda: None,
    )


def _label(answer: Answer, part: Part, names: Sequence[str]) -> str:
    """What one part is said to be; a question mark where nothing can be said."""
    return "?" if part.guess is None or _unknown(answer, part) else names[part.guess]


def _unknown(answer: Answer, part: Part) -> bool:
    """Whether nothing can be said of a part: there is no network, too little ink, or nothing familiar in it."""
    unfamiliar = answer.least_familiar is not None and part.familiarity < answer.least_familiar
    return (
        part.guess is None
        or answer.legibility in ("dot", "empty")
        or (unfamiliar and answer.legibility in ("fair", "crowded"))
    )


def _together(answer: Answer) -> str:
    """How sure the network is of the whole: all parts right, if they are right independently."""
    if any(_unknown(answer, part) for part in answer.parts):
        return ""
    return percent(math.prod(_of(part.probabilities, part.guess) for part in answer.parts))


def percent(probability: float) -> str:
    """A probability to one decimal, never rounded to certainty."""
    if probability >= 0.9995:
        return ">\N{NO-BREAK SPACE}99.9%"
    if probability < 0.0005:
        return "<\N{NO-BREAK SPACE}0.1%"
    return f"{100 * probability:.1f}%"


@cache
def _component() -> Callable[..., Any]:
    html, css, js = ((_HERE / f"answer.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    component: Callable[..., Any] = st.components.v2.component("drawing_answer", html=html, css=css, js=js)
    return component


def _of(probabilities: Sequence[float] | None, index: int | None) -> float:
    return 0.0 if probabilities is None or index is None else probabilities[index]


def _invitation(answer: Answer) -> str:
    if answer.kind == "letters":
        return _("Draw a letter, or a word, on the paper: after each stroke the network says what it sees.")
    if answer.kind == "digits":
        return _("Draw a digit on the paper: after each stroke the network says what it sees.")
    return _("Draw on the paper: after each stroke the network says which of its classes it sees.")


def _note(answer: Answer, part: Part, kind: Origin, names: Sequence[str]) -> str:
    """One or two sentences on how far to trust the answer."""
    if kind == "example":
        return _invitation(answer)
    if part.probabilities is None:
        return ""
    warning = {
        "empty": _("No ink was found in the picture: it needs a dark line on light paper, or a light one on dark."),
        "dot": _("A dot is too small to read. Draw on, larger."),
    }.get(answer.legibility)
    if warning is not None:
        return warning
    first, second = np.argsort(part.probabilities)[::-1][:2]
    if _unknown(answer, part):
        return _(
            "I don't know: this is unlike what the network has learned from. If it had to answer, {label}."
        ).format(label=names[first])
    if len(answer.parts) > 1:
        text = (
            _("{count} letters, each read by itself. Point at one below to see its probabilities.")
            if answer.kind == "letters"
            else _("{count} digits, each read by itself. Point at one below to see its probabilities.")
        )
        return text.format(count=len(answer.parts))
    if answer.legibility == "crowded":
        text = _("So much ink is like nothing the network has learned from. It must answer, but take it lightly.")
    elif part.probabilities[first] >= _SURE:
        text = _("The network is sure.")
    elif part.probabilities[first] >= _LIKELY:
        text = _("Likely. Its second guess is {second}, with {percent}.")
    else:
        text = _("It hesitates between {first} and {second}. Add a stroke, or draw it once more.")
    return text.format(first=names[first], second=names[second], percent=percent(part.probabilities[second]))


def _tiles(answer: Answer, part: Part, kind: Origin, names: Sequence[str], picture: str) -> dict[str, Any]:
    title = {"example": _("An example"), "drawing": _("Your drawing"), "picture": _("Your picture")}[kind]
    as_it_is = not answer.strokes and np.array_equal(answer.naive_image, part.framed.image)
    naive, differs = "", False
    side = part.framed.image.shape[-1]
    if answer.naive_probabilities is not None:
        guess = int(np.argmax(answer.naive_probabilities))
        differs = len(answer.parts) > 1 or guess != part.guess
        naive = _("The answer would have been {label}, with {percent}.").format(
            label=names[guess], percent=percent(answer.naive_probabilities[guess])
        )
    remark = _("Strokes: {count}. Longer side: {size} pixels.").format(
        count=len(answer.strokes), size=round(size_of(answer.strokes))
    )
    return {
        "drawing": {
            "title": title,
            "remark": "" if kind == "picture" else remark,
            "alternative": title,
            "path": _path(answer.strokes),
            "picture": picture,
            "size": CANVAS_SIZE,
            "pen": CANVAS_PEN_WIDTH,
        },
        "seen": {
            "title": _("What the model saw"),
            "remark": " ".join(
                [
                    _("{size}×{size} pixels, as the dataset has them.").format(size=side)
                    if as_it_is
                    else _framing_words(part.framed),
                    *(_remarks(answer) if part.framed.image.ndim == 2 else []),
                ]
            ),
            "alternative": _("The image as the network gets it")
            if part.framed.image.ndim == 4
            else _("The drawing as 28×28 pixels, cropped, scaled and centred"),
            "pixels": _encoded(part.framed.image),
            "side": side,
            "box": [part.framed.left, part.framed.top, part.framed.box_size] if answer.strokes else None,
        },
        "naive": {
            "title": _("Had we only shrunk the picture") if kind == "picture" else _("Had we only shrunk the paper"),
            "remark": naive,
            "alternative": _("The whole paper as 28×28 pixels"),
            "pixels": _encoded(answer.naive_image),
            "differs": differs,
            "hidden": as_it_is,
        },
    }


def _remarks(answer: Answer) -> list[str]:
    remarks = []
    if answer.image_size != 28:
        remarks.append(_("Then enlarged to {size}×{size}.").format(size=answer.image_size))
    if answer.turned_over:
        remarks.append(_("Then turned over, dark on light, as the model's own pictures are."))
    return remarks


def _framing_words(framed: Framed) -> str:
    if framed.box_size == MNIST_FRAMING.box_size:
        return _("28×28 pixels: cropped, scaled into the dashed 20×20 box, its mass in the middle.")
    return _("28×28 pixels: cropped and scaled into the dashed {size}×{size} box, as EMNIST's letters are.").format(
        size=framed.box_size
    )


def _encoded(image: NDArray[np.uint8]) -> str:
    """The bytes row by row, the colours of a pixel side by side."""
    pixels = np.moveaxis(image[0], 0, -1) if image.ndim == 4 else image
    return base64.b64encode(pixels.tobytes()).decode("ascii")


def _path(strokes: Sequence[Stroke]) -> str:
    """The strokes as SVG path commands, without points that lie within a pixel of the last."""
    commands: list[str] = []
    for stroke in strokes:
        x, y = stroke[0]
        commands.append(f"M{x:.1f} {y:.1f}L{x:.1f} {y:.1f}")
        for next_x, next_y in stroke[1:]:
            if abs(next_x - x) + abs(next_y - y) >= 1:
                x, y = next_x, next_y
                commands.append(f" {x:.1f} {y:.1f}")
    return "".join(commands)
