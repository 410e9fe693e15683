"""Speech in small: vowels made of a buzz and two resonances, as numbers, as a spectrogram and as a sound."""

import io
import wave
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Sound samples a second, as speech recognition commonly uses."""
SECONDS = 0.6
FORMANTS: Mapping[str, tuple[float, float]] = {"a": (750, 1200), "i": (300, 2300), "u": (320, 800)}
"""The first two resonances of the mouth in hertz, for three vowels.

Source: rounded from Peterson and Barney, "Control methods used in a study of the vowels" (1952), table II.
"""
_BANDWIDTH = 90.0

Floats = NDArray[np.float64]


def _times() -> Floats:
    return np.asarray(np.arange(int(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE)


def _swelling() -> Floats:
    """A sound that begins and ends without a click."""
    return np.asarray(np.minimum(1, np.minimum(_times(), _times()[::-1]) / 0.05))


def vowel(name: str, pitch_hertz: float = 120.0) -> Floats:
    """A vowel as overtones of the pitch, each as loud as the two resonances of the mouth let it through; in [−1, 1]."""
    t = _times()
    sound = np.zeros_like(t)
    for number in range(1, int(4000 / pitch_hertz) + 1):
        hertz = number * pitch_hertz
        loudness = sum(1 / (1 + ((hertz - formant) / _BANDWIDTH) ** 2) for formant in FORMANTS[name])
        sound += (loudness + 0.02) / number**0.5 * np.sin(2 * np.pi * hertz * t)
    return _scaled(sound * _swelling())


def gliding_tone(start_hertz: float = 300, end_hertz: float = 900) -> Floats:
    """A tone that glides upwards, with two weaker overtones; samples in [−1, 1]."""
    t = _times()
    phase = 2 * np.pi * (start_hertz * t + (end_hertz - start_hertz) * t**2 / (2 * SECONDS))
    return _scaled((np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.25 * np.sin(3 * phase)) * _swelling())


def two_clicks(apart_seconds: float = 0.02) -> Floats:
    """Two clicks a moment apart, in silence."""
    sound = np.zeros_like(_times())
    first = len(sound) // 2
    sound[[first, first + int(apart_seconds * SAMPLE_RATE)]] = 1.0
    return sound


def sound_of(name: str, noise: float = 0.0, seed: int = 0) -> Floats:
    """A vowel, ``glide`` or ``clicks``; ``noise`` is the standard deviation of what is added to a sound in [−1, 1]."""
    clean = gliding_tone() if name == "glide" else two_clicks() if name == "clicks" else vowel(name)
    return _scaled(clean + noise * np.random.default_rng(seed).normal(size=len(clean))) if noise else clean


def _scaled(sound: Floats) -> Floats:
    return np.asarray(sound / np.abs(sound).max())


def spectrogram(sound: Floats, window: int = 512, hop: int = 128) -> tuple[Floats, Floats, Floats]:
    """Times in seconds, frequencies in hertz, and levels in decibels below the loudest (frequencies × times)."""
    starts = np.arange(0, len(sound) - window + 1, hop)
    frames = np.stack([sound[start : start + window] for start in starts]) * np.hanning(window)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    decibels = 10 * np.log10(np.maximum(power / power.max(), 1e-6))
    times = (starts + window / 2) / SAMPLE_RATE
    frequencies = np.asarray(np.fft.rfftfreq(window, 1 / SAMPLE_RATE), dtype=np.float64)
    return times, frequencies, decibels.T


def wav(sound: Floats) -> bytes:
    """The sound as a WAV file: one channel, 16 bits a sample."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes((0.6 * 32767 * np.clip(sound, -1, 1)).astype("<i2").tobytes())
    return file.getvalue()
