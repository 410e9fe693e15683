"""How far a network's answers can be believed: one temperature for its probabilities, and what is familiar to it.

Both are fitted on images held back from its training. Sources: Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern
Neural Networks" (2017), section 4.2 for the temperature, section 2 for reliability and the expected calibration error;
Sun, Ming, Zhu and Li, "Out-of-Distribution Detection with Deep Nearest Neighbors" (2022), section 3 for familiarity.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from dlcore import atomic

FILE_NAME = "calibration.safetensors"
BINS = 10
_DIRECTIONS = 64
"""Principal directions of the features that familiarity goes by: of 32, 64, 128 and all 1,440 of a model bundled before, as
good as any, at two bytes for each feature."""
_REMEMBERED = 2000
SHARES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Shares of the validation images that a threshold of familiarity may refuse."""
DEFAULT_SHARE = 0.02
_COLDEST, _HOTTEST = 0.2, 10.0
_LARGEST = 20_000_000
"""Bytes of a file that is read."""


class Bin(BaseModel):
    """The images whose highest probability lies in one tenth of [0, 1]."""

    model_config = ConfigDict(frozen=True)

    count: int = Field(ge=0)
    confidence: float = Field(ge=0, le=1)
    """Their mean highest probability; 0 where there are none."""
    accuracy: float = Field(ge=0, le=1)


class Calibration(BaseModel):
    """What was found out about one file of weights with the images held back from its training."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    weights_sha256: str
    images: int = Field(ge=1)
    temperature: float = Field(ge=_COLDEST, le=_HOTTEST)
    loss_before: float
    loss_after: float
    before: tuple[Bin, ...]
    after: tuple[Bin, ...]
    familiarity: tuple[float, ...] = Field(min_length=len(SHARES), max_length=len(SHARES))
    """The thresholds below which :data:`SHARES` of the images lie."""

    @property
    def error_before(self) -> float:
        """Expected calibration error at temperature 1, [0, 1]."""
        return expected_error(self.before)

    @property
    def error_after(self) -> float:
        """Expected calibration error at the fitted temperature, [0, 1]."""
        return expected_error(self.after)

    def threshold(self, share: float) -> float:
        """The familiarity below which this share of the validation images lies; between two of :data:`SHARES` by line."""
        return float(np.interp(share, SHARES, self.familiarity))


@dataclass(frozen=True, eq=False)
class Familiar:
    """What is familiar to a network: the features of images that it has learned from, in few directions."""

    projection: NDArray[np.float16]
    """(D, directions)."""
    remembered: NDArray[np.int8]
    """(images, directions), 127 times the unit vectors."""

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The cosine of the angle to the nearest remembered image, [-1, 1], for features (N, D)."""
        if not len(self.remembered):
            return np.ones(len(features))
        known = self.remembered.astype(np.float32) / 127
        nearest: NDArray[np.float64] = (_units(features @ self.projection.astype(np.float32)) @ known.T).max(axis=1)
        return nearest.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Measured:
    """All that was found out about one file of weights."""

    calibration: Calibration
    familiar: Familiar


def remember(features: NDArray[np.float32]) -> Familiar:
    """What is familiar, from the features (N, D) of images that were learned from; the first 2,000 of them."""
    features = features[:_REMEMBERED]
    if not features.size:
        return Familiar(np.zeros((features.shape[1], 0), np.float16), np.zeros((0, 0), np.int8))
    some = features[:1000] - features[:1000].mean(axis=0)
    directions = _principal(some)[:, :_DIRECTIONS].astype(np.float16)
    known = np.rint(127 * _units(features @ directions.astype(np.float32))).astype(np.int8)
    return Familiar(directions, known)


def fit(
    log_probabilities: NDArray[np.float64], labels: NDArray[np.int64], familiarity: NDArray[np.float64], sha256: str
) -> Calibration:
    """The calibration of a network that gave these answers.

    Args:
        log_probabilities: (N, classes), natural logarithms; of images that it did not learn from.
        labels: (N,), the truth.
        familiarity: (N,), as :meth:`Familiar.score` gives it.
        sha256: of the weights.
    """
    temperature = fit_temperature(log_probabilities, labels)
    return Calibration(
        weights_sha256=sha256,
        images=len(labels),
        temperature=temperature,
        loss_before=_loss(log_probabilities, labels, 1.0),
        loss_after=_loss(log_probabilities, labels, temperature),
        before=reliability(at_temperature(log_probabilities, 1.0), labels),
        after=reliability(at_temperature(log_probabilities, temperature), labels),
        familiarity=tuple(np.quantile(familiarity, SHARES).tolist()),
    )


def at_temperature(log_probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Probabilities (N, classes), softened by a temperature above 1, sharpened by one below."""
    scores = log_probabilities / temperature
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    softened: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return softened


def fit_temperature(log_probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The temperature of least cross-entropy within [0.2, 10], to three decimals.

    Cross-entropy is convex in 1/T, so a search by the golden section finds it. Where every image is answered rightly the
    least is at no temperature at all, since more certainty never costs anything: then it is not below 1.
    """
    spotless = bool((log_probabilities.argmax(axis=1) == labels).all())
    low, high = 1 / _HOTTEST, 1.0 if spotless else 1 / _COLDEST
    golden = (math.sqrt(5) - 1) / 2
    while high - low > 1e-4:
        left, right = high - golden * (high - low), low + golden * (high - low)
        if _loss(log_probabilities, labels, 1 / left) < _loss(log_probabilities, labels, 1 / right):
            high = right
        else:
            low = left
    return round(min(max(2 / (low + high), _COLDEST), _HOTTEST), 3)


def reliability(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[Bin, ...]:
    """For each tenth of [0, 1], lowest first: how sure the network was there, and how often right."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    return tuple(
        Bin(
            count=int((place == index).sum()),
            confidence=float(confidence[place == index].mean()) if (place == index).any() else 0.0,
            accuracy=float(right[place == index].mean()) if (place == index).any() else 0.0,
        )
        for index in range(BINS)
    )


def expected_error(bins: Sequence[Bin]) -> float:
    """The gap between confidence and accuracy, a mean over the images, [0, 1]."""
    count = sum(one.count for one in bins)
    return sum(one.count * abs(one.confidence - one.accuracy) for one in bins) / max(count, 1)


def read(weights: Path, sha256: str) -> Measured | None:
    """What is kept beside ``weights``, if it is of these very weights; None where there is nothing, or nothing whole."""
    path = weights.with_name(FILE_NAME)
    try:
        if path.stat().st_size > _LARGEST:
            return None
        with safe_open(path, framework="numpy") as file:
            about = dict(file.metadata())
            familiar = Familiar(file.get_tensor("projection"), file.get_tensor("remembered"))
        digest = about.pop("sha256", None)  # earlier versions wrote none
        if [*about] != ["calibration"] or digest not in (None, _digest(about["calibration"], familiar)):
            return None
        calibration = Calibration.model_validate_json(about["calibration"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None
    if (familiar.projection.ndim, familiar.remembered.ndim) != (2, 2):
        return None
    return Measured(calibration, familiar) if calibration.weights_sha256 == sha256 else None


def write(weights: Path, measured: Measured) -> None:
    """Keep it beside ``weights``."""
    kept = {"projection": measured.familiar.projection, "remembered": measured.familiar.remembered}
    tensors: dict[str, NDArray[Any]] = {name: np.ascontiguousarray(values) for name, values in kept.items()}
    said = measured.calibration.model_dump_json()
    content = save(tensors, metadata={"calibration": said, "sha256": _digest(said, measured.familiar)})
    atomic.write(weights.with_name(FILE_NAME), content)


def _digest(said: str, familiar: Familiar) -> str:
    digest = hashlib.sha256(said.encode())
    for values in (familiar.projection, familiar.remembered):
        digest.update(f"{values.dtype}{values.shape}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _principal(centred: NDArray[np.float32]) -> NDArray[np.float64]:
    """The principal directions of (N, D), the one of most variance first: (D, at most N or D), each of length 1.

    By the eigenvectors of the smaller of the two squares, in a third of the time of a singular value decomposition.
    """
    rows = centred.astype(np.float64)
    wide = rows.shape[1] > rows.shape[0]
    vectors: NDArray[np.float64] = np.linalg.eigh(rows @ rows.T if wide else rows.T @ rows)[1][:, ::-1]
    if wide:
        vectors = rows.T @ vectors
        lengths = np.linalg.norm(vectors, axis=0, keepdims=True)
        vectors = vectors / np.maximum(lengths, 1e-6 * lengths.max() + 1e-12)  # what is no direction at all stays short
    return vectors


def _units(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    units: NDArray[np.float32] = (vectors / lengths).astype(np.float32)
    return units


def _loss(log_probabilities: NDArray[np.float64], labels: NDArray[np.int64], temperature: float) -> float:
    chosen = at_temperature(log_probabilities, temperature)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, 1e-300)).mean())
