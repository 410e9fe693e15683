"""Which pixels an answer rests on, by four methods of Captum. It is imported here and nowhere else, since it takes
half a second and 36 megabytes.

Explained are the network's scores before softmax: a probability falls when any other class rises, a score does not.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion, Saliency
from numpy.typing import NDArray
from torch import Tensor, nn

from dlcore.data.normalization import normalize
from dlcore.inference.prediction import Model
from dlcore.inference.trace import layers_of
from dlcore.messages import N_
from dlcore.models.layers import Branches, Convolution, Deskewing, Layer, LogSoftmax, Pooling, Residual
from dlcore.models.network import lean

METHODS: Mapping[str, str] = {
    "saliency": N_("Saliency"),
    "integrated-gradients": N_("Integrated gradients"),
    "occlusion": N_("Occlusion"),
    "grad-cam": N_("Grad-CAM"),
}
IG_STEPS = 128
"""Of the way from empty paper to the drawing."""
_WINDOW, _STRIDE = 5, 2
"""Of the patch of empty paper that occlusion moves over the image, in pixels."""


@dataclass(frozen=True)
class Attribution:
    """How much each pixel speaks for a class (above 0) or against it, summed over the channels."""

    method: str
    values: NDArray[np.float32]
    """(H, W). Saliency has no signs: it says how much a pixel matters, not for which side. Grad-CAM keeps its own, where
    the paper cuts off what speaks against the class."""
    completeness_error: float | None = None
    """Of integrated gradients: their sum minus the difference of scores that they should sum up to."""
    difference: float | None = None
    """That difference: the score of the drawing minus the score of empty paper."""


def convolutions(model: Model) -> list[str]:
    """The names of the modules that Grad-CAM can look at, from first to last."""
    names = []
    for layer in layers_of(model):
        if isinstance(layer, Convolution):
            names.append(layer.name)
        elif isinstance(layer, Residual):
            names += [f"{layer.name}.{part.name}" for part in layer.body if isinstance(part, Convolution)]
        elif isinstance(layer, Branches):
            names += [
                f"{name}.{part.name}" for name, way in layer.ways() for part in way if isinstance(part, Convolution)
            ]
    return names


def usual_convolution(model: Model) -> str:
    """The last of :func:`convolutions`; of several branches, that of the first one. Empty where there is none."""
    names = convolutions(model)
    branches = next((layer for layer in layers_of(model) if isinstance(layer, Branches)), None)
    if branches is not None:
        first, _layers = branches.ways()[0]
        names = [name for name in names if name.startswith(f"{first}.")]
    return names[-1] if names else ""


def scores(model: Model) -> nn.Module:
    """A copy of the network of ``model`` that ends in scores; nothing in it works in place, and hooks do no harm."""
    network = copy.deepcopy(model.network)
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    for layer in layers_of(model):
        if isinstance(layer, LogSoftmax):
            network.set_submodule(layer.name, nn.Identity())
    return network.eval()


class _Contrast(nn.Module):
    """The score of one class, minus that of another where there is one: (B, C, H, W) to (B,)."""

    def __init__(self, network: nn.Module, wanted: int, instead_of: int | None) -> None:
        super().__init__()
        self.network = network
        self._wanted, self._instead_of = wanted, instead_of

    def forward(self, images: Tensor) -> Tensor:
        """One number an image."""
        found: Tensor = self.network(images)
        score = found[:, self._wanted]
        return score if self._instead_of is None else score - found[:, self._instead_of]


def attribute(
    model: Model,
    pixels: NDArray[np.uint8],
    method: str,
    wanted: int,
    *,
    instead_of: int | None = None,
    layer: str = "",
) -> Attribution:
    """How each pixel speaks for class ``wanted``.

    Args:
        model: answers.
        pixels: uint8 (C, S, S), in the model's own shape.
        method: a key of :data:`METHODS`.
        wanted: the class in question.
        instead_of: explain by how much ``wanted`` beats this class, which answers “why not …?”.
        layer: the convolution that Grad-CAM looks at, of :func:`convolutions`.

    Sources: Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks" (2014); Sundararajan, Taly and Yan,
    "Axiomatic Attribution for Deep Networks" (2017); Zeiler and Fergus, "Visualizing and Understanding Convolutional
    Networks" (2014), section 4.2; Selvaraju et al., "Grad-CAM" (2017).
    """
    judged = _Contrast(scores(model), wanted, instead_of)
    image = normalize(torch.from_numpy(np.ascontiguousarray(pixels)).unsqueeze(0)).requires_grad_()
    light = model.metadata.get("light_background") is True
    paper = normalize(torch.full_like(image, 255.0 if light else 0.0, requires_grad=False))
    match method:
        case "saliency":
            return Attribution(method, _summed(Saliency(judged).attribute(image)))
        case "integrated-gradients":
            found, error = IntegratedGradients(judged).attribute(
                image, baselines=paper, n_steps=IG_STEPS, internal_batch_size=32, return_convergence_delta=True
            )
            with torch.inference_mode():
                difference = float(judged(image.detach()) - judged(paper))
            return Attribution(method, _summed(found), float(error), difference)
        case "occlusion":
            side = min(_WINDOW, *image.shape[-2:])
            found = Occlusion(judged).attribute(
                image.detach(),
                sliding_window_shapes=(model.channels, side, side),
                strides=(model.channels, _STRIDE, _STRIDE),
                baselines=paper,
                perturbations_per_eval=32,
            )
            return Attribution(method, _summed(found / model.channels))
        case "grad-cam":
            found = LayerGradCam(judged, judged.network.get_submodule(layer)).attribute(image)
            layers = layers_of(model)
            deskewed = any(isinstance(one, Deskewing) for _name, one in _way_to(layers, layer))
            return Attribution(method, _summed(_laid_over(found, image, *_centres(layers, layer), deskewed=deskewed)))
    raise ValueError(method)


def rather(wanted: Attribution, instead_of: Attribution) -> Attribution:
    """What :func:`attribute` finds for ``wanted`` instead of the other class, without looking again.

    All methods are linear in the score that is explained, but for saliency, whose sign is lost.
    """
    if wanted.method == "saliency":
        raise ValueError(wanted.method)
    error = difference = None
    if wanted.completeness_error is not None and instead_of.completeness_error is not None:
        error = wanted.completeness_error - instead_of.completeness_error
    if wanted.difference is not None and instead_of.difference is not None:
        difference = wanted.difference - instead_of.difference
    return Attribution(wanted.method, wanted.values - instead_of.values, error, difference)


def _centres(layers: Sequence[Layer], name: str) -> tuple[float, float]:
    """Where the window of a convolution's first place has its middle, in pixels, and how far it is to the next place's.

    Along rows as along columns, of the image as it was leaned back where it was. ``name`` is one of :func:`convolutions`.
    """
    first, pace = 0.0, 1.0
    for module, layer in _way_to(layers, name):
        if isinstance(layer, Convolution):
            first += pace * ((layer.kernel - 1) / 2 - layer.padding)
            pace *= layer.stride
        elif isinstance(layer, Pooling):
            first += pace * (layer.window - 1) / 2
            pace *= layer.pace
        if module == name:
            break
    return first, pace


def _way_to(layers: Sequence[Layer], name: str) -> Iterator[tuple[str, Layer]]:
    """The layers that a value passes, those of a residual block's body and of the branch that leads to ``name``."""
    for layer in layers:
        if isinstance(layer, Residual):
            yield from ((f"{layer.name}.{part.name}", part) for part in layer.body)
        elif isinstance(layer, Branches):
            for module, way in layer.ways():
                if name.startswith(f"{module}."):
                    yield from ((f"{module}.{part.name}", part) for part in way)
        else:
            yield layer.name, layer


def _laid_over(map_BCHW: Tensor, image_BCHW: Tensor, first: float, pace: float, *, deskewed: bool = False) -> Tensor:
    """A map as large as the image, each of its values where its window has its middle, between them by lines.

    Stretched over the whole image, as is usual, a map of a network that does not pad would show all too far outside.
    Of a ``deskewed`` image, it leans as the image does.
    """
    height, width = image_BCHW.shape[-2:]
    rows_HW, columns_HW = torch.meshgrid(
        torch.arange(height, device=map_BCHW.device), torch.arange(width, device=map_BCHW.device), indexing="ij"
    )
    if deskewed:
        slope, middle = (float(one) for one in lean(image_BCHW.detach()))
        columns_HW = columns_HW - slope * (rows_HW - middle)
    grid_HW2 = torch.stack(
        [
            (2 * (at_HW - first) / pace + 1) / places - 1  # as grid_sample counts: the edges of the map are at -1 and 1
            for at_HW, places in ((columns_HW, map_BCHW.shape[3]), (rows_HW, map_BCHW.shape[2]))
        ],
        dim=2,
    )
    return F.grid_sample(map_BCHW, grid_HW2.unsqueeze(0), mode="bilinear", padding_mode="border", align_corners=False)


def _summed(found: Tensor) -> NDArray[np.float32]:
    values: NDArray[np.float32] = found.detach()[0].sum(0).float().numpy()
    return values
