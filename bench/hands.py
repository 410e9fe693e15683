"""How the Draw page fares with real hands: digits and numbers of unseen writers, and what is no digit.

``DLCORE_DATA=… python -m bench hands``, with the bundled model and the writers that its card calls unseen.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from bench.compose import GAPS, compositions
from bench.no_digits import letters, scribbles, shapes
from bench.turns import Row, row
from bench.words import Templates, words
from dlcore.data.availability import pen_strokes_file
from dlcore.data.pen_strokes import held_out, read_drawings
from dlcore.inference.calibration import DEFAULT_SHARE
from dlcore.inference.prediction import Model, load_model
from dlcore.inference.segments import LETTERS, cut
from dlcore.inference.strokes import EMNIST_FRAMING, Stroke
from ui.drawing.answering import Answer, read_strokes

NUMBERS = 300
SINGLES = 1000
STRANGE = 240


def measure() -> Iterator[Row]:
    torch.set_num_threads(1)
    model = load_model()
    drawings = list(read_drawings(pen_strokes_file()))
    judges = held_out({drawing.writer for drawing in drawings})
    unseen = [drawing for drawing in drawings if drawing.writer in judges]
    singles = [unseen[index] for index in np.random.default_rng(0).choice(len(unseen), SINGLES, replace=False)]
    answers = [_read(model, drawing.strokes) for drawing in singles]
    right = [_text(answer) == str(drawing.label) for drawing, answer in zip(singles, answers, strict=True)]
    yield _share("digits of unseen writers, right", right, aim="≥ 99")
    yield _share("… taken for one digit", [len(answer.parts) == 1 for answer in answers], aim="stated")
    yield _share("… “I don't know”", [_unknown(answer) for answer in answers], aim=f"about {100 * DEFAULT_SHARE:g}")
    for spacing in GAPS:
        found = [
            _text(_read(model, number.strokes)) == number.text
            for number in compositions(unseen, NUMBERS, spacing, seed=3)
        ]
        yield _share(f"numbers of two to five digits, {spacing}, wholly right", found, aim="stated")
    network = Templates()
    read = [
        network.read(cut(word.strokes, network, LETTERS, EMNIST_FRAMING)) == word.text for word in words(NUMBERS, 2)
    ]
    yield _share("words of two to five script letters, wholly right", read, aim="stated")
    for name, make in (("letters", letters), ("shapes", shapes), ("scribbles", scribbles)):
        strange = [_unknown(_read(model, one)) for one in make(STRANGE, np.random.default_rng(5))]
        yield _share(f"{name}: “I don't know”", strange, aim="stated")


def _read(model: Model, strokes: Sequence[Stroke]) -> Answer:
    return read_strokes(strokes, model, strictness=DEFAULT_SHARE)


def _text(answer: Answer) -> str:
    return "".join(str(part.guess) for part in answer.parts)


def _unknown(answer: Answer) -> bool:
    """Whether some part of the answer is a question mark."""
    least = answer.least_familiar
    return least is not None and any(part.familiarity < least for part in answer.parts)


def _share(name: str, found: Sequence[bool], *, aim: str) -> Row:
    return row(name, [100 * float(np.mean(found))], aim=aim, unit="%", note=f"of {len(found):,}")
