"""What the panels below the answer get: the picture that the network was given, and what it said."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dlcore.inference.strokes import Stroke

if TYPE_CHECKING:
    from dlcore.inference.prediction import Model

Origin = Literal["example", "drawing", "picture"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Reading:
    """One picture and one network's answer to it."""

    origin: Origin
    """``example`` as long as the visitor has given nothing; ``picture`` for what never was pen strokes."""
    source: str
    """The model's name: ``"pretrained"`` or a run's id."""
    model: "Model | None"
    """None as long as it loads, or where it cannot be loaded."""
    image: NDArray[np.uint8]
    """(28, 28), ink bright on black, or (1, C, S, S) for an image of the model's own data; ``prediction.as_input(model,
    image)`` is what the network reads."""
    strokes: Sequence[Stroke] = ()
    """The pen's ways on the page's canvas; none for a picture."""
    parts: int = 1
    """How many digits were found; ``image`` is the one that the visitor has pointed at, ``strokes`` are all."""
    class_names: Sequence[str] = ()
    """English; ``ui.class_names.shown_names`` for the visitor."""
    dataset: str = ""
    """What the network has learned from."""
    probabilities: Sequence[float] | None = None
    """Of each class, at ``temperature``; None where no network has answered."""
    temperature: float = 1.0
    """What the logits were divided by before the softmax; 1 as long as the model is not calibrated."""

    @property
    def of_its_own(self) -> bool:
        """Whether it is an image of the model's own data, which other models may not be able to read."""
        return self.image.ndim == 4

    @property
    def guess(self) -> int | None:
        """The index of the most probable class."""
        return None if self.probabilities is None else int(np.argmax(self.probabilities))

    def same_as(self, other: "Reading | None") -> bool:
        """Whether the panels would show the same for ``other``."""
        return (
            other is not None
            and (self.origin, self.source, self.model) == (other.origin, other.source, other.model)
            and self.parts == other.parts  # a stroke beside the first digit leaves the image as it was
            and np.array_equal(self.image, other.image)
            and len(self.strokes) == len(other.strokes)
            and all(np.array_equal(a, b) for a, b in zip(self.strokes, other.strokes, strict=True))
        )
