"""Weights before the first update."""

from collections.abc import Callable, Mapping

from torch import Tensor, nn


def _kaiming(weight: Tensor) -> None:
    """Normal with variance 2 / inputs. He et al., "Delving Deep into Rectifiers" (2015), equation 10."""
    nn.init.kaiming_normal_(weight, nonlinearity="relu")


def _xavier(weight: Tensor) -> None:
    """Uniform with variance 2 / (inputs + outputs). Glorot and Bengio (2010), equation 16."""
    nn.init.xavier_uniform_(weight)


def _large(weight: Tensor) -> None:
    """Normal with variance 1, however many inputs are summed: each layer multiplies the signal."""
    nn.init.normal_(weight)


_METHODS: Mapping[str, Callable[[Tensor], object]] = {
    "xavier": _xavier,
    "kaiming": _kaiming,
    "zeros": nn.init.zeros_,
    "large": _large,
}


def initialise(model: nn.Module, name: str) -> None:
    """Draw the weights of all convolutions and linear layers anew, biases 0; ``default`` leaves torch's own.

    Batch normalisation keeps its scales of 1.
    """
    if name == "default":
        return
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            _METHODS[name](module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
