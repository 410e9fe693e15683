"""Small changes to an image, made to mislead: the fast gradient sign method and projected gradient descent.

Images here are float32 (B, C, H, W), 0 black to 1 white; ε is the most that any pixel may change, on that scale.

Sources: Goodfellow, Shlens and Szegedy, "Explaining and Harnessing Adversarial Examples" (2015), section 4; Madry et al.,
"Towards Deep Learning Models Resistant to Adversarial Attacks" (2018), section 2.1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from dlcore.data.normalization import normalize
from dlcore.inference.prediction import Model, as_input, predict_pictures
from dlcore.messages import N_

PGD_STEPS = 10
_PACE = 2.5
"""Of PGD: all its steps together could go this many times ε, so that it can turn round within the ball."""
_SEED = 0
"""Of PGD's random start: the same drawing is always attacked the same way."""
_GRID = 16
"""Values of ε that are tried at a time while the smallest is looked for."""


def fgsm(network: nn.Module, images: Tensor, labels: Tensor, epsilon: Tensor, *, targeted: bool = False) -> Tensor:
    """One step of ε per pixel along the sign of the loss's gradient, then back into [0, 1].

    Args:
        network: maps normalised images to logits or log-probabilities; in eval mode.
        images: (B, C, H, W).
        labels: int64 (B,): the class to get away from; where ``targeted``, the one to come to.
        epsilon: (B,).
        targeted: whether ``labels`` are wished for rather than feared.
    """
    step = epsilon.view(-1, 1, 1, 1) * _slope(network, images, labels, targeted=targeted).sign()
    return (images + step).clamp(0, 1)


def pgd(network: nn.Module, images: Tensor, labels: Tensor, epsilon: Tensor, *, targeted: bool = False) -> Tensor:
    """:data:`PGD_STEPS` small steps from a random start, each put back within ε of the image; arguments as for FGSM."""
    radius = epsilon.view(-1, 1, 1, 1)
    random = torch.Generator().manual_seed(_SEED)
    start = torch.rand(images.shape[1:], generator=random) * 2 - 1
    changed = (images + radius * start).clamp(0, 1)
    for _ in range(PGD_STEPS):
        slope = _slope(network, changed, labels, targeted=targeted)
        changed = changed + _PACE / PGD_STEPS * radius * slope.sign()
        changed = (images + (changed - images).clamp(-radius, radius)).clamp(0, 1)
    return changed


Attack = Callable[..., Tensor]
ATTACKS: Mapping[str, tuple[str, Attack]] = {
    "fgsm": (N_("FGSM: one step"), fgsm),
    "pgd": (N_("PGD: ten small steps"), pgd),
}
"""The attacks by their names, each with its title."""


def _slope(network: nn.Module, images: Tensor, labels: Tensor, *, targeted: bool) -> Tensor:
    """The gradient of the loss by the pixels, upwards, or downwards where the labels are wished for."""
    leaf = images.detach().clone().requires_grad_()
    with torch.enable_grad():
        # log-softmax of log-probabilities is the same again, so either kind of output will do
        loss = F.cross_entropy(network(normalize(leaf * 255)), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, leaf)
    return -gradient if targeted else gradient


@dataclass(frozen=True)
class Attacked:
    """An image after an attack."""

    epsilon: float
    original: NDArray[np.float32]
    """(C, H, W), 0 to 1, as is ``image``."""
    image: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    """(K,)."""

    @property
    def perturbation(self) -> NDArray[np.float32]:
        """(C, H, W), from −ε to ε."""
        change: NDArray[np.float32] = self.image - self.original
        return change

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The image in bytes, (C, H, W)."""
        rounded: NDArray[np.uint8] = np.rint(self.image * 255).astype(np.uint8)
        return rounded


def attack(
    model: Model, pixels: NDArray[np.uint8], name: str, epsilon: float, *, target: int | None = None
) -> Attacked:
    """Attack one image uint8 (C, S, S) of the model's own shape, away from its answer or towards class ``target``."""
    (found,) = _attack_all(model, _unit(pixels), name, torch.tensor([epsilon]), target)
    return found


def smallest_epsilon(
    model: Model,
    pixels: NDArray[np.uint8],
    name: str,
    *,
    target: int | None = None,
    highest: float = 1.0,
    tolerance: float = 1 / 1024,
) -> Attacked | None:
    """The attack with the smallest ε that flips the answer (to ``target``, if given), found by bisection.

    In each round :data:`_GRID` values between one that fails and one that works are tried together. More ε need not
    always help: what is found is a flip just above a failure, and the first of those on the grid.

    Returns:
        None if not even ``highest`` flips it.
    """
    image = _unit(pixels)
    answer = int(predict_pictures(model, pixels[None])[0].argmax())
    low, best = 0.0, None
    while best is None or best.epsilon - low > tolerance:
        high = highest if best is None else best.epsilon
        values = torch.linspace(low, high, _GRID + 1)[1:]
        attacked = _attack_all(model, image, name, values, target)
        flipped = [
            place
            for place, one in enumerate(attacked)
            if (one.probabilities.argmax() == target if target is not None else one.probabilities.argmax() != answer)
        ]
        if not flipped:
            return best
        best = attacked[flipped[0]]
        low = float(values[flipped[0] - 1]) if flipped[0] else low
    return best


def _unit(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels)).float() / 255


def _attack_all(model: Model, image: Tensor, name: str, epsilon: Tensor, target: int | None) -> list[Attacked]:
    """The same image attacked once with each ε."""
    images = image.expand(len(epsilon), -1, -1, -1).contiguous()
    with torch.no_grad():
        answer = int(model.network(normalize(images[:1] * 255)).argmax())
    labels = torch.full((len(epsilon),), answer if target is None else target)
    changed = ATTACKS[name][1](model.network, images, labels, epsilon, targeted=target is not None)
    with torch.inference_mode():
        probabilities = model.network(normalize(changed * 255)).double().softmax(1).float().numpy()
    return [
        Attacked(float(size), image.numpy(), one, shares)
        for size, one, shares in zip(epsilon, changed.numpy(), probabilities, strict=True)
    ]


def shown_to(other: Model, attacked: Attacked, attacker: Model) -> NDArray[np.float32] | None:
    """What another model says to the attacked image, float32 (K,); None if it could not be made to see the same.

    The image is brought to the other's shape as any drawing is, which takes a picture like MNIST's.
    """

    def shape(model: Model) -> tuple[int, int, bool]:
        return model.channels, model.image_size, model.metadata.get("light_background") is True

    if shape(other) == shape(attacker):
        pictures = attacked.pixels[None]
    elif shape(attacker) == (1, 28, False):
        pictures = as_input(other, attacked.pixels)
    else:
        return None
    said: NDArray[np.float32] = predict_pictures(other, pictures)[0]
    return said
