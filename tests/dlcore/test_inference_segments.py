"""Several digits at once: where the cuts are, and that real numbers are read."""

import tracemalloc

import numpy as np
import pytest

from bench import words
from bench.compose import compositions
from dlcore.data.pen_strokes import held_out, read_drawings
from dlcore.inference import segments, sources
from dlcore.inference.prediction import load_model, predict
from dlcore.inference.segments import LETTERS, cut
from dlcore.inference.strokes import EMNIST_FRAMING, strokes_to_image

BUNDLED = pytest.mark.skipif(not (sources.FOLDER / "model.safetensors").is_file(), reason="no bundled model")


def line(*points):
    """A stroke with a point about every ten pixels."""
    points = np.array(points, dtype=float)
    at = np.linspace(0, len(points) - 1, 12 * len(points))
    return np.stack([np.interp(at, np.arange(len(points)), points[:, axis]) for axis in (0, 1)], axis=1)


def indifferent(images):
    return np.full((len(images), 10), 0.9)


ONE = line((20, 20), (20, 120))
ZERO = line((100, 20), (70, 70), (100, 120), (130, 70), (100, 20))
FIVE = [line((100, 22), (70, 22), (70, 60), (100, 70), (98, 110), (66, 116)), line((80, 20), (118, 20))]
FOUR = [line((60, 20), (40, 80), (120, 80)), line((95, 40), (95, 130))]
BARRED_SEVEN = [line((40, 20), (110, 20), (70, 130)), line((55, 75), (100, 72))]


@pytest.mark.parametrize("strokes", [[ONE], [ZERO], FIVE, FOUR, BARRED_SEVEN])
def test_one_digit_stays_one(strokes):
    assert len(cut(strokes, indifferent)) == 1


def test_nothing_is_no_digit():
    assert cut([], indifferent) == []
    assert len(cut([np.array([[5.0, 5.0]])], indifferent)) == 1


def test_digits_side_by_side_are_told_apart_in_their_order():
    moved = [stroke + np.array([150, 0]) for stroke in FOUR]
    groups = cut([*moved, ONE, ZERO], indifferent)  # drawn in another order
    assert [len(group) for group in groups] == [1, 1, 2]
    assert np.array_equal(groups[0][0], ONE)
    assert np.array_equal(groups[1][0], ZERO)


def test_the_pen_may_stay_down_between_two_digits():
    joined = np.concatenate(
        [line((20, 20), (60, 30), (20, 115), (70, 118)), line((110, 20), (90, 70), (115, 118), (140, 70), (112, 20))]
    )
    first, second = cut([joined], indifferent)
    assert max(stroke[:, 0].max() for stroke in first) < min(stroke[:, 0].min() for stroke in second) + 15


def test_a_scribble_of_many_strokes_is_left_whole():
    random = np.random.default_rng(0)
    strokes = [random.uniform(0, 20, (5, 2)) + np.array([25 * index, 0]) for index in range(60)]
    assert len(cut(strokes, indifferent)) == 1


def test_letters_are_told_apart_in_a_word():
    network = words.Templates()
    right = [
        [len(group) for group in cut(word.strokes, network, LETTERS, EMNIST_FRAMING)]
        == [len(letter) for letter in word.letters]
        for word in words.words(60, seed=4)
    ]
    assert np.mean(right) >= 0.75


def test_more_strokes_than_any_number_has_are_left_whole():
    ticks = [np.array([[6.0 * index, 10], [6.0 * index, 200]]) for index in range(400)]
    assert len(segments._pieces(ticks[:30])) == 30
    assert not segments._pieces(ticks)  # without comparing each with each
    assert len(cut(ticks, indifferent)) == 1


def test_two_strokes_of_thousands_of_points_are_compared_in_little_memory():
    t = np.linspace(0, 1, 4900)
    waves = [np.stack([x + 40 * np.cos(40 * t), 100 + 90 * t], axis=1) for x in (100, 160)]
    tracemalloc.start()
    cut(waves, indifferent)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def test_strokes_that_cross_are_told_from_those_that_do_not_however_many_points_they_have():
    def piece(*strokes):
        return segments._Piece(strokes, frozenset())

    def slanted(count, start, end):
        return np.linspace(start, end, count)

    falling = [slanted(count, (0, 0), (100, 100)) for count in (2, 5000)]
    rising, beside = slanted(3000, (0, 100), (100, 0)), slanted(3000, (200, 0), (210, 100))
    for stroke in falling:
        assert segments._cross(piece(stroke), piece(beside, rising))
        assert not segments._cross(piece(stroke), piece(beside))


@BUNDLED
@pytest.mark.data
def test_numbers_of_unseen_writers_are_read(shared_data):
    drawings = list(read_drawings(shared_data / "pen-strokes" / "train.jsonl"))
    judges = held_out({drawing.writer for drawing in drawings})
    unseen = [drawing for drawing in drawings if drawing.writer in judges]
    model = load_model()

    def share(spacing, count):
        right = 0
        for number in compositions(unseen, count, spacing, seed=3):
            groups = cut(number.strokes, lambda images: predict(model, images))
            answers = predict(model, np.stack([strokes_to_image(group) for group in groups])).argmax(axis=1)
            right += "".join(map(str, answers)) == number.text
        return right / count

    assert share("apart", 60) >= 0.9
    assert share("close", 40) >= 0.8
    assert share("joined", 40) >= 0.5
