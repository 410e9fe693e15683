"""The six steps of learning on the smallest network that has everything: 2 inputs, 2 hidden neurons, 1 output.

For one example (x, y) and one set of weights this module returns every number of the forward pass, the loss, the
gradients (by autograd, by the chain rule written out by hand, by finite differences) and the update. Everything is
float64, so that the three gradients can be compared to the last digits.

Weights travel as nine numbers in the order of :data:`WEIGHT_NAMES`: W1 row by row (2, 2), b1 (2,), W2 (1, 2), b2 (1,).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from dlcore.messages import N_, UserError

Weights = tuple[float, ...]

HIDDEN: Mapping[str, str] = {"sigmoid": N_("Sigmoid"), "tanh": N_("Tanh"), "relu": N_("ReLU")}
"""Activations of the hidden neurons."""

HEADS: Mapping[str, str] = {
    "sigmoid-cross-entropy": N_("Sigmoid output, cross-entropy loss"),
    "sigmoid-squared": N_("Sigmoid output, squared error"),
    "identity-squared": N_("Plain output, squared error"),
}
"""Output activation and loss go together: cross-entropy needs a probability, so it has no plain output."""

WEIGHT_NAMES = ("w11", "w12", "w21", "w22", "b1", "b2", "v1", "v2", "c")
"""``w12`` leads from input 2 to hidden neuron 1; ``v`` and ``c`` are weights and bias of the output neuron."""

INPUT_LIMIT = 10.0
WEIGHT_LIMIT = 20.0
RATE_LIMIT = 100.0
UPDATES_LIMIT = 1000
SOLVED_LOSS = 0.01
"""Below this the lab calls an example learned."""
DIVERGED_LOSS = 1e12
"""Above this a training is lost; it would reach infinity soon."""
DIFFERENCE_STEP = 1e-6
"""Half the width of the central difference: near the cube root of float64's precision, where its error is least."""

_ACTIVATIONS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What a visitor sets. Raises :class:`UserError` for values that cannot be computed with."""

    x: tuple[float, float] = (1.0, 0.5)
    y: float = 1.0
    learning_rate: float = 0.5
    hidden: str = "sigmoid"
    head: str = "sigmoid-squared"
    weights: Weights = (0.4, -0.6, 0.3, 0.8, 0.1, -0.2, -0.7, 0.5, 0.2)

    def __post_init__(self) -> None:
        for name, choices in (("hidden", HIDDEN), ("head", HEADS)):
            value = getattr(self, name)
            if value not in choices:
                raise UserError(
                    N_("{name} must be one of {allowed}; got {value}."),
                    name=name,
                    allowed=", ".join(choices),
                    value=str(value)[:40],
                )
        if len(self.x) != 2:
            raise _wrong_count("x", 2, len(self.x))
        if len(self.weights) != len(WEIGHT_NAMES):
            raise _wrong_count("weights", len(WEIGHT_NAMES), len(self.weights))
        for value in self.x:
            _bound("x", value, -INPUT_LIMIT, INPUT_LIMIT)
        for value in self.weights:
            _bound("weights", value, -WEIGHT_LIMIT, WEIGHT_LIMIT)
        if self.head.startswith("sigmoid"):
            _bound("y", self.y, 0, 1)
        else:
            _bound("y", self.y, -INPUT_LIMIT, INPUT_LIMIT)
        _bound("rate", self.learning_rate, 0, RATE_LIMIT)


def _bound(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses what is not a number
        raise UserError(
            N_("{name} must be in {allowed}; got {value}."),
            name=name,
            allowed=f"[{low:g}, {high:g}]",
            value=str(value)[:40],
        )


def _wrong_count(name: str, count: int, given: int) -> UserError:
    return UserError(N_("{name} must hold {count} numbers; got {given}."), name=name, count=count, given=given)


@dataclass(frozen=True, kw_only=True)
class Forward:
    """Every number on the way from the input to the prediction. ``z`` is before an activation, ``h`` after it."""

    z1: tuple[float, float]
    h: tuple[float, float]
    z2: float
    prediction: float


@dataclass(frozen=True, kw_only=True)
class Backward:
    """The chain rule, link by link; each entry is the derivative of the loss by that quantity, unless it says so."""

    prediction: float
    output_slope: float
    """The derivative of the output activation at ``z2`` (1 for the plain output)."""
    z2: float
    h: tuple[float, float]
    hidden_slope: tuple[float, float]
    """The derivative of the hidden activation at ``z1``."""
    z1: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Gradients:
    """The derivative of the loss by each weight, three ways, in the order of :data:`WEIGHT_NAMES`."""

    autograd: Weights
    closed_form: Weights
    finite_difference: Weights


@dataclass(frozen=True, kw_only=True)
class Lap:
    """One round of the steps 2 to 5."""

    weights: Weights
    forward: Forward
    loss: float
    backward: Backward
    gradients: Gradients
    weights_after: Weights
    loss_after: float


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """A whole training. Entry k is the state after k updates; a diverged training ends before its loss passes :data:`DIVERGED_LOSS`."""

    weights: tuple[Weights, ...]
    losses: tuple[float, ...]
    diverged: bool


def draw_weights(seed: int) -> Weights:
    """Nine starting weights as ``torch.nn.Linear`` draws them: uniform in ±1/√(number of inputs), to four decimals."""
    generator = torch.Generator().manual_seed(seed)
    bound = 1 / math.sqrt(2)  # both layers have two inputs
    draws = (torch.rand(len(WEIGHT_NAMES), generator=generator, dtype=torch.float64) * 2 - 1) * bound
    return tuple(round(value, 4) for value in draws.tolist())


def _forward(experiment: Experiment, weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x = torch.tensor(experiment.x, dtype=torch.float64)
    z1 = weights[:4].reshape(2, 2) @ x + weights[4:6]
    h = _ACTIVATIONS[experiment.hidden](z1)
    z2 = weights[6:8] @ h + weights[8]
    prediction = torch.sigmoid(z2) if experiment.head.startswith("sigmoid") else z2
    return z1, h, z2, prediction


def _loss(experiment: Experiment, z2: Tensor, prediction: Tensor) -> Tensor:
    y = torch.tensor(experiment.y, dtype=torch.float64)
    if experiment.head == "sigmoid-cross-entropy":
        return F.binary_cross_entropy_with_logits(z2, y)  # the same as with the prediction, but never infinite
    return F.mse_loss(prediction, y)


def _loss_at(experiment: Experiment, weights: Tensor) -> Tensor:
    _, _, z2, prediction = _forward(experiment, weights)
    return _loss(experiment, z2, prediction)


def _autograd(experiment: Experiment, weights: Sequence[float]) -> tuple[float, list[float]]:
    parameters = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
    loss = _loss_at(experiment, parameters)
    (gradient,) = torch.autograd.grad(loss, parameters)
    return loss.item(), gradient.tolist()


def _update(weights: Sequence[float], gradient: Sequence[float], learning_rate: float) -> Weights:
    return tuple(weight - learning_rate * slope for weight, slope in zip(weights, gradient, strict=True))


def _hidden_slope(activation: str, z: float, h: float) -> float:
    match activation:
        case "sigmoid":
            return h * (1 - h)
        case "tanh":
            return 1 - h * h
        case _:
            return 1.0 if z > 0 else 0.0  # at the kink itself PyTorch takes 0, and so do we


def chain_rule(experiment: Experiment, weights: Weights, forward: Forward) -> tuple[Backward, Weights]:
    """Back-propagation written out by hand (Rumelhart, Hinton and Williams, 1986): the links and the nine gradients."""
    y, prediction = experiment.y, forward.prediction
    output_slope = prediction * (1 - prediction) if experiment.head.startswith("sigmoid") else 1.0
    if experiment.head == "sigmoid-cross-entropy":
        d_z2 = prediction - y  # the slope of the sigmoid cancels: no saturation
        d_prediction = d_z2 / output_slope if output_slope else math.copysign(math.inf, d_z2)
    else:
        d_prediction = 2 * (prediction - y)
        d_z2 = d_prediction * output_slope
    d_h = (weights[6] * d_z2, weights[7] * d_z2)
    slope = (
        _hidden_slope(experiment.hidden, forward.z1[0], forward.h[0]),
        _hidden_slope(experiment.hidden, forward.z1[1], forward.h[1]),
    )
    d_z1 = (d_h[0] * slope[0], d_h[1] * slope[1])
    x1, x2 = experiment.x
    gradient = (
        d_z1[0] * x1,
        d_z1[0] * x2,
        d_z1[1] * x1,
        d_z1[1] * x2,
        d_z1[0],
        d_z1[1],
        d_z2 * forward.h[0],
        d_z2 * forward.h[1],
        d_z2,
    )
    links = Backward(prediction=d_prediction, output_slope=output_slope, z2=d_z2, h=d_h, hidden_slope=slope, z1=d_z1)
    return links, gradient


def finite_difference(experiment: Experiment, weights: Weights) -> Weights:
    """Each gradient as (L(w + ε) − L(w − ε)) / 2ε: slow and a little inexact, but it knows nothing of calculus."""
    centre = torch.tensor(weights, dtype=torch.float64)
    slopes = []
    for index in range(len(weights)):
        shift = torch.zeros_like(centre)
        shift[index] = DIFFERENCE_STEP
        rise = _loss_at(experiment, centre + shift) - _loss_at(experiment, centre - shift)
        slopes.append(rise.item() / (2 * DIFFERENCE_STEP))
    return tuple(slopes)


def lap(experiment: Experiment, weights: Weights) -> Lap:
    """Steps 2 to 5 from ``weights``, with every number on the way."""
    loss, autograd = _autograd(experiment, weights)
    z1, h, z2, prediction = _forward(experiment, torch.tensor(weights, dtype=torch.float64))
    forward = Forward(
        z1=(z1[0].item(), z1[1].item()), h=(h[0].item(), h[1].item()), z2=z2.item(), prediction=prediction.item()
    )
    backward, closed_form = chain_rule(experiment, weights, forward)
    after = _update(weights, autograd, experiment.learning_rate)
    return Lap(
        weights=weights,
        forward=forward,
        loss=loss,
        backward=backward,
        gradients=Gradients(
            autograd=tuple(autograd),
            closed_form=closed_form,
            finite_difference=finite_difference(experiment, weights),
        ),
        weights_after=after,
        loss_after=_loss_at(experiment, torch.tensor(after, dtype=torch.float64)).item(),
    )


def train(experiment: Experiment, updates: int) -> Trajectory:
    """``updates`` rounds of forward, loss, backward, update with PyTorch's autograd, from the experiment's weights."""
    weights = experiment.weights
    states: list[Weights] = []
    losses: list[float] = []
    for _ in range(min(updates, UPDATES_LIMIT) + 1):
        loss, gradient = _autograd(experiment, weights)
        if not (loss < DIVERGED_LOSS and all(map(math.isfinite, gradient))):
            return Trajectory(weights=tuple(states), losses=tuple(losses), diverged=True)
        states.append(weights)
        losses.append(loss)
        weights = _update(weights, gradient, experiment.learning_rate)
    return Trajectory(weights=tuple(states), losses=tuple(losses), diverged=False)


Outcome = Literal["solved", "lower", "unchanged", "higher"]


def outcome(trajectory: Trajectory) -> Outcome:
    """Where a training ended: higher than it began (or not finite), within 1 % of it, below 0.01, or lower but not there."""
    first, last = trajectory.losses[0], trajectory.losses[-1]
    if trajectory.diverged or last > 1.01 * first:
        return "higher"
    if last >= 0.99 * first:
        return "unchanged"
    return "solved" if last < SOLVED_LOSS else "lower"


def bounces(trajectory: Trajectory) -> int:
    """How many updates made the loss rise by more than rounding."""
    return sum(after > before * (1 + 1e-9) + 1e-12 for before, after in pairwise(trajectory.losses))
