"""The first convolution of a model of this project, read from its file without torch."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

_WEIGHTS = Path(__file__).resolve().parents[2] / "dlcore" / "inference" / "pretrained" / "model.safetensors"

Kernels = list[list[list[float]]]


def first_layer(weights: Path = _WEIGHTS) -> Kernels:
    """The kernels that see a grey image, each a square of weights; empty where there are none, or no such file."""
    try:
        changed = weights.stat().st_mtime_ns
    except OSError:
        return []
    return _first_layer(weights, changed)


@lru_cache(maxsize=16)
def _first_layer(weights: Path, _changed: int) -> Kernels:
    try:
        with safe_open(str(weights), framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # safe_open makes no mapping
    except (OSError, SafetensorError):
        return []
    grey = [name for name, tensor in tensors.items() if tensor.ndim == 4 and tensor.shape[1] == 1]
    if not grey:
        return []
    first = next((name for name in grey if name.startswith("branches.plain.")), grey[0])
    kernels = tensors[first][:, 0]
    if kernels.dtype == np.int8:  # see dlcore.training.compact
        scale = tensors.get(f"{first}.scale")
        if scale is None or scale.shape != kernels.shape[:1]:
            return []
        kernels = kernels * scale[:, None, None]
    found: Kernels = kernels.tolist()
    return found
