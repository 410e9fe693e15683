"""What sums up a test, against published values and by hand."""

import pytest

from dlcore.training.metrics import accuracy_interval, class_reports


def test_wilson_interval_as_published():
    # Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for correct, count, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]:
        assert accuracy_interval(correct, count) == pytest.approx((low, high), abs=5e-5)
    assert accuracy_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_wilson_interval_at_the_ends():
    low, high = accuracy_interval(10_000, 10_000)
    assert high == pytest.approx(1.0)
    assert 0.9996 < low < 1
    assert accuracy_interval(0, 0) == (0, 1)


def test_class_reports_by_hand():
    first, second, never = class_reports([[8, 2, 0], [1, 9, 0], [0, 0, 0]])
    assert (first.precision, first.recall, first.support) == (8 / 9, 8 / 10, 10)
    assert first.f1 == pytest.approx(2 * (8 / 9) * 0.8 / (8 / 9 + 0.8))
    assert second.precision == 9 / 11
    assert (never.precision, never.recall, never.f1, never.support) == (None, None, None, 0)


def test_wilson_interval_refuses_nonsense():
    for correct, count in ((1, 0), (-1, 5), (6, 5)):
        with pytest.raises(ValueError, match=f"got {correct} of {count}"):
            accuracy_interval(correct, count)
