"""The same layers, computed faster on a CPU and well in mixed precision: how a network is trained, never what it is."""

import ctypes
import sys
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
_KEPT_BYTES = 1 << 30
_ALONE_ELEMENTS = 32_768
"""So many elements PyTorch never divides among threads (ATen's GRAIN_SIZE)."""
_MOST_PARTS = 4


def faster(network: nn.Module) -> nn.Module:
    """``network`` with its dropout, 2×2 max-pooling and log-softmax layers replaced in place by ones of this file.

    They have no parameters, so its state stays interchangeable with that of a network as it was built.
    """
    for name, layer in network.named_children():
        if type(layer) is nn.Dropout:
            setattr(network, name, _Dropout(layer.p))
        elif type(layer) is nn.MaxPool2d and _is_two_by_two(layer):
            setattr(network, name, _MaxPool2x2(2))
        elif type(layer) is nn.LogSoftmax:
            setattr(network, name, _LogSoftmax(layer.dim))
        else:
            faster(layer)
    return network


def channels_together(model: nn.Module) -> nn.Module:
    """``model`` with the channels of a pixel side by side in memory: up to 1.6 times faster convolutions on a CPU.

    Not on Apple's GPU, where batch normalisation and average pooling have wrong gradients in that layout: PyTorch's
    issues 175189 and 175190.
    """
    if next(model.parameters()).device.type == "mps":
        return model
    moved: nn.Module = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved


def keep_freed_memory() -> None:
    """Let this process use freed memory again instead of handing it back to the system at once, and asking anew.

    A step frees and asks for tens of megabytes; fresh pages cost it a fifth of its time. Only glibc can be told so.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # not there with other C libraries
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
            mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def gathered(images: Tensor, chosen: Tensor) -> Tensor:
    """The rows ``chosen``, int64 (B,), of ``images`` uint8 (N, C, H, W), which lie one after the other in memory.

    Eight pixels at a time where that comes out even: so few elements are left to one thread, see :func:`in_parts`.
    """
    pixels = images[0].numel()
    if images.device.type != "cpu" or pixels % 8 or not images.is_contiguous():
        return images.index_select(0, chosen)
    rows = images.view(len(images), pixels).view(torch.int64).index_select(0, chosen)
    return rows.view(torch.uint8).view(len(chosen), *images.shape[1:])


def in_parts(function: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """``function``, which treats each pixel by itself, of ``images`` (B, C, H, W).

    In a few parts that PyTorch leaves to one thread where there is not much to do on a CPU: to wake another one, as often
    as there are operations, takes several times as long as the work.
    """
    rows = max(1, _ALONE_ELEMENTS // images[0].numel())
    if images.device.type != "cpu" or not rows < len(images) <= _MOST_PARTS * rows:
        return function(images)
    return torch.cat([function(part) for part in torch.split(images, rows)])


class _Dropout(nn.Dropout):
    """Dropout that draws 16 random bits an element, four elements a number, instead of a number each.

    The probability is rounded to a multiple of 2^-16. Source: Srivastava et al., "Dropout" (2014), section 10.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0 or x.device.type != "cpu":
            return super().forward(x)
        count = x.numel()
        drawn = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
        bits = drawn.view(torch.int16)[:count].view(x.shape)
        keep = (bits >= round(self.p * 2**16) - 2**15).to(x.dtype)
        return x.mul(keep.mul_(1 / (1 - self.p)))


class _LogSoftmax(nn.LogSoftmax):
    """Log-softmax that takes bfloat16 to float32 first: so close to 1, bfloat16 knows steps of 0.004 only."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float() if x.dtype is torch.bfloat16 else x)


class _MaxPool2x2(nn.MaxPool2d):
    """2×2 max-pooling whose gradient keeps the memory layout; torch's own makes it contiguous and back again."""

    def forward(self, x: Tensor) -> Tensor:
        quick = self.training and x.device.type == "cpu"
        pooled: Tensor = _MaxPoolFunction.apply(x) if quick else super().forward(x)  # type: ignore[no-untyped-call]
        return pooled


class _MaxPoolFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_BCHW: Tensor) -> Tensor:
        pooled_BCHW, winners_BCHW = F.max_pool2d_with_indices(x_BCHW, (2, 2))
        ctx.save_for_backward(winners_BCHW)
        ctx.size = x_BCHW.shape[-2:]
        return pooled_BCHW

    @staticmethod
    def backward(ctx: Any, gradient_BCHW: Tensor) -> Tensor:
        (winners_BCHW,) = ctx.saved_tensors
        gradient_BCHW = gradient_BCHW.contiguous(memory_format=torch.channels_last)
        return F.max_unpool2d(gradient_BCHW, winners_BCHW, (2, 2), output_size=ctx.size)


def _is_two_by_two(layer: nn.MaxPool2d) -> bool:
    shape = layer.kernel_size, layer.stride, layer.padding, layer.dilation
    return shape == (2, 2, 0, 1) and not layer.ceil_mode and not layer.return_indices
