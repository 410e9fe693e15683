"""CIFAR-10's files, read without running them.

They are Python pickles of 2009, and unpickling a file runs whatever it says. Here its instructions are only listed:
a dictionary in which ``labels`` is followed by small integers and ``data`` by one text of 3,072 bytes an image.
"""

import pickletools

import numpy as np
from numpy.typing import NDArray

_IMAGE_BYTES = 3 * 32 * 32
_CLASSES = 10


def read_batch(content: bytes) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images uint8 (N, 3, 32, 32), channels red, green, blue, and labels int64 (N,) of one of CIFAR-10's files.

    Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009), and the description on
    https://www.cs.toronto.edu/~kriz/cifar.html.

    Raises:
        ValueError: the file is damaged, or is another one.
    """
    labels: list[int] = []
    pixels = b""
    key = ""
    try:
        for _opcode, argument, _position in pickletools.genops(content):
            if isinstance(argument, str | bytes):
                if len(argument) >= _IMAGE_BYTES and key == "data" and not pixels:
                    pixels = argument if isinstance(argument, bytes) else argument.encode("latin-1")
                elif argument in ("batch_label", "labels", "data", "filenames"):
                    key = str(argument)
            elif isinstance(argument, int) and key == "labels" and _opcode.name in ("BININT1", "BININT", "INT"):
                labels.append(argument)
    except (ValueError, UnicodeError, IndexError, OverflowError) as error:
        raise ValueError("it is damaged") from error
    if not labels or len(pixels) != len(labels) * _IMAGE_BYTES or not 0 <= min(labels) <= max(labels) < _CLASSES:
        raise ValueError("images and labels do not belong together")
    images = np.frombuffer(pixels, dtype=np.uint8).reshape(-1, 3, 32, 32).copy()
    return images, np.array(labels, dtype=np.int64)
