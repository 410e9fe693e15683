"""A small convolutional network that pools early: most of its arithmetic happens on 14×14 and 7×7 pixels."""

from collections import OrderedDict

from torch import nn


def _convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    """3×3 convolution, batch normalisation, ReLU; the image keeps its size. The normalisation brings the bias."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def build(*, in_channels: int, image_size: int, classes: int, dropout: float) -> nn.Module:
    """Five convolutions with batch normalisation and a linear layer.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → 32 channels → pool (B, 32, 14, 14) → 48 → 48 → pool (B, 48, 7, 7)
    → dropout (half) → 96 → 96 → pool (B, 96, 3, 3) → flatten (B, 864) → dropout → linear (B, 10) → log-softmax.

    Sources: stacked 3×3 convolutions between poolings are VGG's (Simonyan and Zisserman 2014, section 2.1); batch
    normalisation before each ReLU is Ioffe and Szegedy's (2015, section 3.2).
    """
    side = image_size // 2 // 2 // 2
    if side < 1:
        raise ValueError(f"image_size must be at least 8, got {image_size}")
    layers: list[tuple[str, nn.Module]] = [
        ("stem", _convolution(in_channels, 32)),
        ("pool1", nn.MaxPool2d(2)),
        ("conv2", _convolution(32, 48)),
        ("conv3", _convolution(48, 48)),
        ("pool2", nn.MaxPool2d(2)),
        ("dropout1", nn.Dropout(dropout / 2)),
        ("conv4", _convolution(48, 96)),
        ("conv5", _convolution(96, 96)),
        ("pool3", nn.MaxPool2d(2)),
        ("flatten", nn.Flatten()),
        ("dropout2", nn.Dropout(dropout)),
        ("classifier", nn.Linear(96 * side * side, classes)),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return nn.Sequential(OrderedDict(layers))
