"""LeNet-5, the network that read cheques in the 1990s."""

from collections import OrderedDict

from torch import nn


def build(*, in_channels: int, image_size: int, classes: int, dropout: float) -> nn.Module:
    """Two convolutions and three linear layers with tanh; 61,706 parameters for 28×28 grey images and ten classes.

    Shapes for 28×28 grey images: (B, 1, 28, 28) → 6 channels, 5×5, padded as the paper's 32×32 images were
    (B, 6, 28, 28) → tanh → average pool (B, 6, 14, 14) → 16 channels, 5×5 (B, 16, 10, 10) → tanh → average pool
    (B, 16, 5, 5) → dropout (half) → flatten (B, 400) → linear (B, 120) → tanh → linear (B, 84) → tanh → dropout
    → linear (B, 10) → log-softmax.

    It is read as everyone reads it today: every channel of the second convolution sees all six of the first, pooling
    has no weights of its own, tanh is not rescaled, and log-softmax stands in for the paper's radial basis functions.
    The paper had no dropout; ``dropout=0`` is its network.

    Source: LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition" (1998),
    section II.B.
    """
    side = (image_size // 2 - 4) // 2
    if side < 1:
        raise ValueError(f"image_size must be at least 12, got {image_size}")
    layers: list[tuple[str, nn.Module]] = [
        ("conv1", nn.Conv2d(in_channels, 6, kernel_size=5, padding=2)),
        ("tanh1", nn.Tanh()),
        ("pool1", nn.AvgPool2d(2)),
        ("conv2", nn.Conv2d(6, 16, kernel_size=5)),
        ("tanh2", nn.Tanh()),
        ("pool2", nn.AvgPool2d(2)),
        ("dropout1", nn.Dropout(dropout / 2)),
        ("flatten", nn.Flatten()),
        ("hidden1", nn.Linear(16 * side * side, 120)),
        ("tanh3", nn.Tanh()),
        ("hidden2", nn.Linear(120, 84)),
        ("tanh4", nn.Tanh()),
        ("dropout2", nn.Dropout(dropout)),
        ("classifier", nn.Linear(84, classes)),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return nn.Sequential(OrderedDict(layers))
