"""A run's history as plain plotly figures: traces and layout, ready for :func:`ui.figure.figure`. Pure but for words."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from dlcore.runs.history import RunHistory
from ui.language import translate as _
from ui.palette import HIGHLIGHT, NEUTRAL, TEST, TRAIN, VALIDATION, faded
from ui.training.curves import smooth, thin

Figure = tuple[list[dict[str, Any]], dict[str, Any]]
Axis = Literal["step", "epoch", "time"]
"""What a curve is drawn against."""

_CROSS_HAIR = {
    "showspikes": True,
    "spikemode": "across",
    "spikesnap": "cursor",
    "spikethickness": 1,
    "spikedash": "dot",
}

_SMOOTHING_WINDOWS = 40
"""The smoothed loss remembers this fraction of a full run."""
_FEW_EPOCHS = 40
"""Up to this many, epochs get large markers."""
POWERS = {"type": "log", "dtick": 1, "tickformat": "~g"}
"""An axis of powers of ten, written as plain numbers as long as they are short."""
_FEW_UPDATES = 8
"""Up to this many, each has its tick: there is no half an update."""
_LABELS = 64
"""Pixels left of a chart, enough for its labels, so that two charts one below the other begin at the same place."""
_MARKS = 12
"""Most changes that are marked, the newest."""
_LABELLED = 4
"""Most marks that say what was changed, the newest."""
_LABEL_WIDTH = 0.22
"""Of the width of a chart: room for such a label, or for a guide's."""
_EXPLODED = 4.0
"""The scale of a linear loss ends at so many times the loss of the untrained network."""


def places(history: RunHistory, steps: Sequence[float], axis: Axis) -> list[float]:
    """Where updates stand on an axis of updates, of epochs, or of seconds of training."""
    if axis == "step" or not history.started:
        return list(steps)
    if axis == "epoch":
        return [step / history.started.steps_per_epoch for step in steps]
    known = [np.concatenate([[0.0], column]) for column in (history.steps.step, history.steps.seconds)]
    seconds: list[float] = np.interp(steps, *known).tolist()
    pace = known[1][-1] / known[0][-1] if known[0][-1] else 0.0
    ahead = [max(0.0, step - known[0][-1]) * pace for step in steps]  # as fast as so far
    return [round(second + more, 3) for second, more in zip(seconds, ahead, strict=True)]


def loss_figure(
    history: RunHistory,
    *,
    logarithmic: bool,
    revision: str,
    squared: bool = False,
    axis: Axis = "step",
    smoothing: float = 1.0,
) -> Figure:
    """The loss of each batch, smoothed, and of both sets after each epoch; ``squared`` where it is a squared error.

    ``smoothing`` is a factor on the usual memory of the smooth line; with 0 there is no such line.
    """
    steps = history.steps
    window = smoothing * history.total_steps / _SMOOTHING_WINDOWS
    batches = thin(steps.step, steps.loss)
    smoothed = smooth(steps.step, steps.loss, window)
    evaluated = places(history, [evaluation.step for evaluation in history.evaluations], axis)
    each_batch = faded(TRAIN, 0.28 if smoothing else 0.8)
    lines = [_line(places(history, batches[0], axis), batches[1], _("Training, each batch"), each_batch, width=1)]
    if smoothing:
        line = places(history, smoothed[0], axis), smoothed[1]
        lines.append(_line(*line, _("Training, smoothed"), TRAIN, width=2))
    traces = [
        *lines,
        _epochs(evaluated, [e.train_loss for e in history.evaluations], _("Training, each epoch"), TRAIN, "diamond"),
        _epochs(
            evaluated,
            [e.validation_loss for e in history.evaluations],
            _("Validation, each epoch"),
            VALIDATION,
            "circle",
        ),
    ]
    classes = len(history.started.class_names) if history.started else 10
    unit = _("Loss (squared error per image)") if squared else _("Loss (nats per image)")
    layout = step_layout(history, unit, revision, axis)
    layout["yaxis"] |= POWERS | {"minor": {"ticks": "inside"}} if logarithmic else {"rangemode": "tozero"}
    if not logarithmic and (highest := _highest_shown(history)):
        above_guide = 0 if squared else 1.15 * math.log(classes)  # room for its words
        layout["yaxis"] |= {"autorangeoptions": {"clipmax": highest, "include": above_guide}}
    if not squared:
        words = _("guessing: ln {classes}").format(classes=classes)
        layout["shapes"].append(guide(history, math.log(classes), words))
    layout["annotations"] = _labels(history, axis)
    return traces, layout


def beyond(history: RunHistory) -> bool:
    """Whether the linear scale of the loss ends below some of it: it has exploded."""
    highest = _highest_shown(history)
    return bool(highest) and max(history.steps.loss, default=0.0) > highest


def _highest_shown(history: RunHistory) -> float:
    """Where a linear scale of the loss ends, lest one huge value press all others flat; 0 as long as nothing is known."""
    untrained = history.evaluations[0].validation_loss if history.evaluations else 0.0
    return _EXPLODED * untrained if math.isfinite(untrained) else 0.0


def accuracy_figure(history: RunHistory, *, revision: str, axis: Axis = "step") -> Figure:
    """The accuracy on both sets after each epoch, and on the test set at the end."""
    evaluated = places(history, [evaluation.step for evaluation in history.evaluations], axis)
    training = [evaluation.train_accuracy for evaluation in history.evaluations]
    validation = [evaluation.validation_accuracy for evaluation in history.evaluations]
    traces = [
        _epochs(evaluated, training, _("Training, each epoch"), TRAIN, "diamond", share=True),
        _epochs(evaluated, validation, _("Validation, each epoch"), VALIDATION, "circle", share=True),
    ]
    if history.tested and history.latest:
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": places(history, [history.latest.step], axis),
                "y": [history.tested.accuracy],
                "name": _("Test, at the end"),
                "marker": {"symbol": "star", "size": 13, "color": TEST},
                "hovertemplate": "%{y:.2%}",
                "cliponaxis": False,
            }
        )
    classes = len(history.started.class_names) if history.started else 10
    layout = step_layout(history, _("Accuracy"), revision, axis)
    layout["yaxis"] |= {"tickformat": ".0%", "range": [0, 1.02]}
    layout["shapes"].append(guide(history, 1 / classes, _("guessing: 1 in {classes}").format(classes=classes)))
    return traces, layout


def _line(xs: Sequence[float], ys: Sequence[float], name: str, colour: str, *, width: float) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(xs),
        "y": list(ys),
        "name": name,
        "line": {"color": colour, "width": width},
        "hovertemplate": "%{y:.4f}",
    }


def _epochs(
    xs: Sequence[float], ys: Sequence[float], name: str, colour: str, symbol: str, *, share: bool = False
) -> dict[str, Any]:
    xs, ys = thin(xs, ys)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": xs,
        "y": ys,
        "name": name,
        "line": {"color": colour, "width": 1.5, "dash": "dot" if symbol == "diamond" else "solid"},
        "marker": {"symbol": symbol, "size": 7 if len(xs) <= _FEW_EPOCHS else 4},
        "cliponaxis": False,
        "hovertemplate": "%{y:.2%}" if share else "%{y:.4f}",
    }


def step_layout(history: RunHistory, title: str, revision: str, axis: Axis = "step") -> dict[str, Any]:
    """The layout of a chart against training: its axis, the marks of what was changed, the title of its values.

    A cross hair follows the pointer, and all curves tell their values there.
    """
    (end,) = places(history, [_horizon(history)], axis)
    per_epoch = history.started.steps_per_epoch if history.started else 0
    words = _("Updates ({count} an epoch)").format(count=per_epoch) if per_epoch else _("Updates")
    words = {"step": words, "epoch": _("Epochs"), "time": _("Seconds of training")}[axis]
    # A range given outright would undo the visitor's zoom whenever it changes, but without a point there is no other.
    empty = history.latest is None and not history.evaluations
    # Clipped, because room for markers would let charts one below the other begin at different places.
    extent: dict[str, Any] = {"autorangeoptions": {"include": [0, end], "clipmin": 0, "clipmax": end}}
    if empty:
        extent = {"range": [0, max(10, end)]}
    if end <= _FEW_UPDATES and axis == "step":
        extent["dtick"] = 1
    return {
        "xaxis": {"title": {"text": words}, "zeroline": False} | _CROSS_HAIR | extent,
        "yaxis": {"title": {"text": title}} | _CROSS_HAIR,
        "margin": {"l": _LABELS},
        "hovermode": "x unified",
        "showlegend": True,
        "uirevision": revision,
        "shapes": _marks(history, axis),
    }


def _marks(history: RunHistory, axis: Axis) -> list[dict[str, Any]]:
    """A line where a value was changed while the run went on."""
    line = {"color": HIGHLIGHT, "width": 1.5, "dash": "dash"}
    return [
        {"type": "line", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": line}
        for x in places(history, [steered.step for steered in history.changes[-_MARKS:]], axis)
    ]


def _labels(history: RunHistory, axis: Axis) -> list[dict[str, Any]]:
    """What was changed, beside the mark, on the side where there is room, each a line below the one before.

    All below the usual place of the guide, where a network begins.
    """
    labels: list[dict[str, Any]] = []
    row = 0
    for steered in history.changes[-_LABELLED:]:
        new = [
            words.format(value=value)
            for words, value in (
                (_("learning rate {value:g}"), steered.learning_rate),
                (_("weight decay {value:g}"), steered.weight_decay),
                (_("dropout {value:g}"), steered.dropout),
            )
            if value is not None
        ]
        late = steered.step > (1 - 1.5 * _LABEL_WIDTH) * _horizon(history)
        (x,) = places(history, [steered.step], axis)
        label = {"x": x, "xanchor": "right" if late else "left", "xshift": -3 if late else 3}
        label |= {"y": 0.84 - 0.08 * row, "yref": "paper", "yanchor": "top", "showarrow": False}
        label["align"] = "right" if late else "left"
        row += len(new)
        labels.append(label | {"text": "<br>".join(new), "font": {"size": 12, "color": HIGHLIGHT}})
    return labels


def _horizon(history: RunHistory) -> float:
    """Where the axis of updates ends: the whole run, or half of it, or a quarter, as long as the curve fits.

    So a young curve is no sliver at the left, and the axis still rests most of the time.
    """
    last = history.latest.step if history.latest else 0
    if history.ended is not None or not history.total_steps:
        return max(1, last)
    end = float(history.total_steps)
    while end / 2 > max(last, 10):
        end /= 2
    return end


def guide(history: RunHistory, level: float, words: str) -> dict[str, Any]:
    """A quiet line to compare with, such as where a network that only guesses would be; its words keep off the marks."""
    marks = [steered.step / _horizon(history) for steered in history.changes[-_MARKS:]]
    places = {"end": 1 - _LABEL_WIDTH / 2, "middle": 0.5, "start": _LABEL_WIDTH / 2}

    def room(name: str) -> float:
        return min(_LABEL_WIDTH, *(abs(mark - places[name]) for mark in marks), 1.0)

    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": level,
        "y1": level,
        "layer": "below",
        "line": {"color": NEUTRAL, "width": 1, "dash": "dot"},
        "label": {
            "text": words,
            "textposition": max(places, key=room),
            "yanchor": "bottom",
            "font": {"size": 12, "color": NEUTRAL},
        },
    }
