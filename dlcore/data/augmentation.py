"""Augmentation on tensors: every image of a batch gets a draw of its own.

Shape suffixes: B images, C channels, H rows, W columns.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


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


def augment(images: Tensor, name: str, generator: torch.Generator) -> Tensor:
    """Images uint8 (B, C, H, W), changed as ``STRENGTHS[name]`` says; what moves in from outside is black.

    Args:
        images: on any device; not changed themselves.
        name: a key of ``STRENGTHS``; ``none`` returns the images as they are.
        generator: on the CPU; where the draws come from.

    Sources: affine and elastic changes, Simard, Steinkraus and Platt, "Best Practices for Convolutional Neural
    Networks Applied to Visual Document Analysis" (2003), section 2.
    """
    strength = STRENGTHS[name]
    if strength == STRENGTHS["none"]:
        return images
    x_BCHW = images.float()
    if strength.thickness:
        x_BCHW = _change_thickness(x_BCHW, strength.thickness, generator)
    grid_BHW2 = _grid(x_BCHW, strength, generator)
    x_BCHW = F.grid_sample(x_BCHW, grid_BHW2, mode="bilinear", padding_mode="zeros", align_corners=False)
    return x_BCHW.round_().clamp_(0, 255).to(torch.uint8)


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
    rows = [
        torch.stack([cos * x_factor, (cos * shear - sin) * y_factor, x_shift], dim=1),
        torch.stack([sin * x_factor, (sin * shear + cos) * y_factor, y_shift], dim=1),
    ]
    grid_BHW2 = F.affine_grid(torch.stack(rows, dim=1), [count, 1, height, width], align_corners=False)
    if strength.elastic_pixels:
        points = (torch.rand(count, 2, 4, 4, generator=generator) * 2 - 1).mul_(2 * strength.elastic_pixels / width)
        sheet = F.interpolate(points.to(x_BCHW.device), size=(height, width), mode="bicubic", align_corners=True)
        grid_BHW2 = grid_BHW2 + sheet.permute(0, 2, 3, 1)
    return grid_BHW2
