"""Rules about updates: too large, too small, or without effect."""

import math
from typing import Any

import numpy as np

from dlcore.config import KNOBS
from dlcore.messages import N_
from dlcore.runs.diagnosis.finding import Finding
from dlcore.runs.diagnosis.numbers import BLOWN, Numbers, Raised

USUAL_RATIO = 0.001
"""Of an update to the weights; Karpathy, "CS231n: Neural Networks Part 3"."""
_HIGH_RATIO = 0.015
_LOW_RATIO = 4e-4
_NOTHING = 1e-8
"""An update below this is lost in the rounding of single precision."""
_LONG_GRADIENT = 100.0
_FADED = 0.01
"""A gradient that is so much smaller in a layer than in the last one hardly reaches it."""
_MOSTLY_DEAD = 0.9


def exploding(numbers: Numbers) -> Finding | None:
    """Gradients that are far too long, from the start or now and then."""
    config = numbers.config
    gentler: dict[str, Any] = {"gradient_clipping": 1.0} if not config.gradient_clipping else numbers.slower(3)
    if numbers.begins_far_off:
        change = {"initialisation": "default"} if config.initialisation == "large" else gentler
        median = float(np.median(numbers.norms)) if len(numbers.norms) else math.nan
        text = N_(
            "Before its first update the network had a loss of {loss:.3g}, where guessing costs {guess:.2g}: its weights"
            " begin far too large, and so do its gradients (their usual length is {norm:.3g})."
        )
        values = {"loss": numbers.untrained_loss, "guess": numbers.guess_loss, "norm": median}
        return Finding(kind="exploding-gradient", text=text, values=values, change=change, epoch=0)
    norms = numbers.norms
    long = int((norms > _LONG_GRADIENT).sum()) if len(norms) else 0
    poor = numbers.diverged or (bool(numbers.epochs) and numbers.last.train_accuracy < 0.9)
    if numbers.raised is not None or not (poor and long >= max(2, 0.01 * len(norms))):
        return None
    text = N_(
        "The gradient was longer than {limit:g} in {count:,} of {all:,} updates, at most {norm:.3g}; its usual length in"
        " this run is {median:.3g}. Each such update throws away what the others learned."
    )
    values = {"limit": _LONG_GRADIENT, "count": long, "all": len(norms)}
    values |= {"norm": float(norms.max()), "median": float(np.median(norms))}
    return Finding(kind="exploding-gradient", text=text, values=values, change=gentler)


def vanishing(numbers: Numbers) -> Finding | None:
    """Gradients that fade, or are zero, on their way down."""
    layers, config = numbers.layer_gradients, numbers.config
    if not numbers.is_stuck or len(layers) < 2 or numbers.begins_far_off:
        return None
    (first, smallest), (last, largest) = min(layers[:-1], key=lambda layer: layer[1]), layers[-1]
    if config.initialisation == "zeros":
        text = N_(
            "All weights began at zero, so all units of a layer compute the same and get the same gradient: in the layer"
            " {first} it is exactly zero. After epoch {epochs} the loss is still {loss:.3f}, what guessing costs."
        )
        values = {"first": first, "epochs": len(numbers.epochs), "loss": numbers.last.train_loss}
        return Finding(kind="vanishing-gradient", text=text, values=values, change={"initialisation": "default"})
    if not 0 < smallest <= _FADED * largest:
        return None
    text = N_(
        "The gradient fades on its way down: a typical one is {largest:.1e} in the layer {last} and {smallest:.1e} in"
        " {first}, {times:,.0f} times smaller. The lower layers hardly learn, and the loss stays at {loss:.3f}."
    )
    values = {"largest": largest, "last": last, "smallest": smallest, "first": first}
    values |= {"times": largest / smallest, "loss": numbers.last.train_loss}
    change: dict[str, Any] = {}
    if numbers.may_set("activation") and config.activation in ("sigmoid", "tanh"):
        change = {"activation": "relu"}
    elif numbers.may_set("normalization") and config.normalization != "batch":
        change = {"normalization": "batch"}
    elif config.initialisation != "kaiming":
        change = {"initialisation": "kaiming"}
    return Finding(kind="vanishing-gradient", text=text, values=values, change=change)


def rate_too_high(numbers: Numbers) -> Finding | None:
    """Updates that overshoot: by the settings, or by what somebody changed while the run went on."""
    config = numbers.config
    held_back = config.l1 >= 0.001 or config.weight_decay >= 0.1
    if numbers.begins_far_off or held_back or config.initialisation == "zeros":
        return None  # another cause, which looks the same
    untrained = numbers.untrained_loss
    blown = numbers.highest_loss > BLOWN * max(untrained, numbers.guess_loss)
    ruined = (
        numbers.diverged or numbers.is_stuck or (blown and bool(numbers.epochs) and numbers.last.train_accuracy < 0.9)
    )
    if ruined and (raised := numbers.raised) is not None:
        return _steered_too_high(raised, diverged=numbers.diverged)
    if numbers.diverged:
        text = N_(
            "The loss of a batch rose to {highest:.3g} before training diverged; untrained it was {untrained:.3g}."
            " The learning rate was {rate:g}."
        )
        values = {"highest": numbers.highest_loss, "untrained": untrained, "rate": numbers.learning_rate}
        return Finding(kind="learning-rate-too-high", text=text, values=values, change=numbers.slower(10))
    if not numbers.epochs:
        return None
    return _overshooting(numbers, untrained, blown=blown)


def _overshooting(numbers: Numbers, untrained: float, *, blown: bool) -> Finding | None:
    """A run that goes on, but jumps around."""
    coarse = numbers.recent_ratio > _HIGH_RATIO
    stuck = numbers.is_stuck
    flat = len(numbers.epochs) >= 3 and numbers.last.train_accuracy < 0.95 and numbers.falls_by(2) < 0.1
    if blown and (stuck or (flat and coarse)):
        text = N_(
            "The loss of a batch rose to {highest:.3g}, {times:,.1f} times that of the untrained network, and after"
            " epoch {epochs} it gets {accuracy:.0%} of its training images right. At a learning rate of {rate:g} updates"
            " overshoot."
        )
        values = {"highest": numbers.highest_loss, "times": numbers.highest_loss / untrained}
        values |= {"epochs": len(numbers.epochs), "accuracy": numbers.last.train_accuracy}
        values |= {"rate": numbers.learning_rate}
        return Finding(kind="learning-rate-too-high", text=text, values=values, change=numbers.slower(10))
    if coarse and (flat or stuck) and len(numbers.epochs) >= 3:
        text = N_(
            "An update still moves the weights by {ratio:.1%} of their size, where 0.1% is usual, and the training loss no"
            " longer falls ({loss:.3f}): at a learning rate of {rate:g} it jumps around the minimum."
        )
        values = {"ratio": numbers.recent_ratio, "loss": numbers.last.train_loss, "rate": numbers.learning_rate}
        return Finding(kind="learning-rate-too-high", text=text, values=values, change=numbers.slower(5))
    return None


def _steered_too_high(raised: Raised, *, diverged: bool) -> Finding:
    """The rate was raised while the run went on, and what went well until then did not any more."""
    values: dict[str, Any] = {"step": raised.step, "before": raised.before, "after": raised.after}
    values |= {"usual": raised.usual_loss, "worst": raised.worst_loss}
    if raised.usual_loss is None:
        text = N_(
            "The learning rate was raised from {before:g} to {after:g} before the first update, and the loss of a batch rose"
            " to {worst:.3g}: at that rate updates overshoot. The settings themselves were not tried."
        )
    elif diverged:
        text = N_(
            "Until update {step:,} a batch usually cost {usual:.3g}. Then the learning rate was raised from {before:g} to"
            " {after:g}, and the loss rose to {worst:.3g} before training diverged: the raise is to blame, not the"
            " settings."
        )
    else:
        text = N_(
            "Until update {step:,} a batch usually cost {usual:.3g}. Then the learning rate was raised from {before:g} to"
            " {after:g}, and the loss of a batch rose to {worst:.3g}: the raise is to blame, not the settings."
        )
    return Finding(kind="learning-rate-too-high", text=text, values=values, unsteered=True)


def rate_too_low(numbers: Numbers) -> Finding | None:
    """Updates that hardly move the weights."""
    if not numbers.epochs or not len(numbers.ratios) or numbers.begins_far_off or numbers.diverged:
        return None
    if numbers.config.schedule in ("one-cycle", "warm-up") and numbers.history.progress < 0.5:
        return None  # it has hardly begun to learn
    ratio = float(np.median(numbers.ratios))
    start = numbers.untrained_loss
    falling = all(later <= before for before, later in zip([start, *numbers.train_losses], numbers.train_losses))  # noqa: B905  # each with the next
    if ratio >= _LOW_RATIO or not falling or numbers.last.train_loss < 0.4 * numbers.guess_loss:
        return None
    rate, change = numbers.learning_rate, {}
    if ratio < _NOTHING:
        text = N_(
            "The weights do not move: an update changes them by {ratio:.1e} of their size, where 0.001 is usual, and after"
            " epoch {epochs} the training loss is still {loss:.3f}. The learning rate is {rate:g}."
        )
        faster = float(KNOBS["learning_rate"].default)
    else:
        text = N_(
            "The training loss falls without a break, but only from {start:.3f} to {loss:.3f} until epoch {epochs}: an"
            " update moves the weights by {ratio:.1e} of their size, where 0.001 is usual. The learning rate is {rate:g}."
        )
        decades = min(3, max(1, round(math.log10(5 * USUAL_RATIO / ratio))))
        faster = min(float(f"{rate * 10.0**decades:.2g}"), 1.0)
    if faster > numbers.config.learning_rate:
        change = {"learning_rate": faster}
    values = {
        "start": start,
        "loss": numbers.last.train_loss,
        "epochs": len(numbers.epochs),
        "ratio": ratio,
        "rate": rate,
    }
    return Finding(kind="learning-rate-too-low", text=text, values=values, change=change)


def dead(numbers: Numbers) -> Finding | None:
    """A layer whose rectifiers give nothing but zero."""
    deadest, config = numbers.deadest, numbers.config
    if deadest is None or not numbers.epochs or config.initialisation == "zeros":
        return None
    layer, dead, units = deadest
    if dead < _MOSTLY_DEAD * units or numbers.last.train_accuracy >= 0.97:
        return None
    text = N_(
        "In the layer {layer}, {dead} of {units} units gave zero for every image looked at. No gradient passes through"
        " them, so they cannot come back by themselves."
    )
    values: dict[str, Any] = {"layer": layer, "dead": dead, "units": units}
    if (raised := numbers.raised) is not None:
        text = N_(
            "In the layer {layer}, {dead} of {units} units gave zero for every image looked at. What silenced them is most"
            " likely the learning rate, which was raised from {before:g} to {after:g} after update {step:,}: updates so"
            " large can push a unit to where it never answers again."
        )
        values |= {"before": raised.before, "after": raised.after, "step": raised.step}
        return Finding(kind="dead-units", text=text, values=values, unsteered=True)
    change: dict[str, Any] = numbers.slower(10)
    if numbers.may_set("width") and config.width < 16:
        change = {"width": 64}
    elif numbers.may_set("activation") and config.activation == "relu":
        change = {"activation": "leaky-relu"}
    return Finding(kind="dead-units", text=text, values=values, change=change)


RULES = (rate_too_high, exploding, vanishing, rate_too_low, dead)
"""In the order in which they are told: the most fundamental first."""
