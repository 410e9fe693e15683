"""Numbers that sum up a test, and a bound for one. Torch-free, so that a page can compute them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

RAN_AWAY = 1000.0
"""A validation loss so many times the untrained network's, or 1 if that is less, has run away."""


def accuracy_interval(correct: int, count: int, *, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's interval for an accuracy, of 95 % by default: the test set is a sample too. Of no case, all of [0, 1].

    Source: Wilson, "Probable inference, the law of succession, and statistical inference" (1927).

    Raises:
        ValueError: ``correct`` is not in [0, ``count``].
    """
    if not 0 <= correct <= count:
        raise ValueError(f"correct must be in [0, count], got {correct} of {count}")
    if count == 0:
        return 0.0, 1.0
    share = correct / count
    denominator = 1 + z**2 / count
    centre = (share + z**2 / (2 * count)) / denominator
    margin = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / denominator
    return max(0.0, centre - margin), min(1.0, centre + margin)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassReport:
    """How well one class is recognised; shares lie in [0, 1] and are None where there is nothing to divide by."""

    precision: float | None
    """Of those called this class, how many are."""
    recall: float | None
    """Of those that are this class, how many were called so."""
    f1: float | None
    """The harmonic mean of both."""
    support: int
    """Test images of this class."""


def class_reports(confusion: Sequence[Sequence[int]]) -> list[ClassReport]:
    """One report a class from a confusion matrix whose rows are true classes and columns predictions."""
    reports = []
    for index, row in enumerate(confusion):
        hits = row[index]
        support = sum(row)
        called = sum(other[index] for other in confusion)
        reports.append(
            ClassReport(
                precision=hits / called if called else None,
                recall=hits / support if support else None,
                f1=2 * hits / (called + support) if called + support else None,
                support=support,
            )
        )
    return reports


def most_loss(untrained_loss: float) -> float:
    """The validation loss beyond which training has diverged, even if it is a number still. What comes back from there
    guesses. A mean squared error, at most 2, never runs away so far.
    """
    return RAN_AWAY * max(1.0, untrained_loss)
