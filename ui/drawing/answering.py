"""What a network answers to a drawing or a picture: cut where there are several digits or letters, each read and judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dlcore.data import OWN_IMAGES
from dlcore.inference.calibration import at_temperature
from dlcore.inference.legibility import Legibility, assess
from dlcore.inference.segments import LETTERS, Weights, cut
from dlcore.inference.strokes import (
    MNIST_FRAMING,
    Framed,
    Framing,
    Stroke,
    canvas_to_image,
    frame,
    framing_of,
)

if TYPE_CHECKING:
    from dlcore.inference.prediction import Model

_DIGITS = frozenset("0123456789")
Kind = Literal["digits", "letters", "symbols"]
"""What a network reads: digits or letters, which may stand side by side, or anything else, one at a time."""


def kind_of(model: "Model | None") -> Kind:
    """What ``model`` reads; without one, digits."""
    if model is None or set(model.class_names) <= _DIGITS:
        return "digits"
    plain = all(len(name) == 1 and name.isascii() and name.isalpha() for name in model.class_names)
    return "letters" if plain and model.dataset != OWN_IMAGES else "symbols"


@dataclass(frozen=True, eq=False)
class Part:
    """One digit or letter, or whatever one answer is about."""

    framed: Framed
    probabilities: Sequence[float] | None = None
    """Of each class, at the model's own temperature; None where no network has answered."""
    familiarity: float = 0.0
    """The higher, the more it is like what the network has learned from."""

    @property
    def guess(self) -> int | None:
        """The index of the most probable class."""
        return None if self.probabilities is None else int(np.argmax(self.probabilities))


@dataclass(frozen=True, eq=False, kw_only=True)
class Answer:
    """A drawing or picture, what was made of it, and what a network says to each part."""

    parts: Sequence[Part]
    """From left to right, one at least."""
    naive_image: NDArray[np.uint8]
    """The whole shrunk to 28×28, as it was."""
    class_names: Sequence[str]
    kind: Kind = "digits"
    strokes: Sequence[Stroke] = ()
    """None for a picture."""
    legibility: Legibility = "fair"
    image_size: int = 28
    """Of the model's own images, in pixels."""
    turned_over: bool = False
    """Whether the model reads dark on light."""
    naive_probabilities: Sequence[float] | None = None
    dataset: str = ""
    """What the network has learned from; empty where there is none."""
    least_familiar: float | None = None
    """Below this the answer is that it is none of the classes; None where nobody has measured."""
    temperature: float = 1.0
    """That the probabilities were softened by."""


def read_strokes(strokes: Sequence[Stroke], model: "Model | None", *, strictness: float = 0.0) -> Answer:
    """Look at a drawing with ``model``, or with none.

    ``strictness`` is the share of the images that the model knows to be fair which "I don't know" may be said to.
    """
    framing = MNIST_FRAMING if model is None else framing_of(model.dataset)
    kind = kind_of(model)
    whole = frame(strokes, framing=framing)
    legibility = assess(strokes, whole.image, box_size=whole.box_size, digits=kind == "digits")
    naive_image = canvas_to_image(strokes)
    if model is None:
        return Answer(
            parts=[Part(whole)],
            naive_image=naive_image,
            class_names=sorted(_DIGITS),
            strokes=strokes,
            legibility=legibility,
        )
    framed = [whole]
    if kind != "symbols" and legibility in ("fair", "several"):
        framed = _one_by_one(strokes, model, framing, LETTERS if kind == "letters" else Weights())
        legibility = "fair"
    return _answered(framed, naive_image, model, strokes=strokes, legibility=legibility, strictness=strictness)


def read_pictures(
    images: Sequence[NDArray[np.uint8]],
    naive_image: NDArray[np.uint8],
    model: "Model | None",
    *,
    strictness: float = 0.0,
) -> Answer:
    """Look at pictures of one digit or letter each, uint8 (28, 28), framed already, and at the whole that they were cut from;
    or at one image of the model's own data, uint8 (1, C, S, S), which is its own whole.
    """
    framed = [Framed(image, 4, 4) for image in images]
    if model is None:
        return Answer(parts=[Part(one) for one in framed], naive_image=naive_image, class_names=sorted(_DIGITS))
    legibility: Legibility = "fair" if any(image.any() for image in images) else "empty"
    return _answered(framed, naive_image, model, legibility=legibility, strictness=strictness)


def softened(model: "Model", probabilities: NDArray[np.floating]) -> list[float]:
    """One image's probabilities at temperature 1, (classes,), at the model's own: as sure as the answer above says."""
    if model.measured is None:
        return [float(share) for share in probabilities]
    least = np.finfo(np.float32).tiny
    scores = np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), least))[None]
    softer: list[float] = at_temperature(scores, model.measured.calibration.temperature)[0].tolist()
    return softer


def _one_by_one(strokes: Sequence[Stroke], model: "Model", framing: Framing, weights: Weights) -> list[Framed]:
    from dlcore.inference.prediction import predict  # noqa: PLC0415  # torch, not before it must

    groups = cut(strokes, lambda images: predict(model, images), weights, framing)
    return [frame(group, framing=framing) for group in groups]


def _answered(
    framed: Sequence[Framed],
    naive_image: NDArray[np.uint8],
    model: "Model",
    *,
    legibility: Legibility,
    strictness: float,
    strokes: Sequence[Stroke] = (),
) -> Answer:
    from dlcore.inference.prediction import look  # noqa: PLC0415  # torch, not before it must

    images = [*(one.image for one in framed), naive_image]
    looked = look(model, np.concatenate(images) if naive_image.ndim == 4 else np.stack(images))
    known = model.measured
    temperature = known.calibration.temperature if known else 1.0
    probabilities = at_temperature(looked.log_probabilities, temperature).tolist()
    familiarity = known.familiar.score(looked.features) if known else np.ones(len(probabilities))
    return Answer(
        parts=[Part(one, probabilities[index], float(familiarity[index])) for index, one in enumerate(framed)],
        naive_image=naive_image,
        class_names=model.class_names,
        kind=kind_of(model),
        strokes=strokes,
        legibility=legibility,
        image_size=model.image_size,
        turned_over=model.metadata.get("light_background") is True,
        naive_probabilities=probabilities[-1],
        dataset=model.dataset,
        least_familiar=known.calibration.threshold(strictness) if known and strictness else None,
        temperature=temperature,
    )
