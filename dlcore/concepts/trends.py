"""Small honest computations behind the five trends."""

import numpy as np
from numpy.typing import NDArray

BYTES_PER_WEIGHT = {"float32": 4.0, "bfloat16": 2.0, "int8": 1.0, "int4": 0.5}


def weights_gigabytes(billions: float, precision: str) -> float:
    """Memory for the weights alone, in gigabytes of 10⁹ bytes."""
    return billions * BYTES_PER_WEIGHT[precision]


def separable_share(out_channels: int, kernel: int) -> float:
    """Multiplications of a depthwise-separable convolution over those of a full one (Howard et al., 2017)."""
    return 1 / out_channels + 1 / kernel**2


def matched_pairs(count: int = 6, dimensions: int = 16, noise: float = 0.6, seed: int = 3) -> NDArray[np.float64]:
    """Cosine similarities (count, count) of vectors in pairs: each caption is its picture plus noise."""
    rng = np.random.default_rng(seed)
    pictures = rng.normal(size=(count, dimensions))
    captions = pictures + noise * rng.normal(size=(count, dimensions))
    unit = [vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (pictures, captions)]
    return np.asarray(unit[0] @ unit[1].T, dtype=np.float64)


def softmax_rows(similarities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Each row as probabilities, at a temperature above 0."""
    scaled = similarities / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)


def contrastive_loss(similarities: NDArray[np.float64], temperature: float) -> float:
    """Mean cross-entropy of picking the right caption for each picture, in nats (one direction of CLIP's loss)."""
    return float(-np.log(np.diagonal(softmax_rows(similarities, temperature))).mean())


def attacked_score(pixels: int, epsilon: float, seed: int = 0) -> float:
    """What the worst change of at most ``epsilon`` a pixel makes of a linear score of 1 (Goodfellow et al., 2014).

    Weights are normal with variance 1/pixels, so that the score of an image of such pixels is of order 1 whatever its
    size, while the sum of their magnitudes, and with it the change, grows with the root of the number of pixels.
    """
    weights = np.random.default_rng(seed).normal(size=pixels) / np.sqrt(pixels)
    return 1.0 - epsilon * float(np.abs(weights).sum())


def randomised_response(true_share: float, people: int, surveys: int, seed: int = 0) -> NDArray[np.float64]:
    """Estimates of ``true_share`` by so many surveys in which two coins protect each answer (Warner, 1965).

    P(yes) = share/2 + 1/4, so the estimate is 2 · (share of yes) − 1/2.
    """
    yes = np.random.default_rng(seed).binomial(people, true_share / 2 + 0.25, size=surveys)
    return np.asarray(2 * yes / people - 0.5, dtype=np.float64)
