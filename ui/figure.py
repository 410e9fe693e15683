"""The live figure: plain plotly JSON, drawn in the browser on one node that stays where it is.

``st.plotly_chart`` replaces its node at each update, which blinks and loses the visitor's zoom. This component calls
``Plotly.react`` on one node instead. plotly.js comes from the plotly package as a file that the browser keeps, not
inside every message, and the package itself is never imported: the server needs a file of it, not its Python.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import streamlit as st

from dlcore.messages import N_, UserError
from ui import palette
from ui.language import translate as _
from ui.packing import Parcel, packed
from ui.shell import show_error

_HERE = Path(__file__).resolve().parent
_STATIC = _HERE.parent / "static"
_HTML = """
<div class="figure">
  <div class="plot" role="img"></div>
  <div class="skeleton" aria-hidden="true"></div>
  <div class="failure" role="alert" hidden></div>
  <div class="frames" hidden>
    <button type="button"></button>
    <input type="range" min="0" step="1">
    <output></output>
  </div>
</div>
"""


@cache
def _mount() -> Callable[..., Any]:
    css, js = ((_HERE / name).read_text(encoding="utf-8") for name in ("figure.css", "figure.js"))
    component: Callable[..., Any] = st.components.v2.component(
        "live_figure", html=_HTML, css=css, js=js, isolate_styles=False
    )
    return component


@cache
def plotly_name() -> str:
    """The name of plotly.js in the app's static folder; it changes with the version, as browsers keep the file."""
    return f"plotly-{version('plotly')}.min.js"


@cache
def publish_plotly(folder: Path = _STATIC) -> str:
    """The name of plotly.js in the app's static folder, put there the first time.

    Raises:
        UserError: the folder cannot be written.
    """
    name = plotly_name()
    spec = find_spec("plotly")
    assert spec is not None
    assert spec.submodule_search_locations
    source = Path(spec.submodule_search_locations[0]) / "package_data" / "plotly.min.js"
    target = folder / name
    if target.is_file() and target.stat().st_size == source.stat().st_size:
        return name
    try:
        folder.mkdir(exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".plotly-")
        with os.fdopen(handle, "wb") as copy, source.open("rb") as original:
            shutil.copyfileobj(original, copy)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except OSError as error:
        raise UserError(
            N_("Charts need the file {name} in the app's folder {folder}, and it cannot be written: {reason}."),
            name=name,
            folder=folder.name,
            reason=error.strerror or str(error),
        ) from error
    return name


def figure(
    data: Sequence[dict[str, Any]],
    layout: dict[str, Any],
    *,
    key: str,
    height: int = 320,
    description: str,
    config: dict[str, Any] | None = None,
    on_point: Callable[[], None] | None = None,
) -> None:
    """Show or update a plotly figure given as plain JSON: ``data`` the traces, ``layout`` the rest.

    Colours of text, grid and background follow the visitor's theme where ``layout`` does not set them. Zoom and hidden
    traces survive updates as long as ``layout["uirevision"]`` stays the same. The node stays as long as ``key`` does.

    Args:
        data: traces as plotly.js takes them; numbers must be finite or ``None``.
        layout: axes, annotations, shapes; merged over the theme's defaults.
        key: one per figure on a page; also the name of a downloaded picture.
        height: in pixels, reserved before anything is drawn.
        description: what the figure shows, for those who do not see it.
        config: plotly.js settings beside the usual ones, such as ``{"staticPlot": True}``.
        on_point: called after a click on a cell of a heatmap, see :func:`clicked`.
    """
    show(pack(data, layout, key=key, height=height, description=description, config=config, on_point=on_point))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One moment of a figure that can be played."""

    label: str
    data: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Packed(Parcel):
    """A figure as it is sent."""

    height: int
    on_point: Callable[[], None] | None = None
    """Called after a click on a cell of a heatmap; the session holds under ``key`` what :func:`clicked` reads."""


class Keep(Protocol):
    """Makes something, or gives what it made before for the same ``key`` if that still holds."""

    def __call__(self, key: Hashable, make: Callable[[], Packed]) -> Packed:
        """The figure."""


def prepared(
    make: Callable[[], tuple[Sequence[dict[str, Any]], dict[str, Any]]],
    *,
    key: str,
    height: int,
    description: Callable[[], str],
    frames: Callable[[], Sequence[Frame]] = tuple,
    on_point: Callable[[], None] | None = None,
) -> Callable[[], Packed]:
    """The making of a figure, from its traces and layout to what is sent, for whoever may not need it again."""
    return lambda: pack(*make(), key=key, height=height, description=description(), frames=frames(), on_point=on_point)


def pack(
    data: Sequence[dict[str, Any]],
    layout: dict[str, Any],
    *,
    key: str,
    height: int,
    description: str,
    config: dict[str, Any] | None = None,
    frames: Sequence[Frame] = (),
    on_point: Callable[[], None] | None = None,
) -> Packed:
    """A figure ready to be sent, as often as one likes; the arguments are those of :func:`figure`.

    With ``frames`` the visitor moves through them or plays them, in the browser alone; the last is what ``data`` shows.
    """
    drawn = {
        "data": list(data),
        "layout": layout,
        "config": config or {},
        "key": key,
        "height": height,
        "colorway": palette.CLASSES,
        "library": plotly_name(),
        "description": description,
        "labels": _labels(),
        "failure": _("The chart could not be loaded. Check the connection and reload the page."),
    }
    if len(frames) > 1:
        drawn["frames"] = [{"label": frame.label, "data": list(frame.data)} for frame in frames]
        drawn["playing"] = {"play": _("Play"), "pause": _("Pause"), "moment": _("Moment shown")}
    return Packed(packed(drawn | {"clickable": on_point is not None}), key, height, on_point)


def clicked(key: str, rows: int, columns: int) -> tuple[int, int] | None:
    """The row and column of the heatmap ``key`` that was clicked; None for whatever else the browser may send."""
    try:
        sent = st.session_state[key]["point"]
        row, column = int(sent["row"]), int(sent["column"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return (row, column) if 0 <= row < rows and 0 <= column < columns else None


def show(figure: Packed) -> None:
    """Show or update a figure."""
    try:
        publish_plotly()
    except UserError as error:
        show_error(error)
        return
    listening = {} if figure.on_point is None else {"on_point_change": figure.on_point}
    _mount()(data=figure.payload, key=figure.key, height=figure.height, **listening)


def _labels() -> dict[str, str]:
    """plotly.js's own words, translated."""
    return {
        "Zoom": _("Zoom"),
        "Pan": _("Pan"),
        "Reset axes": _("Reset axes"),
        "Download plot": _("Download as SVG"),
        "Download as PNG": _("Download as PNG"),
        "Double-click to zoom back out": _("Double-click to zoom back out"),
    }
