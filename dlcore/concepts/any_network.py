"""The six steps on a small network of any shape: every number of a round, three gradients, and the optimizer's memory.

Layers are fully connected, the last one linear. Parameters travel as one flat vector in PyTorch's order: W¹ row by row,
b¹, W², b², … Everything is float64, so that the three gradients can be compared to the last digits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dlcore.concepts import losses
from dlcore.concepts.descent import Memory, advance
from dlcore.concepts.neuron import slope, value
from dlcore.messages import N_

Array = NDArray[np.float64]

INPUTS_LIMIT = 4
NEURONS_LIMIT = 5
LAYERS_LIMIT = 3
OUTPUTS_LIMIT = 3
ROUNDS_LIMIT = 50
DIFFERENCE_STEP = 1e-6
"""Half the width of the central difference."""
LOSSES: Mapping[str, str] = {"cross-entropy": N_("Softmax and cross-entropy"), "squared-error": N_("Squared error")}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A network, one example and an optimizer; input, first weights and the rest follow from the seed."""

    sizes: tuple[int, ...] = (2, 3, 2)
    """Inputs, hidden neurons layer by layer, outputs."""
    activation: str = "tanh"
    loss: str = "cross-entropy"
    """Cross-entropy of a single output would always be 0, so there squared error is taken."""
    optimizer: str = "adam"
    learning_rate: float = 0.1
    momentum: float = 0.9
    seed: int = 0

    @property
    def classifies(self) -> bool:
        """Whether the outputs are logits of classes; the right one is class 0."""
        return self.loss == "cross-entropy" and self.sizes[-1] > 1

    @property
    def x(self) -> Array:
        """The input (inputs,), between -1 and 1, to two decimals."""
        return np.round(np.random.default_rng([self.seed, 0]).uniform(-1, 1, self.sizes[0]), 2)

    @property
    def y(self) -> Array:
        """The target (outputs,): 1 for the first output, 0 for the others."""
        return np.asarray(np.eye(self.sizes[-1])[0], dtype=np.float64)

    @property
    def first(self) -> Array:
        """The parameters (P,) to begin with, as ``torch.nn.Linear`` draws them, to four decimals."""
        random = np.random.default_rng([self.seed, 1])
        parts = [random.uniform(-1, 1, wide * (deep + 1)) / np.sqrt(deep) for deep, wide in pairwise(self.sizes)]
        return np.round(np.concatenate(parts), 4)


@dataclass(frozen=True, kw_only=True)
class Round:
    """Every number of one round: forward, loss, backward, update."""

    parameters: Array
    sums: list[Array]
    """z of each layer after the input."""
    values: list[Array]
    """a of each layer, the input first; the last are the outputs themselves."""
    answers: Array
    """The probabilities, or the outputs again where nothing is classified."""
    loss: float
    deltas: list[Array]
    """∂L/∂z of each layer after the input."""
    closed_form: Array
    """∂L/∂w (P,) by the chain rule."""
    memory_before: Memory
    memory: Memory
    change: Array
    """Δw (P,)."""
    number: int
    """1 for the first round."""

    @property
    def after(self) -> Array:
        """The parameters after the update."""
        return self.parameters + self.change


def layers_of(plan: Plan, parameters: Array) -> list[tuple[Array, Array]]:
    """Weights (out, in) and biases (out,) of each layer, as views."""
    found, place = [], 0
    for deep, wide in pairwise(plan.sizes):
        weight = parameters[place : place + wide * deep].reshape(wide, deep)
        place += wide * deep
        found.append((weight, parameters[place : place + wide]))
        place += wide
    return found


def names_of(plan: Plan) -> list[str]:
    """A name for each parameter: ``w1.2.1`` leads in layer 1 from input 1 to neuron 2, ``b1.2`` is that neuron's bias."""
    names = []
    for layer, (deep, wide) in enumerate(pairwise(plan.sizes), 1):
        names += [f"w{layer}.{to}.{source}" for to in range(1, wide + 1) for source in range(1, deep + 1)]
        names += [f"b{layer}.{to}" for to in range(1, wide + 1)]
    return names


def _forward(plan: Plan, parameters: Array) -> tuple[list[Array], list[Array]]:
    sums, values = [], [plan.x]
    layers = layers_of(plan, parameters)
    for index, (weight, bias) in enumerate(layers):
        sums.append(weight @ values[-1] + bias)
        values.append(sums[-1] if index == len(layers) - 1 else value(plan.activation, sums[-1]))
    return sums, values


def loss_at(plan: Plan, parameters: Array) -> float:
    """The loss of the one example."""
    outputs = _forward(plan, parameters)[1][-1]
    if plan.classifies:
        return float(losses.cross_entropy(outputs, 0))
    return float(((outputs - plan.y) ** 2).sum())


def _backward(plan: Plan, parameters: Array, sums: list[Array], values: list[Array]) -> tuple[list[Array], Array]:
    outputs = values[-1]
    delta = losses.cross_entropy_gradient(outputs, 0) if plan.classifies else 2 * (outputs - plan.y)
    deltas, gradients = [delta], []
    layers = layers_of(plan, parameters)
    for index in range(len(layers) - 1, -1, -1):
        gradients.append(np.concatenate([np.outer(delta, values[index]).ravel(), delta]))
        if index:
            delta = (layers[index][0].T @ delta) * slope(plan.activation, sums[index - 1])
            deltas.append(delta)
    return deltas[::-1], np.concatenate(gradients[::-1])


def play(plan: Plan, rounds: int) -> Round:
    """Round number ``rounds + 1``, after so many updates."""
    parameters = plan.first
    memory = Memory(np.zeros_like(parameters), np.zeros_like(parameters))
    with np.errstate(all="ignore"):
        for number in range(1, min(rounds, ROUNDS_LIMIT) + 2):
            sums, values = _forward(plan, parameters)
            deltas, gradient = _backward(plan, parameters, sums, values)
            change, after = advance(plan.optimizer, memory, gradient, plan.learning_rate, plan.momentum, number)
            found = Round(
                parameters=parameters,
                sums=sums,
                values=values,
                answers=losses.softmax(values[-1]) if plan.classifies else values[-1],
                loss=loss_at(plan, parameters),
                deltas=deltas,
                closed_form=gradient,
                memory_before=memory,
                memory=after,
                change=change,
                number=number,
            )
            parameters, memory = parameters + change, after
    return found


def finite_difference(plan: Plan, parameters: Array) -> Array:
    """Each gradient as (L(w + ε) - L(w - ε)) / 2ε, which knows nothing of calculus."""
    slopes = np.empty_like(parameters)
    for index in range(len(parameters)):
        shift = np.zeros_like(parameters)
        shift[index] = DIFFERENCE_STEP
        slopes[index] = (loss_at(plan, parameters + shift) - loss_at(plan, parameters - shift)) / (2 * DIFFERENCE_STEP)
    return slopes


def autograd(plan: Plan, parameters: Array) -> Array:
    """Each gradient as PyTorch computes it, with ``torch.nn.functional`` from end to end."""
    import torch  # noqa: PLC0415  # only this way of the three needs it
    from torch.nn import functional as F  # noqa: PLC0415

    activate = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}[plan.activation]
    flat = torch.tensor(parameters, requires_grad=True)
    signal, place = torch.tensor(plan.x), 0
    shapes = list(pairwise(plan.sizes))
    for index, (deep, wide) in enumerate(shapes):
        weight = flat[place : place + wide * deep].reshape(wide, deep)
        place += wide * deep
        signal = F.linear(signal, weight, flat[place : place + wide])
        place += wide
        signal = signal if index == len(shapes) - 1 else activate(signal)
    if plan.classifies:
        loss = F.cross_entropy(signal, torch.tensor(0))
    else:
        loss = F.mse_loss(signal, torch.tensor(plan.y), reduction="sum")
    (gradient,) = torch.autograd.grad(loss, flat)
    result: Array = gradient.numpy()
    return result
