"""The lab's numbers: three gradients that agree, PyTorch's own optimizer as judge, one example worked by hand."""

import math
import random
from dataclasses import replace

import pytest
import torch
from torch import nn

from dlcore.concepts.six_steps import (
    HEADS,
    HIDDEN,
    INPUT_LIMIT,
    UPDATES_LIMIT,
    WEIGHT_NAMES,
    Experiment,
    bounces,
    draw_weights,
    lap,
    outcome,
    train,
)
from dlcore.messages import UserError


def draws(hidden: str, head: str, count: int = 40) -> list[Experiment]:
    chance = random.Random(f"{hidden} {head}")
    number = lambda bound: chance.uniform(-bound, bound)  # noqa: E731
    return [
        Experiment(
            x=(number(2), number(2)),
            y=chance.random() if head.startswith("sigmoid") else number(2),
            learning_rate=chance.uniform(0.01, 1),
            hidden=hidden,
            head=head,
            weights=tuple(number(2) for _ in WEIGHT_NAMES),
        )
        for _ in range(count)
    ]


def as_modules(experiment: Experiment) -> tuple[nn.Sequential, nn.Module]:
    """The same network as anyone would write it in PyTorch."""
    activation = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}[experiment.hidden]()
    network = nn.Sequential(nn.Linear(2, 2), activation, nn.Linear(2, 1)).double()
    if experiment.head == "sigmoid-squared":
        network.append(nn.Sigmoid())
    w = torch.tensor(experiment.weights, dtype=torch.float64)
    with torch.no_grad():
        for parameter, values in zip(network.parameters(), (w[:4], w[4:6], w[6:8], w[8:]), strict=True):
            parameter.copy_(values.reshape(parameter.shape))
    return network, nn.BCEWithLogitsLoss() if experiment.head == "sigmoid-cross-entropy" else nn.MSELoss()


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("hidden", HIDDEN)
class TestEveryKind:
    def test_autograd_equals_the_chain_rule_and_the_finite_difference(self, hidden, head):
        for experiment in draws(hidden, head):
            gradients = lap(experiment, experiment.weights).gradients
            assert gradients.closed_form == pytest.approx(gradients.autograd, rel=1e-12, abs=1e-15)
            assert gradients.finite_difference == pytest.approx(gradients.autograd, rel=1e-5, abs=1e-7)

    def test_links_of_the_chain_multiply_to_the_gradient(self, hidden, head):
        for experiment in draws(hidden, head, 10):
            result = lap(experiment, experiment.weights)
            back, x = result.backward, experiment.x
            assert back.z2 == pytest.approx(back.prediction * back.output_slope, rel=1e-9)
            for neuron in range(2):
                assert back.h[neuron] == pytest.approx(back.z2 * experiment.weights[6 + neuron])
                assert back.z1[neuron] == pytest.approx(back.h[neuron] * back.hidden_slope[neuron])
                assert result.gradients.autograd[2 * neuron] == pytest.approx(back.z1[neuron] * x[0], abs=1e-15)

    def test_training_is_torch_optim_sgd(self, hidden, head):
        for experiment in draws(hidden, head, 3):
            network, criterion = as_modules(experiment)
            optimizer = torch.optim.SGD(network.parameters(), lr=experiment.learning_rate)
            trajectory = train(experiment, 20)
            x = torch.tensor([experiment.x], dtype=torch.float64)
            y = torch.tensor([[experiment.y]], dtype=torch.float64)
            for loss_here in trajectory.losses:
                loss = criterion(network(x), y)
                assert loss_here == pytest.approx(loss.item(), rel=1e-9, abs=1e-14)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    def test_a_small_step_lowers_the_loss(self, hidden, head):
        for experiment in draws(hidden, head, 20):
            result = lap(replace(experiment, learning_rate=1e-4), experiment.weights)
            if any(abs(slope) > 1e-6 for slope in result.gradients.autograd):
                assert result.loss_after < result.loss

    def test_one_lap_is_one_entry_of_the_trajectory(self, hidden, head):
        for experiment in draws(hidden, head, 3):
            result, trajectory = lap(experiment, experiment.weights), train(experiment, 1)
            assert trajectory.losses == pytest.approx((result.loss, result.loss_after), rel=1e-12)
            assert trajectory.weights[1] == pytest.approx(result.weights_after, rel=1e-12)


def test_an_example_worked_by_hand():
    # x = (1, 2), all first weights 1, biases 0, ReLU: z1 = h = (3, 3); v = (1, -1), c = 1: prediction 1; y = 0, loss 1.
    experiment = Experiment(
        x=(1, 2),
        y=0,
        learning_rate=0.1,
        hidden="relu",
        head="identity-squared",
        weights=(1, 1, 1, 1, 0, 0, 1, -1, 1),
    )
    result = lap(experiment, experiment.weights)
    assert (result.forward.z1, result.forward.h, result.forward.prediction, result.loss) == ((3, 3), (3, 3), 1, 1)
    assert result.gradients.autograd == (2, 4, -2, -4, 2, -2, 6, 6, 2)
    assert result.weights_after == pytest.approx((0.8, 0.6, 1.2, 1.4, -0.2, 0.2, 0.4, -1.6, 0.8))
    # z1 = (1.8, 4.2); prediction 0.4 * 1.8 - 1.6 * 4.2 + 0.8 = -5.2: the step was far too long.
    assert result.loss_after == pytest.approx(5.2**2)


def test_cross_entropy_stays_finite_where_its_formula_does_not():
    experiment = Experiment(y=0, head="sigmoid-cross-entropy", weights=(0, 0, 0, 0, 20, 20, 20, 20, 20))
    result = lap(experiment, experiment.weights)
    assert result.forward.prediction == pytest.approx(1, abs=1e-15)
    assert result.loss == pytest.approx(result.forward.z2)
    assert all(map(math.isfinite, result.gradients.closed_form))


def test_a_neuron_that_is_off_passes_no_gradient():
    experiment = Experiment(hidden="relu", weights=(-1, -1, -1, -1, -1, -1, 1, 1, 0))
    gradients = lap(experiment, experiment.weights).gradients
    for way in (gradients.autograd, gradients.closed_form, gradients.finite_difference):
        assert all(slope == 0 for slope in way[:8])
        assert way[8] != 0


def test_twins_stay_twins():
    last = train(Experiment(weights=(0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.4, 0.4, 0)), 50).weights[-1]
    assert last[:2] == last[2:4]
    assert last[6] == last[7]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "solved"),
        ({"head": "identity-squared", "learning_rate": 2}, "higher"),
        ({"learning_rate": 0}, "unchanged"),
        ({"learning_rate": 0.1}, "lower"),
    ],
)
def test_outcome(changes, expected):
    assert outcome(train(Experiment(**changes), 100)) == expected


def test_divergence_is_told_and_ends_the_trajectory():
    trajectory = train(Experiment(head="identity-squared", learning_rate=20), UPDATES_LIMIT)
    assert trajectory.diverged
    assert len(trajectory.losses) < 100
    assert all(map(math.isfinite, trajectory.losses))
    assert bounces(trajectory) > 0
    assert bounces(train(Experiment(), 100)) == 0


def test_seeds_draw_as_linear_layers_do():
    assert draw_weights(3) == draw_weights(3)
    assert draw_weights(3) != draw_weights(4)
    drawn = [weight for seed in range(100) for weight in draw_weights(seed)]
    assert max(map(abs, drawn)) <= 1 / math.sqrt(2)
    assert max(map(abs, drawn)) > 0.7


@pytest.mark.parametrize(
    "changes",
    [
        {"x": (INPUT_LIMIT + 1, 0)},
        {"x": (math.nan, 0)},
        {"x": (1,)},
        {"y": 2},
        {"weights": (0,) * 8},
        {"weights": (math.inf,) * 9},
        {"learning_rate": -1},
        {"hidden": "sine"},
        {"head": "identity-cross-entropy"},
    ],
)
def test_what_cannot_be_computed_with_is_refused(changes):
    with pytest.raises(UserError):
        Experiment(**changes)
