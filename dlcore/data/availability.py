"""Which datasets are at hand. Torch-free and cheap: it looks at file names and sizes only."""

from collections.abc import Mapping
from pathlib import Path

from dlcore.data import OWN_IMAGES
from dlcore.home import data_root

FOLDERS: Mapping[str, str] = {
    "mnist": "MNIST",
    "fashion-mnist": "FashionMNIST",
    "kmnist": "KMNIST",
    "emnist-letters": "EMNIST",
    "cifar10": "CIFAR10",
}
"""Dataset to the name of its torchvision class, which mostly is also the name of its folder in a torchvision root."""

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
"""The four files of every dataset of MNIST's kind, unpacked."""
_EMNIST_FILES = tuple(
    f"emnist-letters-{part}-{kind}" for part in ("train", "test") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
)
_CIFAR_FILES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")


def files(name: str) -> tuple[str, ...]:
    """The files of dataset ``name`` of ``FOLDERS`` in :func:`raw_folder`, those of the training set first."""
    return {"emnist-letters": _EMNIST_FILES, "cifar10": _CIFAR_FILES}.get(name, FILES)


def raw_folder(name: str) -> Path:
    """Where torchvision looks for the files of dataset ``name``."""
    return data_root() / ("cifar-10-batches-py" if name == "cifar10" else f"{FOLDERS[name]}/raw")


def pen_strokes_file() -> Path:
    """Where the pen strokes of ``mnist-pen`` lie: a line a drawing, ``{"label": 8, "writer": 6, "strokes": …}``."""
    return data_root() / "pen-strokes" / "train.jsonl"


def available(name: str, *, own_images: str = "") -> bool:
    """Whether dataset ``name`` can be loaded without a download. Files only appear whole, so being there is enough.

    ``own_images`` names the set of pictures where ``name`` is ``own-images``.
    """
    if name == OWN_IMAGES:
        from dlcore.data.own_images import is_there  # noqa: PLC0415  # it looks at nothing else of this module

        return is_there(own_images)
    if name == "mnist-pen":
        return available("mnist") and pen_strokes_file().is_file()
    if name not in FOLDERS:
        return name == "digits"
    folder = raw_folder(name)
    return all((folder / file).is_file() and (folder / file).stat().st_size > 0 for file in files(name))
