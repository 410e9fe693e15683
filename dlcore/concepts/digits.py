"""scikit-learn's handwritten digits, 1,797 scans of 8×8, read from its wheel without importing it or torch."""

import gzip
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SIDE = 8
CLASSES = 10


@cache
def digits() -> tuple[Array, NDArray[np.int64]]:
    """Images (1797, 64) with values in [0, 1] and their labels (1797,), in a fixed random order.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
    """
    spec = find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("scikit-learn, whose wheel holds the digits, is not installed")
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(path, "rt", encoding="ascii") as file:
        table = np.loadtxt(file, delimiter=",")
    table = table[np.random.default_rng(0).permutation(len(table))]
    return table[:, :-1] / 16.0, table[:, -1].astype(np.int64)
