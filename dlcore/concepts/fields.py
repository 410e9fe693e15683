"""Small honest computations behind the seven fields of application."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

EIGHT = (
    (0, 0, 5, 13, 9, 1, 0, 0),
    (0, 0, 13, 15, 10, 15, 5, 0),
    (0, 3, 15, 2, 0, 11, 8, 0),
    (0, 1, 12, 9, 8, 13, 2, 0),
    (0, 0, 4, 15, 16, 6, 0, 0),
    (0, 1, 12, 11, 9, 14, 1, 0),
    (0, 4, 15, 1, 0, 12, 7, 0),
    (0, 1, 10, 15, 14, 13, 3, 0),
)
"""A digit of 8×8 pixels, 0 (paper) to 16 (ink)."""

SAMPLE_RATE = 16_000
"""Sound samples a second, as speech recognition commonly uses."""


def next_tokens(tokens: Sequence[str], last: str) -> list[tuple[str, float]]:
    """How often each token follows ``last`` in a text, as shares, the most frequent first."""
    counts = Counter(after for before, after in pairwise(tokens) if before == last)
    total = sum(counts.values())
    return [(token, count / total) for token, count in counts.most_common()]


def gliding_tone(seconds: float = 0.5, start_hertz: float = 300, end_hertz: float = 900) -> NDArray[np.float64]:
    """A tone that glides upwards, with two weaker overtones; samples in [−1, 1]."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * (start_hertz * t + (end_hertz - start_hertz) * t**2 / (2 * seconds))
    envelope = np.sin(np.pi * t / seconds) ** 0.5
    sound = envelope * (np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.25 * np.sin(3 * phase))
    return np.asarray(sound / np.abs(sound).max(), dtype=np.float64)


def spectrogram(
    sound: NDArray[np.float64], window: int = 512, hop: int = 128
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Times in seconds, frequencies in hertz, and levels in decibels below the loudest (frequencies × times)."""
    starts = np.arange(0, len(sound) - window + 1, hop)
    frames = np.stack([sound[start : start + window] for start in starts]) * np.hanning(window)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    decibels = 10 * np.log10(np.maximum(power / power.max(), 1e-6))
    times = (starts + window / 2) / SAMPLE_RATE
    frequencies = np.asarray(np.fft.rfftfreq(window, 1 / SAMPLE_RATE), dtype=np.float64)
    return times, frequencies, decibels.T


def positive_predictive_value(sensitivity: float, specificity: float, prevalence: float) -> float:
    """P(ill | positive) by Bayes' rule; all in [0, 1]. 0 where nobody tests positive."""
    true_positives = sensitivity * prevalence
    false_positives = (1 - specificity) * (1 - prevalence)
    return true_positives / (true_positives + false_positives) if true_positives + false_positives else 0.0


def coin_walks(seed: int, count: int = 4, days: int = 250) -> NDArray[np.float64]:
    """Prices (count, days + 1) that start at 100 and each day go 1 % up or down by the toss of a coin."""
    tosses = np.random.default_rng(seed).choice((1.01, 1 / 1.01), size=(count, days))
    return np.asarray(100 * np.cumprod(np.hstack([np.ones((count, 1)), tosses]), axis=1), dtype=np.float64)


def metres_travelled(kilometres_an_hour: float, milliseconds: float) -> float:
    """How far a car goes while a computation takes so long."""
    return kilometres_an_hour / 3.6 * milliseconds / 1000


def colourings_log10(states: int, squares: int) -> float:
    """The decimal logarithm of states^squares: an upper bound on the positions of a board game."""
    return squares * math.log10(states)
