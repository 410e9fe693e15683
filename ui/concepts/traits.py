"""The chapter of the four traits, each with its price."""

import streamlit as st

from dlcore.concepts.folding import corners, pieces_deep, pieces_wide
from ui import palette
from ui.concepts.doors import door, read_next
from ui.concepts.filters import first_layer
from ui.concepts.measured import measured
from ui.concepts.prose import sections
from ui.figure import figure
from ui.language import translate as _

_GUESSES = (0.1, 0.5, 1.0)


def show() -> None:
    """Each trait, a figure that shows it, and what it costs."""
    text = sections("traits")
    st.markdown(text["intro"])
    with _card(text["layers"], text["layers-price"]):
        _folds()
    with _card(text["end-to-end"]):
        st.markdown(text["end-to-end-price"])
    with _card(text["features"], text["features-price"]):
        _filters()
    with _card(text["generalisation"], text["generalisation-price"]):
        st.markdown(text["memorising"])
        if _guess():
            _memorising()
            st.markdown(text["memorising-answer"])
    with st.container(horizontal=True):
        door(_("Train and watch the gap"), "train", dataset="digits", model="mlp", epochs=30, dropout=0)
        door(_("Draw a digit off-centre"), "draw")
    read_next("traits")


def _card(*texts: str) -> "st.delta_generator.DeltaGenerator":
    """A bordered card with the words on the left; what is shown within stands on the right."""
    left, right = st.container(border=True).columns(2, gap="large", vertical_alignment="center")
    for text in texts:
        left.markdown(text)
    return right


def _folds() -> None:
    layers = st.slider(_("Layers of two neurons each"), 1, 7, 3, key="concepts.folds")
    xs, ys = corners(layers)
    deep, wide = pieces_deep(layers), pieces_wide(2 * layers)
    trace = {"type": "scatter", "x": xs, "y": ys, "mode": "lines", "line": {"color": palette.TRAIN, "width": 2.5}}
    layout = {"xaxis": {"title": {"text": "x"}, "range": [0, 1]}, "yaxis": {"range": [-0.05, 1.05]}}
    description = _("A zigzag of {pieces} straight pieces.").format(pieces=deep)
    figure([trace], layout, key="concepts-folds", height=240, description=description)
    st.markdown(
        _("{neurons} neurons in {layers} layers: **{deep}** pieces. In one layer: at most **{wide}**.").format(
            neurons=2 * layers, layers=layers, deep=deep, wide=wide
        )
    )


def _filters() -> None:
    found = first_layer()
    if not found:
        st.caption(_("The bundled model is not installed here, so its filters cannot be shown."))
        return
    columns = 8
    rows = -(-len(found) // columns)
    size = len(found[0])
    gap = size + 1
    grid: list[list[float | None]] = [[None] * (columns * gap - 1) for _row in range(rows * gap - 1)]
    for index, kernel in enumerate(found):
        top, left = index // columns * gap, index % columns * gap
        largest = max(abs(value) for line in kernel for value in line) or 1.0
        for row, line in enumerate(kernel):
            for column, value in enumerate(line):
                grid[top + row][left + column] = round(value / largest, 3)
    trace = {
        "type": "heatmap",
        "z": grid,
        "zmin": -1,
        "zmax": 1,
        "colorscale": palette.DIVERGING,
        "showscale": False,
        "hoverongaps": False,
        "hovertemplate": "%{z}<extra></extra>",
    }
    hidden = {"visible": False, "fixedrange": True}
    layout = {
        "xaxis": hidden | {"scaleanchor": "y"},
        "yaxis": hidden | {"autorange": "reversed"},
        "margin": {"l": 0, "r": 0, "t": 4, "b": 4},
    }
    description = _("{count} learned filters of {size} by {size} weights, blue above zero and red below").format(
        count=len(found), size=size
    )
    figure([trace], layout, key="concepts-filters", height=72 * rows, description=description)
    st.caption(
        _("{count} filters of {size}×{size}: blue weights are positive, red ones negative.").format(
            count=len(found), size=size
        )
    )


def _guess() -> float | None:
    return st.segmented_control(
        _("Accuracy on the shuffled training labels"),
        _GUESSES,
        key="concepts.memorised",
        format_func=lambda share: _("about {percent}%").format(percent=f"{share:.0%}".rstrip("%")),
    )


def _memorising() -> None:
    result = measured()["random_labels"]
    epochs = result["epochs"]
    lines = (
        ("true", "train", _("True labels, training"), palette.TRAIN, "solid"),
        ("true", "test", _("True labels, test"), palette.TEST, "solid"),
        ("random", "train", _("Shuffled labels, training"), palette.TRAIN, "dot"),
        ("random", "test", _("Shuffled labels, test"), palette.TEST, "dot"),
    )
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": title,
            "x": epochs,
            "y": result[labels][images],
            "line": {"color": color, "dash": dash, "width": 2.5},
        }
        for labels, images, title, color, dash in lines
    ]
    layout = {
        "xaxis": {"title": {"text": _("Epoch")}},
        "yaxis": {"title": {"text": _("Accuracy")}, "tickformat": ".0%", "range": [0, 1.03]},
        "hovermode": "x unified",
    }
    train, test = result["random"]["train"][-1], result["random"]["test"][-1]
    description = _("With shuffled labels: {train} on the training images, {test} on the test images.").format(
        train=f"{train:.1%}", test=f"{test:.1%}"
    )
    figure(data, layout, key="concepts-memorising", height=340, description=description)
    st.caption(
        _("Measured: two hidden layers of 256 neurons, Adam, {count} test images.").format(count=result["test_count"])
        + " "
        + description
    )
