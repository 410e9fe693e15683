"""The answer beside the canvas: what the network says, how sure it is, and what it saw."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dlcore.inference.legibility import Legibility, assess, count_side_by_side
from dlcore.inference.strokes import (
    CANVAS_PEN_WIDTH,
    CANVAS_SIZE,
    MNIST_FRAMING,
    Framed,
    Stroke,
    canvas_to_image,
    frame,
    framing_of,
    size_of,
)
from ui import palette
from ui.class_names import shown_names
from ui.drawing.state import INK, PAPER
from ui.language import translate as _
from ui.packing import packed

if TYPE_CHECKING:
    from dlcore.inference.prediction import Model

_HERE = Path(__file__).parent
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


@dataclass(frozen=True)
class Answer:
    """A drawing, the two images made of it, and what a network says to each; no probabilities where there is none."""

    strokes: Sequence[Stroke]
    framed: Framed
    naive_image: NDArray[np.uint8]
    legibility: Legibility
    class_names: Sequence[str]
    remarks: Sequence[str] = ()
    """What was done to the image for a model of another shape, in the visitor's language."""
    probabilities: Sequence[float] | None = None
    naive_probabilities: Sequence[float] | None = None
    dataset: str = ""
    """What the network has learned from; empty where there is none."""


def read(strokes: Sequence[Stroke], model: "Model | None") -> Answer:
    """Look at a drawing with ``model``, or with none."""
    framing = MNIST_FRAMING if model is None else framing_of(model.dataset)
    framed, naive_image = frame(strokes, framing=framing), canvas_to_image(strokes)
    digits = model is None or set(model.class_names) <= set("0123456789")
    legibility = assess(strokes, framed.image, box_size=framed.box_size, digits=digits)
    if model is None:
        return Answer(strokes, framed, naive_image, legibility, "0123456789")
    from dlcore.inference.prediction import predict  # noqa: PLC0415  # torch, not before it must

    both = predict(model, np.stack([framed.image, naive_image])).tolist()
    return Answer(strokes, framed, naive_image, legibility, model.class_names, _remarks(model), *both, model.dataset)


def _remarks(model: "Model") -> list[str]:
    remarks = []
    if model.image_size != 28:
        remarks.append(_("Then enlarged to {size}×{size}.").format(size=model.image_size))
    if model.metadata.get("light_background") is True:
        remarks.append(_("Then turned over, dark on light, as the model's own pictures are."))
    return remarks


def show(answer: Answer, kind: Literal["example", "drawing"], *, count: int = 0, waiting: bool = False) -> None:
    """Put the answer on the page; the next one takes its place without a flicker.

    ``count`` tells this answer from the one before; ``waiting`` says that the probabilities are missing only because the network is still on its way.
    """
    dot = answer.legibility == "dot"
    guess = None if answer.probabilities is None else int(np.argmax(answer.probabilities))
    names = shown_names(answer.class_names, answer.dataset)
    _component()(
        key="draw.answer",
        data=packed(
            {
                "count": count,
                "kind": kind,
                "pending": waiting,
                "badge": _("Example") if kind == "example" else "",
                "label": "…" if waiting else "?" if guess is None or dot else names[guess],
                "percent": "" if guess is None or dot else percent(_of(answer.probabilities, guess)),
                "note": _note(answer, kind, names),
                "heading": _("How probable the network finds each"),
                "names": names,
                "bars": answer.probabilities
                and [{"share": share, "text": percent(share)} for share in answer.probabilities],
                "top": None if dot else guess,
                "tiles": _tiles(answer, kind, names),
                "pixelText": _("Row {row}, column {column}: brightness {value} of 255"),
                "colours": _COLOURS,
            }
        ),
    )


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


def _of(probabilities: Sequence[float] | None, index: int) -> float:
    return 0.0 if probabilities is None else probabilities[index]


def _invitation(answer: Answer) -> str:
    if set(answer.class_names) <= set("0123456789"):
        return _("Draw a digit on the paper: after each stroke the network says what it sees.")
    return _("Draw on the paper: after each stroke the network says which of its classes it sees.")


def _note(answer: Answer, kind: str, names: Sequence[str]) -> str:
    """One or two sentences on how far to trust the answer."""
    if kind == "example":
        return _invitation(answer)
    if answer.probabilities is None:
        return ""
    match answer.legibility:
        case "dot":
            return _("A dot is too small to read. Draw on, larger.")
        case "crowded":
            return _("So much ink is like nothing the network has learned from. It must answer, but take it lightly.")
        case "several":
            return _("These look like {count} digits side by side, and the network reads one at a time.").format(
                count=count_side_by_side(answer.strokes)
            )
    first, second = np.argsort(answer.probabilities)[::-1][:2]
    if answer.probabilities[first] >= _SURE:
        text = _("The network is sure.")
    elif answer.probabilities[first] >= _LIKELY:
        text = _("Likely. Its second guess is {second}, with {percent}.")
    else:
        text = _("It hesitates between {first} and {second}. Add a stroke, or draw it once more.")
    return text.format(first=names[first], second=names[second], percent=percent(answer.probabilities[second]))


def _tiles(answer: Answer, kind: str, names: Sequence[str]) -> dict[str, Any]:
    title = _("An example") if kind == "example" else _("Your drawing")
    naive, differs = "", False
    if answer.naive_probabilities is not None:
        guess = int(np.argmax(answer.naive_probabilities))
        differs = guess != int(np.argmax(answer.probabilities or ()))
        naive = _("The answer would have been {label}, with {percent}.").format(
            label=names[guess], percent=percent(answer.naive_probabilities[guess])
        )
    return {
        "drawing": {
            "title": title,
            "remark": _("Strokes: {count}. Longer side: {size} pixels.").format(
                count=len(answer.strokes), size=round(size_of(answer.strokes))
            ),
            "alternative": title,
            "path": _path(answer.strokes),
            "size": CANVAS_SIZE,
            "pen": CANVAS_PEN_WIDTH,
        },
        "seen": {
            "title": _("What the model saw"),
            "remark": " ".join([_framing_words(answer.framed), *answer.remarks]),
            "alternative": _("The drawing as 28×28 pixels, cropped, scaled and centred"),
            "pixels": _encoded(answer.framed.image),
            "box": [answer.framed.left, answer.framed.top, answer.framed.box_size],
        },
        "naive": {
            "title": _("Had we only shrunk the paper"),
            "remark": naive,
            "alternative": _("The whole paper as 28×28 pixels"),
            "pixels": _encoded(answer.naive_image),
            "differs": differs,
        },
    }


def _framing_words(framed: Framed) -> str:
    if framed.box_size == MNIST_FRAMING.box_size:
        return _("28×28 pixels: cropped, scaled into the dashed 20×20 box, its mass in the middle.")
    return _("28×28 pixels: cropped and scaled into the dashed {size}×{size} box, as EMNIST's letters are.").format(
        size=framed.box_size
    )


def _encoded(image: NDArray[np.uint8]) -> str:
    return base64.b64encode(image.tobytes()).decode("ascii")


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
