"""The playground's data sets and first weights.

Each function stands alone, needing nothing but ``np``, because the program that the playground exports carries its text.
A data set is ``count`` points within [-1, 1]² and their targets: classes 0, 1, 2 as numbers, or what is to be predicted.
"""

import numpy as np
from numpy.typing import NDArray


def xor(count: int, noise: float, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Four squares; opposite ones belong to the same class."""
    places = random.uniform(0.1, 1.0, (count, 2)) * random.choice([-1.0, 1.0], (count, 2))
    targets = (places[:, 0] * places[:, 1] > 0).astype(float)
    return places + noise * random.standard_normal((count, 2)), targets


def circles(count: int, noise: float, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A disc (class 1) in a ring (class 0), evenly filled."""
    targets = (random.permutation(count) % 2).astype(float)
    inner, outer = np.where(targets == 1, 0.0, 0.65), np.where(targets == 1, 0.45, 1.0)
    radius = np.sqrt(random.uniform(inner**2, outer**2))
    angle = random.uniform(0, 2 * np.pi, count)
    places = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return places + noise * random.standard_normal((count, 2)), targets


def moons(count: int, noise: float, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two interleaved crescents."""
    targets = (random.permutation(count) % 2).astype(float)
    angle = random.uniform(0, np.pi, count)
    side = 1 - 2 * targets
    places = np.stack([0.62 * np.cos(angle) * side - 0.31 * side, 0.75 * np.sin(angle) * side - 0.2 * side], axis=1)
    return places + noise * random.standard_normal((count, 2)), targets


def spirals(count: int, noise: float, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two interleaved arms of one and a half turns (after Lang and Witbrock, 1988)."""
    targets = (random.permutation(count) % 2).astype(float)
    radius = np.sqrt(random.uniform(0.02, 1.0, count))
    angle = radius * 1.5 * 2 * np.pi + targets * np.pi
    places = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return places + noise * random.standard_normal((count, 2)), targets


def blobs(count: int, noise: float, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Three round clouds, a class each."""
    targets = (random.permutation(count) % 3).astype(float)
    angle = targets * 2 * np.pi / 3 + np.pi / 2
    places = 0.6 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.15 * random.standard_normal((count, 2))
    return places + noise * random.standard_normal((count, 2)), targets


def plane(count: int, noise: float, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A slope that rises from -0.9 in one corner to 0.9 in the opposite one; the noise is in the targets."""
    places = random.uniform(-1, 1, (count, 2))
    targets = 0.45 * (places[:, 0] + places[:, 1])
    return places, targets + noise * random.standard_normal(count)


def hills(count: int, noise: float, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two hills and two hollows, sin(πx)·sin(πy); the noise is in the targets."""
    places = random.uniform(-1, 1, (count, 2))
    targets = 0.9 * np.sin(np.pi * places[:, 0]) * np.sin(np.pi * places[:, 1])
    return places, targets + noise * random.standard_normal(count)


def draw_parameters(
    weights: list[NDArray[np.float64]], biases: list[NDArray[np.float64]], kind: str, random: np.random.Generator
) -> None:
    """Fill weights (out, in) and biases (out,) of each layer in place."""
    for weight, bias in zip(weights, biases, strict=True):
        fan_out, fan_in = weight.shape
        bias[:] = 0.0
        if kind == "pytorch":
            weight[:] = random.uniform(-1, 1, weight.shape) / np.sqrt(fan_in)
            bias[:] = random.uniform(-1, 1, fan_out) / np.sqrt(fan_in)
        elif kind == "xavier":
            weight[:] = random.uniform(-1, 1, weight.shape) * np.sqrt(6 / (fan_in + fan_out))
        elif kind == "he":
            weight[:] = random.standard_normal(weight.shape) * np.sqrt(2 / fan_in)
        elif kind == "normal":
            weight[:] = random.standard_normal(weight.shape)
        else:
            weight[:] = 0.0
