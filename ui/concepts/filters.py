"""The first convolution of the bundled model, read from its file without torch."""

from functools import cache
from pathlib import Path

from safetensors import safe_open

_WEIGHTS = Path(__file__).resolve().parents[2] / "dlcore" / "inference" / "pretrained" / "model.safetensors"


@cache
def first_layer() -> list[list[list[float]]]:
    """The kernels that see the image, each a square of weights; empty where the bundled model is not installed."""
    if not _WEIGHTS.is_file():
        return []
    with safe_open(str(_WEIGHTS), framework="numpy") as file:
        kernels = [file.get_tensor(name) for name in file.keys()]  # noqa: SIM118 - a safe_open file is no mapping
    first = next((kernel for kernel in kernels if kernel.ndim == 4 and kernel.shape[1] == 1), None)
    return [] if first is None else first[:, 0].tolist()
