"""The first convolution of a model of this project, read from its file without torch."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from dlcore.models.mixed_committee_cnn import BRANCHES

_WEIGHTS = Path(__file__).resolve().parents[2] / "dlcore" / "inference" / "pretrained" / "model.safetensors"

Kernels = list[list[list[float]]]


def first_layer(weights: Path = _WEIGHTS) -> Kernels:
    """The kernels that see a grey image, each a square of weights; empty where there are none, or no such file."""
    return next(iter(first_layers(weights)), [])


def first_layers(weights: Path) -> tuple[Kernels, ...]:
    """As :func:`first_layer`, of each branch of a network that has some; first that which sees the image as it is."""
    try:
        changed = weights.stat().st_mtime_ns
    except OSError:
        return ()
    return _first_layers(weights, changed)


@lru_cache(maxsize=16)
def _first_layers(weights: Path, _changed: int) -> tuple[Kernels, ...]:
    try:
        with safe_open(str(weights), framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # safe_open makes no mapping
    except (OSError, SafetensorError):
        return ()
    grey = [name for name, tensor in tensors.items() if tensor.ndim == 4 and tensor.shape[1] == 1]
    grey.sort(key=lambda name: not name.startswith(f"{BRANCHES}.plain."))
    firsts: dict[str, str] = {}
    for name in grey:
        firsts.setdefault(name.split(".")[1] if name.startswith(f"{BRANCHES}.") else "", name)
    found = (_kernels(tensors, name) for name in firsts.values())
    return tuple(kernels for kernels in found if kernels)


def _kernels(tensors: dict[str, NDArray[Any]], name: str) -> Kernels:
    kernels = tensors[name][:, 0]
    if kernels.dtype == np.int8:  # see dlcore.training.compact
        scale = tensors.get(f"{name}.scale")
        if scale is None or scale.shape != kernels.shape[:1]:
            return []
        kernels = kernels * scale[:, None, None]
    found: Kernels = kernels.tolist()
    return found
