"""Parallel coordinates: an axis for each setting that differs and one for the result, a line for each run.

A component of its own rather than a plot: plotly's kind needs WebGL, takes none of the theme's colours and does not fit a
phone, where these axes lie below each other. Dragging along an axis picks out runs, in the browser alone.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from dlcore.config import KNOBS
from dlcore.runs.comparing import METRICS, Value, differences, measured
from dlcore.runs.overview import Overview
from ui.history.compare_figures import metric_title
from ui.history.naming import rounded, shown
from ui.history.state import RunsPage, read_runs
from ui.language import translate as _
from ui.packing import packed

_MOST_AXES = 9
_FEW = 4
"""Different numbers that are put at equal distances, as words are."""
_HERE = Path(__file__).resolve().parent
_HTML = """
<div class="parallel">
  <div class="board"><svg role="img"></svg><div class="told" hidden></div></div>
  <div class="said">
    <span role="status"></span>
    <button type="button" class="clear" hidden></button>
    <button type="button" class="tick" hidden></button>
    <button type="button" class="save"></button>
  </div>
</div>
"""


@cache
def _mount() -> Callable[..., Any]:
    css, js = ((_HERE / name).read_text(encoding="utf-8") for name in ("parallel.css", "parallel.js"))
    component: Callable[..., Any] = st.components.v2.component(
        "parallel_coordinates", html=_HTML, css=css, js=js, isolate_styles=False
    )
    return component


def parallel(
    state: RunsPage, rows: Sequence[Overview], names: Sequence[str], metric: str, *, key: str, description: str
) -> None:
    """Show or update the lines of ``rows`` through the settings that differ to ``metric``; the ones that the visitor picks
    out can be ticked in the table.
    """

    def tick() -> None:
        said = getattr(st.session_state.get(key), "tick", None)
        if isinstance(said, str) and (picked := read_runs(said)):
            state.choose(picked)

    words = {
        "hint": _("Drag along an axis to pick out runs."),
        "count": _("{shown} of {all} runs"),
        "clear": _("All of them again"),
        "tick": _("Tick these in the table"),
        "save": _("Download as SVG"),
    }
    payload = coordinates(rows, names, metric) | {"description": description, "words": words, "file": key}
    _mount()(data=packed(payload), key=key, on_tick_change=tick)


def coordinates(rows: Sequence[Overview], names: Sequence[str], metric: str) -> dict[str, Any]:
    """What is drawn: each axis with its ticks, each run with its place in [0, 1] on every axis, null where it has none,
    and its rank by ``metric`` in [0, 1], the best 1.
    """
    settings = varied_settings(rows)[: _MOST_AXES - 1]
    results: list[Value | None] = [measured(row, metric) for row in rows]
    axes = [(_(KNOBS[name].title), _axis(name, column)) for name, column in settings]
    axes.append((metric_title(metric), _metric_axis(metric, results)))
    columns = [*(column for _name, column in settings), results]
    ranks = _ranks(results, smaller=METRICS[metric].smaller_is_better)
    return {
        "axes": [
            {"name": axis.name, "title": title, "ticks": axis.ticks, "low": axis.low, "high": axis.high}
            for title, axis in axes
        ],
        "lines": [
            {
                "id": row.run.run_id,
                "name": names[place],
                "places": [axis.places[place] for _title, axis in axes],
                "told": [axis.text(column[place]) for (_title, axis), column in zip(axes, columns, strict=True)],
                "rank": ranks[place],
            }
            for place, row in enumerate(rows)
        ],
    }


def varied_settings(rows: Sequence[Overview]) -> list[tuple[str, list[Value | None]]]:
    """The settings worth an axis: with several values among ``rows``, not only mattering here and not there."""
    columns = differences([row.run.config for row in rows])
    return [(name, column) for name, column in columns.items() if len(set(column) - {None}) > 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """Where values lie between 0 and 1, and what is written beside them."""

    name: str
    places: list[float | None]
    ticks: list[tuple[float, str]]
    low: float = 0.0
    """What its foot stands for, so that a range that was picked out stays where it is when the axis grows."""
    high: float = 1.0

    def text(self, value: Value | None) -> str:
        """A value of this axis in words."""
        if value is None:
            return "–"
        if self.name in METRICS:
            return _number(float(value), share=METRICS[self.name].share)
        return shown(self.name, value)


def _axis(name: str, column: Sequence[Value | None]) -> _Axis:
    known = [value for value in column if value is not None]
    if any(isinstance(value, str) for value in known) or len(set(known)) <= _FEW:
        order = sorted(set(known), key=lambda value: (isinstance(value, str), value))
        height = {value: (place / (len(order) - 1) if len(order) > 1 else 0.5) for place, value in enumerate(order)}
        return _Axis(
            name=name,
            places=[None if value is None else height[value] for value in column],
            ticks=[(height[value], rounded(name, value)) for value in order[:8]],
        )
    numbers = [None if value is None else float(value) for value in column]
    positive = min(number for number in numbers if number is not None) > 0
    return _scaled(name, numbers, logarithmic=KNOBS[name].logarithmic and positive)


def _metric_axis(name: str, column: Sequence[Value | None]) -> _Axis:
    numbers = [None if value is None else float(value) for value in column]
    logarithmic = METRICS[name].logarithmic and all(number is None or number > 0 for number in numbers)
    return _scaled(name, numbers, logarithmic=logarithmic, share=METRICS[name].share)


def _scaled(name: str, numbers: Sequence[float | None], *, logarithmic: bool, share: bool = False) -> _Axis:
    known = [number for number in numbers if number is not None]
    if not known:
        return _Axis(name=name, places=[None] * len(numbers), ticks=[])
    scale = math.log10 if logarithmic else float
    low, high = scale(min(known)), scale(max(known))
    if high == low:
        places = [None if number is None else 0.5 for number in numbers]
        return _Axis(name=name, places=places, ticks=[(0.5, _number(known[0], share=share))])
    return _Axis(
        name=name,
        places=[None if number is None else (scale(number) - low) / (high - low) for number in numbers],
        ticks=[
            (place, _number(10**value if logarithmic else value, share=share))
            for place, value in ((0.0, low), (0.5, (low + high) / 2), (1.0, high))
        ],
        low=low,
        high=high,
    )


def _number(value: float, *, share: bool) -> str:
    return f"{value:.2%}" if share else f"{value:.3g}" if abs(value) < 10_000 else f"{value:,.0f}"


def _ranks(values: Sequence[Value | None], *, smaller: bool) -> list[float | None]:
    """From 0, the worst, to 1, the best; None where nothing was measured."""
    known = sorted({float(value) for value in values if value is not None}, reverse=smaller)
    return [
        None if value is None else known.index(float(value)) / (len(known) - 1) if len(known) > 1 else 1.0
        for value in values
    ]
