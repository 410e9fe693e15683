"""Numbers that sum up a test. Torch-free, so that a page can compute them."""

import math


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
