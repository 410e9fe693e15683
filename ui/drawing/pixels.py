"""Small images as pictures in a page, every pixel a sharp square."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ui import palette


def picture(pixels: NDArray[np.uint8], title: str, remark: str = "") -> str:
    """A figure of HTML: an image uint8 (H, W), (1, H, W) or (3, H, W), with its title and a remark; both are HTML."""
    shaped = pixels[0] if pixels.ndim == 3 and len(pixels) == 1 else pixels
    return _figure(np.moveaxis(shaped, 0, -1) if shaped.ndim == 3 else shaped, title, remark)


def signed_picture(values: NDArray[np.floating], most: float, title: str, remark: str = "") -> str:
    """As :func:`picture`, of numbers (H, W) below and above 0; ``most`` has the fullest colour."""
    return _figure(signed_colours(values, most), title, remark)


def signed_colours(values: NDArray[np.floating], most: float) -> NDArray[np.uint8]:
    """(H, W) to (H, W, 4): the colour says the sign, the opacity the size."""
    share = np.clip(np.abs(values) / (most or 1.0), 0, 1)
    positive, negative = (
        np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) for colour in (palette.POSITIVE, palette.NEGATIVE)
    )
    colours = np.where((values >= 0)[..., None], positive, negative)
    painted: NDArray[np.uint8] = np.concatenate([colours, np.rint(255 * share)[..., None]], axis=-1).astype(np.uint8)
    return painted


def data_address(pixels: NDArray[np.uint8]) -> str:
    """A PNG of (H, W), (H, W, 3) or (H, W, 4), as an address that holds all of it."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _figure(pixels: NDArray[np.uint8], title: str, remark: str) -> str:
    return (
        f'<figure><img class="pixels" src="{data_address(pixels)}" alt="{title}">'
        f"<figcaption><b>{title}</b><br>{remark}</figcaption></figure>"
    )


def gallery(*figures: str, width_rem: float = 9.0) -> str:
    """Figures side by side, as many as there is room for."""
    return (
        f'<style>{_STYLE}</style><div class="pixel-gallery" style="--wide:{width_rem:g}rem">'
        + "".join(figures)
        + "</div>"
    )


def colour_scale(low: str, high: str, words: str) -> str:
    """The legend of :func:`signed_picture`."""
    return (
        '<div class="pixel-scale"><span>'
        f'{low}</span><i style="background:linear-gradient(to right,{palette.NEGATIVE},transparent,{palette.POSITIVE})">'
        f"</i><span>{high}</span><span>{words}</span></div>"
    )


_STYLE = """
.pixel-gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--wide)), var(--wide))); gap: 1rem; }
.pixel-gallery figure { margin: 0; }
.pixel-gallery .pixels { width: 100%; aspect-ratio: 1; object-fit: contain; image-rendering: pixelated; display: block;
  border: 1px solid rgba(124,130,152,.4); border-radius: .3rem; }
.pixel-gallery figcaption { font-size: .85rem; line-height: 1.35; margin-top: .3rem; overflow-wrap: anywhere; }
.pixel-scale { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; font-size: .85rem; margin-top: .8rem; }
.pixel-scale i { width: 9rem; height: .7rem; border-radius: .2rem; border: 1px solid rgba(124,130,152,.4); }
"""
