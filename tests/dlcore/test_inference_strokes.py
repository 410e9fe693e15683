"""Drawings: what the canvas may say, and the image that is made of it."""

import json
import math
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dlcore.inference.legibility import assess, count_side_by_side
from dlcore.inference.strokes import (
    CANVAS_SIZE,
    MAX_OBJECTS,
    MAX_POINTS,
    canvas_to_image,
    clip,
    frame,
    read_canvas,
    read_strokes,
    read_written,
    size_of,
    strokes_to_image,
)
from dlcore.messages import UserError

SEVEN = [[[90, 70], [180, 68], [230, 64], [215, 110], [190, 170], [160, 270]], [[130, 170], [225, 160]]]
ZERO = [[[160 + 50 * math.sin(t / 8), 160 - 80 * math.cos(t / 8)] for t in range(52)]]
ONE = [[[100, 40], [100, 240]]]
CORNER = [[[5, 5], [6, 200], [160, 200]]]
DRAWINGS = [SEVEN, ZERO, ONE, CORNER]


def path(commands, **more):
    """A path as Fabric 7 describes it where nobody has moved it: its place is the middle of its points."""
    points = np.array([command[-2:] for command in commands], dtype=float)
    left, top = ((points.min(axis=0) + points.max(axis=0)) / 2).tolist()
    return {"type": "Path", "originX": "center", "originY": "center", "left": left, "top": top, "path": commands} | more


def canvas(*objects):
    return {"version": "7.4.0", "objects": list(objects), "background": "#fdfcf7"}


DOT = path([["M", 199.986, 200], ["L", 200.014, 200]])
LINE = path([["M", 50, 60], ["Q", 50, 60, 55, 61.5], ["L", 140, 87]])


def ink(strokes):
    return strokes_to_image(read_strokes(strokes))


def mass_centre(image):
    total = image.sum(dtype=float)
    position = np.arange(28) + 0.5
    return (image.sum(axis=0) @ position) / total, (image.sum(axis=1) @ position) / total


@pytest.mark.parametrize("strokes", DRAWINGS)
@pytest.mark.parametrize(("scale", "shift"), [(1, (37.3, -12.8)), (0.21, (0, 0)), (0.5, (150, 9)), (3.3, (-400, 77))])
def test_where_and_how_large_a_drawing_is_leaves_no_trace(strokes, scale, shift):
    before = ink(strokes).astype(float)
    after = strokes_to_image([stroke * scale + shift for stroke in read_strokes(strokes)]).astype(float)
    assert np.linalg.norm(after - before) < 0.02 * np.linalg.norm(before)


_POINTS = st.lists(st.tuples(st.floats(0, 320), st.floats(0, 320)), min_size=2, max_size=15)


@settings(max_examples=150, deadline=None)
@given(
    strokes=st.lists(_POINTS, min_size=1, max_size=4),
    scale=st.floats(0.12, 4),
    shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
def test_no_shift_and_no_scale_changes_the_image_by_two_percent(strokes, scale, shift):
    drawing = [np.array(stroke) for stroke in strokes]
    assume(size_of(drawing) >= 20)  # less is hardly a drawing, and scaled down a dot
    before = strokes_to_image(drawing).astype(float)
    after = strokes_to_image([stroke * scale + shift for stroke in drawing]).astype(float)
    assert np.linalg.norm(after - before) < 0.02 * np.linalg.norm(before)


@pytest.mark.parametrize("strokes", DRAWINGS)
def test_a_drawing_is_framed_as_mnist_was(strokes):
    image = ink(strokes)
    assert image.dtype == np.uint8
    assert image.shape == (28, 28)
    assert image.max() == 255
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    longer = max(np.ptp(rows), np.ptp(columns)) + 1
    assert 20 <= longer <= 22  # 20, and up to a pixel on either side that is touched a little
    assert not np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]).any()  # nothing is cut off


@pytest.mark.parametrize("strokes", [SEVEN, ZERO, ONE])
def test_the_mass_lies_in_the_middle(strokes):
    assert mass_centre(ink(strokes)) == pytest.approx((14, 14), abs=0.1)


def test_the_aspect_is_kept():
    image = ink([[[0, 0], [100, 0], [100, 50], [0, 50], [0, 0]]])
    columns, rows = np.ptp(np.flatnonzero(image.any(axis=0))), np.ptp(np.flatnonzero(image.any(axis=1)))
    assert (columns - 2.4) / (rows - 2.4) == pytest.approx(2, rel=0.2)


def test_edges_are_soft():
    image = ink(SEVEN)
    soft = ((image > 20) & (image < 235)).sum() / (image > 20).sum()
    assert 0.35 < soft < 0.65  # MNIST: 0.55


def test_nothing_drawn_is_a_black_image():
    assert not ink([]).any()
    assert not canvas_to_image([]).any()
    assert assess([], ink([])) == "empty"


@pytest.mark.parametrize("strokes", [[[[200, 200]]], [[[200, 200], [200, 200]]], [[[199.986, 200], [200.014, 200]]]])
def test_a_dot_stays_a_dot(strokes):
    image = ink(strokes)
    assert 0 < (image > 0).sum() <= 16
    assert mass_centre(image) == pytest.approx((14, 14), abs=0.1)
    assert assess(read_strokes(strokes), image) == "dot"


def test_a_scribble_over_everything_is_called_crowded_and_a_digit_is_not():
    scribble = [[[x, y] for x in range(0, 320, 8) for y in ((5, 315) if x % 16 else (315, 5))]]
    assert assess(read_strokes(scribble), ink(scribble)) == "crowded"
    assert all(assess(read_strokes(strokes), ink(strokes)) == "fair" for strokes in DRAWINGS)


def test_two_digits_side_by_side_are_told_from_one_of_two_strokes():
    beside = [*SEVEN, [[x + 160, y] for x, y in ZERO[0]]]
    assert count_side_by_side(read_strokes(beside)) == 2
    assert assess(read_strokes(beside), ink(beside)) == "several"
    bar_apart = [[[100, 40], [60, 160], [200, 160]], [[160, 90], [160, 260]]]
    assert count_side_by_side(read_strokes(bar_apart)) == 1


def test_a_million_crossings_cost_no_more_than_a_moment_of_memory():
    points = np.random.default_rng(0).uniform(0, 320, (MAX_POINTS, 2))
    assert strokes_to_image([points]).mean() > 60


def test_the_naive_way_keeps_the_place():
    small = [[[x / 5, y / 5] for x, y in stroke] for stroke in SEVEN]
    naive, framed = canvas_to_image(read_strokes(small)), ink(small)
    assert mass_centre(naive)[0] < 6
    assert framed.sum() > 3 * naive.sum()


@pytest.mark.parametrize("strokes", DRAWINGS)
def test_the_box_holds_the_ink(strokes):
    framed = frame(read_strokes(strokes))
    rows, columns = np.flatnonzero(framed.image.any(axis=1)), np.flatnonzero(framed.image.any(axis=0))
    assert framed.left - 1 < columns[0]
    assert columns[-1] < framed.left + 21
    assert framed.top - 1 < rows[0]
    assert rows[-1] < framed.top + 21


def test_the_canvas_is_read_as_fabric_draws_it():
    first, second = read_canvas(canvas(LINE, DOT))
    assert first[0] == pytest.approx((50, 60))
    assert first[-1] == pytest.approx((140, 87))
    assert np.ptp(second, axis=0) == pytest.approx((0.028, 0))


def test_a_stroke_that_was_moved_turned_and_scaled_is_read_where_it_stands():
    bar = [["M", 100, 100], ["L", 120, 100]]
    (stroke,) = read_canvas(canvas(path(bar, left=200, top=50, scaleX=2, angle=90)))
    assert stroke[0] == pytest.approx((200, 30))
    assert stroke[-1] == pytest.approx((200, 70))
    (flipped,) = read_canvas(canvas(path(bar, flipX=True)))
    assert flipped[0] == pytest.approx((120, 100))


def test_a_pen_that_slides_over_the_edge_is_followed_up_to_the_edge():
    out_and_back = path([["M", 300, 100], ["L", 400, 100], ["L", 400, 200], ["L", 300, 200]])
    first, second = read_canvas(canvas(out_and_back))
    assert first[-1] == pytest.approx((CANVAS_SIZE, 100))
    assert second[0] == pytest.approx((CANVAS_SIZE, 200))
    assert read_canvas(canvas(path([["M", 900, 900], ["L", 950, 900]]))) == []
    across = clip(np.array([[-100.0, 160.0], [500.0, 160.0]]), (320, 320))
    assert across[0] == pytest.approx(np.array([[0, 160], [320, 160]]))


def test_an_untouched_canvas_holds_no_strokes():
    assert read_canvas(None) == []
    assert read_canvas(canvas()) == []


HUGE = 10**5000
DEEP = json.loads("[" * 900 + "]" * 900)


@pytest.mark.parametrize(
    "said",
    [
        "<script>",
        7,
        [],
        {},
        {"objects": None},
        {"objects": {"0": DOT}},
        canvas("Path"),
        canvas(None),
        canvas({"type": "Path"}),
        canvas({"type": "Image", "src": "http://example.org/x.png"}),
        canvas({"type": ["Path"], "path": []}),
        canvas(path([["M", 1, 1], ["L", 2, 2]], path="M 0 0 L 1 1")),
        canvas(path([["M", 1, 1], ["L", 2, 2]], path=[])),
        canvas(path([["M", 1, 1], ["L", 2, 2]], path=[[]])),
        canvas(path([["M", 1, 1], ["L", 2, 2]], path=[["M", 1]])),
        canvas(path([["M", 1, 1], ["L", 2, 2]], path=[["C", 1, 1, 2, 2, 3, 3]])),
        canvas(path([["Q", 1, 1, 2, 2]])),
        canvas(path([["M", 1, 1], ["L", 2, 2]], path=DEEP)),
        canvas(path([["M", 1, 1], ["L", 2, 2]], path=[["M", DEEP, 1]])),
        canvas(path([["M", 1, 1], ["L", 2, 2]], path=[["M", "1", 1]])),
        canvas(path([["M", 1, 1], ["L", 2, 2]], path=[["M", True, 1]])),
        canvas(path([["M", 1, 1], ["L", 2, 2]], path=[["M", HUGE, 1]])),
        canvas(path([["M", math.nan, 1], ["L", 2, 2]])),
        canvas(path([["M", 1, 1], ["L", math.inf, 2]])),
        canvas(path([["M", 1, 1], ["L", 1e9, 2]])),
        canvas(LINE | {"left": math.nan}),
        canvas(LINE | {"left": None}),
        canvas(LINE | {"scaleX": HUGE}),
        canvas(LINE | {"scaleX": 1e300}),
        canvas(LINE | {"angle": "90"}),
        canvas(LINE | {"skewX": 90}),
        canvas(LINE | {"originX": "left"}),
        canvas(*[DOT] * (MAX_OBJECTS + 1)),
        canvas(path([["M", 1, 1]] + [["L", 2, 2]] * MAX_POINTS)),
        canvas(*[path([["M", 1, 1]] + [["L", 2, 2]] * 200)] * 200),
    ],
)
def test_what_is_no_drawing_is_refused_in_a_sentence(said):
    with pytest.raises(UserError):
        read_canvas(said)


def mutate(value, random):
    """``value`` with something in it replaced by what no canvas sends."""
    rubbish = [None, True, -1, 1e308, -math.inf, math.nan, HUGE, "", "x" * 1000, [], {}, DEEP, [[]], {"type": "Path"}]
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(sorted(value))
        return value | {key: mutate(value[key], random)}
    if isinstance(value, list) and value and random.random() < 0.9:
        index = random.randrange(len(value))
        return [*value[:index], mutate(value[index], random), *value[index + 1 :]]
    return random.choice(rubbish)


def test_whatever_a_browser_sends_is_read_or_refused():
    random = Random(0)
    whole = canvas(LINE | {"scaleX": 1, "scaleY": 1, "angle": 0, "skewX": 0, "flipX": False}, DOT, LINE)
    outcomes = set()
    for _ in range(3000):
        try:
            strokes = read_canvas(mutate(whole, random))
        except UserError:
            outcomes.add("refused")
            continue
        outcomes.add("read")
        assert all(stroke.shape[1] == 2 and stroke.min() >= 0 and stroke.max() <= CANVAS_SIZE for stroke in strokes)
    assert outcomes == {"read", "refused"}


@pytest.mark.parametrize(
    "value",
    [None, "x", {}, [1], [[1, 2]], [[[1]]], [[[1, 2, 3]]], [[["1", 2]]], [[[math.nan, 2]]], [[[HUGE, 2]]], [[[1, True]]],
     [[]] * (MAX_OBJECTS + 1), [[[1, 2]] * (MAX_POINTS + 1)]],
)  # fmt: skip
def test_what_are_no_strokes_is_refused_in_a_sentence(value):
    with pytest.raises(UserError):
        read_strokes(value)


@pytest.mark.data
def test_real_drawings_become_images_like_mnist(shared_data):
    lines = (shared_data / "pen-strokes" / "train.jsonl").read_text().splitlines()[:200]
    images = np.stack([ink(json.loads(line)["strokes"]) for line in lines])
    raw = (shared_data / "MNIST" / "raw" / "t10k-images-idx3-ubyte").read_bytes()
    mnist = np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 28, 28)
    assert images.mean() == pytest.approx(mnist.mean(), rel=0.08)
    assert images.std() == pytest.approx(mnist.std(), rel=0.08)


@given(st.lists(st.lists(st.tuples(st.integers(0, 3200), st.integers(0, 3200)), min_size=1, max_size=20), max_size=6))
def test_what_the_paper_writes_is_read_back(strokes):
    text = ";".join(" ".join(f"{x},{y}" for x, y in stroke) for stroke in strokes)
    assert [(stroke * 10).round().tolist() for stroke in read_written(text)] == [[list(p) for p in s] for s in strokes]


def test_the_limit_on_points_is_a_setting(monkeypatch):
    monkeypatch.setenv("DLCORE_DRAWING_POINTS", "100")
    assert len(read_written(" ".join(["1,1"] * 100))[0]) == 100
    with pytest.raises(UserError, match="100 points"):
        read_written(" ".join(["1,1"] * 101))
