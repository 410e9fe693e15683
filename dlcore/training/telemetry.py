"""What is measured of a network while it learns, beside its loss. Nothing here draws a random number or changes a weight.

Shape suffixes: B images, C channels or neurons.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dlcore.training.events import SAMPLED_STEPS, SAMPLED_WEIGHTS, Histogram, Later, Rectified

WATCHED_IMAGES = 1024
"""So many validation images decide which units are dead; a multiple of every batch that evaluation uses."""
WEIGHT_BINS = 41
GRADIENT_BINS = 48
GRADIENT_RANGE = (-10.0, 2.0)
"""Of the decimal logarithm of a gradient's size; what lies outside is counted at the edge."""
_MOST_VALUES = 65_536
"""A larger tensor is represented by every n-th of its values."""
_DIGITS = 6
_LOOKS = 32
"""At the weights, at most, before what they tell is worked out."""


class StepMeter:
    """Measures single updates of ``network``, and remembers the latest values.

    On a CPU every update; elsewhere, where a look makes the processor wait for the device, every
    :data:`SAMPLED_STEPS`. The norm of a gradient is exact, over all parameters. How far an update moves the
    weights is found from :data:`SAMPLED_WEIGHTS` of each layer's, the same ones for the whole run, scaled up to all of
    them: to copy a million before each update would take longer than all the rest. They are only noted down, and told when somebody asks,
    for many updates at once: right after an update, when it has emptied the caches, it would take three times as long.
    """

    def __init__(self, network: nn.Module) -> None:
        self._parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self._each_step = all(parameter.device.type == "cpu" for parameter in self._parameters)
        learning = [(name, parameter) for name, parameter in _matrices(network) if parameter.requires_grad]
        self._layers = [name for name, _ in learning]
        self._sample = _Sample([parameter for _, parameter in learning])
        self._measures = False
        self._untold: list[Later] = []
        self._latest: Later | None = None
        self.gradient_norm: float | None = None
        """‖∇loss‖₂ over all parameters, before clipping: the latest that was read."""

    def before_update(self, step: int, clipped_norm: Tensor | None) -> float | None:
        """The norm of the gradient of update ``step``, counted from 0, where it is read; call it just before the update.

        ``clipped_norm`` is what clipping has found already. Not finite if a gradient is not.
        """
        self._measures = self._each_step or step % SAMPLED_STEPS == 0
        if not self._measures:
            return None
        if not (self._each_step and self._sample.looks):  # else seen after the update before
            self._tell()
            self._sample.look_afresh()
        if clipped_norm is None:
            gradients = [gradient for parameter in self._parameters if (gradient := parameter.grad) is not None]
            self.gradient_norm = norm(gradients)
        else:
            self.gradient_norm = float(clipped_norm)
        return self.gradient_norm

    def after_update(self) -> Later | None:
        """How far the update moved the weights, as a share of their size, where that is measured; about 0.001 is usual.

        Vectors such as biases are left out: they begin near zero, where any step is large beside them.

        Source: Karpathy, "CS231n: Neural Networks Part 3", section "Ratio of weights:updates".
        """
        if not self._measures:
            return None
        if self._sample.is_full:
            self._tell()
        self._sample.look()
        self._latest = Later(self._tell)
        self._untold.append(self._latest)
        return self._latest

    @property
    def update_ratio(self) -> float | None:
        """‖Δw‖₂ / ‖w‖₂ over the weights of all layers: the latest that was read."""
        return self._latest.value if self._latest else None

    def _tell(self) -> None:
        """Work out all that was only noted down."""
        for later, (moved, size) in zip(self._untold, self._sample.told(), strict=True):
            later.value = moved / size if size > 0 else None
        self._untold.clear()

    def layer_ratios(self) -> dict[str, float]:
        """As :meth:`after_update`, the latest that was read, of each layer by itself."""
        if self.update_ratio is None or self._sample.looks < 2:
            return {}
        return {
            name: rounded(moved / size)
            for name, (moved, size) in zip(self._layers, self._sample.each(), strict=True)
            if 0 < size < math.inf and math.isfinite(moved)
        }


class _Sample:
    """The same weights of each of ``tensors`` at every look: all of a small one, else some drawn by chance.

    NumPy, as for so few numbers it takes a fifth of PyTorch's time; and nothing here may warn of a number too large.
    """

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        draw = np.random.default_rng(0).choice  # none of training's draws; evenly spaced ones would follow the layout
        self._flat = [_in_a_row(tensor) for tensor in tensors]
        sizes = [len(flat) for flat in self._flat]
        self._places = [
            np.sort(draw(size, SAMPLED_WEIGHTS, replace=False)) if size > SAMPLED_WEIGHTS else np.arange(size)
            for size in sizes
        ]
        counts = [len(places) for places in self._places]
        ends = np.cumsum(counts)
        self._cuts = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
        self._scale = np.repeat(np.sqrt(np.divide(sizes, counts)), counts).astype(np.float32)
        """Each stands for so many weights of its tensor; their square root, to multiply with before squares are added."""
        self._rows = np.zeros((_LOOKS, sum(counts)), np.float32)
        self._into = [[row[cut] for cut in self._cuts] for row in self._rows]
        self._indices = [
            torch.from_numpy(at).to(flat.device) for at, flat in zip(self._places, self._flat, strict=True)
        ]
        self._arrays = [flat.numpy() for flat in self._flat if flat.device.type == "cpu"]
        self._on_cpu = len(self._arrays) == len(tensors)
        self.looks = 0
        """How many are kept, in the order in which they were,"""
        self._told = 1
        """and at how many the movements end that were asked for."""

    def look_afresh(self) -> None:
        """See where the weights are now, and forget where they were."""
        self.looks, self._told = 0, 1
        self.look()

    def look(self) -> None:
        """See where the weights are now."""
        if self.is_full:
            self._rows[0] = self._rows[-1]
            self.looks = self._told = 1
        if self._on_cpu:
            for flat, places, into in zip(self._arrays, self._places, self._into[self.looks], strict=True):
                flat.take(places, out=into, mode="clip")  # "raise" would go by way of another copy
        else:
            taken = [flat.index_select(0, at) for flat, at in zip(self._flat, self._indices, strict=True)]
            self._rows[self.looks] = torch.cat(taken).float().cpu().numpy()
        self.looks += 1

    @property
    def is_full(self) -> bool:
        """Whether the next look will forget the others, but for the latest."""
        return self.looks == _LOOKS

    def told(self) -> list[tuple[float, float]]:
        """Between each two looks that this was not asked of yet, how far all moved, and how long all were at the first."""
        found = self._between(self._told - 1, slice(None)) if self.looks > self._told else []
        self._told = self.looks
        return found

    def each(self) -> list[tuple[float, float]]:
        """Of each tensor how far it moved between the latest two looks, and how long it was at the first of them."""
        return [self._between(self.looks - 2, cut)[0] for cut in self._cuts]

    def _between(self, first: int, cut: slice) -> list[tuple[float, float]]:
        with np.errstate(over="ignore", invalid="ignore"):
            rows = self._rows[first : self.looks, cut] * self._scale[cut]
            return list(zip(_row_lengths(np.diff(rows, axis=0)), _row_lengths(rows[:-1]), strict=True))


def _row_lengths(rows: NDArray[np.float32]) -> list[float]:
    """The Euclidean norm of each; infinite where a square is too large or a value is no number."""
    squares = np.vecdot(rows, rows)  # of each the same bits, however many there are, as by einsum they are not
    return [math.sqrt(square) if math.isfinite(square) else math.inf for square in squares.tolist()]


def _in_a_row(tensor: Tensor) -> Tensor:
    """All numbers of ``tensor`` in the order in which they lie in memory; the very ones, no copy."""
    return tensor.detach().permute(sorted(range(tensor.dim()), key=tensor.stride, reverse=True)).view(-1)


def norms(tensors: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of each of ``tensors``, float32 (N,)."""
    return torch.stack([one.float() for one in _lengths(tensors)])


def norm(tensors: Sequence[Tensor]) -> float:
    """The Euclidean norm of all ``tensors`` as one vector."""
    if not tensors or tensors[0].device.type == "cpu":
        return math.hypot(*map(float, _lengths(tensors)))  # a quarter faster than more tensors
    return float(torch.linalg.vector_norm(norms(tensors)))  # one wait for the device


def _lengths(tensors: Sequence[Tensor]) -> Sequence[Tensor]:
    if not tensors:
        return ()
    return torch._foreach_norm(list(tensors))  # noqa: SLF001  # as torch.nn.utils does; there is no public name


def gradient_norms(network: nn.Module) -> dict[str, float]:
    """The Euclidean norm of the latest gradient of each layer's weights, clipped if it was; without one, no entry."""
    named = [(name, parameter.grad) for name, parameter in _matrices(network) if parameter.grad is not None]
    if not named:
        return {}
    lengths = norms([gradient for _, gradient in named]).tolist()
    return {name: rounded(length) for (name, _), length in zip(named, lengths, strict=True) if math.isfinite(length)}


def rounded(value: float) -> float:
    """``value`` with as many digits as a log needs."""
    return float(f"{value:.{_DIGITS}g}")


class ReluWatch(TorchFunctionMode):
    """Within the block, sees what every rectifier of ``network`` lets through, however its model calls it.

    It notes which units never let anything through, and leaves a rectifier alone once all of its units did. With
    ``counting`` it notes instead what share of all outputs is above zero.
    """

    _RECTIFIERS: frozenset[Callable[..., Any]] = frozenset({F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_})

    def __init__(self, network: nn.Module, *, counting: bool = False) -> None:
        super().__init__()
        self._network = network
        self._dead: dict[str, Tensor] = {}
        self._dead_count: dict[str, int] = {}
        self._counting = counting
        self._passed: dict[str, tuple[float, int]] = {}
        self._layer = ""
        self._calls: Counter[str] = Counter()

    def __torch_function__(
        self, func: Callable[..., Any], _types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call ``func``, and if it is a rectifier note which units it let through."""
        result = func(*args, **(kwargs or {}))
        if func in self._RECTIFIERS and isinstance(result, Tensor) and result.dim() >= 2:
            self._calls[self._layer] += 1
            call = self._calls[self._layer]
            name = self._layer if call == 1 else f"{self._layer} ({call})"
            # Nothing rectified is negative, and sums are quick: a comparison or the largest take 5 to 25 times as long.
            if self._counting:
                passed, count = self._passed.get(name, (0.0, 0))
                self._passed[name] = passed + float(result.sign().sum()), count + result.numel()
            elif self._dead_count.get(name, 1):
                dead_C = ~(result.sum(dim=[0, *range(2, result.dim())]) > 0)
                self._dead[name] = dead_C & self._dead[name] if name in self._dead else dead_C
                self._dead_count[name] = int(self._dead[name].sum())
        return result

    @contextmanager
    def watching(self) -> Iterator[None]:
        """The block within which forward passes count."""

        def begin(*_: Any) -> None:
            self._calls.clear()
            self._layer = "input"

        def after(name: str) -> Callable[..., None]:
            def hook(*_: Any) -> None:
                self._layer = name

            return hook

        hooks = [self._network.register_forward_pre_hook(begin)]
        hooks += [module.register_forward_hook(after(name)) for name, module in _layers(self._network)]
        try:
            with self:
                yield
        finally:
            for hook in hooks:
                hook.remove()

    def found(self) -> list[Rectified]:
        """For each rectifier, in the order of the network, how many of its units never let anything through."""
        return [
            Rectified(layer=name, units=len(dead), dead=self._dead_count[name]) for name, dead in self._dead.items()
        ]

    def active(self) -> dict[str, float]:
        """For each rectifier the share of its outputs that were above zero, if they were counted."""
        return {name: rounded(passed / count) for name, (passed, count) in self._passed.items() if count}


def weight_histograms(network: nn.Module) -> list[Histogram]:
    """The weights of each layer, vectors such as biases left out, in bins of equal width from −max to max."""
    histograms = []
    for name, parameter in _matrices(network):
        values = _sample(parameter)
        largest = float(values.abs().max()) if len(values) else 0.0
        high = max(rounded(1.00001 * largest), 1e-30)  # above the largest even when rounded
        counts = torch.histc(values, WEIGHT_BINS, -high, high)
        histograms.append(Histogram(layer=name, low=-high, high=high, counts=[int(count) for count in counts.tolist()]))
    return histograms


def gradient_histograms(network: nn.Module) -> list[Histogram]:
    """The decimal logarithms of the sizes of the latest gradient in each layer; layers without one are left out."""
    low, high = GRADIENT_RANGE
    histograms = []
    for name, parameter in _matrices(network):
        if parameter.grad is None:
            continue
        values = _sample(parameter.grad).abs()
        sizes = values[values > 0].log10().clamp(low, high)
        counts = [int(count) for count in torch.histc(sizes, GRADIENT_BINS, low, high).tolist()]
        histograms.append(Histogram(layer=name, low=low, high=high, counts=counts, zeros=len(values) - len(sizes)))
    return histograms


def _sample(tensor: Tensor) -> Tensor:
    """At most so many finite values of ``tensor``, evenly taken, as float32 on the CPU."""
    flat = tensor.detach().reshape(-1)
    values = flat[:: math.ceil(len(flat) / _MOST_VALUES)].float().cpu()
    return values[values.isfinite()]


def _layers(network: nn.Module) -> list[tuple[str, nn.Module]]:
    """The modules that have parameters of their own, with their names."""
    return [
        (name, module)
        for name, module in network.named_modules()
        if next(module.parameters(recurse=False), None) is not None
    ]


def _matrices(network: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [
        (name.removesuffix(".weight"), parameter)
        for name, parameter in network.named_parameters()
        if parameter.dim() >= 2
    ]
