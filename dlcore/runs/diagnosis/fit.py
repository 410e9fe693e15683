"""Rules about what was learned: too little, too much by heart, or from wrong labels."""

import math
from typing import Any

from dlcore.messages import N_
from dlcore.runs.diagnosis.finding import Finding
from dlcore.runs.diagnosis.numbers import Numbers

_NOISE_GAP, _NOISE_SIGMAS = 0.08, 4.0
_PATIENCE = 3


def noise(numbers: Numbers) -> Finding | None:
    """A network that does worse on what it learned from than on what it did not."""
    started = numbers.history.started
    if started is None or not numbers.epochs:
        return None
    widest = max(numbers.epochs, key=lambda e: e.validation_accuracy - e.train_accuracy)
    gap = widest.validation_accuracy - widest.train_accuracy
    looked_at = max(1, min(started.validation_count, started.train_count, 5000))
    middle = (widest.validation_accuracy + widest.train_accuracy) / 2
    error = math.sqrt(max(0.0, 2 * middle * (1 - middle)) / looked_at)
    if gap < _NOISE_GAP or gap < _NOISE_SIGMAS * error or widest.validation_accuracy < 3 * numbers.guess_accuracy:
        return None
    text = N_(
        "After epoch {epoch} the network named {validation:.0%} of the validation images correctly, but agreed with the"
        " labels of only {train:.0%} of the training images. Usually a network does better on the images that it learned"
        " from. That it does worse suggests that about {share:.0%} of the training labels are wrong."
    )
    values = {"epoch": widest.epoch, "validation": widest.validation_accuracy, "train": widest.train_accuracy}
    values |= {"share": 1 - widest.train_accuracy / widest.validation_accuracy}
    config = numbers.config
    change: dict[str, Any] = {"label_noise": 0.0}
    if not config.label_noise:
        change = {"label_smoothing": 0.1} if not config.label_smoothing else {"early_stopping": 3}
    return Finding(kind="label-noise", text=text, values=values, change=change, epoch=widest.epoch)


def over_fitting(numbers: Numbers) -> Finding | None:
    """By a validation loss that has turned, or by a gap that chance does not explain."""
    epochs, started = numbers.epochs, numbers.history.started
    if len(epochs) < 3 or started is None or numbers.begins_far_off or numbers.is_stuck:
        return None
    best = min(epochs, key=lambda e: e.validation_loss)
    last = epochs[-1]
    now = (last.validation_loss + epochs[-2].validation_loss) / 2
    turned = (
        last.epoch - best.epoch >= 2
        and now > 1.1 * best.validation_loss + 0.02 * numbers.guess_loss
        and last.train_loss < best.train_loss
    )
    variance = max(1e-9, last.validation_accuracy * (1 - last.validation_accuracy))
    error = math.sqrt(variance / max(1, started.validation_count))
    gap = last.train_accuracy - last.validation_accuracy
    apart = gap > 0.05 and gap > _NOISE_SIGMAS * error and last.train_accuracy > 0.9
    values: dict[str, Any] = {"train": last.train_accuracy, "validation": last.validation_accuracy}
    if turned:
        text = N_(
            "Since epoch {epoch} the validation loss rises, from {best:.3f} to {now:.3f}, while the training loss went on"
            " down, from {train_then:.3f} to {train_now:.3f}: the network learns its training images by heart (it gets"
            " {train:.0%} of them right, and {validation:.0%} of the others)."
        )
        values |= {"epoch": best.epoch, "best": best.validation_loss, "now": now}
        values |= {"train_then": best.train_loss, "train_now": last.train_loss}
    elif apart:
        text = N_(
            "The network gets {train:.1%} of its training images right and {validation:.1%} of those it has not learned"
            " from: a gap of {gap:.1%}, more than chance explains with {count:,} validation images."
        )
        values |= {"gap": gap, "count": started.validation_count}
    else:
        return None
    return Finding(
        kind="over-fitting",
        text=text,
        values=values,
        change=_against_over_fitting(numbers),
        epoch=best.epoch if turned else None,
    )


def _against_over_fitting(numbers: Numbers) -> dict[str, Any]:
    config = numbers.config
    if config.train_fraction < 1:
        return {"train_fraction": min(1.0, float(f"{4 * config.train_fraction:.2g}"))}
    if config.augmentation == "none":
        return {"augmentation": "light"}
    if numbers.may_set("dropout") and config.dropout < 0.5 and config.model != "linear":
        return {"dropout": 0.5}
    return {"early_stopping": 3} if not config.early_stopping else {"weight_decay": 0.01}


def under_fitting(numbers: Numbers) -> Finding | None:
    """A network that does not even get its training images right."""
    if not numbers.epochs or numbers.last.train_accuracy >= 0.95:
        return None
    last, ended = numbers.last, numbers.history.ended
    values: dict[str, Any] = {"train": last.train_accuracy, "validation": last.validation_accuracy}
    values |= {"loss": last.train_loss, "epochs": len(numbers.epochs)}
    if last.train_accuracy - last.validation_accuracy > 0.05:
        return None
    if numbers.is_flat(_PATIENCE):
        text = N_(
            "After epoch {epochs} the network gets only {train:.0%} of the images right that it learned from (validation:"
            " {validation:.0%}), and its training loss, {loss:.3f}, hardly falls any more. It is held back, or too small"
            " for these images."
        )
        return Finding(kind="under-fitting", text=text, values=values, change=_against_under_fitting(numbers))
    if ended is not None and ended.reason == "completed" and last.train_accuracy < 0.9:
        text = N_(
            "Training ended while the network was still learning: {train:.0%} of the training and {validation:.0%} of the"
            " validation images after epoch {epochs}, and the loss was still falling (to {loss:.3f})."
        )
        more = min(200, 3 * numbers.config.epochs)
        change = {"epochs": more} if more > numbers.config.epochs else {}
        return Finding(kind="under-fitting", text=text, values=values, change=change)
    return None


def _against_under_fitting(numbers: Numbers) -> dict[str, Any]:
    """Whatever holds the network back goes first; then it may grow."""
    config = numbers.config
    for name, much, less in (("l1", 1e-4, 0.0), ("weight_decay", 0.1, 0.0), ("dropout", 0.4, 0.1)):
        if getattr(config, name) >= much and numbers.may_set(name) and (name != "dropout" or config.model != "linear"):
            return {name: less}
    if config.augmentation == "strong":
        return {"augmentation": "light"}
    if numbers.may_set("width") and config.width < 512:
        return {"width": max(64, min(512, 4 * config.width))}
    if config.model in ("linear", "mlp"):
        return {"model": "compact-cnn"}
    return {"epochs": min(200, 2 * config.epochs)} if config.epochs < 200 else {}


def plateau(numbers: Numbers) -> Finding | None:
    """A training loss that has stopped falling, at a rate that does not fall."""
    window = max(_PATIENCE, len(numbers.epochs) // 4)
    if not numbers.epochs or numbers.is_stuck or not numbers.is_flat(window) or numbers.last.train_accuracy >= 0.97:
        return None
    if numbers.config.schedule not in ("constant", "step"):
        return None
    text = N_(
        "For {window} epochs the training loss has not fallen by a twentieth: the least was {before:.3f} before and"
        " {now:.3f} since, at a learning rate of {rate:g}. A rate that falls lets it settle."
    )
    values = {"window": window, "rate": numbers.learning_rate}
    values |= {"before": min(numbers.train_losses[:-window]), "now": min(numbers.train_losses[-window:])}
    return Finding(kind="plateau", text=text, values=values, change={"schedule": "cosine"})
