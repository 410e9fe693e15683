"""Point at one number inside a network and see the arithmetic that made it, down to the last multiplication.

:func:`explain` takes it apart with the layer's weights and the values that reached it, in float64, without calling the
layer: that it agrees with what PyTorch computed is no tautology, and tests hold it for every architecture.

Shape suffixes: C channels, H height, W width, K kernel side, D features.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from torch import Tensor, nn

from dlcore.inference.trace import INPUT, Addition, Concatenation, Trace
from dlcore.inference.workings import (
    Activated,
    Added,
    Array,
    Deskewed,
    HandedOn,
    Normalized,
    Place,
    Pooled,
    Softmaxed,
    WeightedPatch,
    WeightedSum,
    Working,
)
from dlcore.models.layers import (
    Activation,
    AveragePooling,
    Convolution,
    Deskewing,
    Dropout,
    Flatten,
    GlobalAveragePooling,
    Linear,
    LogSoftmax,
    MaxPooling,
    Normalization,
)

Box = tuple[int, int, int, int]
"""Top, left, bottom, right in pixels of the image; the last two excluded."""


def explain(trace: Trace, index: int, place: Place) -> Working:
    """The arithmetic behind the value at ``place`` of what step ``index`` made.

    Raises:
        IndexError: there is no such step or place.
    """
    if not 0 <= index < len(trace.steps):
        raise IndexError(f"no step {index}")
    values = trace.steps[index].values
    if len(place) != values.dim() or any(not 0 <= part < side for part, side in zip(place, values.shape, strict=True)):
        raise IndexError(f"no place {place} in {tuple(values.shape)}")
    layer = trace.steps[index].layer
    return _EXPLAINED[type(layer)](trace, index, place)


def follow(trace: Trace, index: int, place: Place) -> list[tuple[int, Working]]:
    """The steps after ``index`` that change its value at ``place`` by itself: normalisation, activation, dropout.

    Each as its index and its working; they end where values are mixed, or several steps read the same one.
    """
    chain: list[tuple[int, Working]] = []
    while True:
        readers = [number for number, step in enumerate(trace.steps) if index in step.reads]
        if len(readers) != 1:
            return chain
        index = readers[0]
        if not isinstance(trace.steps[index].layer, Normalization | Activation | Dropout):
            return chain
        chain.append((index, explain(trace, index, place)))


def receptive_field(trace: Trace, index: int, place: Place) -> Box:
    """The part of the image that the value at ``place`` of step ``index`` can depend on.

    By the geometry of windows, not by what weights are 0.
    """
    height, width = trace.image.shape[-2:]
    whole = (0, 0, height, width)
    while len(place) == 1:  # a list: its values come from one pixel each, or from all of them
        step = trace.steps[index]
        match step.layer:
            case Flatten():
                place = _unflattened(trace, index, place)
            case Concatenation():
                index, place = _before_joined(trace, index, place)
                continue
            case Dropout() | Activation() | Normalization(over="batch"):
                pass
            case _:
                return whole
        index = step.reads[0]
    top, left, bottom, right = _seen(trace, index, (place[1], place[2], place[1] + 1, place[2] + 1))
    return max(0, top), max(0, left), min(height, bottom), min(width, right)


def _seen(trace: Trace, index: int, area: Box) -> Box:
    """The pixels of the image behind an area of what step ``index`` made; they may lie over its edges."""
    if index == INPUT:
        return area
    step = trace.steps[index]
    size, stride, padding = 1, 1, 0
    match step.layer:
        case Convolution(kernel=size, stride=stride, padding=padding):
            pass
        case MaxPooling(window=size, pace=stride) | AveragePooling(window=size, pace=stride):
            pass
        case GlobalAveragePooling() | Normalization(over="layer") | Deskewing():
            area = (0, 0, *trace.values(step.reads[0]).shape[-2:])
    top, left, bottom, right = area
    before = (
        top * stride - padding,
        left * stride - padding,
        (bottom - 1) * stride - padding + size,
        (right - 1) * stride - padding + size,
    )
    tops, lefts, bottoms, rights = zip(*(_seen(trace, read, before) for read in step.reads), strict=True)
    return min(tops), min(lefts), max(bottoms), max(rights)


def _unflattened(trace: Trace, index: int, place: Place) -> Place:
    """Where the value at ``place`` of a list stood in the image that the list was made of."""
    shape = tuple(trace.values(trace.steps[index].reads[0]).shape)
    return tuple(int(part) for part in np.unravel_index(place[0], shape))


def _before_joined(trace: Trace, index: int, place: Place) -> tuple[int, Place]:
    """The step, and the place in what it made, of a value that step ``index`` put behind others."""
    first, *rest = place
    for read in trace.steps[index].reads:
        count = len(trace.values(read))
        if first < count:
            return read, (first, *rest)
        first -= count
    raise IndexError(place)


def _array(tensor: Tensor) -> Array:
    return tensor.detach().double().cpu().numpy()


def _at(values: Tensor, place: Place) -> float:
    return float(values[place])


def _convolution(trace: Trace, index: int, place: Place) -> Working:
    step, module = trace.steps[index], trace.module(index)
    assert isinstance(step.layer, Convolution)
    assert isinstance(module, nn.Conv2d)
    channel, row, column = place
    size, stride, padding = step.layer.kernel, step.layer.stride, step.layer.padding
    given = trace.values(step.reads[0])
    seen = len(given) // step.layer.groups
    first_channel = channel // (step.layer.channels // step.layer.groups) * seen
    given = given[first_channel : first_channel + seen]
    top, left = row * stride - padding, column * stride - padding
    rows, columns = (slice(max(0, start), start + size) for start in (top, left))
    there = _array(given[:, rows, columns])
    patch = np.zeros((len(given), size, size))
    down, across = max(0, -top), max(0, -left)
    patch[:, down : down + there.shape[1], across : across + there.shape[2]] = there
    kernel = _array(module.weight[channel])
    bias = 0.0 if module.bias is None else float(_array(module.bias)[channel])
    return WeightedPatch(
        place=place,
        result=float((patch * kernel).sum()) + bias,
        torch_value=_at(step.values, place),
        patch=patch,
        kernel=kernel,
        bias=bias,
        top=top,
        left=left,
        first_channel=first_channel,
    )


def _linear(trace: Trace, index: int, place: Place) -> Working:
    step, module = trace.steps[index], trace.module(index)
    assert isinstance(module, nn.Linear)
    inputs, weights = _array(trace.values(step.reads[0])), _array(module.weight[place[0]])
    bias = 0.0 if module.bias is None else float(_array(module.bias)[place[0]])
    return WeightedSum(
        place=place,
        result=float(inputs @ weights) + bias,
        torch_value=_at(step.values, place),
        inputs=inputs,
        weights=weights,
        bias=bias,
    )


def _pooling(trace: Trace, index: int, place: Place) -> Working:
    step = trace.steps[index]
    given = trace.values(step.reads[0])
    channel, row, column = place
    if isinstance(step.layer, GlobalAveragePooling):
        top, left, height, width = 0, 0, *given.shape[1:]
    else:
        assert isinstance(step.layer, MaxPooling | AveragePooling)
        top, left = row * step.layer.pace, column * step.layer.pace
        height = width = step.layer.window
    window = _array(given[channel, top : top + height, left : left + width])
    winner = None
    if isinstance(step.layer, MaxPooling):
        first, second = np.unravel_index(int(window.argmax()), window.shape)
        winner = int(first), int(second)
    return Pooled(
        place=place,
        result=float(window.mean() if winner is None else window[winner]),
        torch_value=_at(step.values, place),
        sources=() if winner is None else ((step.reads[0], (channel, top + winner[0], left + winner[1])),),
        window=window,
        winner=winner,
        top=top,
        left=left,
    )


def _deskewing(trace: Trace, index: int, place: Place) -> Working:
    step = trace.steps[index]
    (read,) = step.reads
    given = _array(trace.values(read))
    channel, row, column = place
    darkest, (_channels, height, width) = given.min(), given.shape
    ink = given.mean(axis=0) - darkest
    ink /= max(ink.sum(), 1e-6)
    rows, columns = np.mgrid[:height, :width]
    down, across = rows - (ink * rows).sum(), columns - (ink * columns).sum()
    slope = float(np.clip((ink * down * across).sum() / max((ink * down**2).sum(), 1e-3), -1, 1))
    looked_at = column + slope * down[row, 0]
    first = math.floor(looked_at)
    pair = [float(given[channel, row, at]) if 0 <= at < width else float(darkest) for at in (first, first + 1)]
    share = float(looked_at - first)
    return Deskewed(
        place=place,
        result=(1 - share) * pair[0] + share * pair[1],
        torch_value=_at(step.values, place),
        sources=tuple((read, (channel, row, at)) for at in (first, first + 1) if 0 <= at < width),
        left=pair[0],
        right=pair[1],
        column=first,
        share=share,
        slope=slope,
    )


def _normalization(trace: Trace, index: int, place: Place) -> Working:
    step, module = trace.steps[index], trace.module(index)
    given, channel = _array(trace.values(step.reads[0])), place[0]
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        assert module.running_mean is not None
        assert module.running_var is not None
        over, mean, variance = "batch", float(module.running_mean[channel]), float(module.running_var[channel])
    else:
        assert isinstance(module, nn.LayerNorm | nn.GroupNorm)
        over, mean, variance = "layer", float(given.mean()), float(given.var())
    scale, shift = float(_array(module.weight)[channel]), float(_array(module.bias)[channel])
    value = float(given[place])
    return Normalized(
        place=place,
        result=(value - mean) / math.sqrt(variance + module.eps) * scale + shift,
        torch_value=_at(step.values, place),
        sources=((step.reads[0], place),),
        value=value,
        mean=mean,
        variance=variance,
        epsilon=float(module.eps),
        scale=scale,
        shift=shift,
        over=over,
    )


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


FUNCTIONS: Mapping[str, Callable[[float], float]] = {
    "relu": lambda x: max(0.0, x),
    "leaky-relu": lambda x: x if x > 0 else 0.01 * x,
    "tanh": math.tanh,
    "sigmoid": _sigmoid,
    "gelu": lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
    "silu": lambda x: x * _sigmoid(x),
}
"""The activation functions by their names in :data:`dlcore.models.options.ACTIVATIONS`."""


def _activation(trace: Trace, index: int, place: Place) -> Working:
    step = trace.steps[index]
    assert isinstance(step.layer, Activation)
    value = _at(trace.values(step.reads[0]), place)
    return Activated(
        place=place,
        result=FUNCTIONS[step.layer.function](value),
        torch_value=_at(step.values, place),
        sources=((step.reads[0], place),),
        value=value,
        function=step.layer.function,
    )


def _addition(trace: Trace, index: int, place: Place) -> Working:
    step = trace.steps[index]
    shortcut, body = (_at(trace.values(read), place) for read in step.reads)
    return Added(
        place=place,
        result=shortcut + body,
        torch_value=_at(step.values, place),
        sources=tuple((read, place) for read in step.reads),
        shortcut=shortcut,
        body=body,
    )


def _handed_on(trace: Trace, index: int, place: Place) -> Working:
    step = trace.steps[index]
    given = trace.values(step.reads[0])
    source = place if isinstance(step.layer, Dropout) else _unflattened(trace, index, place)
    return HandedOn(
        place=place,
        result=_at(given, source),
        torch_value=_at(step.values, place),
        sources=((step.reads[0], source),),
    )


def _concatenation(trace: Trace, index: int, place: Place) -> Working:
    read, source = _before_joined(trace, index, place)
    return HandedOn(
        place=place,
        result=_at(trace.values(read), source),
        torch_value=_at(trace.values(index), place),
        sources=((read, source),),
    )


def _log_softmax(trace: Trace, index: int, place: Place) -> Working:
    step = trace.steps[index]
    scores = _array(trace.values(step.reads[0]))
    largest = float(scores.max())
    return Softmaxed(
        place=place,
        result=float(scores[place]) - largest - math.log(float(np.exp(scores - largest).sum())),
        torch_value=_at(step.values, place),
        sources=((step.reads[0], place),),
        scores=scores,
    )


_EXPLAINED: Mapping[type, Callable[[Trace, int, Place], Working]] = {
    Convolution: _convolution,
    Linear: _linear,
    MaxPooling: _pooling,
    AveragePooling: _pooling,
    GlobalAveragePooling: _pooling,
    Deskewing: _deskewing,
    Normalization: _normalization,
    Activation: _activation,
    Addition: _addition,
    Concatenation: _concatenation,
    Flatten: _handed_on,
    Dropout: _handed_on,
    LogSoftmax: _log_softmax,
}
