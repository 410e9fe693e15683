"""Images of datasets as pictures for a page: small, crisp, and inside their own URL."""

import base64
import binascii
import io
import math
from functools import lru_cache

from PIL import Image

_PIXELS = 168
"""A picture is enlarged to about this many pixels a side."""


@lru_cache(maxsize=256)
def picture_of(pixels: str, side: int = _PIXELS) -> str | None:
    """The square image in ``pixels`` (8 bit, base64) as the URL of a PNG of about ``side`` whose pixels stay crisp.

    A grey image is S² bytes row by row; one of colours is three such planes, red, green, blue: as 3 S² is never a
    square, the length tells which. The picture is inside the URL: Streamlit forgets its own media files at the next run
    of a page, which may be before the browser has asked for them. None where ``pixels`` is no such image.
    """
    try:
        content = base64.b64decode(pixels, validate=True)
    except binascii.Error:
        return None
    size = math.isqrt(len(content))
    if size > 0 and size * size == len(content):
        image = Image.frombytes("L", (size, size), content)
    else:
        size = math.isqrt(len(content) // 3)
        if size == 0 or 3 * size * size != len(content):
            return None
        planes = [content[start : start + size * size] for start in range(0, len(content), size * size)]
        image = Image.merge("RGB", [Image.frombytes("L", (size, size), plane) for plane in planes])
    factor = max(1, side // size)
    return url_of(image.resize((size * factor, size * factor), Image.Resampling.NEAREST))


def url_of(image: Image.Image) -> str:
    """The URL of a picture, which holds all of it as a PNG."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
