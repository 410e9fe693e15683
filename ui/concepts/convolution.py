"""The chapter of convolution: a kernel over an image, each output opened; how far a neuron sees; learned kernels."""

from functools import cache, partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dlcore.concepts import convolution
from dlcore.concepts.convolution import KERNELS, POOLINGS, SIDE
from dlcore.inference.strokes import strokes_to_image
from dlcore.messages import N_, UserError
from ui import palette
from ui.concepts import small_picture
from ui.concepts.controls import Choice, Controls, Free, Slide, Switch, Values
from ui.concepts.doors import door
from ui.concepts.filters import first_layer
from ui.concepts.frame import Frame, Guess, show_frame
from ui.concepts.inside import INSIDE, show_inside
from ui.concepts.measured import measured
from ui.concepts.numbers import plain
from ui.concepts.plots import axis, heatmap, still
from ui.concepts.weighted_sum import numbered, show_sum
from ui.drawing import paper, state
from ui.drawing.example import example
from ui.figure import clicked, figure
from ui.language import translate as _
from ui.shell import show_error

Array = NDArray[np.float64]

_IMAGES = {
    "house": N_("A house"),
    "rings": N_("Rings"),
    "stripes": N_("Stripes"),
    "own": N_("My own drawing"),
}
_LEARNED = "learned"
_SEEN = "concepts.convolution.seen"
"""Under this key stands what was on the paper when it was last looked at."""
_MAP = "concepts-convolution-map"
_MOST_FILTERS = 64


def _picture(text: str) -> str:
    small_picture.read(text, SIDE)
    return text


CONTROLS = Controls.of(
    "convolution",
    "c.",
    Choice(name="image", title=N_("Image"), default="house", options=_IMAGES),
    Free(name="drawing", title="", default="", reader=_picture, writer=str),
    Choice(
        name="kernel",
        title=N_("Kernel"),
        default="vertical",
        options={name: title for name, (title, _weights) in KERNELS.items()}
        | {_LEARNED: N_("Learned by the bundled model")},
    ),
    Slide(name="filter", title=N_("Which of its filters"), default=1, low=1, high=_MOST_FILTERS, step=1),
    Slide(name="stride", title=N_("Stride"), default=1, low=1, high=4, step=1),
    Slide(name="padding", title=N_("Padding"), default=1, low=0, high=4, step=1),
    Slide(name="dilation", title=N_("Dilation"), default=1, low=1, high=4, step=1),
    Switch(name="relu", title=N_("ReLU after it"), default=False),
    Choice(name="pooling", title=N_("Pooling"), default="none", options=POOLINGS),
    Slide(name="row", title=N_("Row"), default=12, low=0, high=SIDE + 7, step=1),
    Slide(name="column", title=N_("Column"), default=6, low=0, high=SIDE + 7, step=1),
    Slide(name="layers", title=N_("Such layers on top of each other"), default=3, low=1, high=8, step=1),
    *INSIDE,
    trials={
        "edges": (N_("Edges"), {}),
        "blur": (N_("Blur"), {"kernel": "gaussian", "padding": 2}),
        "outline": (N_("Outlines, half the size"), {"kernel": "outline", "stride": 2}),
        "wide": (N_("Wide but thin: dilation"), {"kernel": "vertical", "dilation": 3, "padding": 3}),
        "pooled": (N_("A whole layer: ReLU and pooling"), {"relu": True, "pooling": "max"}),
        "learned": (N_("A learned kernel"), {"kernel": _LEARNED, "filter": 3}),
    },
)
_GUESSES = {"7": N_("7 pixels"), "9": N_("9 pixels"), "22": N_("22 pixels")}


def show() -> None:
    """The chapter."""
    values = CONTROLS.restore()
    show_frame(
        Frame(
            chapter="convolution",
            guess=Guess(
                question=N_(
                    "Three convolutions of 3×3 follow each other, each with 2×2 pooling behind it. How wide is the patch of the "
                    "image that one neuron at the end sees?"
                ),
                options=_GUESSES,
                answer=lambda: str(
                    convolution.receptive_fields(3, kernel=3, stride=1, dilation=1, pooled=True)[-1].size
                ),
            ),
            lab=lambda: _lab(values),
            reveal=_reveal,
            numbers=lambda: _numbers(CONTROLS.now),
            folds={N_("Inside a trained network"): ("neurology", lambda: show_inside(CONTROLS))},
            opened=CONTROLS.arrived("model", "climb"),
            doors=_doors,
        )
    )


def kernel_of(values: Values) -> Array:
    """The kernel on show."""
    if values["kernel"] == _LEARNED:
        found = first_layer()
        if found:
            return convolution.learned_kernel(found[(int(values["filter"]) - 1) % len(found)])
        return KERNELS["identity"][1]
    return KERNELS[values["kernel"]][1]


def maps_of(values: Values, image: Array) -> tuple[Array, Array]:
    """What the convolution gives, and what is left after ReLU and pooling."""
    settings = {name: int(values[name]) for name in ("stride", "padding", "dilation")}
    found = convolution.convolve(image, kernel_of(values), **settings)
    bent = np.maximum(found, 0) if values["relu"] else found
    return found, convolution.pool(bent, values["pooling"])


def _image(values: Values) -> Array:
    if values["image"] != "own":
        return convolution.picture(values["image"])
    return small_picture.read(values["drawing"] or _example(), SIDE)


@cache
def _example() -> str:
    return small_picture.written(strokes_to_image(example()) / 255.0)


def _draw(values: Values) -> Values:
    """The paper of the page for drawing; what is drawn becomes pixels as on that page, and goes into the link."""
    page = state.page()
    try:
        drawing = paper.show(page)
    except UserError as error:
        show_error(error)
        return values
    seen = st.session_state.get(_SEEN)
    if drawing.pen_down or seen == page.written:
        return values
    st.session_state[_SEEN] = page.written
    if seen is None and values["drawing"]:
        return values  # the drawing of the link stays until another one is made
    pixels = small_picture.written(strokes_to_image(drawing.strokes) / 255.0) if drawing.strokes else ""
    return CONTROLS.keep(drawing=pixels)


def _place(values: Values, found: Array) -> tuple[int, int]:
    """The opened output: as asked, or the last there is."""
    return min(int(values["row"]), max(len(found) - 1, 0)), min(int(values["column"]), max(found.shape[1] - 1, 0))


def _lab(values: Values) -> None:
    CONTROLS.draw_trials()
    left, right = st.columns([1, 2.4], gap="medium")
    with left:
        CONTROLS.draw("image", "kernel")
        if values["kernel"] == _LEARNED:
            CONTROLS.draw("filter")
        CONTROLS.draw("stride", "padding", "dilation", "relu", "pooling")
    with right:
        if values["image"] == "own":
            st.caption(_("Draw something; the network's view of it appears below, and goes along in the link."))
            values = _draw(values)
        image = _image(values)
        found, final = maps_of(values, image)
        if not found.size:
            st.warning(_("The kernel does not fit into the image: less dilation, or more padding."))
            return
        seen, slid, out = st.columns([2.2, 1, 2.2], gap="small", vertical_alignment="center")
        with seen:
            _input(values, image, found)
        with slid:
            _kernel(values)
        with out:
            _output(values, found, final)
    reaches = "×".join(map(str, found.shape))
    st.markdown(
        _(
            "**{image}** → **{found}** → **{final}** pixels. All places share the same **{weights}** weights; a fully "
            "connected layer between the first two would need {dense}."
        ).format(
            image=f"{SIDE}×{SIDE}",
            found=reaches,
            final="×".join(map(str, final.shape)),
            weights=kernel_of(values).size,
            dense=f"{SIDE * SIDE * found.size:,}",
        )
    )
    _field(values)


def _box(x0: float, y0: float, x1: float, y1: float, colour: str, width: float = 3) -> dict[str, Any]:
    return {"type": "rect", "x0": x0, "y0": y0, "x1": x1, "y1": y1, "line": {"color": colour, "width": width}}


def _input(values: Values, image: Array, found: Array) -> None:
    row, column = _place(values, found)
    side, dilation = len(kernel_of(values)), int(values["dilation"])
    top = row * values["stride"] - values["padding"]
    left = column * values["stride"] - values["padding"]
    reach = dilation * (side - 1) + 1
    trace = heatmap(
        image, zmin=0, zmax=1, colorscale=palette.SEQUENTIAL, hovertemplate="%{y}, %{x}: %{z}<extra></extra>"
    )
    shapes = [_box(left - 0.5, top - 0.5, left + reach - 0.5, top + reach - 0.5, palette.HIGHLIGHT)]
    description = _(
        "The image; the kernel lies on the {side} by {side} pixels from row {row}, column {column}."
    ).format(side=reach, row=top, column=left)
    st.caption(_("The image"))
    figure([trace], still(shapes, image.shape), key="concepts-convolution-image", height=300, description=description)


def _kernel(values: Values) -> None:
    kernel = kernel_of(values)
    said = [[plain(float(weight), 2) for weight in row] for row in kernel]
    st.caption(_("The kernel"))
    numbered(kernel, said, _("The kernel: {}"), key="concepts-convolution-kernel", height=130)


def _output(values: Values, found: Array, final: Array) -> None:
    row, column = _place(values, found)
    largest = float(np.abs(final).max()) or 1.0
    trace = heatmap(
        final,
        zmin=-largest,
        zmax=largest,
        colorscale=palette.DIVERGING,
        hovertemplate="%{y}, %{x}: %{z}<extra></extra>",
    )
    if values["pooling"] != "none":
        row, column = row // 2, column // 2
    shapes = [_box(column - 0.5, row - 0.5, column + 0.5, row + 0.5, palette.HIGHLIGHT)]
    description = _("What comes out, {height} by {width}; from {low} to {high}.").format(
        height=final.shape[0], width=final.shape[1], low=plain(float(final.min()), 3), high=plain(float(final.max()), 3)
    )
    st.caption(_("What comes out; click a pixel to open it below"))
    figure(
        [trace],
        still(shapes, final.shape),
        key=_MAP,
        height=300,
        description=description,
        on_point=partial(_open, final.shape, 1 if values["pooling"] == "none" else 2),
    )


def _open(shape: tuple[int, int], share: int) -> None:
    """A pixel of the map was clicked: the place under it, the first of those that were pooled into it."""
    found = clicked(_MAP, *shape)
    if found is not None:
        CONTROLS.set(row=found[0] * share, column=found[1] * share)


def _field(values: Values) -> None:
    st.markdown(_("**How far does one neuron see?**"))
    left, right = st.columns([1, 1.2], gap="medium", vertical_alignment="center")
    with left:
        CONTROLS.draw("layers")
        fields = _fields(values)
        st.markdown(
            _("One neuron of layer {layers} sees **{size}×{size}** pixels of the image.").format(
                layers=len(fields) - 1, size=fields[-1].size
            )
        )
    with right:
        sizes = [field.size for field in fields]
        trace = {
            "type": "bar",
            "x": [str(layer) for layer in range(len(sizes))],
            "y": sizes,
            "text": [str(size) for size in sizes],
            "textposition": "auto",
            "textangle": 0,
            "marker": {"color": palette.TRAIN},
            "hoverinfo": "skip",
        }
        layout = {
            "xaxis": axis(_("Layer; 0 is the image"), fixedrange=True, type="category"),
            "yaxis": axis(_("Pixels"), fixedrange=True),
            "margin": {"t": 8},
        }
        described = _("Pixels that one neuron sees along a side, layer by layer: {sizes}").format(
            sizes=", ".join(map(str, sizes))
        )
        figure([trace], layout, key="concepts-convolution-field", height=220, description=described)


def _fields(values: Values) -> list[convolution.Field]:
    return convolution.receptive_fields(
        int(values["layers"]),
        kernel=len(kernel_of(values)),
        stride=int(values["stride"]),
        dilation=int(values["dilation"]),
        pooled=values["pooling"] != "none",
    )


def _reveal() -> None:
    result = measured()["features"]
    kinds = {
        "pixels": _("Raw pixels"),
        "random": _("8 random kernels"),
        "hand-made": _("8 edge detectors (Sobel)"),
        "learned": _("8 learned kernels"),
    }
    st.table(
        [
            {
                _("What the same classifier is given"): title,
                _("Right on {count} new digits, five seeds").format(
                    count=result["test_count"]
                ): f"{np.mean(result[kind]):.1%}",
                _("from … to"): f"{min(result[kind]):.1%} – {max(result[kind]):.1%}",
            }
            for kind, title in kinds.items()
        ],
        hide_index=True,
    )


def _numbers(values: Values) -> None:
    image = _image(values)
    found, _final = maps_of(values, image)
    if not found.size:
        return
    st.markdown(_("Choose one pixel of what comes out; what lies under the kernel is multiplied and added."))
    left, right = st.columns(2)
    with left:
        CONTROLS.draw("row")
    with right:
        CONTROLS.draw("column")
    row, column = _place(values, found)
    kernel = kernel_of(values)
    settings = {name: int(values[name]) for name in ("stride", "padding", "dilation")}
    window = convolution.windows(image, len(kernel), **settings)[row, column]
    show_sum(kernel, window, float(found[row, column]))
    st.caption(_("Row {row}, column {column}; weight times pixel, padding counts as 0.").format(row=row, column=column))


def _doors() -> None:
    door(_("Train a convolutional network"), "train", dataset="digits", model="compact-cnn", epochs=5)
    door(_("The same digits without convolution"), "train", dataset="digits", model="mlp", epochs=5)
    door(_("Draw, and see which pixels mattered"), "draw")
