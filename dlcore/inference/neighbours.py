"""Where a drawing lies among the images that a network knows, as the network sees them.

Features are what reaches the network's last linear layer: the last thing it has made of an image before it decides.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlcore.inference.prediction import Model, look_at_pictures


def features(model: Model, images_uint8: Tensor) -> Tensor:
    """What reaches the last linear layer, float32 (N, D), for images (N, C, S, S) in the model's own shape."""
    return torch.from_numpy(look_at_pictures(model, images_uint8.numpy()).features)


@dataclass(frozen=True)
class Neighbour:
    """One of the nearest."""

    index: int
    distance: float
    """Euclidean, in feature space."""


def nearest(known: Tensor, drawing: Tensor, count: int) -> list[Neighbour]:
    """The ``count`` rows of ``known`` (N, D) that are nearest to ``drawing`` (D,), nearest first."""
    distances = torch.linalg.vector_norm(known - drawing, dim=1)
    found = distances.topk(min(count, len(known)), largest=False)
    return [Neighbour(int(index), float(distance)) for distance, index in zip(*found, strict=True)]


@dataclass(frozen=True)
class Projection:
    """The plane in which the images lie farthest apart: principal component analysis (Hotelling, 1933)."""

    mean: Tensor
    """(D,)."""
    axes: Tensor
    """(2, D), each of length 1."""
    share: float
    """Of the variance that the plane keeps, in [0, 1]."""

    @classmethod
    def of(cls, known: Tensor) -> "Projection":
        """The plane of (N, D) features, N at least 3. Each axis points to where its largest entry is positive."""
        mean = known.mean(0)
        centred = (known - mean).double()
        wide = centred.shape[1] > centred.shape[0]
        # The smaller of the two squares has the same eigenvalues, and leads to the same axes.
        square = centred @ centred.T if wide else centred.T @ centred
        values, vectors = torch.linalg.eigh(square)
        axes = vectors[:, [-1, -2]].T
        if wide:
            axes = torch.nn.functional.normalize(axes @ centred, dim=1)
        signs = axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
        total = float(values.clamp(min=0).sum())
        kept = float(values[-2:].clamp(min=0).sum())
        return cls(mean, (axes * torch.where(signs == 0, 1, signs)).float(), kept / total if total else 1.0)

    def project(self, points: Tensor) -> NDArray[np.float32]:
        """(N, D) to (N, 2)."""
        flat: NDArray[np.float32] = ((points - self.mean) @ self.axes.T).numpy()
        return flat
