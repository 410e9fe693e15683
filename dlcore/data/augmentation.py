"""Augmentation on tensors: every image of a batch gets a draw of its own.

Shape suffixes: B images, C channels, H rows, W columns.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dlcore.config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Strength:
    """The largest change of each kind; every image draws uniformly between its negative and itself."""

    rotation_degrees: float = 0.0
    scale: float = 0.0
    """Both axes alike; a factor of e to the draw, so that growing and shrinking are as likely."""
    stretch: float = 0.0
    """One axis against the other, likewise."""
    shear: float = 0.0
    """Columns by which a row leans for each row that it lies above the middle."""
    shift_pixels: float = 0.0
    elastic_pixels: float = 0.0
    """How far each of 4×4 points of a rubber sheet moves, in each direction."""
    thickness: float = 0.0
    """Share of the way to a stroke one pixel thicker or thinner on each side."""
    erasing: float = 0.0
    """Largest share of the image under a rectangle that takes the image's mean colour; each draws from 0 to this."""
    noise: float = 0.0
    """Largest standard deviation of the noise added to each pixel, of 255; each image draws its own from 0 to this."""

    @property
    def moves(self) -> bool:
        """Whether it moves any pixel from its place."""
        moving = (self.rotation_degrees, self.scale, self.stretch, self.shear, self.shift_pixels, self.elastic_pixels)
        return any(moving)


STRENGTHS: Mapping[str, Strength] = {
    "none": Strength(),
    "light": Strength(rotation_degrees=8, scale=0.08, shift_pixels=1.5),
    "moderate": Strength(
        rotation_degrees=8,
        scale=0.1,
        stretch=0.12,
        shear=0.12,
        shift_pixels=2.0,
        elastic_pixels=1.2,
        thickness=0.6,
    ),
    "strong": Strength(
        rotation_degrees=15,
        scale=0.12,
        stretch=0.15,
        shear=0.25,
        shift_pixels=2.0,
        elastic_pixels=1.2,
        thickness=0.6,
    ),
}


def strength_of(config: TrainConfig) -> Strength:
    """How much a configuration changes its training images."""
    if config.augmentation != "custom":
        return STRENGTHS[config.augmentation]
    return Strength(
        shift_pixels=config.shift_pixels,
        rotation_degrees=config.rotation_degrees,
        scale=math.log1p(config.scale_share),
        shear=math.tan(math.radians(config.shear_degrees)),
        elastic_pixels=config.elastic_pixels,
        erasing=config.erasing_share,
        noise=config.noise_levels,
    )


def augment(images: Tensor, strength: Strength, generator: torch.Generator) -> Tensor:
    """Images uint8 (B, C, H, W), each changed by a draw of its own up to ``strength``; what moves in from outside is black.

    Args:
        images: on any device; not changed themselves. All channels of an image move together.
        strength: as :data:`STRENGTHS` and :func:`strength_of` give it; one that is all zeros returns the images as they are.
        generator: on the CPU; where the draws come from.

    Sources: affine and elastic changes, Simard, Steinkraus and Platt, "Best Practices for Convolutional Neural
    Networks Applied to Visual Document Analysis" (2003), section 2; erasing, Zhong et al., "Random Erasing Data
    Augmentation" (2020), with the mean colour in the rectangle; noise, Bishop, "Training with Noise is Equivalent to
    Tikhonov Regularization" (1995).
    """
    if strength == STRENGTHS["none"]:
        return images
    x_BCHW = images.float()
    if strength.thickness:
        x_BCHW = _change_thickness(x_BCHW, strength.thickness, generator)
    if strength.moves:
        grid_BHW2 = _grid(x_BCHW, strength, generator)
        x_BCHW = F.grid_sample(x_BCHW, grid_BHW2, mode="bilinear", padding_mode="zeros", align_corners=False)
    if strength.erasing:
        x_BCHW = _erase(x_BCHW, strength.erasing, generator)
    if strength.noise:
        x_BCHW = _add_noise(x_BCHW, strength.noise, generator)
    return x_BCHW.round_().clamp_(0, 255).to(torch.uint8)


def _erase(x_BCHW: Tensor, largest: float, generator: torch.Generator) -> Tensor:
    """In each image a rectangle of an area up to this share, half to twice as high as wide, in its mean colour."""
    count, _, height, width = x_BCHW.shape
    area, log_aspect, x_place, y_place = torch.rand(4, count, generator=generator).to(x_BCHW.device)
    side, aspect = (area * largest).sqrt(), torch.exp((log_aspect - 0.5) * math.log(2))  # the root of height to width
    tall, wide = (side * aspect).clamp_(max=1) * height, (side / aspect).clamp_(max=1) * width
    inside_BHW = _between(y_place * (height - tall), tall, height).unsqueeze(2) & _between(
        x_place * (width - wide), wide, width
    ).unsqueeze(1)
    return torch.where(inside_BHW.unsqueeze(1), x_BCHW.mean((2, 3), keepdim=True), x_BCHW)


def _between(start_B: Tensor, length_B: Tensor, size: int) -> Tensor:
    """Which of ``size`` pixels have their middle in the stretch, bool (B, size)."""
    middle = torch.arange(size, device=start_B.device) + 0.5
    return (middle >= start_B.unsqueeze(1)) & (middle < (start_B + length_B).unsqueeze(1))


def _add_noise(x_BCHW: Tensor, largest: float, generator: torch.Generator) -> Tensor:
    deviation_B111 = torch.rand(len(x_BCHW), 1, 1, 1, generator=generator).mul_(largest)
    return x_BCHW + (torch.randn(x_BCHW.shape, generator=generator) * deviation_B111).to(x_BCHW.device)


def _draw(count: int, largest: float, like: Tensor, generator: torch.Generator) -> Tensor:
    return (torch.rand(count, generator=generator) * 2 - 1).mul_(largest).to(like.device)


def _change_thickness(x_BCHW: Tensor, largest: float, generator: torch.Generator) -> Tensor:
    """Part of the way to a dilation (positive draws) or an erosion (negative draws) by a 3×3 square."""
    draw_B111 = _draw(len(x_BCHW), largest, x_BCHW, generator).view(-1, 1, 1, 1)
    target_BCHW = torch.where(draw_B111 > 0, x_BCHW, 255 - x_BCHW)  # an erosion is a dilation of the negative
    target_BCHW = F.max_pool2d(target_BCHW, 3, stride=1, padding=1)
    target_BCHW = torch.where(draw_B111 > 0, target_BCHW, 255 - target_BCHW)
    return torch.lerp(x_BCHW, target_BCHW, draw_B111.abs())


def _grid(x_BCHW: Tensor, strength: Strength, generator: torch.Generator) -> Tensor:
    """Where each output pixel looks, (B, H, W, 2) in [-1, 1] as ``grid_sample`` wants it."""
    count, _, height, width = x_BCHW.shape

    def draw(largest: float) -> Tensor:
        return _draw(count, largest, x_BCHW, generator)

    angle = draw(math.radians(strength.rotation_degrees))
    scale, stretch = draw(strength.scale), draw(strength.stretch) / 2
    shear = draw(strength.shear)
    x_factor, y_factor = torch.exp(scale + stretch), torch.exp(scale - stretch)
    x_shift, y_shift = draw(2 * strength.shift_pixels / width), draw(2 * strength.shift_pixels / height)
    # rotation · shear · scaling, from output to input coordinates
    cos, sin = torch.cos(angle), torch.sin(angle)
    x_axis, y_axis = _middles(width).to(x_BCHW.device), _middles(height).to(x_BCHW.device).unsqueeze(1)
    grid_B2HW = torch.empty(count, 2, height, width, device=x_BCHW.device)
    for axis, (by_x, by_y, shifted) in enumerate(
        (
            (cos * x_factor, (cos * shear - sin) * y_factor, x_shift),
            (sin * x_factor, (sin * shear + cos) * y_factor, y_shift),
        )
    ):
        # In this order it is bit for bit what F.affine_grid gives, whose product of many small matrices takes ten times as long.
        torch.add(_column(by_x) * x_axis, _column(by_y) * y_axis, out=grid_B2HW[:, axis])
        grid_B2HW[:, axis] += _column(shifted)
    if strength.elastic_pixels:
        points = (torch.rand(count, 2, 4, 4, generator=generator) * 2 - 1).mul_(2 * strength.elastic_pixels / width)
        grid_B2HW += F.interpolate(points.to(x_BCHW.device), size=(height, width), mode="bicubic", align_corners=True)
    return grid_B2HW.permute(0, 2, 3, 1)


def _middles(size: int) -> Tensor:
    """Where the middles of ``size`` pixels lie between -1 and 1."""
    return torch.linspace(-1, 1, size) * (size - 1) / size


def _column(values_B: Tensor) -> Tensor:
    return values_B.view(-1, 1, 1)
