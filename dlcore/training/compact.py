"""Weights in a quarter of their bytes: integers of one byte, and what a step of theirs is worth.

Source: Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference" (2018), section 3.1: weights
only, symmetric, one scale for each output channel. Rounding moves a weight by half a step at most, a 254th of the
largest of its channel.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

_LARGEST = 127
_SCALE = ".scale"


def packed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a network in fewer bytes: tensors of two axes and more as int8, other floats as float16.

    An int8 tensor (C, …) has beside it its float32 steps, ``<name>.scale`` (C,). What is no float stays as it is.

    Raises:
        ValueError: a number is not finite, or too large for float16.
    """
    result: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            result[name] = tensor
        elif tensor.dim() < 2:  # a number for each channel: few, and each moves all that its channel says
            result[name] = tensor.half()
        else:
            scale = tensor.abs().flatten(1).amax(1) / _LARGEST
            steps = tensor / _along(scale.clamp(min=torch.finfo(scale.dtype).tiny), tensor)
            result[name], result[name + _SCALE] = steps.round().to(torch.int8), scale
        if not all(bool(result[kept].isfinite().all()) for kept in (name, name + _SCALE) if kept in result):
            raise ValueError(f"a number of {name} is not finite, or too large for float16")
    return result


def unpacked(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights named in ``expected`` and any others, as float32 where :func:`packed` made fewer bytes of them.

    Whoever made the file, no more memory is taken than the weights of ``expected`` need.

    Raises:
        ValueError: one is missing or of another shape, or is of int8 without one float32 step a channel.
    """
    for name, wanted in expected.items():
        if name not in tensors or tensors[name].shape != wanted.shape:
            raise ValueError(f"no {name} of the shape {tuple(wanted.shape)}")
    scales = {name + _SCALE for name in expected if tensors[name].dtype is torch.int8}
    return {
        name: _unpacked(tensor, tensors.get(name + _SCALE)) if name in expected else tensor
        for name, tensor in tensors.items()
        if name not in scales
    }


def _unpacked(tensor: Tensor, scale: Tensor | None) -> Tensor:
    if tensor.dtype is torch.float16:
        return tensor.float()
    if tensor.dtype is not torch.int8:
        return tensor
    if scale is None or tensor.dim() < 2 or scale.dtype is not torch.float32 or scale.shape != tensor.shape[:1]:
        raise ValueError("integers without what they are worth")
    return tensor * _along(scale, tensor)


def _along(scale: Tensor, tensor: Tensor) -> Tensor:
    """``scale`` (C,) as it multiplies ``tensor`` (C, …)."""
    return scale.view(-1, *[1] * (tensor.dim() - 1))
