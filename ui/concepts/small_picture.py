"""A small grey picture as a short text for a link: sixteen greys a pixel, packed."""

import base64
import zlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

GREYS = 15
"""The largest grey: white is 0, and this is black."""


def written(image: NDArray[np.float64]) -> str:
    """A square picture of an even side, with values in [0, 1], as text without any character that a link would escape."""
    greys = np.rint(np.clip(image, 0, 1) * GREYS).astype(np.uint8).ravel()
    packed = (greys[0::2] << 4) | greys[1::2]
    return base64.urlsafe_b64encode(zlib.compress(packed.tobytes(), 9)).decode().rstrip("=")


@lru_cache(maxsize=64)
def read(text: str, side: int) -> NDArray[np.float64]:
    """The picture (side, side) that :func:`written` wrote.

    Raises:
        ValueError: it is none.
    """
    size = side * side // 2
    unpacking = zlib.decompressobj()
    try:
        # At most one byte more than a picture has is ever unpacked, however much a stranger's text would swell to.
        packed = unpacking.decompress(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True), size + 1)
    except (ValueError, zlib.error) as error:
        raise ValueError("no picture") from error
    if len(packed) != size:
        raise ValueError("no picture of this size")
    pairs = np.frombuffer(packed, dtype=np.uint8)
    image = np.stack([pairs >> 4, pairs & GREYS], axis=1).reshape(side, side) / GREYS
    image.flags.writeable = False
    return image
