"""The playground's numbers: PyTorch's autograd, optimizers and losses, closed forms, and the exported program."""

import sys
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlcore.concepts import playground_data
from dlcore.concepts.playground import GRID, record
from dlcore.concepts.playground_experiment import (
    ACTIVATIONS,
    BATCH_SIZES,
    COUNT,
    DATA,
    EXTENT,
    FEATURES,
    INITIALISATIONS,
    LOSSES,
    OPTIMIZERS,
    OWN_LIMIT,
    PENALTIES,
    REGRESSION,
    Experiment,
    features_of,
    losses_of,
    points_of,
    with_values,
)
from dlcore.concepts.playground_network import Network, initialise, loss_and_gradient, optimizer_of
from dlcore.concepts.playground_program import PICTURE, program_of
from dlcore.messages import UserError

MODULES = {"tanh": nn.Tanh, "relu": nn.ReLU, "leaky-relu": nn.LeakyReLU, "sigmoid": nn.Sigmoid, "identity": nn.Identity}


def run(program: str) -> dict:
    """The names that the training part of an exported program leaves behind."""
    names: dict = {}
    before = torch.get_default_dtype()
    try:
        exec(compile(program.partition(PICTURE)[0], "exported.py", "exec"), names)
    finally:
        torch.set_default_dtype(before)
    return names


def twin(sizes: tuple[int, ...], activation: str) -> tuple[Network, nn.Sequential]:
    """Our network and PyTorch's, with the same parameters."""
    ours = Network(sizes, activation)
    initialise(ours, "xavier", np.random.default_rng(5))
    layers: list[nn.Module] = []
    for weight, bias in zip(ours.weights, ours.biases, strict=True):
        layer = nn.Linear(weight.shape[1], weight.shape[0]).double()
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight))
            layer.bias.copy_(torch.from_numpy(bias))
        layers += [layer, MODULES[activation]()]
    return ours, nn.Sequential(*layers[:-1])


def torch_loss(outputs: torch.Tensor, targets: torch.Tensor, loss: str, *, regression: bool) -> torch.Tensor:
    wide = outputs.shape[1] > 1
    if regression:
        return (F.mse_loss if loss == "squared-error" else F.l1_loss)(outputs[:, 0], targets)
    if loss == "cross-entropy":
        if wide:
            return F.cross_entropy(outputs, targets.long())
        return F.binary_cross_entropy_with_logits(outputs[:, 0], targets)
    if wide:
        return F.mse_loss(outputs.softmax(1), F.one_hot(targets.long(), outputs.shape[1]).double())
    return F.mse_loss(outputs[:, 0].sigmoid(), targets)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("data", ["xor", "blobs", "hills"])
def test_outputs_losses_and_gradients_are_autograds(data, activation):
    for loss in losses_of(data):
        experiment = Experiment(data=data, hidden=(5, 3), activation=activation, loss=loss)
        ours, theirs = twin(experiment.sizes, activation)
        points = points_of(experiment)
        inputs = features_of(points.places, experiment.features)
        values = ours.forward(inputs)
        value, by_outputs = loss_and_gradient(values[-1], points.targets, loss, regression=experiment.regression)
        ours.backward(values, by_outputs)
        outputs = theirs(torch.from_numpy(inputs))
        their_loss = torch_loss(outputs, torch.from_numpy(points.targets), loss, regression=experiment.regression)
        their_loss.backward()
        gradient = torch.cat([parameter.grad.flatten() for parameter in theirs.parameters()])
        np.testing.assert_allclose(values[-1], outputs.detach().numpy(), rtol=1e-12, atol=1e-14)
        assert value == pytest.approx(their_loss.item(), rel=1e-12)
        np.testing.assert_allclose(ours.gradient, gradient.numpy(), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_are_torchs(name):
    experiment = Experiment(optimizer=name, learning_rate=0.05)
    network = Network(experiment.sizes, "tanh")
    initialise(network, "normal", np.random.default_rng(1))
    parameter = nn.Parameter(torch.from_numpy(network.parameters.copy()))
    theirs = {
        "sgd": lambda: torch.optim.SGD([parameter], 0.05),
        "momentum": lambda: torch.optim.SGD([parameter], 0.05, momentum=0.9),
        "rmsprop": lambda: torch.optim.RMSprop([parameter], 0.05),
        "adam": lambda: torch.optim.Adam([parameter], 0.05),
    }[name]()
    update = optimizer_of(experiment, network)
    random = np.random.default_rng(2)
    for _step in range(30):
        network.gradient[:] = random.standard_normal(network.gradient.shape)
        parameter.grad = torch.from_numpy(network.gradient.copy())
        update()
        theirs.step()
    np.testing.assert_allclose(network.parameters, parameter.detach().numpy(), rtol=1e-10, atol=1e-13)


PROGRAMS = {
    "default": {},
    "linear": {"hidden": ()},
    "three classes": {"data": "blobs", "loss": "squared-error", "optimizer": "momentum", "activation": "sigmoid"},
    "softmax": {"data": "blobs", "hidden": (3,), "initialisation": "he", "activation": "leaky-relu"},
    "regression": {"data": "hills", "loss": "absolute-error", "optimizer": "rmsprop", "learning_rate": 0.001},
    "slope": {"data": "plane", "loss": "squared-error", "hidden": (), "batch_size": 0},
    "own": {"data": "own", "own_points": ((0.5, 0.5, 1), (-0.5, 0.25, 0), (0.1, -0.4, 2)), "batch_size": 8},
    "own too": {"data": "moons", "own_points": ((1.0, 1.0, 0),), "activation": "relu", "initialisation": "xavier"},
    "l1": {"data": "circles", "penalty": "l1", "initialisation": "normal", "features": tuple(FEATURES)},
    "l2": {"data": "spirals", "penalty": "l2", "hidden": (8, 8), "optimizer": "sgd", "learning_rate": 0.1},
    "zeros": {"initialisation": "zeros", "seed": 7, "noise": 0.2, "train_share": 0.3},
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_exported_program_gives_the_recorded_losses(name):
    experiment = Experiment(epochs=30, **PROGRAMS[name])
    recording = record(experiment)
    names = run(program_of(experiment))
    assert names["train_loss"] == pytest.approx(recording.train_losses[-1], rel=1e-6)
    if recording.test_losses:
        assert names["test_loss"] == pytest.approx(recording.test_losses[-1], rel=1e-6)
    theirs = torch.cat([parameter.detach().flatten() for parameter in names["network"].parameters()])
    np.testing.assert_allclose(recording.parameters[-1], theirs.numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["default", "three classes", "regression"])
def test_the_exported_program_draws_the_recorded_surface(name, monkeypatch):
    plot = MagicMock()
    monkeypatch.setitem(sys.modules, "matplotlib", MagicMock(pyplot=plot))
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", plot)
    experiment = Experiment(epochs=5, **PROGRAMS[name])
    program = program_of(experiment)
    names = run(program)
    exec(compile(program.partition(PICTURE)[2], "picture.py", "exec"), names)
    assert plot.show.called
    places, features = names["places"], names["features"]
    assert tuple(names["surface"].shape) == (200, 200)
    recorded = record(experiment)
    with torch.no_grad():
        outputs = names["network"](features(places)).numpy()
    network = Network(experiment.sizes, experiment.activation)
    network.parameters[:] = recorded.parameters[-1]
    np.testing.assert_allclose(
        network.forward(features_of(places, experiment.features))[-1], outputs, rtol=1e-6, atol=1e-8
    )


class TestRecording:
    def test_the_same_experiment_gives_the_same_recording(self):
        first, second = (record(Experiment(data="moons", epochs=20)) for _turn in range(2))
        assert first.train_losses == second.train_losses
        np.testing.assert_array_equal(first.surfaces, second.surfaces)
        other = record(Experiment(data="moons", epochs=20, seed=1))
        assert other.train_losses != first.train_losses

    @pytest.mark.parametrize("data", DATA)
    def test_shapes(self, data):
        own = ((0.5, 0.5, 1), (-0.5, -0.5, 0)) if data == "own" else ()
        experiment = with_values(Experiment(epochs=40, hidden=(3, 2), own_points=own), data=data)
        recording = record(experiment)
        frames = len(recording.frames)
        assert recording.frames[0] == 0
        assert recording.frames[-1] == recording.epochs == 40
        assert len(recording.train_losses) == 41
        assert len(recording.test_losses) == (0 if data == "own" else 41)
        assert len(recording.train_accuracies) == (0 if data in REGRESSION else 41)
        assert recording.surfaces.shape == (frames, experiment.outputs, GRID, GRID)
        assert recording.neurons.shape == (frames, 5, 20, 20)
        assert recording.features.shape == (2, 20, 20)
        assert recording.parameters.shape == (
            frames,
            sum(d * w + w for d, w in zip((2, 3, 2), (3, 2, experiment.outputs), strict=True)),
        )

    def test_a_surface_is_the_networks_answer(self):
        recording = record(Experiment(data="circles", epochs=10, activation="relu"))
        network = Network(recording.experiment.sizes, "relu")
        network.parameters[:] = recording.parameters[-1]
        cell = 2 * EXTENT / GRID
        place = np.array([[-EXTENT + 7.5 * cell, -EXTENT + 30.5 * cell]])  # column 7, row 30
        answer = 1 / (1 + np.exp(-network.forward(place)[-1][0, 0]))
        assert recording.surfaces[-1, 0, 30, 7] == round(255 * answer)
        small = 2 * EXTENT / 20
        place = np.array([[-EXTENT + 7.5 * small, -EXTENT + 15.5 * small]])
        value = network.forward(place)[1][0, 2]
        assert recording.neurons[-1, 2, 15, 7] == round(128 + 127 * value / recording.scales[2])

    def test_accuracies_and_losses_are_those_of_the_last_network(self):
        recording = record(Experiment(data="blobs", epochs=15))
        points, network = recording.points, Network(recording.experiment.sizes, "tanh")
        network.parameters[:] = recording.parameters[-1]
        outputs = network.forward(points.places[~points.training])[-1]
        targets = points.targets[~points.training]
        assert recording.test_accuracies[-1] == np.mean(outputs.argmax(1) == targets)
        assert recording.test_losses[-1] == pytest.approx(
            F.cross_entropy(torch.from_numpy(outputs), torch.from_numpy(targets).long()).item()
        )

    def test_full_batch_descent_on_a_slope_is_the_closed_form(self):
        """Linear regression by gradient descent: w_k = w* + (I - ηA)^k (w_0 - w*), with A twice the second moments."""
        experiment = Experiment(
            data="plane", loss="squared-error", hidden=(), optimizer="sgd", learning_rate=0.2, batch_size=0, epochs=25
        )
        recording = record(experiment)
        points = recording.points
        x = np.column_stack([points.places[points.training], np.ones(points.training.sum())])
        best = np.linalg.lstsq(x, points.targets[points.training], rcond=None)[0]
        curvature = 2 * x.T @ x / len(x)
        factor = np.linalg.matrix_power(np.eye(3) - 0.2 * curvature, 25)
        np.testing.assert_allclose(
            recording.parameters[-1], best + factor @ (recording.parameters[0] - best), rtol=1e-9
        )

    def test_a_rate_too_high_diverges_and_is_broken_off(self):
        recording = record(
            with_values(Experiment(optimizer="sgd", learning_rate=30.0, activation="identity"), data="hills")
        )
        assert recording.diverged
        assert recording.epochs < 200
        assert np.isfinite(recording.parameters).all()
        assert np.isfinite(recording.train_losses).all()

    def test_zeros_learn_only_the_last_bias(self):
        recording = record(Experiment(initialisation="zeros"))
        assert not recording.parameters[:, :-1].any()
        assert recording.parameters[-1, -1] != 0

    def test_no_points_no_training(self):
        recording = record(Experiment(data="own"))
        assert recording.frames == [0]
        assert recording.train_losses == recording.test_losses == []

    def test_own_points_are_learned_from(self):
        experiment = Experiment(data="blobs", own_points=((0.0, 0.0, 2),))
        points = points_of(experiment)
        assert len(points.places) == COUNT + 1
        assert points.training[-1]
        assert points.targets[-1] == 2
        assert points_of(with_values(experiment, data="xor")).targets[-1] == 1
        assert points_of(with_values(experiment, data="plane")).targets[-1] == 0


@pytest.mark.parametrize("data", [name for name in DATA if name != "own"])
def test_data_lie_on_the_plane_in_balance(data):
    experiment = with_values(Experiment(noise=0.0), data=data)
    points = points_of(experiment)
    assert points.places.shape == (COUNT, 2)
    assert points.training.sum() == COUNT / 2
    assert np.abs(points.places).max() <= EXTENT
    if data in REGRESSION:
        assert np.abs(points.targets).max() <= 1
    else:
        counts = np.bincount(points.targets.astype(int))
        assert counts.min() > COUNT / len(counts) * 0.75


@pytest.mark.parametrize("kind", INITIALISATIONS)
def test_first_weights_have_the_spread_of_their_papers(kind):
    weights, biases = [np.ones((300, 200))], [np.ones(300)]
    playground_data.draw_parameters(weights, biases, kind, np.random.default_rng(0))
    wanted = {
        "pytorch": np.sqrt(1 / (3 * 200)),
        "xavier": np.sqrt(2 / 500),
        "he": np.sqrt(2 / 200),
        "normal": 1.0,
        "zeros": 0.0,
    }[kind]
    assert weights[0].std() == pytest.approx(wanted, rel=0.02)
    assert (biases[0] == 0).all() == (kind != "pytorch")


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": "mnist"},
        {"noise": 0.6},
        {"noise": float("nan")},
        {"train_share": 1.0},
        {"features": ()},
        {"features": ("x2", "x1")},
        {"hidden": (9,)},
        {"hidden": (1, 1, 1, 1, 1)},
        {"activation": "step"},
        {"optimizer": "lion"},
        {"learning_rate": -1.0},
        {"penalty": "l3"},
        {"batch_size": 7},
        {"loss": "absolute-error"},
        {"initialisation": "ones"},
        {"epochs": 301},
        {"own_points": ((2.0, 0.0, 1),)},
        {"own_points": ((0.0, 0.0, 3),)},
        {"own_points": ((0.0, float("nan"), 1),)},
        {"own_points": ((0.0, 0.0, 1),) * (OWN_LIMIT + 1)},
    ],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(UserError):
        Experiment(**wrong)


def test_every_choice_can_be_recorded():
    for field, names in {
        "activation": ACTIVATIONS,
        "optimizer": OPTIMIZERS,
        "penalty": PENALTIES,
        "initialisation": INITIALISATIONS,
        "batch_size": BATCH_SIZES,
    }.items():
        for name in names:
            assert record(Experiment(epochs=2, **{field: name})).epochs == 2
    assert set(LOSSES) == {loss for data in DATA for loss in losses_of(data)}
