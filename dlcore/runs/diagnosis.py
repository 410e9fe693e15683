"""What a run's own numbers say about it, in words: rules that name their evidence, each with one experiment to try.

Pure functions of what was recorded; nothing here imports torch or knows a page. The rules are thresholds chosen on small
runs that show each fault, and on healthy ones, which must raise no alarm (``tests/dlcore/test_diagnosis.py``).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlcore.config import KNOBS, TrainConfig
from dlcore.messages import N_, UserError
from dlcore.runs.history import RunHistory
from dlcore.training.events import Evaluated, Histogram, Inspected

Kind = Literal[
    "learning-rate-too-high",
    "exploding-gradient",
    "vanishing-gradient",
    "learning-rate-too-low",
    "dead-units",
    "label-noise",
    "over-fitting",
    "under-fitting",
    "plateau",
]

TITLES: Mapping[Kind, str] = {
    "learning-rate-too-high": N_("Learning rate too high"),
    "exploding-gradient": N_("Exploding gradient"),
    "vanishing-gradient": N_("Vanishing gradient"),
    "learning-rate-too-low": N_("Learning rate too low"),
    "dead-units": N_("Dead units"),
    "label-noise": N_("Wrong labels suspected"),
    "over-fitting": N_("Over-fitting"),
    "under-fitting": N_("Under-fitting"),
    "plateau": N_("Plateau"),
}
"""Every kind of finding, the most fundamental first, and its English title."""

MOST_FINDINGS = 3
USUAL_RATIO = 0.001
"""Of an update to the weights; Karpathy, "CS231n: Neural Networks Part 3"."""

_HIGH_RATIO = 0.015
_LOW_RATIO = 4e-4
_BLOWN = 2.0
"""A batch loss of so many times the untrained network's tells of updates that overshot."""
_FAR_TOO_LARGE = 5.0
"""Weights that begin with so many times the loss of guessing are far too large."""
_LONG_GRADIENT = 100.0
_FADED = 0.01
"""A gradient that is so much smaller in a layer than in the last one hardly reaches it."""
_MOSTLY_DEAD = 0.9
_NOISE_GAP, _NOISE_SIGMAS = 0.08, 4.0
_PATIENCE = 3


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that the numbers say."""

    kind: Kind
    text: str
    """An English template with this run's numbers in ``values``, see ``dlcore.messages``."""
    values: dict[str, Any]
    change: dict[str, Any] = field(default_factory=dict)
    """Settings of the experiment that this suggests, different from the run's; empty where there is none."""
    epoch: int | None = None
    """Where it began, if that is known."""


def diagnose(history: RunHistory, config: TrainConfig, inspected: Inspected | None = None) -> list[Finding]:
    """What the run shows so far, the most fundamental first; empty where nothing is amiss or it is too early to tell.

    Args:
        history: losses in the configuration's unit, accuracies in [0, 1].
        config: as the run began; a learning rate that was changed since is taken from the history.
        inspected: the inside after the latest epoch; without it, layers are not judged.
    """
    numbers = _Numbers(history, config, inspected)
    if history.started is None or not (numbers.epochs or numbers.diverged or numbers.begins_far_off):
        return []
    causes = [rule(numbers) for rule in (_rate_too_high, _exploding, _vanishing, _rate_too_low, _dead, _noise)]
    found = [finding for finding in causes if finding is not None]
    kinds = {finding.kind for finding in found}
    if (finding := _over_fitting(numbers)) is not None:
        found.append(finding)
    if not kinds - {"dead-units"} and not numbers.diverged:
        found += [finding for rule in (_under_fitting, _plateau) if (finding := rule(numbers)) is not None]
    return found[:MOST_FINDINGS]


def suggested(config: TrainConfig, finding: Finding) -> TrainConfig | None:
    """The settings of the experiment, or None where there is none or it does not fit these settings."""
    if not finding.change:
        return None
    try:
        return TrainConfig.parse(config.model_dump() | finding.change, check_data=False)
    except UserError:
        return None


class _Numbers:
    """What the rules look at, each computed when it is first asked for."""

    def __init__(self, history: RunHistory, config: TrainConfig, inspected: Inspected | None) -> None:
        self.history, self.config, self.inspected = history, config, inspected
        classes = len(history.started.class_names) if history.started else 2
        self.guess_accuracy = 1 / classes
        self.guess_loss = 1 - 1 / classes if config.loss == "mse" else math.log(classes)
        self.epochs: list[Evaluated] = [e for e in history.evaluations if e.epoch >= 1]
        self.untrained = history.evaluations[0] if history.evaluations else None
        self.diverged = history.ended is not None and history.ended.reason == "diverged"
        self.learning_rate = next(
            (s.learning_rate for s in reversed(history.changes) if s.learning_rate is not None), config.learning_rate
        )

    @property
    def last(self) -> Evaluated:
        """The latest evaluation after an epoch."""
        return self.epochs[-1]

    @cached_property
    def train_losses(self) -> list[float]:
        return [e.train_loss for e in self.epochs]

    @cached_property
    def ratios(self) -> NDArray[np.float64]:
        return _finite(self.history.steps.update_ratio)

    @cached_property
    def norms(self) -> NDArray[np.float64]:
        return _finite(self.history.steps.gradient_norm)

    @cached_property
    def recent_ratio(self) -> float:
        """The median update ratio of the last third; not a number where nothing was measured."""
        ratios = self.ratios[2 * len(self.ratios) // 3 :]
        return float(np.median(ratios)) if len(ratios) else math.nan

    @cached_property
    def highest_loss(self) -> float:
        losses = _finite(self.history.steps.loss)
        return float(losses.max()) if len(losses) else 0.0

    @cached_property
    def begins_far_off(self) -> bool:
        return self.untrained is not None and self.untrained.train_loss > _FAR_TOO_LARGE * self.guess_loss

    @cached_property
    def is_stuck(self) -> bool:
        """Whether the network is no better than one that guesses, after an epoch and more."""
        return (
            bool(self.epochs)
            and self.last.train_loss >= 0.97 * self.guess_loss
            and self.last.train_accuracy <= 1.6 * self.guess_accuracy + 0.03
        )

    def is_flat(self, window: int) -> bool:
        """Whether the last ``window`` epochs brought the training loss down by less than a twentieth."""
        losses = self.train_losses
        return len(losses) > window and min(losses[-window:]) > 0.95 * min(losses[:-window])

    @cached_property
    def layer_gradients(self) -> list[tuple[str, float]]:
        """The typical size (root mean square) of the last batch's gradient in each layer."""
        gradients = self.inspected.gradients if self.inspected else []
        return [(one.layer, _root_mean_square(one)) for one in gradients]

    @cached_property
    def deadest(self) -> tuple[str, int, int] | None:
        """The layer with the largest share of dead units: its name, how many are dead, and of how many."""
        rows = self.inspected.rectified if self.inspected else []
        worst = max(rows, key=lambda row: row.dead / max(1, row.units), default=None)
        return (worst.layer, worst.dead, worst.units) if worst is not None else None

    def may_set(self, name: str) -> bool:
        """Whether the setting matters in this configuration."""
        return KNOBS[name].applies(self.config.model_dump())

    def slower(self, factor: float) -> dict[str, Any]:
        """A learning rate that is so many times lower; nothing where the run began with a lower one and was told to raise it."""
        lower = float(f"{self.learning_rate / factor:.2g}")
        return {"learning_rate": lower} if lower < self.config.learning_rate else {}


def _exploding(numbers: _Numbers) -> Finding | None:
    config = numbers.config
    gentler: dict[str, Any] = {"gradient_clipping": 1.0} if not config.gradient_clipping else numbers.slower(3)
    if numbers.begins_far_off and numbers.untrained is not None:
        change = {"initialisation": "default"} if config.initialisation == "large" else gentler
        median = float(np.median(numbers.norms)) if len(numbers.norms) else math.nan
        text = N_(
            "Before its first update the network had a loss of {loss:.3g}, where guessing costs {guess:.2g}: its weights"
            " begin far too large, and so do its gradients (their usual length is {norm:.3g})."
        )
        values = {"loss": numbers.untrained.train_loss, "guess": numbers.guess_loss, "norm": median}
        return Finding(kind="exploding-gradient", text=text, values=values, change=change, epoch=0)
    norms = numbers.norms
    long = int((norms > _LONG_GRADIENT).sum()) if len(norms) else 0
    poor = numbers.diverged or (bool(numbers.epochs) and numbers.last.train_accuracy < 0.9)
    if not (poor and long >= max(2, 0.01 * len(norms))):
        return None
    text = N_(
        "The gradient was longer than {limit:g} in {count:,} of {all:,} updates, at most {norm:.3g}; its usual length in"
        " this run is {median:.3g}. Each such update throws away what the others learned."
    )
    values = {"limit": _LONG_GRADIENT, "count": long, "all": len(norms)}
    values |= {"norm": float(norms.max()), "median": float(np.median(norms))}
    return Finding(kind="exploding-gradient", text=text, values=values, change=gentler)


def _vanishing(numbers: _Numbers) -> Finding | None:
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


def _rate_too_high(numbers: _Numbers) -> Finding | None:
    config = numbers.config
    held_back = config.l1 >= 0.001 or config.weight_decay >= 0.1
    if numbers.begins_far_off or held_back or config.initialisation == "zeros":
        return None  # another cause, which looks the same
    untrained = numbers.untrained.train_loss if numbers.untrained else numbers.guess_loss
    blown = numbers.highest_loss > _BLOWN * max(untrained, numbers.guess_loss)
    if numbers.diverged:
        text = N_(
            "The loss of a batch rose to {highest:.3g} before it was no number any more; untrained it was {untrained:.3g}."
            " The learning rate was {rate:g}."
        )
        values = {"highest": numbers.highest_loss, "untrained": untrained, "rate": numbers.learning_rate}
        return Finding(kind="learning-rate-too-high", text=text, values=values, change=numbers.slower(10))
    if not numbers.epochs:
        return None
    coarse = numbers.recent_ratio > _HIGH_RATIO
    stuck = numbers.is_stuck
    flat = len(numbers.epochs) >= 3 and numbers.last.train_accuracy < 0.95 and _falls_by(numbers, 2) < 0.1
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


def _rate_too_low(numbers: _Numbers) -> Finding | None:
    if not numbers.epochs or not len(numbers.ratios) or numbers.begins_far_off or numbers.diverged:
        return None
    if numbers.config.schedule in ("one-cycle", "warm-up") and numbers.history.progress < 0.5:
        return None  # it has hardly begun to learn
    ratio = float(np.median(numbers.ratios))
    start = numbers.untrained.train_loss if numbers.untrained else numbers.guess_loss
    falling = all(later <= before for before, later in zip([start, *numbers.train_losses], numbers.train_losses))  # noqa: B905  # each with the next
    if ratio >= _LOW_RATIO or not falling or numbers.last.train_loss < 0.4 * numbers.guess_loss:
        return None
    text = N_(
        "The training loss falls without a break, but only from {start:.3f} to {loss:.3f} until epoch {epochs}: an update"
        " moves the weights by {ratio:.1e} of their size, where 0.001 is usual. The learning rate is {rate:g}."
    )
    values = {"start": start, "loss": numbers.last.train_loss, "epochs": len(numbers.epochs), "ratio": ratio}
    factor = 10.0 ** min(3, max(1, round(math.log10(5 * USUAL_RATIO / ratio))))
    faster = min(float(f"{numbers.learning_rate * factor:.2g}"), 1.0)
    change = {"learning_rate": faster} if faster > numbers.learning_rate else {}
    return Finding(
        kind="learning-rate-too-low", text=text, values=values | {"rate": numbers.learning_rate}, change=change
    )


def _dead(numbers: _Numbers) -> Finding | None:
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
    change: dict[str, Any] = numbers.slower(10)
    if numbers.may_set("width") and config.width < 16:
        change = {"width": 64}
    elif numbers.may_set("activation") and config.activation == "relu":
        change = {"activation": "leaky-relu"}
    return Finding(kind="dead-units", text=text, values={"layer": layer, "dead": dead, "units": units}, change=change)


def _noise(numbers: _Numbers) -> Finding | None:
    started = numbers.history.started
    if started is None or not numbers.epochs:
        return None
    widest = max(numbers.epochs, key=lambda e: e.validation_accuracy - e.train_accuracy)
    gap = widest.validation_accuracy - widest.train_accuracy
    looked_at = max(1, min(started.validation_count, started.train_count, 5000))
    middle = (widest.validation_accuracy + widest.train_accuracy) / 2
    error = math.sqrt(2 * middle * (1 - middle) / looked_at)
    if gap < _NOISE_GAP or gap < _NOISE_SIGMAS * error or widest.validation_accuracy < 3 * numbers.guess_accuracy:
        return None
    text = N_(
        "After epoch {epoch} the network got {validation:.0%} of the validation images right, but only {train:.0%} of the"
        " training images by their labels. Nobody does worse on what they learned from, unless labels there are wrong:"
        " about {share:.0%} of them."
    )
    values = {"epoch": widest.epoch, "validation": widest.validation_accuracy, "train": widest.train_accuracy}
    values |= {"share": 1 - widest.train_accuracy / widest.validation_accuracy}
    config = numbers.config
    change: dict[str, Any] = {"label_noise": 0.0}
    if not config.label_noise:
        change = {"label_smoothing": 0.1} if not config.label_smoothing else {"early_stopping": 3}
    return Finding(kind="label-noise", text=text, values=values, change=change, epoch=widest.epoch)


def _over_fitting(numbers: _Numbers) -> Finding | None:
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
    error = math.sqrt(max(1e-9, last.validation_accuracy * (1 - last.validation_accuracy)) / started.validation_count)
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


def _against_over_fitting(numbers: _Numbers) -> dict[str, Any]:
    config = numbers.config
    if config.train_fraction < 1:
        return {"train_fraction": min(1.0, float(f"{4 * config.train_fraction:.2g}"))}
    if config.augmentation == "none":
        return {"augmentation": "light"}
    if numbers.may_set("dropout") and config.dropout < 0.5 and config.model != "linear":
        return {"dropout": 0.5}
    return {"early_stopping": 3} if not config.early_stopping else {"weight_decay": 0.01}


def _under_fitting(numbers: _Numbers) -> Finding | None:
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


def _against_under_fitting(numbers: _Numbers) -> dict[str, Any]:
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


def _plateau(numbers: _Numbers) -> Finding | None:
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


def _falls_by(numbers: _Numbers, epochs: int) -> float:
    """The share by which the training loss has fallen in the last so many epochs."""
    losses = numbers.train_losses
    before = losses[-epochs - 1]
    return 1 - min(losses[-epochs:]) / before if before > 0 else 0.0


def _root_mean_square(histogram: Histogram) -> float:
    """Of values whose decimal logarithms were counted."""
    count = sum(histogram.counts) + histogram.zeros
    width = (histogram.high - histogram.low) / max(1, len(histogram.counts))
    squares = sum(n * 10 ** (2 * (histogram.low + width * (i + 0.5))) for i, n in enumerate(histogram.counts) if n)
    return math.sqrt(squares / count) if count else 0.0


def _finite(column: Sequence[float]) -> NDArray[np.float64]:
    values = np.asarray(column, dtype=np.float64)
    return values[np.isfinite(values)]
