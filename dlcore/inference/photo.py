"""From a photo or scan of one digit to the image that a network of the MNIST family expects, framed as drawings are."""

import io
import itertools
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from dlcore.inference.strokes import BOX_SIZE, IMAGE_SIZE
from dlcore.messages import N_, UserError
from dlcore.settings import number

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
MAX_PIXELS = 8_000_000
"""To be decoded; ``DLCORE_PICTURE_MEGAPIXELS`` changes it. A JPEG is decoded at a fraction of its size, so a phone's
large photos pass."""
_JPEG = ("JPEG", "MPO")
_REDUCED = 6  # times as many pixels may a JPEG have that is reduced while it is decoded,
_WHOLE = 2  # and one that is not
_WORKING_SIZE = 512
_CONTRAST = 24  # of 255; less is paper, not ink
_SOLID = 0.3  # of full ink
_GAP = 0.03  # of the line's height; less between two parts is a break in a stroke
_TALL = 0.5  # of the line's height; what is less is a part, not a digit


def open_image(source: bytes | Path) -> Image.Image:
    """An image file as a PIL image, upright, decoded, never larger than it has to be.

    Raises:
        UserError: it is no picture of a known kind, is damaged, or claims more pixels than :data:`MAX_PIXELS`.
    """
    name = source.name if isinstance(source, Path) else "image"
    limit = number("DLCORE_PICTURE_MEGAPIXELS", MAX_PIXELS / 1e6, low=0.01, high=1000)
    too_large = UserError(
        N_("The picture {name} is too large: at most {limit} million pixels are read. Make it smaller."),
        name=name,
        limit=f"{limit:g}",
    )
    unreadable = UserError(
        N_("The picture {name} cannot be read: it must be an undamaged file of the kind {formats}."),
        name=name,
        formats=", ".join(FORMATS),
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged side information, which is not looked at
            return _decoded(source, limit * 1e6)
    except _TooLargeError:
        raise too_large from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise too_large from None
    except FileNotFoundError:
        raise UserError(N_("There is no file {name}."), name=name) from None
    except Exception as error:  # Pillow's decoders raise anything for damaged files
        raise unreadable from error


class _TooLargeError(Exception):
    """The picture claims more pixels than are read."""


def _decoded(source: bytes | Path, most: float) -> Image.Image:
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as image:
        whole = image.width * image.height
        # A progressive JPEG is kept in memory as a whole before any of it can be reduced: six bytes a pixel.
        if whole > (_REDUCED if image.format in _JPEG and "progressive" not in image.info else _WHOLE) * most:
            raise _TooLargeError
        image.draft("L", (_WORKING_SIZE, _WORKING_SIZE))
        if image.format not in _JPEG and whole > most:
            raise _TooLargeError
        image.load()
        # Reduced before it is turned: a copy of the whole would cost its memory again.
        image.thumbnail((2 * _WORKING_SIZE, 2 * _WORKING_SIZE), Image.Resampling.BOX, reducing_gap=None)
        return ImageOps.exif_transpose(image)


def image_to_digit(image: Image.Image) -> NDArray[np.uint8]:
    """Frame the one digit in a picture as MNIST's digits are framed: white on black, in a 20×20 box, mass in the middle.

    Dark ink on light paper and light ink on dark are both understood; uneven light is evened out. An image that has
    28×28 pixels and a black rim already, as MNIST's own, is taken as it is.

    Returns:
        uint8, (28, 28). Black where no ink is found.
    """
    grey = _to_grey(image)
    if grey.shape == (IMAGE_SIZE, IMAGE_SIZE) and max(_rim(grey).tolist()) < _CONTRAST:
        return grey.astype(np.uint8)
    ink = _find_ink(grey)
    return _framed(ink)


def image_to_digits(image: Image.Image, most: int = 12) -> list[NDArray[np.uint8]]:
    """The digits of one line in a picture, from left to right, cut where no ink is from top to bottom.

    Returns:
        Of each as :func:`image_to_digit`; at least one. What has more than ``most`` parts is taken as a whole.
    """
    grey = _to_grey(image)
    if grey.shape == (IMAGE_SIZE, IMAGE_SIZE):
        return [image_to_digit(image)]
    ink = _find_ink(grey)
    columns = np.flatnonzero((ink > _SOLID).any(axis=0))
    if not len(columns):
        return [_framed(ink)]
    rows = np.flatnonzero((ink > _SOLID).any(axis=1))
    height = int(rows[-1] - rows[0] + 1)
    starts = [0, *(np.flatnonzero(np.diff(columns) > 1 + _GAP * height) + 1).tolist(), len(columns)]
    spans = [(int(columns[a]), int(columns[b - 1]) + 1) for a, b in itertools.pairwise(starts)]
    tall = []
    for left, right in spans:
        inside = np.flatnonzero((ink[:, left:right] > _SOLID).any(axis=1))
        if np.ptp(inside) + 1 >= _TALL * height:
            tall.append((left, right))
    if not 1 < len(tall) <= most:
        return [_framed(ink)]
    # What is no digit by itself, such as the bar of a 5, belongs to the nearest one.
    edges = [0, *(round((a[1] + b[0]) / 2) for a, b in itertools.pairwise(tall)), ink.shape[1]]
    return [_framed(ink[:, left:right]) for left, right in itertools.pairwise(edges)]


def naive(image: Image.Image) -> NDArray[np.uint8]:
    """The whole picture shrunk to 28×28, turned over if its rim is light: the naive way, shown to be compared."""
    grey = _to_grey(image)
    if np.median(_rim(grey)) > 127:
        grey = 255 - grey
    small = Image.fromarray(np.rint(grey).astype(np.uint8)).resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BOX)
    return np.asarray(small)


def _framed(ink: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Ink [0, 1] cropped, scaled into the 20×20 box and centred by its mass."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX_SIZE / max(crop.shape)
    height, width = (max(1, round(side * scale)) for side in crop.shape)
    small = Image.fromarray(np.rint(crop * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BOX)
    return _centre(np.asarray(small))


def _to_grey(image: Image.Image) -> NDArray[np.float64]:
    """Brightness from 0 to 255, transparency filled with what sets the ink off, at most 512 pixels a side."""
    image = image.copy()
    image.thumbnail((_WORKING_SIZE, _WORKING_SIZE), Image.Resampling.BOX)
    if image.has_transparency_data:
        layers = np.asarray(image.convert("LA"), dtype=np.float64)
        grey, opacity = layers[..., 0], layers[..., 1] / 255
        bright = (grey * opacity).sum() > 127 * max(opacity.sum(), 1e-9)
        mixed: NDArray[np.float64] = grey * opacity + (0 if bright else 255) * (1 - opacity)
        return mixed
    return np.asarray(image.convert("L"), dtype=np.float64)


def _rim(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _find_ink(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much ink there is in each pixel, [0, 1]: whatever differs from the paper around it, if enough does."""
    if np.median(_rim(grey)) > grey.mean():  # the paper is lighter than the picture on average: dark ink
        grey = 255 - grey
    side = max(3, min(grey.shape) // 4) | 1
    picture = Image.fromarray(np.rint(grey).astype(np.uint8))
    # The paper alone: ink is narrower than a quarter of the picture, so a minimum over that width has none of it.
    coarse = picture.resize((max(1, picture.width // 4), max(1, picture.height // 4)), Image.Resampling.BOX)
    window = max(3, side // 4) | 1
    paper = coarse.filter(ImageFilter.MinFilter(window)).filter(ImageFilter.GaussianBlur(window / 2))
    above = grey - np.asarray(paper.resize(picture.size, Image.Resampling.BILINEAR), dtype=np.float64)
    full = float(np.percentile(above, 99.5)) if above.size > 400 else float(above.max())
    if full < _CONTRAST:
        return np.zeros_like(grey)
    ink: NDArray[np.float64] = np.clip((above / full - 0.3) / 0.4, 0, 1)
    # Specks: a median wipes out what is smaller than its window, and a digit is not.
    if min(grey.shape) >= 64:
        solid = Image.fromarray((ink > 0.5).astype(np.uint8) * 255).filter(ImageFilter.MedianFilter(5))
        solid = solid.filter(ImageFilter.MaxFilter(9))
        ink = ink * (np.asarray(solid) > 0)
    return ink


def _centre(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put a small picture into 28×28 with its centre of mass in the middle, as far as it fits, in whole pixels."""
    total = max(float(small.sum()), 1.0)
    framed = np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    place = []
    for axis, length in enumerate(small.shape):
        mass = float((small.sum(axis=1 - axis) * (np.arange(length) + 0.5)).sum()) / total
        place.append(int(np.clip(round(IMAGE_SIZE / 2 - mass), 0, IMAGE_SIZE - length)))
    framed[place[0] : place[0] + small.shape[0], place[1] : place[1] + small.shape[1]] = small
    return framed
