"""MNIST's own file format, IDX: read here, because importing torchvision costs a worker 64 MB and a second."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_UNSIGNED_BYTES = 0x08


def read_idx(path: Path, *, dimensions: int, first: int = 0, most: int | None = None) -> NDArray[np.uint8]:
    """The unsigned bytes in ``path``, in as many dimensions as the file says and ``dimensions`` asks for.

    Two zero bytes, the type, the number of dimensions, each dimension's size as a big-endian 32-bit integer, the data.
    Along the first dimension ``most`` items from item ``first`` on are read, as far as there are any.

    Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", section "File formats".

    Raises:
        ValueError: it is another kind of file, or damaged.
        OSError: it cannot be read.
    """
    start = 4 + 4 * dimensions
    with path.open("rb") as file:
        head = np.frombuffer(file.read(start), np.uint8)
        if len(head) < start or head[:4].tolist() != [0, 0, _UNSIGNED_BYTES, dimensions]:
            raise ValueError("it is damaged")
        count, *shape = head[4:].view(">u4").tolist()
        size = math.prod(shape)
        if path.stat().st_size != start + count * size:
            raise ValueError("it is damaged")
        first = min(first, count)
        found = count - first if most is None else min(most, count - first)
        content = np.fromfile(file, np.uint8, count=found * size, offset=first * size)
    if len(content) != found * size:  # it was cut meanwhile
        raise ValueError("it is damaged")
    return content.reshape(found, *shape)
