"""The player of a recorded training: links with weights, every neuron's surface, the answer, the loss; in the browser."""

import base64
import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dlcore.concepts.playground import GRID, SMALL_GRID, Recording, record
from dlcore.concepts.playground_experiment import EXTENT, FEATURES, Experiment
from ui import palette
from ui.concepts.numbers import plain
from ui.language import translate as _
from ui.packing import packed

_HERE = Path(__file__).resolve().parent
_BUTTONS = ("reverse", "back", "play", "forward", "again", "speed")
_HTML = f"""
<div class="player" role="group" tabindex="0">
  <div class="bar">
    {"".join(f'<button type="button" class="control{" main" if name == "play" else ""}" data-name="{name}"></button>' for name in _BUTTONS[:-1])}
    <button type="button" class="control" data-name="speed">1×</button>
    <input type="range" min="0" max="1" step="any" value="0">
    <div class="now"></div>
  </div>
  <div class="stage">
    <div>
      <div class="titles" aria-hidden="true"></div>
      <div class="network"><canvas role="img"></canvas></div>
      <div class="note"></div>
    </div>
    <div>
      <div class="plane"><h6></h6><canvas role="img"></canvas><div class="key"></div></div>
      <div class="loss"><h6></h6><canvas role="img"></canvas><div class="key"></div></div>
    </div>
  </div>
</div>
"""
_ACTIVATION_NAMES = {"tanh": "tanh", "relu": "ReLU", "leaky-relu": "leaky ReLU", "sigmoid": "σ", "identity": ""}


@cache
def _mount() -> Callable[..., Any]:
    css, js = ((_HERE / name).read_text(encoding="utf-8") for name in ("player.css", "player.js"))
    component: Callable[..., Any] = st.components.v2.component(
        "training_player", html=_HTML, css=css, js=js, isolate_styles=False
    )
    return component


@lru_cache(maxsize=64)
def recorded(experiment: Experiment) -> Recording:
    """The recording of an experiment, computed once for all visitors who look at it."""
    return record(experiment)


def _squeezed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 6)).decode()


@lru_cache(maxsize=64)
def payload(experiment: Experiment) -> Mapping[str, Any]:
    """The recording as the browser takes it: pictures as differences from frame to frame, compressed."""
    recording = recorded(experiment)
    frames = len(recording.frames)
    pictures = np.concatenate([recording.surfaces.reshape(frames, -1), recording.neurons.reshape(frames, -1)], axis=1)
    differences = pictures.copy()
    differences[1:] -= pictures[:-1]  # bytes wrap around, and wrap back in the browser
    points = recording.points
    return {
        "extent": EXTENT,
        "grid": GRID,
        "small": SMALL_GRID,
        "outputs": experiment.outputs,
        "regression": experiment.regression,
        "sizes": experiment.sizes,
        "frames": recording.frames,
        "frameBytes": pictures.shape[1],
        "pictures": _squeezed(differences.tobytes()),
        "weights": _squeezed(recording.parameters.astype("<f4").tobytes()),
        "features": base64.b64encode(recording.features.tobytes()).decode(),
        "scales": recording.scales,
        "trainLosses": [float(f"{loss:.6g}") for loss in recording.train_losses],
        "testLosses": [float(f"{loss:.6g}") for loss in recording.test_losses],
        "testAccuracies": [round(share, 4) for share in recording.test_accuracies],
        "points": [
            [
                round(float(x), 3),
                round(float(y), 3),
                round(float(target), 3) if experiment.regression else int(target),
                int(training),
            ]
            for (x, y), target, training in zip(points.places, points.targets, points.training, strict=True)
        ],
    }


def class_names(experiment: Experiment) -> list[str]:
    """What the colours of the points stand for, in the order of the marks of own points."""
    if experiment.regression:
        return [_("−1 and below"), _("+1 and above")]
    return [_("Class {index}").format(index=index) for index in range(max(experiment.outputs, 2))]


def _text(experiment: Experiment) -> dict[str, str]:
    return {
        "play": _("Play"),
        "pause": _("Pause"),
        "reverse": _("Play backwards"),
        "back": _("One frame back"),
        "forward": _("One frame on"),
        "again": _("Back to the start"),
        "speed": _("Speed"),
        "scrub": _("Move through the recorded training"),
        "epoch": _("Epoch"),
        "trainLoss": _("Loss, training points"),
        "testLoss": _("Loss, test points"),
        "testAccuracy": _("Test points right"),
        "loss": _("Loss by epoch"),
        "plane": _("What the network answers everywhere"),
        "neuronPlane": _("What this neuron says everywhere"),
        "pointsKey": _("outlined: test points") if experiment.regression else _("hollow: test points"),
        "features": _("Features"),
        "output": _("Output"),
        "layer": _("Layer {layer}"),
        "hint": _(
            "Point at a square, tap it or reach it by Tab: its sum is opened here, number by number. "
            "Keys: space plays, R plays backwards, ← and → go frame by frame."
        ),
        "featureNote": _("{name} is what the network is given. It does not change with training."),
        "neuronNote": _("Layer {layer}, neuron {neuron}"),
        "outputNote": _("Output"),
        "scaleNote": _("Full colour stands for {scale}."),
        "failure": _("The recording could not be unpacked. A newer browser can do it."),
    }


def described(experiment: Experiment) -> str:
    """The figure in words, for those who do not see it: network, data, and where the training led."""
    recording = recorded(experiment)
    layers = " → ".join(map(str, experiment.sizes))
    parts = [
        _("A network of {layers} neurons learns from {count} points, {epochs} epochs long.").format(
            layers=layers, count=int(recording.points.training.sum()), epochs=recording.epochs
        )
    ]
    if recording.test_accuracies:
        parts.append(
            _("Test points right: {first} at the start, {last} at the end.").format(
                first=f"{recording.test_accuracies[0]:.0%}", last=f"{recording.test_accuracies[-1]:.0%}"
            )
        )
    return " ".join(parts)


def _loss_in_words(experiment: Experiment) -> str:
    recording = recorded(experiment)
    if not recording.train_losses:
        return _("There is no loss yet: there are no points to learn from.")
    return _("Loss on the training points: {first} at the start, lowest {best}, {last} at the end.").format(
        first=plain(recording.train_losses[0], 3),
        best=plain(min(recording.train_losses), 3),
        last=plain(recording.train_losses[-1], 3),
    )


def player(
    experiment: Experiment,
    *,
    playing: bool,
    adding: int | None,
    veiled: bool,
    key: str,
    on_points: Callable[[], None],
) -> Any:
    """Show a recording.

    Args:
        experiment: what to show.
        playing: whether it starts by itself, once for each recording.
        adding: the mark of the points that can be drawn; ``None``: none can.
        veiled: whether what is still to come of the loss stays hidden.
        key: one per player on a page.
        on_points: called when the visitor has drawn; the points are in the session state under ``key``.
    """
    three = experiment.outputs > 1
    described_now = "" if veiled else described(experiment)
    shown = {
        "recording": payload(experiment),
        "version": hashlib.sha256(repr(experiment).encode()).hexdigest()[:16],
        "playing": playing,
        "veiled": veiled,
        "adding": adding,
        "activation": _ACTIVATION_NAMES[experiment.activation],
        "featureNames": [FEATURES[name] for name in experiment.features],
        "classNames": class_names(experiment),
        "colours": {
            "signs": [palette.NEGATIVE, palette.POSITIVE],
            "classes": list(palette.CLASSES[:3]) if three else [palette.NEGATIVE, palette.POSITIVE],
            "train": palette.TRAIN,
            "test": palette.TEST,
            "neutral": palette.NEUTRAL,
        },
        "text": _text(experiment),
        "description": described_now or _("The recorded training of a small network; press play."),
        "lossDescription": _("Loss by epoch") if veiled else _loss_in_words(experiment),
        "networkDescription": _("The network, {layers}: a square for each neuron, a line for each weight.").format(
            layers=" → ".join(map(str, experiment.sizes))
        ),
    }
    return _mount()(data=packed(shown), key=key, on_points_change=on_points)


def size_of(experiment: Experiment) -> int:
    """Bytes that a browser is sent for a recording; for the benchmark."""
    return len(json.dumps(payload(experiment)))
