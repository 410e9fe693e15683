"""From layers as data to a network of PyTorch modules."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlcore.models.layers import (
    Activation,
    AveragePooling,
    Branches,
    Convolution,
    Deskewing,
    Dropout,
    Flatten,
    GlobalAveragePooling,
    Layer,
    Linear,
    LogSoftmax,
    MaxPooling,
    Normalization,
    Residual,
    Shape,
)

_ACTIVATIONS: Mapping[str, type[nn.Module]] = {
    "leaky-relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


class _BatchNorm1d(nn.BatchNorm1d):
    """For features (B, D); a batch of one goes by the running statistics."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape again."""
        return _by_running_statistics(self, x) if self.training and _is_alone(x) else super().forward(x)


class _BatchNorm2d(nn.BatchNorm2d):
    """For images (B, C, H, W); a batch of one pixel a channel goes by the running statistics."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape again."""
        return _by_running_statistics(self, x) if self.training and _is_alone(x) else super().forward(x)


def _is_alone(x: Tensor) -> bool:
    """Whether there is one value a channel, which has no variance: the last batch of an epoch may be one image."""
    return x.numel() == x.shape[1]


def _by_running_statistics(norm: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor) -> Tensor:
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, training=False, eps=norm.eps)


class _Residual(nn.Module):
    """``activation(shortcut(x) + body(x))``; the modules of the body are its own, by their names."""

    def __init__(self, body: Mapping[str, nn.Module], shortcut: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        for name, module in body.items():
            self.add_module(name, module)
        self.shortcut = shortcut
        self.activation = activation
        self._body = tuple(body)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Float features (B, C, H, W) to float features, as the body makes them."""
        correction_BCHW = x_BCHW
        for name in self._body:
            correction_BCHW = self.get_submodule(name)(correction_BCHW)
        result: Tensor = self.activation(self.shortcut(x_BCHW) + correction_BCHW)
        return result


def lean(x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
    """By how many columns the ink of each image moves from row to row, and the row of its middle, both (B, 1, 1)."""
    height, width = x_BCHW.shape[2:]
    ink_BHW = (x_BCHW - x_BCHW.amin((1, 2, 3), keepdim=True)).mean(1)
    ink_BHW = ink_BHW / ink_BHW.sum((1, 2), keepdim=True).clamp(min=1e-6)
    rows_H1 = torch.arange(height, dtype=x_BCHW.dtype, device=x_BCHW.device).unsqueeze(1)
    columns_W = torch.arange(width, dtype=x_BCHW.dtype, device=x_BCHW.device)
    middle_B11 = (ink_BHW * rows_H1).sum((1, 2), keepdim=True)
    down_BHW = rows_H1 - middle_B11
    across_BHW = columns_W - (ink_BHW * columns_W).sum((1, 2), keepdim=True)
    spread_B11 = (ink_BHW * down_BHW**2).sum((1, 2), keepdim=True).clamp(min=1e-3)
    slope_B11 = ((ink_BHW * down_BHW * across_BHW).sum((1, 2), keepdim=True) / spread_B11).clamp(-1, 1)
    return slope_B11, middle_B11


class _Deskewing(nn.Module):
    """Leans each image back by the slope of its own ink, of all channels together.

    Ink is what a pixel is above the darkest one, and the slope its covariance of columns with rows over its variance of
    rows, at most 1. That is the digit's slope where the ground is dark and even; noise or a light ground hide it, and the
    image stays almost as it is. Source: LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document
    Recognition" (1998), section III.A, where deslanted images are used beside the others.
    """

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Images (B, C, H, W) to images; what moves in from outside is as dark as the darkest pixel."""
        slope_B11, middle_B11 = lean(x_BCHW)
        height, width = x_BCHW.shape[2:]
        rows_H1 = torch.arange(height, dtype=x_BCHW.dtype, device=x_BCHW.device).unsqueeze(1)
        columns_W = torch.arange(width, dtype=x_BCHW.dtype, device=x_BCHW.device)
        looked_at_BHW = columns_W + slope_B11 * (rows_H1 - middle_B11)
        across_BHW = (2 * looked_at_BHW + 1) / width - 1  # as grid_sample counts: the edges are at -1 and 1
        down_BHW = ((2 * rows_H1 + 1) / height - 1).expand_as(across_BHW)
        grid_BHW2 = torch.stack([across_BHW, down_BHW], dim=3)
        darkest_B111 = x_BCHW.amin((1, 2, 3), keepdim=True)
        ink_BCHW = F.grid_sample(
            x_BCHW - darkest_B111, grid_BHW2, mode="bilinear", padding_mode="zeros", align_corners=False
        )
        return ink_BCHW + darkest_B111


class _Branches(nn.ModuleDict):
    """The lists that its modules make of the same values, one after the other."""

    def forward(self, x: Tensor) -> Tensor:
        """Floats (B, …) to the features (B, D) of all branches in their order."""
        return torch.cat([branch(x) for branch in self.values()], dim=1)


def network(layers: Sequence[Layer], shape: Shape) -> nn.Sequential:
    """The modules of ``layers``, freshly initialised, for images of ``shape``.

    Layers called ``a.0``, ``a.1`` lie in a module ``a``. Random numbers are drawn in the order of the layers.
    """
    made: OrderedDict[str, nn.Module] = OrderedDict()
    for group, members in groupby(layers, key=lambda layer: layer.name.rpartition(".")[0]):
        modules = OrderedDict()
        for layer in members:
            modules[layer.name.rpartition(".")[2]] = _module(layer, shape)
            shape = layer.output(shape)
        if group:
            made[group] = nn.Sequential(modules)
        else:
            made |= modules
    return nn.Sequential(made)


def _module(layer: Layer, shape: Shape) -> nn.Module:  # noqa: C901, PLR0911, PLR0912  # one line a kind
    match layer:
        case Convolution(channels=channels, kernel=kernel, stride=stride, padding=padding, groups=groups, bias=bias):
            return nn.Conv2d(shape[0], channels, kernel, stride, padding, groups=groups, bias=bias)
        case MaxPooling(window=window, pace=pace):
            return nn.MaxPool2d(window, pace)
        case AveragePooling(window=window, pace=pace):
            return nn.AvgPool2d(window, pace)
        case GlobalAveragePooling():
            return nn.AdaptiveAvgPool2d(1)
        case Deskewing():
            return _Deskewing()
        case Flatten():
            return nn.Flatten()
        case Linear(features=features, bias=bias):
            return nn.Linear(shape[0], features, bias=bias)
        case Dropout(share=share):
            return nn.Dropout(share)
        case Activation(function=function, in_place=in_place):
            return _activation(function, in_place=in_place)
        case Normalization(over="batch"):
            return _BatchNorm1d(shape[0]) if len(shape) == 1 else _BatchNorm2d(shape[0])
        case Normalization():
            return nn.LayerNorm(shape[0]) if len(shape) == 1 else nn.GroupNorm(1, shape[0])
        case LogSoftmax():
            return nn.LogSoftmax(dim=1)
        case Residual(body=body, shortcut=shortcut, activation=activation):
            corrections = dict(network(body, shape).named_children())
            way = next(network(shortcut, shape).children(), nn.Identity())
            return _Residual(corrections, way, _activation(activation, in_place=False))
        case Branches(branches=branches):
            assert not any(getattr(branch[0], "in_place", False) for _name, branch in branches)
            return _Branches({name: network(branch, shape) for name, branch in branches})
    raise TypeError(layer)


def _activation(function: str, *, in_place: bool) -> nn.Module:
    return nn.ReLU(inplace=in_place) if function == "relu" else _ACTIVATIONS[function]()
