"""One image on its way through a network: what every layer made of it, with the layer's place in the computation.

Shape suffixes: C channels, H height, W width, D features. A batch is one image, and its axis is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dlcore.data.normalization import normalize
from dlcore.inference.prediction import Model
from dlcore.models import MODELS
from dlcore.models.layers import Activation, Block, Layer, Residual
from dlcore.models.options import ModelOptions

INPUT = -1
"""Stands in :attr:`Step.reads` for the image itself."""


@dataclass(frozen=True)
class Addition(Layer):
    """The sum of a residual block: what its shortcut hands on, and what its body adds."""


@dataclass(frozen=True)
class Concatenation(Layer):
    """What branches hand on, one after the other."""


@dataclass(frozen=True)
class Step:
    """What one layer made of what it got."""

    name: str
    """Of its module, from the network's root; a residual block's sum has the block's name and ``.sum``."""
    layer: Layer
    reads: tuple[int, ...]
    """The steps whose values it takes; two for an :class:`Addition`, shortcut first; several for a
    :class:`Concatenation`, in its order."""
    values: Tensor
    """float32, (C, H, W) or (D,)."""


@dataclass(frozen=True)
class Trace:
    """All steps of one image in the order of computation."""

    network: nn.Module
    image: Tensor
    """float32, (C, H, W), normalised: the network's input."""
    steps: tuple[Step, ...]

    def values(self, index: int) -> Tensor:
        """What step ``index`` made; the image for :data:`INPUT`."""
        return self.image if index == INPUT else self.steps[index].values

    def module(self, index: int) -> nn.Module:
        """The module of step ``index``."""
        return self.network.get_submodule(self.steps[index].name)


def layers_of(model: Model) -> Sequence[Layer]:
    """The layers as data that ``model`` was built from."""
    about = model.metadata
    return MODELS[about["model"]].layers(
        shape=(model.channels, model.image_size, model.image_size),
        classes=len(model.class_names),
        dropout=float(about["dropout"]),
        options=ModelOptions.model_validate(about.get("options", {})),
    )


def look(model: Model, pixels: NDArray[np.uint8]) -> Trace:
    """What every layer of ``model`` makes of one image uint8 (C, S, S) in the model's own shape."""
    image = normalize(torch.from_numpy(np.ascontiguousarray(pixels)).unsqueeze(0)).squeeze(0)
    return trace(model.network, layers_of(model), image)


def trace(network: nn.Module, layers: Sequence[Layer], image: Tensor) -> Trace:
    """Send one image through ``network`` in eval mode, step by step.

    Args:
        network: in eval mode, built from ``layers``.
        layers: as :func:`layers_of` gives them.
        image: float32, (C, H, W), normalised as in training.
    """
    steps: list[Step] = []

    def step(name: str, layer: Layer, reads: int) -> int:
        # A module may overwrite what it gets: it gets a copy.
        given = (image if reads == INPUT else steps[reads].values).unsqueeze(0).clone()
        steps.append(Step(name, layer, (reads,), network.get_submodule(name)(given).squeeze(0)))
        return len(steps) - 1

    with torch.inference_mode():
        latest = INPUT
        for layer in layers:
            if not isinstance(layer, Block):
                latest = step(layer.name, layer, latest)
                continue
            ends = []
            for module, way in layer.ways():
                end = latest
                for part in way:
                    end = step(f"{module}.{part.name}", part, end)
                ends.append(end)
            values = [image if end == INPUT else steps[end].values for end in ends]
            if isinstance(layer, Residual):
                body, shortcut = ends
                name = f"{layer.name}.sum"
                steps.append(Step(name, Addition(name), (shortcut, body), values[1] + values[0]))
                name = f"{layer.name}.activation"
                latest = step(name, Activation(name, layer.activation), len(steps) - 1)
            else:
                steps.append(Step(layer.name, Concatenation(layer.name), tuple(ends), torch.cat(values)))
                latest = len(steps) - 1
    return Trace(network, image, tuple(steps))
