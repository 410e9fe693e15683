"""From the bytes of a file to a small square picture, paid for before it is decoded; what is no picture is skipped."""

import io
import struct
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcore.data.own_images import Limits
from dlcore.data.picture_sources import Entry
from dlcore.messages import N_

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def convert(image: Any, size: int, *, colour: bool) -> "NDArray[np.uint8]":
    """A PIL image of any size and mode as uint8 (C, size, size), C being 3 in colour and 1 in grey.

    The picture is turned as its camera says, laid on white where it is transparent, scaled whole with its aspect kept,
    and what is left of the square takes the colour that its border has in the middle of all its values.
    """
    import numpy as np  # noqa: PLC0415  # no page that only lists sets needs them
    from PIL import Image, ImageOps  # noqa: PLC0415

    image = _eight_bit(ImageOps.exif_transpose(image) or image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB" if colour else "L")
    factor = size / max(image.size)
    width, height = (max(1, round(side * factor)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    x_HWC = np.asarray(image, dtype=np.uint8).reshape(height, width, -1)
    border = np.concatenate([x_HWC[0], x_HWC[-1], x_HWC[:, 0], x_HWC[:, -1]])
    square = np.empty((size, size, x_HWC.shape[2]), np.uint8)
    square[:] = np.median(border, axis=0).astype(np.uint8)
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = x_HWC
    return np.ascontiguousarray(square.transpose(2, 0, 1))


def _eight_bit(image: Any) -> Any:
    """Pictures of 16 bits, of integers or of numbers as grey ones of 8 bits."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    if not image.mode.startswith(("I", "F")):
        return image
    values = np.nan_to_num(np.asarray(image).astype(np.float64))
    if image.mode == "F":
        values = values * 255 if values.max() <= 1 else values
    elif image.mode.startswith("I;16") or values.max() > 255:
        values = values / 257
    grey = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return Image.fromarray(grey)


class Skip(Exception):  # noqa: N818  # no error: one file of many is left out
    """Why a file is left out, in words."""


@dataclass
class Budget:
    """What an import may still cost. Work is paid for before it is done, so what turns out damaged is not free."""

    bytes_left: int
    pixels_left: int


_PIECE = 1 << 20


_FULL = N_("the pictures before it were as much as a set may hold")


_CHEAPER = 4
"""A JPEG that is read at a reduced size counts as this part of its pixels. Measured on pictures of 16 and 49 megapixels, it
takes 20 to 40 % of the time of reading all of it, and 5 % of that of a PNG of the same size."""


def read(entry: Entry, limit: Limits, budget: Budget) -> bytes:
    """The content of a file, paid for by what was read of it, even where that is of no use."""
    if budget.bytes_left <= 0 or budget.pixels_left <= 0:
        raise Skip(_FULL)
    most = min(budget.bytes_left, limit.file_megabytes * 10**6)
    content = bytearray()
    try:
        with entry.open() as file:
            while piece := file.read(min(_PIECE, most + 1 - len(content))):
                content += piece
                budget.bytes_left -= len(piece)
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, RuntimeError, NotImplementedError, zipfile.LargeZipFile):
        raise Skip(N_("it is damaged")) from None
    except Exception as error:
        if type(error).__module__ in ("zlib", "_lzma", "_bz2", "lzma"):
            raise Skip(N_("it is damaged")) from None
        raise
    if len(content) > most:
        raise Skip(N_("the file is too large"))
    return bytes(content)


def decode(content: bytes, size: int, colour: bool, limit: Limits, budget: Budget) -> "NDArray[np.uint8]":
    """The converted picture. It is paid for by the pixels that it claims, before any of them is decoded."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415

    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")) as image:
            if image.width * image.height > limit.megapixels * 10**6:
                raise Skip(N_("it has too many pixels"))
            claimed = image.width * image.height
            image.draft("RGB" if colour else "L", (4 * size, 4 * size))  # a JPEG can be read smaller, which is quicker
            decoded = image.width * image.height
            if decoded < claimed and "progressive" not in image.info:  # those are unpacked whole all the same
                claimed = max(decoded, claimed // _CHEAPER)
            if claimed > budget.pixels_left:
                raise Skip(_FULL)
            budget.pixels_left -= claimed
            return convert(image, size, colour=colour)
    except UnidentifiedImageError:
        raise Skip(N_("it is no picture of a known kind")) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        raise Skip(N_("it has too many pixels")) from None
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, EOFError, struct.error, OverflowError):
        raise Skip(N_("it is damaged")) from None
