"""The one normalisation, for training and for every prediction."""

import torch
from torch import Tensor

MEAN = 0.1307
"""Mean of MNIST's training pixels, of 0 to 1."""
STD = 0.3081
"""Their standard deviation."""
COLOUR_MEAN = (0.4914, 0.4822, 0.4465)
"""Means of red, green and blue in the 50,000 training images of CIFAR-10, of 0 to 1.

Published by many who computed them, not by the dataset's author, and not computed again here. Source, with more digits
(0.49139968, 0.48215841, 0.44653091 and 0.24703223, 0.24348513, 0.26158784): MadryLab/robustness, issue 70, which also
says why other code has deviations of about 0.20: those are means of each image's own.
"""
COLOUR_STD = (0.2470, 0.2435, 0.2616)
"""Standard deviations of the same, over the pixels of all images together."""


def normalize(images_uint8: Tensor) -> Tensor:
    """``(x / 255 − mean) / std``: images of bytes to float32 of about zero mean and unit variance.

    Grey images (…, H, W) take MNIST's constants and colour images (N, 3, H, W), known by their three channels, those of
    CIFAR-10, whatever dataset they are of: the inputs stay the same function of the pixels whatever was learned, and a
    drawing needs no knowledge of a model's past.
    """
    if images_uint8.dim() == 4 and images_uint8.shape[1] == 3:
        return _normalize_colour(images_uint8)
    return images_uint8.float().mul_(1 / (255 * STD)).sub_(MEAN / STD)


def _normalize_colour(images_uint8: Tensor) -> Tensor:
    mean_C11, std_C11 = (
        torch.tensor(values, device=images_uint8.device).view(3, 1, 1) for values in (COLOUR_MEAN, COLOUR_STD)
    )
    return images_uint8.float().mul_(1 / (255 * std_C11)).sub_(mean_C11 / std_C11)
