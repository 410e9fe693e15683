"""Inside a trained network: the first filters of the bundled model or of a run, and the image each class would like best."""

import re
from functools import lru_cache

import streamlit as st

from dlcore.inference.sources import PRETRAINED, find_weights
from dlcore.messages import N_, UserError
from ui import palette
from ui.class_names import shown_names
from ui.concepts.controls import Control, Controls, Free, Slide, Switch
from ui.concepts.filters import first_layers
from ui.concepts.shown import initial, shown
from ui.drawing import models
from ui.figure import figure
from ui.language import translate as _
from ui.shell import show_error
from ui.visitor import visitor_token

_STEPS = 16
_COLUMNS = 16
_NAME = re.compile(r"[\w-]{1,80}")
_HIDDEN = {"visible": False, "fixedrange": True}
_MARGIN = {"l": 0, "r": 0, "t": 4, "b": 4}


def _run_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("no name of a model")
    return text


INSIDE: tuple[Control, ...] = (
    Free(name="model", title="", default=PRETRAINED, reader=_run_name, writer=str),
    Switch(name="climb", title=N_("Climb to the image that a class would like best"), default=False),
    Slide(name="class", title="", default=0, low=0, high=999, step=1),
)
"""What of it stands in the link."""


def show_inside(controls: Controls) -> None:
    """Choose a model; its filters, and on request what it would like to see. ``controls`` hold INSIDE."""
    source = _choose(controls)
    try:
        branches = first_layers(find_weights(source))
    except UserError as error:
        show_error(error)
        return
    if not branches:
        st.caption(_("This model does not begin with a convolution over a grey image, so it has no such filters."))
    else:
        kernels, *others = branches
        _filters(kernels)
        if others:
            st.caption(
                _(
                    "They belong to the members that see the image as it is. Those that lean it upright first begin with {count} more."
                ).format(count=sum(map(len, others)))
            )
    controls.draw("climb")
    if controls.now["climb"]:
        _climb(source, controls)


def _choose(controls: Controls) -> str:
    asked, visitor = controls.now["model"], visitor_token()
    try:
        sources = models.choices(visitor, asked)
    except UserError as error:  # a run of a link that is gone, or no reader of drawings
        show_error(error)
        asked = controls.keep(model=PRETRAINED)["model"]
        sources = models.choices(visitor, asked)
    titles = {source: models.title(source) for source in sources}
    key = shown("convolution.model", asked, tuple(sources))
    st.selectbox(
        _("Model"),
        sources,
        sources.index(str(initial("convolution.model"))),
        key=key,
        format_func=titles.__getitem__,
        on_change=_take,
        args=(controls, "model", key),
    )
    return str(asked)


def _take(controls: Controls, name: str, key: str) -> None:
    controls.set(**{name: st.session_state[key]})


def _filters(kernels: list[list[list[float]]]) -> None:
    size = len(kernels[0])
    gap, rows = size + 1, -(-len(kernels) // _COLUMNS)
    grid: list[list[float | None]] = [[None] * (_COLUMNS * gap - 1) for _row in range(rows * gap - 1)]
    for index, kernel in enumerate(kernels):
        top, left = index // _COLUMNS * gap, index % _COLUMNS * gap
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
    layout = {
        "xaxis": _HIDDEN | {"scaleanchor": "y", "constrain": "domain"},
        "yaxis": _HIDDEN | {"autorange": "reversed", "constrain": "domain"},
        "margin": _MARGIN,
    }
    description = _("{count} learned filters of {size} by {size} weights, blue above zero and red below").format(
        count=len(kernels), size=size
    )
    figure([trace], layout, key="concepts-inside-filters", height=30 * rows, description=description)
    st.caption(description)


@lru_cache(maxsize=32)
def _climbed(source: str, fingerprint: str, target: int) -> tuple[list[list[float]], list[float]]:
    del fingerprint  # another file under the same name is another question
    from dlcore.concepts.ascent import climb  # noqa: PLC0415  # torch, not before it must

    model = models.load(source)
    image, shares = climb(model.network, target, size=model.image_size, steps=_STEPS)
    return image.tolist(), shares


def _climb(source: str, controls: Controls) -> None:
    try:
        model = models.load(source)
    except UserError as error:
        show_error(error)
        return
    if model.channels != 1:
        st.caption(_("This model reads colour images; the climb here is for grey ones."))
        return
    names = shown_names(model.class_names, model.dataset)
    target = min(int(controls.now["class"]), len(names) - 1)
    key = shown("convolution.class", target, (source, len(names)))
    st.selectbox(
        _("Class"),
        range(len(names)),
        initial("convolution.class"),  # type: ignore[arg-type]
        key=key,
        format_func=names.__getitem__,
        on_change=_take,
        args=(controls, "class", key),
    )
    image, shares = _climbed(source, str(find_weights(source).stat().st_mtime_ns), target)
    grid = [[round(value, 3) for value in row] for row in image]
    trace = {"type": "heatmap", "z": grid, "zmin": 0, "colorscale": palette.SEQUENTIAL, "showscale": False}
    layout = {
        "xaxis": _HIDDEN | {"scaleanchor": "y", "constrain": "domain"},
        "yaxis": _HIDDEN | {"autorange": "reversed", "constrain": "domain"},
        "margin": _MARGIN,
    }
    told = (
        _(
            "From grey noise ({first}) to this ({last}) in {steps} steps: not the weights climb, the pixels do. To the network "
            "these strokes are clearly a {name}; to you they are hardly one. What it learned is not what you see."
        )
        if shares[0] < 0.5
        else _(
            "To the network, grey noise is a {name} already ({first}), and after {steps} steps, in which ink has its price, "
            "this is one too ({last}). To you it is hardly one. What it learned is not what you see."
        )
    ).format(first=f"{shares[0]:.1%}", last=f"{shares[-1]:.1%}", steps=_STEPS, name=names[target])
    figure([trace], layout, key="concepts-inside-climb", height=280, description=told)
    st.markdown(told)
