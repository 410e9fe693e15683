"""A small residual network: each block adds a correction to what it was given.

Shape suffixes: B images, C channels, H rows, W columns.
"""

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

_WIDTHS = (16, 32, 64)
_BLOCKS_PER_STAGE = 2


class _Block(nn.Module):
    """``relu(x + f(x))``, where ``f`` is two 3×3 convolutions, each with batch normalisation.

    Shapes: (B, in, H, W) → (B, out, H / stride, W / stride), sides rounded up. Where the shape changes, a 1×1
    convolution brings ``x`` along.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Float features to float features, never negative."""
        correction_BCHW = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x_BCHW)))))
        return F.relu(self.shortcut(x_BCHW) + correction_BCHW)


def build(*, in_channels: int, image_size: int, classes: int, dropout: float) -> nn.Module:
    """Fourteen layers, six of them residual blocks of two; 174,970 parameters for grey images and ten classes.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → convolution, batch normalisation, ReLU (B, 16, 28, 28) → 2 blocks
    (B, 16, 28, 28) → 2 blocks (B, 32, 14, 14) → dropout (half) → 2 blocks (B, 64, 7, 7) → mean over pixels (B, 64)
    → dropout → linear (B, 10) → log-softmax. Any image size will do.

    Source: He et al., "Deep Residual Learning for Image Recognition" (2016), section 4.2 with n = 2, shortcuts by
    option B of section 3.3.
    """
    del image_size
    layers: list[tuple[str, nn.Module]] = [
        ("stem", nn.Conv2d(in_channels, _WIDTHS[0], kernel_size=3, padding=1, bias=False)),
        ("norm", nn.BatchNorm2d(_WIDTHS[0])),
        ("relu", nn.ReLU(inplace=True)),
    ]
    channels = _WIDTHS[0]
    for stage, width in enumerate(_WIDTHS, start=1):
        if stage == len(_WIDTHS):
            layers.append(("dropout1", nn.Dropout(dropout / 2)))
        for block in range(1, _BLOCKS_PER_STAGE + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            layers.append((f"stage{stage}_block{block}", _Block(channels, width, stride)))
            channels = width
    layers += [
        ("pool", nn.AdaptiveAvgPool2d(1)),
        ("flatten", nn.Flatten()),
        ("dropout2", nn.Dropout(dropout)),
        ("classifier", nn.Linear(channels, classes)),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return nn.Sequential(OrderedDict(layers))
