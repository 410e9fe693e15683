"""What the article's network costs, layer by layer, by arithmetic alone (no torch)."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LayerCost:
    """One layer with weights. ``multiplications`` are for one image."""

    name: str
    output_shape: tuple[int, ...]
    parameters: int
    multiplications: int


def convolution_cost(name: str, in_channels: int, out_channels: int, kernel: int, input_size: int) -> LayerCost:
    """A convolution without padding, stride 1, with bias: each weight is used at every output position."""
    side = input_size - kernel + 1
    weights = out_channels * in_channels * kernel * kernel
    return LayerCost(
        name=name,
        output_shape=(out_channels, side, side),
        parameters=weights + out_channels,
        multiplications=weights * side * side,
    )


def linear_cost(name: str, in_features: int, out_features: int) -> LayerCost:
    """A fully connected layer with bias: each weight is used once."""
    weights = in_features * out_features
    return LayerCost(
        name=name, output_shape=(out_features,), parameters=weights + out_features, multiplications=weights
    )


def article_network() -> tuple[LayerCost, ...]:
    """The four layers with weights of the article's network, for an image of 28×28."""
    return (
        convolution_cost("conv1", 1, 32, 3, 28),
        convolution_cost("conv2", 32, 64, 3, 26),
        linear_cost("fc1", 64 * 12 * 12, 128),
        linear_cost("fc2", 128, 10),
    )
