"""Which datasets are at hand. Torch-free and cheap: it looks at file names and sizes only."""

from collections.abc import Mapping
from pathlib import Path

from dlcore.home import data_root

FOLDERS: Mapping[str, str] = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "kmnist": "KMNIST"}
"""Dataset to the name of its torchvision class, which is also the name of its folder in a torchvision root."""

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
"""The four files of every dataset of MNIST's kind, unpacked."""


def raw_folder(name: str) -> Path:
    """Where torchvision looks for the files of dataset ``name``."""
    return data_root() / FOLDERS[name] / "raw"


def pen_strokes_file() -> Path:
    """Where the pen strokes of ``mnist-pen`` lie: a line a drawing, ``{"label": 8, "writer": 6, "strokes": …}``."""
    return data_root() / "pen-strokes" / "train.jsonl"


def available(name: str) -> bool:
    """Whether dataset ``name`` can be loaded without a download. Files only appear whole, so being there is enough."""
    if name == "mnist-pen":
        return available("mnist") and pen_strokes_file().is_file()
    if name not in FOLDERS:
        return name == "digits"
    folder = raw_folder(name)
    return all((folder / file).is_file() and (folder / file).stat().st_size > 0 for file in FILES)
