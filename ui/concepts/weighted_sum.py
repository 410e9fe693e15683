"""What one place of a convolution computes: weights times pixels, all added."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ui import palette
from ui.concepts.numbers import plain, tex, tex_factor
from ui.concepts.plots import heatmap, labels, still
from ui.figure import figure
from ui.language import translate as _

Array = NDArray[np.float64]

_MOST_FACTORS = 3
"""Up to this side of a kernel a phone has room for the factors of a sum."""


def show_sum(kernel: Array, window: Array, result: float) -> None:
    """The ``kernel`` (K, K) on the pixels of its ``window`` (K, K): a formula, or a picture of the products."""
    if len(kernel) <= _MOST_FACTORS:
        _formula(kernel, window, result)
        return
    products = kernel * window
    said = [[f"{product:.2f}".replace("-0.00", "0.00").replace("-", "−") for product in row] for row in products]
    numbered(products, said, _("The products: {}"), key="concepts-convolution-products", height=44 * len(products))
    st.markdown(_("The sum of all {count} products: **{result}**").format(count=products.size, result=plain(result)))


def numbered(grid: Array, texts: Sequence[Sequence[str]], described: str, *, key: str, height: int) -> None:
    """``grid`` (R, C) as coloured squares with their ``texts``; ``described``, for screen readers, has a place for these."""
    largest = float(np.abs(grid).max()) or 1.0
    trace = heatmap(grid, zmin=-largest, zmax=largest, colorscale=palette.DIVERGING, hoverinfo="skip")
    layout = still([], grid.shape) | {"annotations": labels(grid.tolist(), texts, largest)}
    figure([trace], layout, key=key, height=height, description=described.format("; ".join(map(", ".join, texts))))


def _formula(kernel: Array, window: Array, result: float) -> None:
    lines = [
        r"\;+\;".join(
            rf"{tex_factor(float(weight), 3)}\cdot{tex(float(pixel), 3)}"
            for weight, pixel in zip(weights, pixels, strict=True)
        )
        for weights, pixels in zip(kernel, window, strict=True)
    ]
    rows = [rf"&{'+' if index else ''}\;{line}" for index, line in enumerate(lines)]
    rows.append(rf"&= \mathbf{{{tex(result)}}}")
    st.latex(r"\begin{aligned}" + r"\\[3pt]".join(rows) + r"\end{aligned}")
