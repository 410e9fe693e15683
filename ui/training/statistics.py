"""What a confusion matrix says: an accuracy with its uncertainty, and precision and recall of each class."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_Z = 1.959963984540054
"""The 97.5 % point of the normal distribution: two-sided 95 %."""


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a proportion by E. B. Wilson (1927), which stays inside [0, 1] and holds for few cases."""
    if count == 0:
        return 0.0, 1.0
    share = correct / count
    middle = share + _Z**2 / (2 * count)
    half = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    scale = 1 + _Z**2 / count
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


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
