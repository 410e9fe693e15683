import math

import pytest

from ui.training.curves import MOST_POINTS, smooth, thin
from ui.training.statistics import class_reports, wilson_interval


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


def test_wilson_interval_as_published():
    # Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for correct, count, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]:
        assert wilson_interval(correct, count) == pytest.approx((low, high), abs=5e-5)
    assert wilson_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_wilson_interval_at_the_ends():
    low, high = wilson_interval(10_000, 10_000)
    assert high == pytest.approx(1.0)
    assert 0.9996 < low < 1
    assert wilson_interval(0, 0) == (0, 1)


def test_class_reports_by_hand():
    first, second, never = class_reports([[8, 2, 0], [1, 9, 0], [0, 0, 0]])
    assert (first.precision, first.recall, first.support) == (8 / 9, 8 / 10, 10)
    assert first.f1 == pytest.approx(2 * (8 / 9) * 0.8 / (8 / 9 + 0.8))
    assert second.precision == 9 / 11
    assert (never.precision, never.recall, never.f1, never.support) == (None, None, None, 0)
