"""What a panel means, and what it says of this run: the text behind each "Explain". Pure but for words."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
import streamlit as st

from dlcore.runs.diagnosis import USUAL_RATIO
from dlcore.runs.glimpses import Glimpse
from dlcore.runs.history import RunHistory
from dlcore.training.events import Inspected
from ui.language import translate as _
from ui.shell import plain_text
from ui.training.state import Watch

_MEGABYTE = 1e6
Name = Callable[[str], str]
"""How a name from outside is written: as Markdown that shows it as it is, or, with ``str``, where no Markdown is read."""


class LayersReading(Protocol):
    """The reading of a chart of layers between epochs."""

    def __call__(self, looks: Sequence[Glimpse], *, name: Name = plain_text) -> str:
        """What the newest of the looks says."""


def explained(title: str, name: str, reading: Callable[[], str]) -> None:
    """The title of a panel, and beside it a fold with what it means for this run."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(title, width="content")
        fold = st.popover(
            _("Explain"), icon=":material/help:", type="tertiary", key=f"train.explain.{name}", on_change="rerun"
        )
        if fold.open:  # a page that follows a run is drawn often: what nobody reads is not made
            fold.markdown(reading())


def loss(history: RunHistory) -> str:
    """Of the chart of the loss."""
    meaning = _(
        "The loss says how wrong the network is; training makes it small. The thin line is the loss of each batch: it jumps, because every batch holds other images. The points are measured after each epoch, on training and on validation images, with dropout off. The dotted line is the loss of pure guessing."
    )
    epochs = history.evaluations
    if len(epochs) < 2:
        return meaning
    best = min(epochs, key=lambda evaluated: evaluated.validation_loss)
    now = _(
        "This run: from {first:.3f} untrained to {train:.3f} on training and {validation:.3f} on validation images after epoch {epoch}; the lowest validation loss, {best:.3f}, was after epoch {at}."
    ).format(
        first=epochs[0].train_loss,
        train=epochs[-1].train_loss,
        validation=epochs[-1].validation_loss,
        epoch=epochs[-1].epoch,
        best=best.validation_loss,
        at=best.epoch,
    )
    return f"{meaning}\n\n{now}"


def accuracy(history: RunHistory) -> str:
    """Of the chart of the accuracy."""
    meaning = _(
        "The share of images named correctly. Training above validation is what the network knows by heart; how far apart they are is its generalisation gap."
    )
    epochs = history.evaluations
    if len(epochs) < 2:
        return meaning
    last = epochs[-1]
    now = _("This run: {train:.1%} and {validation:.1%} after epoch {epoch}, a gap of {gap:.1f} points.").format(
        train=last.train_accuracy,
        validation=last.validation_accuracy,
        epoch=last.epoch,
        gap=100 * (last.train_accuracy - last.validation_accuracy),
    )
    return f"{meaning}\n\n{now}"


def _rate(watch: Watch) -> str:
    meaning = _("The factor between the gradient and the update. A schedule changes it as training goes on.")
    rates = watch.history.steps.learning_rate
    if not rates:
        return meaning
    now = _("This run: now {now:.3g}, at most {most:.3g} so far.").format(now=rates[-1], most=max(rates))
    return f"{meaning}\n\n{now}"


def _gradient(watch: Watch) -> str:
    meaning = _(
        "The length of the gradient over all weights: how much the loss would change for a small step. It falls as the network comes to rest; leaps are batches that surprised it."
    )
    norms = _finite(watch.history.steps.gradient_norm)
    if not len(norms):
        return meaning
    now = _("This run: its usual length is {median:.3g}, the longest {most:.3g}, of late {now:.3g}.").format(
        median=float(np.median(norms)), most=float(norms.max()), now=float(np.median(norms[-50:]))
    )
    return f"{meaning}\n\n{now}"


def _ratio(watch: Watch) -> str:
    meaning = _(
        "How far an update moves the weights, as a share of their size. About {usual:g} is usual: ten times less crawls, ten times more jumps."
        " New runs estimate it from some weights of each layer."
    ).format(usual=USUAL_RATIO)
    ratios = _finite(watch.history.steps.update_ratio)
    if not len(ratios):
        return meaning
    now = _("This run: {median:.2g} on the whole, of late {now:.2g}.").format(
        median=float(np.median(ratios)), now=float(np.median(ratios[-50:]))
    )
    return f"{meaning}\n\n{now}"


def _speed(watch: Watch) -> str:
    meaning = _("Images learned from in a second of training, evaluation not counted.")
    lines = [meaning]
    if speed := watch.history.images_per_second:
        lines.append(_("This run: {speed:,.0f} images a second of late.").format(speed=speed))
    looks = watch.feed.glimpses
    if looks and looks[-1].memory_bytes:
        lines.append(
            _("Its process has taken at most {megabytes:,.0f} MB of memory.").format(
                megabytes=looks[-1].memory_bytes / _MEGABYTE
            )
        )
    return "\n\n".join(lines)


UPDATES: Mapping[str, Callable[[Watch], str]] = {"rate": _rate, "gradient": _gradient, "ratio": _ratio, "speed": _speed}
"""Of the charts of each update."""


def wall(watch: Watch) -> str:
    """Of the wall of images."""
    meaning = _(
        "The same images all along, held back from training. Below each what the network says, and as a bar how sure it is; red and ✗ where it is wrong. A cell lights up when the network changes its mind."
    )
    found, looks = watch.feed.wall, watch.feed.glimpses
    if found is None or len(looks) < 2:
        return meaning
    right = [
        sum(said == one.label for said, one in zip(look.predicted, found.images, strict=False))
        for look in (looks[0], looks[-1])
    ]
    minds = sum(a != b for one, two in pairwise(looks) for a, b in zip(one.predicted, two.predicted, strict=False))
    now = _(
        "This run: {first} of {count} right at the first look, {last} at the newest; it changed its mind {minds:,} times."
    ).format(first=right[0], last=right[1], count=len(found.images), minds=minds)
    return f"{meaning}\n\n{now}"


def classes(inspected: Inspected, names: Sequence[str]) -> str:
    """Of the confusion matrix."""
    names = [plain_text(name) for name in names]
    meaning = _(
        "Rows are what an image shows, columns what the network said; the diagonal is right. The bars are the share of each row that is right. Play it to see confusions come and go; click a square for its images."
    )
    shares = [
        (row[k] / sum(row), name)
        for k, (row, name) in enumerate(zip(inspected.confusion, names, strict=True))
        if sum(row)
    ]
    wrong = [
        (count, names[true], names[said])
        for true, row in enumerate(inspected.confusion)
        for said, count in enumerate(row)
        if true != said and count
    ]
    lines = [meaning]
    if shares:
        (low, worst), (high, best) = min(shares), max(shares)
        lines.append(
            _("This run, after epoch {epoch}: best at {best} ({high:.0%}), worst at {worst} ({low:.0%}).").format(
                epoch=inspected.epoch, best=best, high=high, worst=worst, low=low
            )
        )
    if wrong:
        count, true, said = max(wrong)
        lines.append(
            _("Most often {true} is taken for {said}: {count} times.").format(true=true, said=said, count=count)
        )
    return "\n\n".join(lines)


def dead(inspected: Inspected) -> str:
    """Of the chart of dead units."""
    meaning = _(
        "A ReLU passes what is above zero. A unit that is below it for every image passes no gradient either: it has stopped learning. A few are usual; a layer that is mostly dead is lost."
    )
    units, gone = sum(row.units for row in inspected.rectified), sum(row.dead for row in inspected.rectified)
    now = _("This run, after epoch {epoch}: {dead} of {units} units ({share:.0%}).").format(
        epoch=inspected.epoch, dead=gone, units=units, share=gone / max(1, units)
    )
    return f"{meaning}\n\n{now}"


def weights(inspected: Inspected) -> str:
    """Of the ridges of weights."""
    meaning = _(
        "For each layer, how its weights are spread: the higher the curve, the more weights have that value. At first the curve is as narrow as the initialisation made it; it widens as the layer learns. The few weights far from zero have the most say."
    )
    widest = max(inspected.weights, key=lambda one: one.high, default=None)
    if widest is None:
        return meaning
    now = _("This run, after epoch {epoch}: the largest weight, {value:.3g}, is in the layer {layer}.").format(
        epoch=inspected.epoch, value=widest.high, layer=plain_text(widest.layer)
    )
    return f"{meaning}\n\n{now}"


def gradients(inspected: Inspected) -> str:
    """Of the ridges of gradients."""
    meaning = _(
        "How large the gradients of single weights were in the last batch, on a scale of powers of ten. Layers far to the left of the others hardly learn."
    )
    peaks = []
    for one in inspected.gradients:
        if any(one.counts):
            width = (one.high - one.low) / len(one.counts)
            peaks.append((one.low + width * (one.counts.index(max(one.counts)) + 0.5), one.layer))
    if not peaks:
        return meaning
    (low, least), (high, most) = min(peaks), max(peaks)
    now = _(
        "This run, after epoch {epoch}: most often about {high:.0e} in the layer {most}, and {low:.0e} in {least}."
    ).format(epoch=inspected.epoch, high=10**high, most=plain_text(most), low=10**low, least=plain_text(least))
    return f"{meaning}\n\n{now}"


def over_time(course: Sequence[Inspected], layer: str, *, gradients: bool, name: Name = plain_text) -> str:
    """Of the heat map of a layer over epochs."""
    meaning = _(
        "Each column is one epoch: the darker a value, the more often it occurs in this layer. If the dark part spreads from column to column, the layer is learning. If it stays as it is, the layer has finished learning, or no gradient reaches it."
    )
    ends = [
        one.high
        for seen in (course[0], course[-1])
        for one in (seen.gradients if gradients else seen.weights)
        if one.layer == layer
    ]
    if gradients or len(ends) < 2:
        return meaning
    now = _("This run: in {layer} the largest weight went from {first:.3g} to {last:.3g}.").format(
        layer=name(layer), first=ends[0], last=ends[1]
    )
    return f"{meaning}\n\n{now}"


def filters(look: Glimpse) -> str:
    """Of the pictures of filters."""
    meaning = _(
        "Blue where a bright pixel speaks for the unit, red where it speaks against. At first they are noise; as the network learns they become edges, strokes and spots. Each has a scale of its own: its fullest colour stands for its largest weight."
    )
    if look.filters is None:
        return meaning
    now = _(
        "This run, after update {step:,}: {count} units of the layer {layer}; the largest weight is {value:.3g}."
    ).format(
        step=look.step, count=look.filters.shape[0], layer=plain_text(look.filters.layer), value=look.filters.largest
    )
    return f"{meaning}\n\n{now}"


def _norms(looks: Sequence[Glimpse], *, name: Name = plain_text) -> str:
    meaning = _(
        "The length of the gradient in each layer, from the first (blue) to the last (red). Lines that lie far below the others are layers that hardly learn."
    )
    return _extremes(meaning, looks[-1].gradient_norms, name)


def _ratios(looks: Sequence[Glimpse], *, name: Name = plain_text) -> str:
    meaning = _(
        "How far an update moves each layer, as a share of its size. Layers should lie near each other, at about {usual:g}."
    ).format(usual=USUAL_RATIO)
    return _extremes(meaning, looks[-1].update_ratios, name)


def _active(looks: Sequence[Glimpse], *, name: Name = plain_text) -> str:
    meaning = _(
        "Of all outputs of a layer's ReLU on the forty images, the share above zero. Half is where it begins; sparse layers are usual, zero is a layer that says nothing."
    )
    return _extremes(meaning, looks[-1].active, name, share=True)


def _extremes(meaning: str, values: Mapping[str, float], name: Name, *, share: bool = False) -> str:
    if not values:
        return meaning
    least, most = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
    template = (
        _("This run, at its newest look: {high:.0%} in {most}, {low:.0%} in {least}.")
        if share
        else _("This run, at its newest look: {high:.2g} in {most}, {low:.2g} in {least}.")
    )
    return f"{meaning}\n\n" + template.format(high=values[most], most=name(most), low=values[least], least=name(least))


LAYERS: Mapping[str, LayersReading] = {"norms": _norms, "ratios": _ratios, "active": _active}
"""Of the charts of layers between epochs."""


def _finite(column: Sequence[float]) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    values = np.asarray(column, dtype=np.float64)
    return values[np.isfinite(values)]
