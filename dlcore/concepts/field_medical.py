"""Medicine in small: a scan-like picture outlined pixel by pixel, and what a positive test means.

The picture is drawn, not scanned: a head, a darker chamber, a spot. What outlines the spot is a linear discriminant on
two numbers a pixel, learned from six such pictures of one "scanner"; another scanner shows the same head brighter.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

SIDE = 48
TISSUE, CHAMBER, SPOT = 0.45, 0.25, 0.68

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Scan:
    """A picture (SIDE, SIDE) of brightness, and where in truth the spot is."""

    picture: Floats
    truth: Mask


def scan(seed: int, radius: float = 4.0, noise: float = 0.08, gain: float = 1.0) -> Scan:
    """A made-up slice through a head with a round spot; ``radius`` in pixels, 0 for none; ``gain`` is the scanner's."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIDE, 0:SIDE] - (SIDE - 1) / 2
    picture = np.where((x / 19) ** 2 + (y / 22) ** 2 < 1, TISSUE, 0.02)
    picture[((x / 4) ** 2 + ((y + 3) / 9) ** 2) < 1] = CHAMBER
    angle, distance = draw.uniform(0, 2 * np.pi), draw.uniform(8, 11)
    truth = (x - distance * np.cos(angle)) ** 2 + (y - distance * np.sin(angle)) ** 2 < radius**2
    picture[truth] = SPOT
    return Scan(np.asarray(gain * (picture + noise * draw.normal(size=picture.shape))), truth)


def features(picture: Floats) -> Floats:
    """Two numbers for each pixel, (SIDE · SIDE, 2): its brightness, and the mean of the 5×5 pixels around it."""
    padded = np.pad(picture, 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5))
    return np.stack([picture, windows.mean((2, 3))], axis=-1).reshape(-1, 2)


@cache
def discriminant() -> tuple[Floats, float]:
    """The two weights and the bias of Fisher's linear discriminant, learned from six scans of a scanner of gain 1.

    w = S⁻¹(μ₁ − μ₀) with S the pooled covariance of the two numbers inside the head; the bias puts the border where the
    six scans are outlined best, by :func:`dice`.
    """
    scans = [scan(seed) for seed in range(100, 106)]
    inputs = np.concatenate([features(each.picture) for each in scans])
    spot = np.concatenate([each.truth.ravel() for each in scans])
    inside, outside = inputs[spot], inputs[~spot & (inputs[:, 1] > CHAMBER / 2)]
    pooled = (np.cov(inside.T) * len(inside) + np.cov(outside.T) * len(outside)) / (len(inside) + len(outside))
    w = np.asarray(np.linalg.solve(pooled, inside.mean(0) - outside.mean(0)))
    scores = inputs @ w
    borders = np.quantile(scores, np.linspace(0.9, 0.999, 100))
    best = max(borders, key=lambda border: dice(scores > border, spot))
    return w, -float(best)


def outlined(picture: Floats) -> Mask:
    """Where the discriminant sees the spot."""
    w, bias = discriminant()
    return np.asarray((features(picture) @ w + bias > 0).reshape(picture.shape))


def dice(found: Mask, truth: Mask) -> float:
    """Twice the overlap over the sum of the areas, in [0, 1]; 1 where both are empty (Dice, 1945)."""
    total = int(found.sum()) + int(truth.sum())
    return 2 * int((found & truth).sum()) / total if total else 1.0


def pixel_accuracy(found: Mask, truth: Mask) -> float:
    """The share of pixels that are labelled rightly."""
    return float((found == truth).mean())


def positive_predictive_value(sensitivity: float, specificity: float, prevalence: float) -> float:
    """P(ill | positive) by Bayes' rule; all in [0, 1]. 0 where nobody tests positive."""
    true_positives = sensitivity * prevalence
    false_positives = (1 - specificity) * (1 - prevalence)
    return true_positives / (true_positives + false_positives) if true_positives + false_positives else 0.0
