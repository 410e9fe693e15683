"""What a run is doing, in words and small signs."""

import math
from collections.abc import Mapping

from dlcore.config import KNOBS, TrainConfig
from dlcore.data import DATASETS
from dlcore.messages import N_, UserError
from dlcore.models import MODELS
from dlcore.runs.control import VALUES
from dlcore.runs.history import RunHistory
from dlcore.runs.status import Status
from dlcore.training.events import Preparing
from dlcore.training.metrics import accuracy_interval
from ui.language import translate as _
from ui.shell import in_markdown, plain_text

COLOURS: Mapping[Status, str] = {
    "queued": "gray",
    "starting": "gray",
    "running": "blue",
    "paused": "violet",
    "stopping": "orange",
    "completed": "green",
    "stopped": "gray",
    "diverged": "red",
    "failed": "red",
    "interrupted": "orange",
}
"""The colour of a status, by Streamlit's names."""

ICONS: Mapping[Status, str] = {
    "queued": ":material/schedule:",
    "starting": ":material/hourglass_top:",
    "running": ":material/play_circle:",
    "paused": ":material/pause_circle:",
    "stopping": ":material/pending:",
    "completed": ":material/check_circle:",
    "stopped": ":material/stop_circle:",
    "diverged": ":material/trending_up:",
    "failed": ":material/error:",
    "interrupted": ":material/power_off:",
}

_EXPLANATIONS: Mapping[Status, str] = {
    "starting": N_("A process of its own is starting; closing this page does not stop it."),
    "running": N_("The network is learning. You can close this page and come back by its link."),
    "paused": N_(
        "It waits for you, and its clock stands still. If others wait for its place, it is stopped after five minutes; everything is kept."
    ),
    "stopping": N_("Finishing the current step, then testing what was learned."),
    "completed": N_("All epochs are done. On images it had never seen, the network got {accuracy:.2%} right."),
    "stopped": N_(
        "Stopped in epoch {epoch}. What it learned until then is kept, and gets {accuracy:.2%} of the test images right."
    ),
    "diverged": N_("The loss ran away: the updates were too large."),
    "failed": N_("The run ended with an error."),
    "interrupted": N_("The process ended without a word, as in a restart. Its curves are kept."),
}
_ON_TEST_IMAGES = N_("On images it had never seen, the network got {accuracy:.2%} right.")
_UNTESTED = N_("The run is over. It was not tested.")
_GUESSES = N_(
    "All epochs are done, but the network only guesses: it got {accuracy:.2%} right. Its learning rate may be too high, or too low for so few updates."
)
_MEGABYTE = 1e6


def title(config: TrainConfig) -> str:
    """An experiment in a few words."""
    dataset = _(DATASETS[config.dataset].title)
    if config.classes:
        count = config.classes.count(",") + 1
        dataset = _("{count} classes of {dataset}").format(count=count, dataset=dataset)
    return _("{model} on {dataset}").format(model=_(MODELS[config.model].title), dataset=dataset)


def explanation(status: Status, history: RunHistory) -> str:
    """The status in a sentence, as Markdown; for a run that waits see :func:`in_line`."""
    template = _EXPLANATIONS[status]
    if "{accuracy" in template and history.tested is None:
        template = _UNTESTED
    elif status == "completed" and _only_guesses(history):
        template = _GUESSES
    elif status in ("completed", "stopped") and history.ended is not None and history.ended.message:
        accuracy = history.tested.accuracy if history.tested else 0
        early = in_markdown(UserError(history.ended.message, **history.ended.values))
        return f"{early} " + _(_ON_TEST_IMAGES).format(accuracy=accuracy)
    elif status in {"stopped", "diverged"} and history.ended is not None and history.ended.message:
        return in_markdown(UserError(history.ended.message, **history.ended.values))
    return _(template).format(
        epoch=history.latest.epoch if history.latest else 0,
        accuracy=history.tested.accuracy if history.tested else 0,
    )


def in_force(history: RunHistory, config: TrainConfig) -> dict[str, float]:
    """The values that may change while a run goes on, as they are now."""
    now = {name: float(getattr(config, name)) for name in VALUES}
    for steered in history.changes:
        now |= {name: value for name in VALUES if (value := getattr(steered, name)) is not None}
    return now


def changes(history: RunHistory, config: TrainConfig) -> list[str]:
    """What was changed while the run went on, a line each."""
    now = {name: float(getattr(config, name)) for name in VALUES}
    lines = []
    for steered in history.changes:
        parts = []
        for name in VALUES:
            if (value := getattr(steered, name)) is not None:
                title = _(KNOBS[name].title)
                parts.append(_("{title} {before:g} → {after:g}").format(title=title, before=now[name], after=value))
                now[name] = value
        lines.append(_("After update {step:,}: {what}").format(step=steered.step, what=_(", ").join(parts)))
    return lines


def _only_guesses(history: RunHistory) -> bool:
    """Whether the test cannot tell the network from one that draws lots."""
    tested = history.tested
    return tested is not None and accuracy_interval(tested.correct, tested.count)[0] <= 1 / len(tested.confusion)


def refusal(error: UserError) -> UserError:
    """A refused setting, named as the form names it."""
    name = error.values.get("name")
    return UserError(error.template, **error.values | {"name": KNOBS[name].title}) if name in KNOBS else error


def in_line(place: int) -> str:
    """What a run waits for, as the ``place``-th to begin."""
    if place <= 1:
        return _("It begins as soon as a place is free. You can close this page and come back by its link.")
    return _(
        "Number {place} in the line; visitors take turns. You can close this page and come back by its link."
    ).format(place=place)


def duration(seconds: float) -> str:
    """A time span as a person says it, rounded up to whole seconds or minutes."""
    if seconds < 90:
        return _("{count} s").format(count=math.ceil(seconds))
    minutes = math.ceil(seconds / 60)
    if minutes < 90:
        return _("{count} min").format(count=minutes)
    return _("{hours} h {minutes} min").format(hours=minutes // 60, minutes=minutes % 60)


def progress(history: RunHistory, *, going: bool, paused: bool = False) -> str:
    """Epoch, update, speed, and time left if it is ``going``; before the first update, what is being prepared."""
    latest, started = history.latest, history.started
    if latest is None and not going:
        return _("It ended before the first update.")
    if started is None:
        return _preparation(history.preparing)
    if latest is None:
        return _("The first update is near.")
    parts = [
        _("Epoch {epoch} of {epochs}").format(epoch=latest.epoch, epochs=started.epochs),
        _("update {step:,} of {steps:,}").format(step=latest.step, steps=history.total_steps),
    ]
    if speed := history.images_per_second:
        parts.append(_("{speed:,.0f} images/s").format(speed=speed))
    if not going:
        parts.append(_("{time} of training").format(time=duration(latest.seconds)))
    elif history.ended is None and (left := history.seconds_left) is not None:  # one that is resumed had ended
        template = _("about {time} left once it goes on") if paused else _("about {time} left")
        parts.append(template.format(time=duration(left)))
    return " · ".join(parts)


def loss_in_words(history: RunHistory) -> str:
    """The loss chart for those who do not see it."""
    if not history.evaluations:
        return _("Loss against updates; nothing was measured yet.")
    first, last = history.evaluations[0], history.evaluations[-1]
    return _(
        "Loss against updates. The validation loss went from {first:.3f} to {last:.3f}; the training loss is {train:.3f}."
    ).format(first=first.validation_loss, last=last.validation_loss, train=last.train_loss)


def accuracy_in_words(history: RunHistory) -> str:
    """The accuracy chart for those who do not see it."""
    if not history.evaluations:
        return _("Accuracy against updates; nothing was measured yet.")
    last = history.evaluations[-1]
    return _("Accuracy against updates. Now {validation:.1%} on validation and {train:.1%} on training images.").format(
        validation=last.validation_accuracy, train=last.train_accuracy
    )


def _preparation(preparing: Preparing | None) -> str:
    if preparing is None:
        return _("Loading PyTorch…")
    if preparing.stage == "verifying":
        return _("Checking that the files are whole…")
    if preparing.stage == "reading":
        return _("Reading the images…")
    if not preparing.bytes_total:
        return _("Downloading {file}").format(file=plain_text(preparing.file))
    return _("Downloading {file}: {done:.1f} of {total:.1f} MB").format(
        file=plain_text(preparing.file), done=preparing.bytes_done / _MEGABYTE, total=preparing.bytes_total / _MEGABYTE
    )
