"""Loss and accuracy: as curves that move in place, as words, as a table, and as sound."""

import io
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dlcore.config import TrainConfig
from dlcore.runs.history import RunHistory
from dlcore.training.events import Evaluated
from ui.figure import Keep, prepared
from ui.language import current
from ui.language import translate as _
from ui.training import readings, words
from ui.training.curves import smooth
from ui.training.figures import Axis, accuracy_figure, beyond, loss_figure
from ui.training.moving import Moving
from ui.training.readings import explained

SMOOTHING = {"none": 0.0, "little": 0.25, "usual": 1.0, "much": 4.0}
"""Factors on the memory of the smooth curve."""
SOUND_SECONDS = 4.0
_RATE = 16_000
"""Samples a second."""
_LOW_HERTZ, _HIGH_HERTZ = 180.0, 1080.0
_MOST_ROWS = 40


@dataclass(frozen=True, slots=True)
class View:
    """How the visitor wants to see curves."""

    axis: Axis
    logarithmic: bool
    smoothing: str


def curves(
    history: Callable[[], RunHistory],
    config: TrainConfig,
    *,
    revision: str,
    kept: Keep,
    moving: Moving,
) -> View:
    """Loss and accuracy, one below the other. Zoom is kept as long as ``revision`` stays."""
    view = _view()
    revision = f"{revision} {view.axis}"
    loss = prepared(
        lambda: loss_figure(
            history(),
            logarithmic=view.logarithmic,
            revision=f"{revision} {view.logarithmic}",
            squared=config.loss == "mse",
            axis=view.axis,
            smoothing=SMOOTHING[view.smoothing],
        ),
        key="train.loss_curve",
        height=330,
        description=lambda: words.loss_in_words(history()),
    )
    accuracy = prepared(
        lambda: accuracy_figure(history(), revision=revision, axis=view.axis),
        key="train.accuracy_curve",
        height=270,
        description=lambda: words.accuracy_in_words(history()),
    )
    explained(_("**Loss**: how wrong, smaller is better"), "loss", lambda: readings.loss(history()))
    moving.figure(lambda: kept(("loss", view, current()), loss))
    if not view.logarithmic and beyond(history()):
        st.caption(_("The loss leaves the chart at the top; the logarithmic scale shows all of it."))
    explained(_("**Accuracy**: the share of images named correctly"), "accuracy", lambda: readings.accuracy(history()))
    moving.figure(lambda: kept(("accuracy", view.axis, current()), accuracy))
    return view


def _view() -> View:
    """The controls above the curves."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        axis = st.segmented_control(
            _("Against"),
            ["step", "epoch", "time"],
            key="train.axis",
            default="step",
            required=True,
            format_func=lambda name: {"step": _("Updates"), "epoch": _("Epochs"), "time": _("Time")}[name],
            label_visibility="collapsed",
            width="content",
        )
        scale = st.segmented_control(
            _("Scale of the loss"),
            ["linear", "log"],
            key="train.scale",
            default="linear",
            required=True,
            format_func=lambda name: {"linear": _("Linear"), "log": _("Logarithmic")}[name],
            label_visibility="collapsed",
            width="content",
        )
        with st.popover(_("Smoothing"), icon=":material/blur_on:", type="tertiary"):
            smoothing = st.segmented_control(
                _("Smoothing of the loss of each batch"),
                list(SMOOTHING),
                key="train.smoothing",
                default="usual",
                required=True,
                format_func=lambda name: {
                    "none": _("None"),
                    "little": _("A little"),
                    "usual": _("Usual"),
                    "much": _("Much"),
                }[name],
                width="content",
            )
    return View(axis=axis, logarithmic=scale == "log", smoothing=smoothing)


def told(history: RunHistory, findings: Sequence[str]) -> None:
    """The curves for those who do not see them: in words, as a table, and as sound. Made when the fold is open."""
    fold = st.expander(
        _("The curves in words, as a table, and as sound"),
        icon=":material/hearing:",
        key="train.told",
        on_change="rerun",
    )
    if not fold.open:
        return
    with fold:
        lines = [words.loss_in_words(history), words.accuracy_in_words(history), *findings]
        st.markdown("\n\n".join(lines))
        if len(history.evaluations) < 2:
            return
        st.markdown(
            _("**As sound**: training at the left, validation at the right; a loss that falls is a tone that falls.")
        )
        st.audio(sound(history), format="audio/wav")
        st.markdown(_table(history.evaluations))


def _table(evaluations: Sequence[Evaluated]) -> str:
    every = -(-len(evaluations) // _MOST_ROWS)
    shown = [one for one in evaluations if one is evaluations[-1] or one.epoch % every == 0]
    head = [_("Epoch"), _("Training loss"), _("Validation loss"), _("Training accuracy"), _("Validation accuracy")]
    rows = [
        [
            str(one.epoch),
            f"{one.train_loss:.4f}",
            f"{one.validation_loss:.4f}",
            f"{one.train_accuracy:.2%}",
            f"{one.validation_accuracy:.2%}",
        ]
        for one in shown
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["--:"] * len(head), *rows))


def sound(history: RunHistory) -> bytes:
    """The loss as sound, a WAV file of :data:`SOUND_SECONDS`, two channels of 16 bit.

    At the left the smoothed loss of training, at the right the validation loss of each epoch; the pitch follows the
    logarithm of the loss on one scale for both, time is updates.
    """
    steps = history.steps
    trained = smooth(steps.step, steps.loss, history.total_steps / 40)
    judged = [one.step for one in history.evaluations], [one.validation_loss for one in history.evaluations]
    end = max([*trained[0], *judged[0], 1])
    times = np.linspace(0, end, int(SOUND_SECONDS * _RATE))
    channels = [np.interp(times, *known) if known[0] else np.ones_like(times) for known in (trained, judged)]
    logs = [np.log(np.clip(np.nan_to_num(channel, nan=1e3, posinf=1e3), 1e-6, 1e3)) for channel in channels]
    low, high = min(float(one.min()) for one in logs), max(float(one.max()) for one in logs)
    span = high - low or 1.0
    tones = [_tone((one - low) / span, loudness) for one, loudness in zip(logs, (0.5, 0.4), strict=True)]
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(_RATE)
        writer.writeframes((np.stack(tones, axis=1) * 32_767).astype("<i2").tobytes())
    return file.getvalue()


def _tone(heights: NDArray[np.float64], loudness: float) -> NDArray[np.float64]:
    """A tone whose pitch follows ``heights`` in [0, 1], with soft ends; equal steps are equal intervals."""
    hertz = _LOW_HERTZ * (_HIGH_HERTZ / _LOW_HERTZ) ** heights
    wave_form = np.sin(2 * np.pi * np.cumsum(hertz) / _RATE)
    ramp = np.minimum(1, np.arange(len(heights)) / (0.05 * _RATE))
    tone: NDArray[np.float64] = loudness * wave_form * ramp * ramp[::-1]
    return tone
