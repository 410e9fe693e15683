"""Layers as data: what each makes of a shape, what it has to learn, what it costs. No torch here.

A network is a list of these. :mod:`dlcore.models.network` makes modules of them, :mod:`dlcore.models.table` the table of a
network before anything is built. Shapes are of one image: ``(channels, height, width)``, or ``(features,)`` once it is flat.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from dlcore.messages import N_

Shape = tuple[int, ...]


class Misfit(Exception):  # noqa: N818  # it says what does not fit; what it becomes is a UserError
    """A layer cannot take this shape. ``template`` has places for ``number`` and ``layer`` beside ``values``."""

    def __init__(self, template: str, **values: object) -> None:
        super().__init__(template)
        self.template = template
        self.values = values


@dataclass(frozen=True)
class Layer:
    """A layer that hands on as many values as it gets, and has nothing to learn."""

    name: str
    """Of its module, and so of its parameters; dots lead into groups."""

    def output(self, shape: Shape) -> Shape:
        """The shape that it makes of ``shape``.

        Raises:
            Misfit: it cannot take this shape.
        """
        return shape

    def parameters(self, shape: Shape) -> int:
        """Numbers to learn, given the shape of what it gets."""
        del shape
        return 0

    def multiply_adds(self, shape: Shape) -> int:
        """Multiplications with a weight, each followed by an addition, for one image.

        Those of convolutions and linear layers only, as is usual: all else is little beside them.
        """
        del shape
        return 0


def _image(shape: Shape) -> Shape:
    if len(shape) != 3:
        raise Misfit(
            N_(
                "Layer {number}, {layer}, needs an image, but what reaches it is a flat list of {values} values."
                " Move it before the first linear layer."
            ),
            values=shape[0],
        )
    return shape


def _windows(shape: Shape, window: int, stride: int, padding: int) -> tuple[int, int]:
    """How many places a window finds, down and across."""
    _, height, width = _image(shape)
    if window > min(height, width) + 2 * padding:
        raise Misfit(
            N_(
                "Layer {number}, {layer}, looks through a window of {window}×{window} pixels, but the image that reaches"
                " it has {height}×{width}. Make the window smaller, or shrink the image less before."
            ),
            window=window,
            height=height,
            width=width,
        )
    return (height + 2 * padding - window) // stride + 1, (width + 2 * padding - window) // stride + 1


@dataclass(frozen=True)
class Convolution(Layer):
    """Each output value is a weighted sum over a square of pixels in all channels."""

    channels: int
    """That it makes."""
    kernel: int
    stride: int = 1
    padding: int = 0
    """Rows and columns of zeros round the image."""
    bias: bool = True
    groups: int = 1
    """So many equal shares are made of the channels, those that come in and those that it makes, and each share of the
    latter sees its own share of the former only. Divides both numbers. Krizhevsky, Sutskever and Hinton (2012)."""

    def output(self, shape: Shape) -> Shape:
        """(C, H, W) → (channels, H', W')."""
        return (self.channels, *_windows(shape, self.kernel, self.stride, self.padding))

    def parameters(self, shape: Shape) -> int:
        """A weight for each pixel of the window in each channel that is seen, and a bias."""
        return self.channels * (self._weights(shape) + self.bias)

    def multiply_adds(self, shape: Shape) -> int:
        """Each weight is used once at every place of the output."""
        return prod(self.output(shape)) * self._weights(shape)

    def _weights(self, shape: Shape) -> int:
        """Of one channel that it makes."""
        return shape[0] // self.groups * self.kernel**2


@dataclass(frozen=True)
class Pooling(Layer):
    """One value for each window, channel by channel."""

    window: int
    stride: int = 0
    """0: as the window is wide."""

    @property
    def pace(self) -> int:
        """Pixels from window to window."""
        return self.stride or self.window

    def output(self, shape: Shape) -> Shape:
        """(C, H, W) → (C, H', W')."""
        return (_image(shape)[0], *_windows(shape, self.window, self.pace, 0))


@dataclass(frozen=True)
class MaxPooling(Pooling):
    """The largest value of each window."""


@dataclass(frozen=True)
class AveragePooling(Pooling):
    """The mean of each window."""


@dataclass(frozen=True)
class GlobalAveragePooling(Layer):
    """The mean of each channel over all pixels."""

    def output(self, shape: Shape) -> Shape:
        """(C, H, W) → (C, 1, 1)."""
        return (_image(shape)[0], 1, 1)


@dataclass(frozen=True)
class Deskewing(Layer):
    """The image leaned back until what is on it stands upright: each row moved along by its height times one slope."""

    def output(self, shape: Shape) -> Shape:
        """The same shape."""
        return _image(shape)


@dataclass(frozen=True)
class Flatten(Layer):
    """All values in one list."""

    implicit: bool = False
    """Whether nobody asked for it by name."""

    def output(self, shape: Shape) -> Shape:
        """(C, H, W) → (C·H·W,)."""
        return (prod(shape),)


@dataclass(frozen=True)
class Linear(Layer):
    """Each output value is a weighted sum of all inputs."""

    features: int
    """That it makes."""
    bias: bool = True

    def output(self, shape: Shape) -> Shape:
        """(D,) → (features,)."""
        assert len(shape) == 1, "flatten first"
        return (self.features,)

    def parameters(self, shape: Shape) -> int:
        """A weight for each pair of input and output, and a bias for each output."""
        return self.features * (shape[0] + self.bias)

    def multiply_adds(self, shape: Shape) -> int:
        """Each weight is used once."""
        return self.features * shape[0]


@dataclass(frozen=True)
class Dropout(Layer):
    """Silences values at random while training."""

    share: float
    """Of the values, in [0, 1)."""


@dataclass(frozen=True)
class Activation(Layer):
    """A function of each value by itself, by its name in :data:`dlcore.models.options.ACTIVATIONS`."""

    function: str = "relu"
    in_place: bool = False
    """Whether it may overwrite what it gets: nobody else may need that."""


@dataclass(frozen=True)
class Normalization(Layer):
    """Values brought to mean 0 and variance 1, then scaled and shifted as learned, channel by channel.

    Over the batch (and the pixels): Ioffe and Szegedy, "Batch Normalization" (2015). Or within each image: Ba, Kiros
    and Hinton, "Layer Normalization" (2016); for images over all channels and pixels, with one scale and shift a
    channel, which is Wu and He's "Group Normalization" (2018) with one group.
    """

    over: str
    """``"batch"`` or ``"layer"``."""

    def output(self, shape: Shape) -> Shape:
        """The same shape."""
        if self.over == "layer" and prod(shape) == 1:
            raise Misfit(
                N_(
                    "Layer {number}, {layer}, would bring a single value to mean 0, and nothing would be left of it."
                    " Remove it, or make more channels or neurons."
                )
            )
        return shape

    def parameters(self, shape: Shape) -> int:
        """A scale and a shift for each channel, or for each feature."""
        return 2 * shape[0]


@dataclass(frozen=True)
class LogSoftmax(Layer):
    """Scores to logarithms of probabilities."""


@dataclass(frozen=True)
class Block(Layer):
    """A layer made of others: several ways from the same values to one result. None of those is a block itself.

    It has nothing to learn beside its parts, whose rows in a table are their own.
    """

    def ways(self) -> tuple[tuple[str, tuple[Layer, ...]], ...]:
        """The layers of each way in order, after the name of the module that they lie in."""
        raise NotImplementedError


@dataclass(frozen=True)
class Residual(Block):
    """``activation(shortcut(x) + body(x))``: the body corrects what the shortcut hands on. He et al. (2016)."""

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...]
    """Empty: ``x`` itself."""
    activation: str = "relu"

    def output(self, shape: Shape) -> Shape:
        """As the body makes it; the shortcut makes the same."""
        return _at_the_end(self.body, shape)

    def ways(self) -> tuple[tuple[str, tuple[Layer, ...]], ...]:
        """The body, then the shortcut, in one module."""
        return (self.name, self.body), (self.name, self.shortcut)


@dataclass(frozen=True)
class Branches(Block):
    """Ways that know nothing of each other, and the lists that they end in, one after the other."""

    branches: tuple[tuple[str, tuple[Layer, ...]], ...]
    """Each with its name. None begins with a layer that works in place: the others get the same values."""

    def output(self, shape: Shape) -> Shape:
        """Any shape → (D,), the features of all branches."""
        outputs = [_at_the_end(layers, shape) for _name, layers in self.branches]
        assert all(len(output) == 1 for output in outputs), "flatten in the end"
        return (sum(output[0] for output in outputs),)

    def ways(self) -> tuple[tuple[str, tuple[Layer, ...]], ...]:
        """Each branch, in a module of its own."""
        return tuple((f"{self.name}.{name}", layers) for name, layers in self.branches)


def _at_the_end(layers: Sequence[Layer], shape: Shape) -> Shape:
    for layer in layers:
        shape = layer.output(shape)
    return shape


def residual_block(
    name: str,
    in_channels: int,
    channels: int,
    stride: int = 1,
    *,
    activation: str = "relu",
    normalization: str = "batch",
) -> Residual:
    """Two 3×3 convolutions, each normalised, beside a shortcut: (in, H, W) → (channels, H / stride, W / stride).

    Sides are rounded up. Where the shape changes, a 1×1 convolution brings ``x`` along: option B of He et al., "Deep
    Residual Learning for Image Recognition" (2016), section 3.3.
    """
    bias = normalization != "batch"

    def normalized(convolution: Convolution, norm: str) -> tuple[Layer, ...]:
        return (convolution,) if normalization == "none" else (convolution, Normalization(norm, normalization))

    body = (
        *normalized(Convolution("conv1", channels, 3, stride, 1, bias=bias), "norm1"),
        Activation("activation1", activation),
        *normalized(Convolution("conv2", channels, 3, 1, 1, bias=bias), "norm2"),
    )
    shortcut: tuple[Layer, ...] = ()
    if stride != 1 or in_channels != channels:
        shortcut = normalized(Convolution("shortcut.0", channels, 1, stride, 0, bias=bias), "shortcut.1")
    return Residual(name, body, shortcut, activation)
