"""MNIST's own file format, IDX: read here, because importing torchvision costs a worker 64 MB and a second."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_UNSIGNED_BYTES = 0x08


def read_idx(path: Path, *, dimensions: int) -> NDArray[np.uint8]:
    """The unsigned bytes in ``path``, in as many dimensions as the file says and ``dimensions`` asks for.

    Two zero bytes, the type, the number of dimensions, each dimension's size as a big-endian 32-bit integer, the data.

    Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", section "File formats".

    Raises:
        ValueError: it is another kind of file, or damaged.
        OSError: it cannot be read.
    """
    content = np.fromfile(path, dtype=np.uint8)
    start = 4 + 4 * dimensions
    if len(content) < start or content[:4].tolist() != [0, 0, _UNSIGNED_BYTES, dimensions]:
        raise ValueError("it is damaged")
    shape = content[4:start].view(">u4").tolist()
    if int(np.prod(shape, dtype=np.uint64)) != len(content) - start:
        raise ValueError("it is damaged")
    return content[start:].reshape(shape)
