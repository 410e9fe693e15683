import math

import pytest

from ui.training.curves import MOST_POINTS, smooth, thin


def test_a_short_curve_stays_as_it_is():
    assert thin([1, 2, 3], [0.5, 0.25, 0.125]) == ([1, 2, 3], [0.5, 0.25, 0.125])
    assert thin([], []) == ([], [])


@pytest.mark.parametrize("count", [1000, 1001, 4097, 100_000])
def test_a_long_curve_keeps_its_spikes_within_the_limit(count):
    xs = list(range(count))
    ys = [math.sin(x / 50) for x in xs]
    ys[count // 2], ys[count // 3] = 9.0, -7.0
    thin_xs, thin_ys = thin(xs, ys)
    assert len(thin_xs) == len(thin_ys) <= MOST_POINTS
    assert (max(thin_ys), min(thin_ys)) == (9.0, -7.0)
    assert thin_xs == sorted(set(thin_xs))
    assert all(y == pytest.approx(ys[x], rel=1e-4) for x, y in zip(thin_xs, thin_ys, strict=True))


def test_a_curve_that_grows_keeps_the_points_it_has_shown():
    xs = list(range(3000))
    ys = [math.cos(x * x) for x in xs]
    before, after = set(thin(xs[:2900], ys[:2900])[0]), set(thin(xs, ys)[0])
    assert len(before - after) <= 2  # the last bucket was still filling


def test_what_is_not_finite_is_left_out():
    assert thin([1, 2, 3, 4], [1.0, math.nan, math.inf, 2.0]) == ([1, 4], [1.0, 2.0])


def test_smoothing_follows_a_level_and_damps_noise():
    xs = list(range(400))
    assert smooth(xs, [3.0] * 400, 10)[1] == pytest.approx([3.0] * 400)
    noisy = [1.0 + (-1) ** step for step in range(400)]
    assert smooth(xs, noisy, 20)[1][-1] == pytest.approx(1.0, abs=0.1)


def test_smoothing_looks_only_back_and_survives_a_gap():
    xs, ys = [1, 2, 3, 4, 5], [2.0, 1.5, math.nan, 1.2, 0.9]
    averages = smooth(xs, ys, 3)
    assert averages[0] == [1, 2, 4, 5]
    assert averages[1][:2] == smooth(xs[:2], ys[:2], 3)[1]
    assert smooth([], [], 3) == smooth([1], [math.nan], 3) == ([], [])


@pytest.mark.parametrize("count", [1000, 1001, 4097, 100_000])
def test_a_long_smoothed_curve_has_the_same_level_and_few_points(count):
    ys = [2.0 + math.sin(step / 3) for step in range(count)]
    xs, averages = smooth(range(count), ys, count / 40)
    assert len(xs) == len(averages) <= MOST_POINTS
    assert xs[-1] == count - 1
    assert averages[-1] == pytest.approx(2.0, abs=0.2)
