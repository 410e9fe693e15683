"""The one normalisation, for training and for every prediction."""

from torch import Tensor

MEAN = 0.1307
"""Mean of MNIST's training pixels, of 0 to 1."""
STD = 0.3081
"""Their standard deviation."""


def normalize(images_uint8: Tensor) -> Tensor:
    """``(x / 255 − MEAN) / STD``: grey images (…, H, W) of bytes to float32 of about zero mean and unit variance.

    MNIST's constants serve all datasets: the inputs stay the same function of the pixels whatever was learned, and a
    drawing needs no knowledge of a model's past.
    """
    return images_uint8.float().mul_(1 / (255 * STD)).sub_(MEAN / STD)
