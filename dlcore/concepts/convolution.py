"""A kernel slid over an image, number by number: stride, padding, dilation, pooling, and how far a neuron sees.

Deep learning's "convolution" is a cross-correlation: the kernel is not turned over. The tests hold everything against
``torch.nn.functional``.

Shapes: an image is (H, W), a kernel (k, k).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlcore.messages import N_

Array = NDArray[np.float64]

SIDE = 28

_GAUSSIAN = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
KERNELS: Mapping[str, tuple[str, Array]] = {
    "vertical": (N_("Vertical edges (Sobel)"), np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])),
    "horizontal": (N_("Horizontal edges (Sobel)"), np.array([[-1.0, -2, -1], [0, 0, 0], [1, 2, 1]])),
    "outline": (N_("Outlines (Laplace)"), np.array([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]])),
    "blur": (N_("Blur (mean of nine)"), np.full((3, 3), 1 / 9)),
    "gaussian": (N_("Blur (Gauss, 5×5)"), _GAUSSIAN),
    "sharpen": (N_("Sharpen"), np.array([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]])),
    "identity": (N_("Leave as it is"), np.array([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]])),
}
"""Hand-made kernels: a title and the weights."""
POOLINGS: Mapping[str, str] = {"none": N_("None"), "max": N_("Largest of 2×2"), "mean": N_("Mean of 2×2")}


def output_size(size: int, kernel: int, *, stride: int, padding: int, dilation: int) -> int:
    """Places along one side: ⌊(size + 2p - d(k-1) - 1)/s⌋ + 1, or 0 where the kernel does not fit."""
    return max(0, (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1)


def windows(image: Array, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """What lies under the kernel at each place, (H', W', k, k); padding counts as 0."""
    padded = np.pad(image, padding)
    reach = dilation * (kernel - 1) + 1
    if min(padded.shape) < reach:
        return np.zeros((0, 0, kernel, kernel))
    slid = np.lib.stride_tricks.sliding_window_view(padded, (reach, reach))
    result: Array = slid[::stride, ::stride, ::dilation, ::dilation]
    return result


def convolve(image: Array, kernel: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """The map (H', W') of sums of products of kernel and window, as ``torch.nn.functional.conv2d`` gives it."""
    seen = windows(image, len(kernel), stride=stride, padding=padding, dilation=dilation)
    result: Array = (seen * kernel).sum(axis=(2, 3))
    return result


def pool(image: Array, kind: str) -> Array:
    """The largest or the mean of each 2×2 square, half the size; ``"none"`` changes nothing. Odd rests are left out."""
    if kind == "none":
        return image
    height, width = image.shape[0] // 2, image.shape[1] // 2
    squares = image[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    result: Array = squares.max(axis=(1, 3)) if kind == "max" else squares.mean(axis=(1, 3))
    return result


def learned_kernel(weights: list[list[float]]) -> Array:
    """A kernel of a trained network, scaled so that its largest weight is 1, which makes maps comparable."""
    kernel = np.array(weights, dtype=np.float64)
    largest = float(np.abs(kernel).max())
    return kernel / largest if largest else kernel


@dataclass(frozen=True)
class Field:
    """How far one neuron of a layer sees."""

    size: int
    """Pixels of the image along one side."""
    jump: int
    """Pixels between the centres of two neighbours."""


def receptive_fields(layers: int, *, kernel: int, stride: int, dilation: int, pooled: bool) -> list[Field]:
    """Layer by layer, the image itself first: each convolution adds d(k-1) jumps, each 2×2 pooling one more and doubles the jump."""
    size, jump = 1, 1
    fields = [Field(size, jump)]
    for _layer in range(layers):
        size += dilation * (kernel - 1) * jump
        jump *= stride
        if pooled:
            size += jump
            jump *= 2
        fields.append(Field(size, jump))
    return fields


def picture(name: str) -> Array:
    """A drawn image (SIDE, SIDE) with values in [0, 1]: ``"house"``, ``"rings"`` or ``"stripes"``."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(float)
    if name == "rings":
        return np.asarray(0.5 + 0.5 * np.cos(np.hypot(x - 13.5, y - 13.5) * 1.1))
    if name == "stripes":
        return np.asarray(((x + y) // 4 % 2) * (x > y - 3) + 0.3 * (x <= y - 3))
    image = np.zeros((SIDE, SIDE))
    image[(y >= 12) & (y <= 24) & (x >= 6) & (x <= 21)] = 0.55  # walls
    image[(y < 12) & (y >= 4) & (np.abs(x - 13.5) <= (y - 3) * 1.1)] = 0.85  # roof
    image[(y >= 17) & (x >= 12) & (x <= 15) & (y <= 24)] = 0.1  # door
    image[(np.abs(y - 16) <= 1) & ((np.abs(x - 8.5) <= 1) | (np.abs(x - 18.5) <= 1))] = 1.0  # windows
    return image
