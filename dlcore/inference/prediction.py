"""From images to probabilities, with a model that nobody is training: the bundled one, or what a run left behind."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from dlcore.data.normalization import normalize
from dlcore.inference import calibration
from dlcore.inference.calibration import Measured
from dlcore.inference.sources import PRETRAINED, find_weights, fingerprint
from dlcore.training.checkpoints import load_weights

_BATCH = 64
"""Images at a time: the largest maps of the bundled model then take 26 MB."""


@dataclass(frozen=True)
class Model:
    """A network ready to answer, and what is known of it."""

    source: str
    """``"pretrained"`` or the run's id."""
    network: nn.Module
    """In eval mode, on the CPU, its own copy of the weights."""
    class_names: tuple[str, ...]
    """English; marked for translation where they are words."""
    dataset: str
    metadata: dict[str, Any]
    """Everything that was written beside the weights."""
    sha256: str = ""
    """Of the file of its weights."""
    measured: Measured | None = None
    """How it fared on validation images; None where nobody has measured that yet."""

    @property
    def image_size(self) -> int:
        """Side of the images that it reads, in pixels."""
        return int(self.metadata.get("image_size", 28))

    @property
    def channels(self) -> int:
        """1 where it reads grey images, 3 where it reads colour."""
        return int(self.metadata.get("channels", 1))

    @property
    def split_known(self) -> bool:
        """Whether this version holds back what its training held back: earlier ones divided mnist-pen otherwise."""
        return self.dataset != "mnist-pen" or "held_back" in self.metadata


def load_model(source: str = PRETRAINED) -> Model:
    """The model called ``source``: ``"pretrained"`` or a run's id.

    Raises:
        UserError: there is no such run, it has no weights (yet), or the weights are damaged.
    """
    return load_file(find_weights(source), source)


def load_file(path: Path, source: str) -> Model:
    """The model in a weights file of this project.

    Raises:
        UserError: the file is missing or damaged.
    """
    network, metadata = load_weights(path)
    names = tuple(str(name) for name in metadata["class_names"])
    network.eval().requires_grad_(requires_grad=False)
    sha256 = fingerprint(path)
    return Model(
        source, network, names, str(metadata.get("dataset", "")), metadata, sha256, calibration.read(path, sha256)
    )


def predict(model: Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The probability of each class for each drawing.

    Args:
        model: as :func:`load_model` gives it.
        images: uint8, (N, 28, 28) or one of (28, 28), ink bright on black as in MNIST.

    Returns:
        float32, (N, classes); each row sums to 1.
    """
    return predict_pictures(model, as_input(model, images))


def as_input(model: Model, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Drawings uint8 (N, 28, 28), ink bright on black, in the shape that ``model`` reads: uint8 (N, C, S, S).

    Images of the model's own data, which have that shape already, stay as they are. A model of other sizes gets them enlarged, one of colour pictures in three channels of grey, and one that has learned
    from dark things on a light ground gets them turned over.
    """
    if images.ndim == 4:
        return images
    pixels_NCHW = torch.from_numpy(np.ascontiguousarray(images)).reshape(-1, 1, 28, 28)
    if model.image_size != 28:
        size = (model.image_size, model.image_size)
        pixels_NCHW = F.interpolate(pixels_NCHW.float(), size, mode="bilinear", align_corners=False).round_().byte()
    if model.metadata.get("light_background") is True:
        pixels_NCHW = 255 - pixels_NCHW
    shaped: NDArray[np.uint8] = pixels_NCHW.expand(-1, model.channels, -1, -1).numpy()
    return shaped


@dataclass(frozen=True)
class Looked:
    """What a network makes of some images."""

    log_probabilities: NDArray[np.float64]
    """(N, classes), natural logarithms, at temperature 1."""
    features: NDArray[np.float32]
    """(N, D): what the last linear layer is given; D is 0 where the network has none."""


def look(model: Model, images: NDArray[np.uint8]) -> Looked:
    """The answers to drawings uint8 (N, 28, 28), and the features that they rest on."""
    return look_at_pictures(model, as_input(model, images))


def look_at_pictures(model: Model, images: NDArray[np.uint8]) -> Looked:
    """As :func:`look`, for images in the model's own shape, uint8 (N, C, S, S)."""
    layers = _flat(model.network)
    places = [index for index, layer in enumerate(layers) if isinstance(layer, nn.Linear)]
    body, head = layers[: places[-1]] if places else [], layers[places[-1] if places else 0 :]
    features, scores = [], []
    with torch.inference_mode():
        for batch in torch.split(torch.from_numpy(np.ascontiguousarray(images)), _BATCH):
            x = nn.Sequential(*body)(normalize(batch))
            features.append(x if places else x.new_zeros(len(x), 0))
            scores.append(nn.Sequential(*head)(x))
        log_probabilities = torch.cat(scores).double().log_softmax(dim=1)
    return Looked(log_probabilities.numpy(), torch.cat(features).float().numpy())


def _flat(network: nn.Module) -> list[nn.Module]:
    """The very same modules, one after the other."""
    if type(network) is not nn.Sequential:
        return [network]
    return [layer for child in network for layer in _flat(child)]


def predict_pictures(model: Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The probability of each class for images in the model's own shape, uint8 (N, C, S, S); float32 (N, classes)."""
    pixels_NCHW = torch.from_numpy(np.ascontiguousarray(images))
    with torch.inference_mode():
        scores = [model.network(normalize(batch)) for batch in torch.split(pixels_NCHW, _BATCH)]
        # Whether a network ends in logits or in log-probabilities, softmax makes the same probabilities of them.
        probabilities: NDArray[np.float32] = torch.cat(scores).double().softmax(dim=1).float().numpy()
    return probabilities
