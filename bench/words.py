"""Words put together of letters that a script draws, and a small network that knows these letters: no real one is bundled."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.no_digits import LETTERS, letters
from dlcore.inference.strokes import EMNIST_FRAMING, Stroke, frame

NAMES = tuple(sorted(LETTERS))
_EXAMPLES = 20
_SHARPNESS = 30.0


@dataclass(frozen=True)
class Word:
    """A word and the strokes of each of its letters, in canvas pixels."""

    text: str
    letters: list[list[Stroke]]

    @property
    def strokes(self) -> list[Stroke]:
        """All of them."""
        return [stroke for letter in self.letters for stroke in letter]


class Templates:
    """One layer whose weights are images of each letter: the most similar one answers, by a softmax over the cosines."""

    def __init__(self, seed: int = 0) -> None:
        drawn = letters(_EXAMPLES * len(NAMES), np.random.default_rng(seed))
        self._weights = _units(np.stack([_image(one) for one in drawn]))

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities (N, letters) for images uint8 (N, 28, 28)."""
        cosines = (_units(images) @ self._weights.T).reshape(len(images), _EXAMPLES, len(NAMES)).max(axis=1)
        shares = np.exp(_SHARPNESS * cosines)
        return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)

    def read(self, groups: list[list[Stroke]]) -> str:
        """The word that these groups of strokes are."""
        answers = self(np.stack([_image(group) for group in groups])).argmax(axis=1)
        return "".join(NAMES[index] for index in answers)


def words(count: int, seed: int = 1) -> list[Word]:
    """``count`` words of two to five letters, 0.15 to 0.4 of the height apart."""
    random = np.random.default_rng(seed)
    pool = letters(20 * len(NAMES), random)
    made = []
    for _ in range(count):
        chosen = random.integers(len(pool), size=int(random.integers(2, 6)))
        right, placed = 0.0, []
        for index in chosen.tolist():
            left = min(float(stroke[:, 0].min()) for stroke in pool[index])
            placed.append([stroke + np.array([right - left, 0]) for stroke in pool[index]])
            right = max(float(stroke[:, 0].max()) for stroke in placed[-1]) + 200 * random.uniform(0.15, 0.4)
        scale = min(1.0, 310 / right)
        text = "".join(NAMES[index % len(NAMES)] for index in chosen.tolist())
        made.append(Word(text, [[stroke * scale for stroke in letter] for letter in placed]))
    return made


def _image(strokes: list[Stroke]) -> NDArray[np.uint8]:
    return frame(strokes, framing=EMNIST_FRAMING).image


def _units(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    flat = images.reshape(len(images), -1).astype(np.float64)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
