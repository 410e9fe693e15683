"""The curves of runs laid over each other, and of repeats their mean and band."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import numpy as np

from dlcore.messages import N_
from dlcore.runs.directory import Run, open_directory
from dlcore.runs.history import RunHistory
from dlcore.runs.overview import Overview
from dlcore.runs.significance import mean_interval
from ui.language import translate as _
from ui.palette import CLASSES, faded
from ui.training.curves import smooth
from ui.training.figures import POWERS, Figure

MOST_DRAWN = 12
"""Runs whose curves are laid over each other; more cannot be told apart."""
_BATCHES_SHOWN = 40
"""The smoothed loss of the batches remembers this fraction of a run."""
_DASHES = ("solid", "dot")

CURVES: Mapping[str, str] = {
    "validation_accuracy": N_("Validation accuracy"),
    "validation_loss": N_("Validation loss"),
    "train_accuracy": N_("Training accuracy"),
    "train_loss": N_("Training loss"),
    "loss": N_("Loss of each batch, smoothed"),
}
AXES: Mapping[str, str] = {"epoch": N_("Epoch"), "step": N_("Update"), "seconds": N_("Training time (s)")}


class Point(NamedTuple):
    """One place on a curve."""

    epoch: float
    step: float
    seconds: float
    value: float


@dataclass(frozen=True, slots=True)
class Line:
    """A curve, or the mean of several with its band."""

    name: str
    points: list[Point]
    low: list[float] | None = None
    high: list[float] | None = None


def points_of(run: Run, curve: str) -> list[Point]:
    """A curve of ``run``, short enough to be drawn beside others."""
    try:
        about = run.events_path.stat()
    except FileNotFoundError:
        return []
    return _read(str(run.path), about.st_size, about.st_mtime_ns)[curve]


@lru_cache(maxsize=128)
def _read(folder: str, size: int, modified: int) -> Mapping[str, list[Point]]:  # noqa: ARG001  # a log that grows is read again
    history = RunHistory()
    history.append(open_directory(Path(folder)).metrics())
    curves = {
        name: [
            Point(evaluated.epoch, evaluated.step, evaluated.seconds, getattr(evaluated, name))
            for evaluated in history.evaluations
        ]
        for name in CURVES
        if name != "loss"
    }
    steps = history.steps
    places, losses = smooth(list(range(len(steps))), steps.loss, len(steps) / _BATCHES_SHOWN)
    per_epoch = history.started.steps_per_epoch if history.started else 1
    curves["loss"] = [
        Point(steps.step[int(place)] / per_epoch, steps.step[int(place)], steps.seconds[int(place)], loss)
        for place, loss in zip(places, losses, strict=True)
    ]
    return curves


def lines_of(groups: Sequence[Sequence[Overview]], names: Sequence[str], curve: str) -> list[Line]:
    """A line for each group: the curve of its only run, or the mean of its runs with the 95 % band of that mean.

    The mean goes as far as all runs of the group do.
    """
    lines = []
    for group, name in zip(groups, names, strict=True):
        curves = [points for row in group if (points := points_of(row.run, curve))]
        if len(curves) < 2:
            lines.append(Line(name, curves[0] if curves else []))
            continue
        together = _joined(curves)
        points = [Point(*(mean(column) for column in zip(*place, strict=True))) for place in together]
        bands = [mean_interval([point.value for point in place]) for place in together]
        low, high = [band[0] for band in bands], [band[1] for band in bands]
        if curve.endswith("accuracy"):  # Student knows no bounds, a share has two
            low, high = [max(0.0, value) for value in low], [min(1.0, value) for value in high]
        lines.append(Line(_("{name}: mean of {count}").format(name=name, count=len(curves)), points, low, high))
    return lines


def _joined(curves: Sequence[Sequence[Point]]) -> list[tuple[Point, ...]]:
    """The curves at the same updates: where the first has a point, as far as all go, the others straight between theirs.

    They differ in their seed alone, so epochs coincide; the loss of batches was thinned, in each by its own length, and
    lacks what was no number.
    """
    first, last = max(curve[0].step for curve in curves), min(curve[-1].step for curve in curves)
    places = [point.step for point in curves[0] if first <= point.step <= last]
    columns = []
    for curve in curves:
        steps = [point.step for point in curve]
        told = [np.interp(places, steps, column).tolist() for column in zip(*curve, strict=True)]
        columns.append([Point(*values) for values in zip(*told, strict=True)])
    return list(zip(*columns, strict=True))


def curves_figure(lines: Sequence[Line], *, curve: str, axis: str, logarithmic: bool, revision: str) -> Figure:
    """The lines over each other; a band is filled, as pale as its line is strong."""
    traces: list[dict[str, Any]] = []
    for place, line in enumerate(lines):
        colour = CLASSES[place % len(CLASSES)]
        dash = _DASHES[place // len(CLASSES) % len(_DASHES)]
        x = [getattr(point, axis) for point in line.points]
        if line.low is not None and line.high is not None:
            traces.append(
                {
                    "type": "scatter",
                    "x": [*x, *reversed(x)],
                    "y": [*_plain(line.high), *reversed(_plain(line.low))],
                    "fill": "toself",
                    "fillcolor": faded(colour, 0.16),
                    "line": {"width": 0},
                    "hoverinfo": "skip",
                    "showlegend": False,
                    "legendgroup": line.name,
                    "mode": "lines",
                }
            )
        share = curve.endswith("accuracy")
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if len(x) <= 40 else "lines",
                "name": line.name,
                "legendgroup": line.name,
                "x": x,
                "y": _plain([point.value for point in line.points]),
                "line": {"color": colour, "width": 2, "dash": dash},
                "marker": {"size": 5},
                "cliponaxis": not share,
                "hovertemplate": ("%{y:.2%}" if share else "%{y:.4f}") + "<extra>%{fullData.name}</extra>",
            }
        )
    y_axis: dict[str, Any] = {"title": {"text": _(CURVES[curve])}}
    if curve.endswith("accuracy"):
        y_axis["tickformat"] = ".0%" if _spread(lines) > 0.05 else ".1%"
        y_axis["autorangeoptions"] = {"clipmin": 0, "clipmax": 1}
    if logarithmic and not curve.endswith("accuracy"):
        y_axis |= POWERS
    last = max((getattr(line.points[-1], axis) for line in lines if line.points), default=0)
    ticks = {"dtick": 1} if axis == "epoch" and last <= 12 else {}  # there is no half an epoch
    layout = {
        "xaxis": {"title": {"text": _(AXES[axis])}, "rangemode": "tozero"} | ticks,
        "yaxis": y_axis,
        "hovermode": "x unified" if len(lines) <= 6 else "closest",
        "uirevision": revision,
        "showlegend": True,
        "legend": {"tracegroupgap": 0, "font": {"size": 11 if len(lines) > 6 else 13}},  # a phone has a row for each
    }
    return traces, layout


def _spread(lines: Sequence[Line]) -> float:
    values = [point.value for line in lines for point in line.points]
    return max(values) - min(values) if values else 0.0


def _plain(values: Sequence[float]) -> list[float | None]:
    """As JSON can say them: what is no number is a gap."""
    return [float(f"{value:.6g}") if abs(value) < 1e30 else None for value in values]
