"""Numbers that sum up a test. Torch-free, so that a page can compute them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """How one class fared, each share in [0, 1]."""

    precision: float
    """Of the images called this class, the share that are; 0 where none was."""
    recall: float
    """Of the images of this class, the share called so; 0 where there is none."""
    f1: float
    """Harmonic mean of the two."""
    support: int
    """Images of this class."""


def accuracy_interval(correct: int, count: int, *, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's interval for an accuracy, of 95 % by default: the test set is a sample too.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference" (1927).

    Raises:
        ValueError: ``correct`` is not in [0, ``count``], or ``count`` is below 1.
    """
    if count < 1 or not 0 <= correct <= count:
        raise ValueError(f"correct must be in [0, count] and count at least 1, got {correct} of {count}")
    share = correct / count
    denominator = 1 + z**2 / count
    centre = (share + z**2 / (2 * count)) / denominator
    margin = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / denominator
    return max(0.0, centre - margin), min(1.0, centre + margin)


def class_scores(confusion: Sequence[Sequence[int]]) -> list[ClassScore]:
    """One score for each class of a confusion matrix whose rows are true classes and whose columns are predictions."""
    scores = []
    for index, row in enumerate(confusion):
        hits, support, called = row[index], sum(row), sum(other[index] for other in confusion)
        precision, recall = hits / called if called else 0.0, hits / support if support else 0.0
        f1 = 2 * hits / (support + called) if support + called else 0.0
        scores.append(ClassScore(precision=precision, recall=recall, f1=f1, support=support))
    return scores
