"""What may be chosen within an architecture."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dlcore.messages import N_
from dlcore.models.layers import Activation, Convolution, Layer, MaxPooling, Normalization
from dlcore.models.stack import DEFAULT_LAYERS, LONGEST_TEXT

ACTIVATIONS: Mapping[str, str] = {
    "relu": N_("ReLU"),
    "leaky-relu": N_("Leaky ReLU: a hundredth below zero"),
    "tanh": N_("Tanh"),
    "sigmoid": N_("Sigmoid"),
    "gelu": N_("GELU"),
    "silu": N_("SiLU (swish)"),
}
NORMALIZATIONS: Mapping[str, str] = {
    "default": N_("As the architecture has it"),
    "none": N_("None"),
    "batch": N_("Batch: over the images of a batch"),
    "layer": N_("Layer: within each image"),
}
DEPTHS = (1, 8)
WIDTHS = (1, 1024)
MEMBERS = (1, 8)


class ModelOptions(BaseModel):
    """The choices that say, with an architecture's name, what a network is. An architecture ignores what is not its.

    Validated strictly, since it is also read from files that anybody may have written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    depth: int = Field(default=2, ge=DEPTHS[0], le=DEPTHS[1])
    width: int = Field(default=128, ge=WIDTHS[0], le=WIDTHS[1])
    members: int = Field(default=4, ge=MEMBERS[0], le=MEMBERS[1])
    activation: str = "relu"
    normalization: str = "default"
    layers: str = Field(default=DEFAULT_LAYERS, max_length=LONGEST_TEXT)

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        if self.activation not in ACTIVATIONS or self.normalization not in NORMALIZATIONS:
            raise ValueError("no such activation or normalization")
        return self

    def normalized(self, own: str) -> str:
        """``"none"``, ``"batch"`` or ``"layer"``: as chosen, else as the architecture has it."""
        return own if self.normalization == "default" else self.normalization


def normalization(name: str, over: str) -> tuple[Layer, ...]:
    """The layer that normalises, or none of it."""
    return () if over == "none" else (Normalization(name, over),)


def group(name: str, *layers: Layer) -> tuple[Layer, ...]:
    """``layers`` as ``name.0``, ``name.1`` and so on: the names that ``torch.nn.Sequential`` gives."""
    return tuple(replace(layer, name=f"{name}.{place}") for place, layer in enumerate(layers))


def convolution(
    name: str, channels: int, options: ModelOptions, *, groups: int = 1, pooled: bool = False
) -> tuple[Layer, ...]:
    """3×3, 2×2 max-pooling where asked for, batch normalisation or what was chosen in its place, and the activation.

    Pooled before it is normalised, a quarter of that work is left. Batch normalisation brings the bias.
    """
    norm = options.normalized("batch")
    return group(
        name,
        Convolution("", channels, 3, padding=1, bias=norm != "batch", groups=groups),
        *((MaxPooling("", 2),) if pooled else ()),
        *normalization("", norm),
        Activation("", options.activation, in_place=norm != "none"),
    )
