"""Whether two settings differ, or only their seeds do. Pure Python: no SciPy in a server that has little memory.

Accuracies of a few seeds are compared in two ways that make different assumptions: Welch's t test (means of normal values
whose variances may differ) and the exact permutation test (nothing but that labels are exchangeable if settings do not
matter). Sources: B. L. Welch, "The generalization of 'Student's' problem", Biometrika 34 (1947);
R. A. Fisher, "The Design of Experiments" (1935), section 21; the incomplete beta function by Lentz's continued fraction,
as in Press et al., "Numerical Recipes", section 6.4.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random
from statistics import fmean, variance

_MOST_ARRANGEMENTS = 20_000
"""Up to so many ways to split the values into two groups are all tried; of more, so many are drawn."""
_CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two groups of values, the second against the first."""

    difference: float
    """Mean of the second less mean of the first."""
    low: float
    high: float
    """The 95 % interval of the difference, by Welch."""
    welch_p: float
    """Probability of a difference at least as large, either way, if there is none."""
    permutation_p: float
    """The same, by rearranging."""
    smallest_p: float
    """The least that rearranging so few values can give: with three against three, 0.1."""


def compare(first: Sequence[float], second: Sequence[float]) -> Comparison:
    """Compare two groups of at least two finite values each.

    Raises:
        ValueError: a group has fewer than two values.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError("each group needs at least two values")
    difference = fmean(second) - fmean(first)
    parts = [variance(first) / len(first), variance(second) / len(second)]
    error = math.sqrt(sum(parts))
    arrangements = math.comb(len(first) + len(second), len(first))
    smallest = min(1.0, (2 if len(first) == len(second) else 1) / arrangements)
    if error == 0.0:
        p, half = (1.0 if difference == 0.0 else 0.0), 0.0
    else:
        freedom = sum(parts) ** 2 / (
            parts[0] ** 2 / (len(first) - 1) + parts[1] ** 2 / (len(second) - 1)
        )  # Welch and Satterthwaite
        p = student_tails(difference / error, freedom)
        half = student_quantile(_CONFIDENCE, freedom) * error
    return Comparison(
        difference=difference,
        low=difference - half,
        high=difference + half,
        welch_p=p,
        permutation_p=permutation_test(first, second),
        smallest_p=smallest,
    )


def permutation_test(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> float:
    """The share of all ways to split the values into groups of these sizes whose means differ at least as much.

    Exact where there are few ways; else by as many random ones, themselves counted (Phipson and Smyth, 2010).
    """
    pooled, count = [*first, *second], len(first)
    total = math.fsum(pooled)
    rest = len(pooled) - count

    def distance(chosen: Sequence[float]) -> float:
        part = math.fsum(chosen)
        return abs(part / count - (total - part) / rest)

    observed = distance(first) - 1e-12 * max(1.0, *map(abs, pooled))
    arrangements = math.comb(len(pooled), count)
    if arrangements <= _MOST_ARRANGEMENTS:
        return sum(distance(chosen) >= observed for chosen in combinations(pooled, count)) / arrangements
    random = Random(seed)
    hits = sum(distance(random.sample(pooled, count)) >= observed for _ in range(_MOST_ARRANGEMENTS))
    return (hits + 1) / (_MOST_ARRANGEMENTS + 1)


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean of normal ``values``, by Student; of one value, that value twice."""
    middle = fmean(values)
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return middle, middle
    half = student_quantile(_CONFIDENCE, len(values) - 1) * math.sqrt(variance(values) / len(values))
    return middle - half, middle + half


def student_tails(t: float, freedom: float) -> float:
    """Probability that |T| is at least as large as the size of ``t``, where T follows Student's distribution with ``freedom`` degrees."""
    return _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


def student_quantile(confidence: float, freedom: float) -> float:
    """The t that |T| stays below with the probability ``confidence``, found by bisection."""
    low, high = 0.0, 1.0
    while student_tails(high, freedom) > 1 - confidence:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if student_tails(middle, freedom) > 1 - confidence else (low, middle)
    return (low + high) / 2


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for x in [0, 1]."""
    if x <= 0.0 or x >= 1.0:
        return min(1.0, max(0.0, x))
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly, its mirror image does not
        return 1.0 - _incomplete_beta(b, a, 1.0 - x)
    return math.exp(logarithm) * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    value = d
    for m in range(1, 400):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 + numerator * d
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = 1.0 + numerator / c
            c = c if abs(c) > tiny else tiny
            value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value
