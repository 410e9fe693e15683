"""The article's network: two convolutions, one pooling, two linear layers.

Shape suffixes: B images, C channels, H rows, W columns, D features, K classes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ArticleCNN(nn.Module):
    """The article's digit classifier, layer for layer; 1,199,882 parameters for 28×28 grey images and ten classes.

    The second convolution has no ReLU of its own, in the article as here. Max-pooling follows it, so the network is
    still non-linear between the convolution and the linear layer, but features may be negative there.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → conv1 (B, 32, 26, 26) → ReLU → conv2 (B, 64, 24, 24)
    → max-pool 2 (B, 64, 12, 12) → dropout → flatten (B, 9216) → linear (B, 128) → ReLU → dropout → linear (B, 10)
    → log-softmax, natural logarithms of probabilities.

    Source: the article; the same layers stand in PyTorch's own MNIST example (github.com/pytorch/examples, ``mnist/``).
    """

    def __init__(self, *, in_channels: int, image_size: int, classes: int, dropout: float) -> None:
        super().__init__()
        side = (image_size - 4) // 2  # two 3×3 convolutions without padding take 2 pixels each, the pooling halves
        if side < 1:
            raise ValueError(f"image_size must be at least 6, got {image_size}")
        self.conv1 = nn.Conv2d(in_channels, 32, kernel_size=3)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3)
        self.pool = nn.MaxPool2d(2)
        self.dropout1 = nn.Dropout(dropout / 2)
        self.fc1 = nn.Linear(64 * side * side, 128)
        self.dropout2 = nn.Dropout(dropout)
        self.fc2 = nn.Linear(128, classes)
        self.log_softmax = nn.LogSoftmax(dim=1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Float images (B, C, H, W) to log-probabilities (B, K)."""
        x_BCHW = F.relu(self.conv1(x_BCHW), inplace=True)
        x_BCHW = self.pool(self.conv2(x_BCHW))
        x_BD = torch.flatten(self.dropout1(x_BCHW), 1)
        x_BD = self.dropout2(F.relu(self.fc1(x_BD)))
        log_p_BK: Tensor = self.log_softmax(self.fc2(x_BD))
        return log_p_BK


def build(*, in_channels: int, image_size: int, classes: int, dropout: float) -> nn.Module:
    """The network of the article: ``dropout=0.5`` gives its 0.25 after the pooling and 0.5 before the last layer."""
    return ArticleCNN(in_channels=in_channels, image_size=image_size, classes=classes, dropout=dropout)
