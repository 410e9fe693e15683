"""The image that a trained network would most like to see for a class, found by climbing the gradient of its answer.

After Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks", 2013: start from grey noise, and change the
*image* so that the class's logit grows, with a price on ink and on roughness so that it stays an image.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlcore.data.normalization import normalize

INK_PRICE = 0.02
ROUGHNESS_PRICE = 0.03
RATE = 0.4


def climb(network: nn.Module, target: int, *, size: int, steps: int, seed: int = 0) -> tuple[Tensor, list[float]]:
    """An image (size, size) with values in [0, 1], and the probability of the class before each step and at the end.

    Args:
        network: in eval mode, (1, 1, size, size) normalised to logits or log-probabilities; its weights stay as they are.
        target: the class.
        size: side of the images that it reads.
        steps: of Adam on the image's pixels.
        seed: of the noise.
    """
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn((1, 1, size, size), generator=generator) * 0.1 - 2.5
    hidden.requires_grad_()
    optimizer = torch.optim.Adam([hidden], lr=RATE)
    shares = []
    for step in range(steps + 1):
        image = torch.sigmoid(hidden)
        answer = F.log_softmax(network(normalize(image * 255)), dim=1)
        shares.append(float(answer[0, target].detach().exp()))
        if step == steps:
            break
        rough = (image[..., 1:, :] - image[..., :-1, :]).abs().sum() + (image[..., 1:] - image[..., :-1]).abs().sum()
        loss = -answer[0, target] + INK_PRICE * image.sum() + ROUGHNESS_PRICE * rough
        (gradient,) = torch.autograd.grad(loss, hidden)
        hidden.grad = gradient
        optimizer.step()
    return torch.sigmoid(hidden.detach())[0, 0], shares
