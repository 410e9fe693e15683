"""What may happen to an image on its way to a network, in any amount, and what it costs the network.

Images are float32 (N, C, H, W), 0 black to 1 white, bright on dark as in MNIST. Compare Hendrycks and Dietterich,
"Benchmarking Neural Network Robustness to Common Corruptions and Perturbations" (2019).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dlcore.data.normalization import normalize
from dlcore.inference.prediction import Model
from dlcore.messages import N_

_SEED = 0
_CHUNK = 100


def rotate(images: Tensor, degrees: float) -> Tensor:
    """Turned around the middle, anticlockwise; what comes in from outside is black."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    # grid_sample asks where each pixel comes from, so this is the turn back; y points down
    turn = torch.tensor([[cos, -sin, 0.0], [sin, cos, 0.0]]).expand(len(images), -1, -1)
    grid = F.affine_grid(turn, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def blur(images: Tensor, sigma: float) -> Tensor:
    """A Gaussian of this standard deviation in pixels; beyond the edges is black."""
    if sigma <= 0:
        return images
    radius = math.ceil(3 * sigma)
    weights = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    weights = (weights / weights.sum()).view(1, 1, -1)
    count, channels, height, width = images.shape
    rows = F.conv1d(images.reshape(-1, 1, width), weights, padding=radius).view(count, channels, height, width)
    columns = F.conv1d(rows.transpose(2, 3).reshape(-1, 1, height), weights, padding=radius)
    return columns.view(count, channels, width, height).transpose(2, 3)


def add_noise(images: Tensor, deviation: float) -> Tensor:
    """Normal noise of this standard deviation on every pixel; the same noise each time."""
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(_SEED))
    return (images + deviation * noise).clamp(0, 1)


def invert(images: Tensor, share: float) -> Tensor:
    """On the way to the negative: 0 is the image, 1 its negative, halfway everything is grey."""
    return images + share * (1 - 2 * images)


def thicken(images: Tensor, pixels: float) -> Tensor:
    """Strokes wider by this on each side, or thinner where it is negative: the largest or smallest of all neighbours.

    A part of a pixel is that part of the way to the next whole one.
    """
    sign = 1 if pixels >= 0 else -1
    whole, part = divmod(abs(pixels), 1)
    changed = sign * images
    for _ in range(int(whole)):
        changed = _spread(changed)
    return sign * (changed if part == 0 else torch.lerp(changed, _spread(changed), part))


def _spread(images: Tensor) -> Tensor:
    """Each pixel the largest of itself and its four neighbours."""
    across = F.max_pool2d(images, (1, 3), 1, (0, 1))
    return torch.maximum(across, F.max_pool2d(images, (3, 1), 1, (1, 0)))


@dataclass(frozen=True)
class Corruption:
    """One kind of harm: how much of it there may be, and in what unit."""

    title: str
    unit: str
    apply: Callable[[Tensor, float], Tensor]
    amounts: tuple[float, ...]
    """Ascending, those that a curve is drawn through; 0 is none."""
    step: float
    """Of a slider."""


CORRUPTIONS: Mapping[str, Corruption] = {
    "rotate": Corruption(N_("Rotate"), "°", rotate, tuple(range(-180, 181, 30)), 5.0),
    "blur": Corruption(N_("Blur"), N_("pixels"), blur, (0, 0.5, 1, 1.5, 2, 2.5, 3), 0.1),
    "noise": Corruption(N_("Noise"), N_("of white"), add_noise, (0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1), 0.02),
    "invert": Corruption(N_("Invert"), N_("of the way"), invert, (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1), 0.05),
    "thicken": Corruption(
        N_("Thin or thicken"), N_("pixels"), thicken, (-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3), 0.1
    ),
}
"""Every corruption by its name."""


def corrupt(images_uint8: Tensor, amounts: Mapping[str, float], *, light_background: bool = False) -> Tensor:
    """Images of bytes, harmed by each of ``amounts`` in the order of :data:`CORRUPTIONS`; float32, 0 to 1.

    Dark strokes on a light ground are turned over before and after, so that thin stays thin and what comes in is paper.
    """
    images = images_uint8.float() / 255
    if light_background:
        images = 1 - images
    for name, corruption in CORRUPTIONS.items():
        if amount := amounts.get(name, 0.0):
            images = corruption.apply(images, amount)
    images = images.clamp(0, 1)
    return 1 - images if light_background else images


@dataclass(frozen=True)
class Progress:
    """How far a curve has come."""

    done: int
    """Images judged, over all amounts."""
    total: int


def accuracy_curve(
    model: Model, images: Tensor, labels: Tensor, name: str, *, light_background: bool = False
) -> Iterator[Progress | list[float]]:
    """The accuracy in [0, 1] under each amount of corruption ``name``, a chunk of images at a time.

    Args:
        model: answers.
        images: uint8 (N, C, S, S), in the model's own shape.
        labels: int64 (N,).
        name: a key of :data:`CORRUPTIONS`.
        light_background: see :func:`corrupt`.

    Yields:
        Progress after each chunk; at the end the accuracies, in the order of the corruption's ``amounts``.
    """
    amounts: Sequence[float] = CORRUPTIONS[name].amounts
    found: list[float] = []
    for turn, amount in enumerate(amounts):
        right = 0
        for start in range(0, len(images), _CHUNK):
            part = slice(start, start + _CHUNK)
            with torch.inference_mode():
                harmed = corrupt(images[part], {name: amount}, light_background=light_background)
                right += int((model.network(normalize(harmed * 255)).argmax(1) == labels[part]).sum())
            yield Progress(turn * len(images) + min(start + _CHUNK, len(images)), len(amounts) * len(images))
        found.append(right / len(images))
    yield found
