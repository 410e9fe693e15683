"""The labs' computations against torch.autograd, torch.nn and closed forms."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlcore.concepts import (
    any_network,
    convolution,
    descent,
    digits,
    generalisation,
    gradient_flow,
    losses,
    modes,
    neuron,
    surfaces,
)

CONTENT = Path(__file__).resolve().parents[2] / "content"
ACTIVATE = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky-relu": F.leaky_relu,
    "gelu": F.gelu,
    "silu": F.silu,
}


@pytest.mark.parametrize("name", neuron.ACTIVATIONS)
def test_an_activation_and_its_slope_are_pytorchs(name):
    z = torch.linspace(-9, 9, 181, dtype=torch.float64, requires_grad=True)
    expected = ACTIVATE[name](z)
    expected.sum().backward()
    assert neuron.value(name, z.detach().numpy()) == pytest.approx(expected.detach().numpy(), abs=1e-12)
    assert neuron.slope(name, z.detach().numpy()) == pytest.approx(z.grad.numpy(), abs=1e-12)


def test_saturation_of_a_sigmoid_is_the_normal_share_beyond_its_flat_ends():
    edge = 2 * math.acosh(math.sqrt(1 / neuron.SATURATED))  # σ′ = 1/(4·cosh²(z/2)) is 5% of 1/4 there
    for weight in (1.0, 10.0):
        expected = math.erfc(edge / (weight * math.sqrt(2)) / math.sqrt(2))
        found = neuron.saturation("sigmoid", (weight, -weight), 0.0)
        assert found == pytest.approx(expected, abs=0.03)
    assert neuron.saturation("relu", (1.0, 0.0), -9.0) == 1


@pytest.mark.parametrize("temperature", [0.25, 1.0, 5.0])
@pytest.mark.parametrize("target", [0, 2])
def test_losses_and_their_gradients_are_autograds(target, temperature):
    logits = torch.tensor([2.5, -1.0, 0.3], dtype=torch.float64, requires_grad=True)
    shares = F.softmax(logits / temperature, 0)
    assert losses.softmax(logits.detach().numpy(), temperature) == pytest.approx(shares.detach().numpy(), abs=1e-14)
    for loss, value, gradient in (
        (
            F.cross_entropy(logits / temperature, torch.tensor(target)),
            losses.cross_entropy,
            losses.cross_entropy_gradient,
        ),
        (
            ((shares - F.one_hot(torch.tensor(target), 3)) ** 2).sum(),
            losses.squared_error,
            losses.squared_error_gradient,
        ),
    ):
        (expected,) = torch.autograd.grad(loss, logits, retain_graph=True)
        array = logits.detach().numpy()
        assert float(value(array, target, temperature)) == pytest.approx(loss.item(), abs=1e-13)
        assert gradient(array, target, temperature) == pytest.approx(expected.numpy(), abs=1e-13)


def test_cross_entropy_stays_finite_where_the_probability_rounds_to_zero():
    logits = np.array([1000.0, 0.0, 0.0])
    assert losses.softmax(logits)[1] == 0
    assert float(losses.cross_entropy(logits, 1)) == pytest.approx(1000)
    assert losses.answers_outweighed(0.9**7) == pytest.approx(7)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("normalisation", gradient_flow.NORMALISATIONS)
@pytest.mark.parametrize("activation", gradient_flow.ACTIVATIONS)
def test_the_flow_of_gradients_is_autograds(activation, normalisation, residual):
    layers = 7
    flow = gradient_flow.measure(
        layers=layers,
        activation=activation,
        initialisation="he",
        normalisation=normalisation,
        residual=residual,
    )
    drawn, classifier = gradient_flow.draw("he", layers, 0)
    weights = [torch.tensor(weight, requires_grad=True) for weight in drawn]
    x, targets = gradient_flow.examples(0)
    signal = torch.tensor(x)
    norm = {
        "none": lambda z: z,
        "batch": nn.BatchNorm1d(gradient_flow.WIDTH, affine=False).double(),
        "layer": nn.LayerNorm(gradient_flow.WIDTH, elementwise_affine=False).double(),
    }[normalisation]
    stds = []
    for weight in weights:
        out = ACTIVATE[activation](norm(signal @ weight.T))
        signal = signal + out if residual else out
        stds.append(signal.std(correction=0).item())
    loss = F.cross_entropy(signal @ torch.tensor(classifier).T, torch.tensor(targets))
    loss.backward()
    assert flow.loss == pytest.approx(loss.item(), rel=1e-9)
    assert flow.signal == pytest.approx(stds, rel=1e-9)
    assert flow.gradient_norms == pytest.approx([weight.grad.norm().item() for weight in weights], rel=1e-7)


def test_sigmoids_lose_the_gradient_and_residual_links_keep_it():
    settings = {"layers": 30, "initialisation": "pytorch", "normalisation": "none"}
    plain = gradient_flow.measure(activation="sigmoid", residual=False, **settings)
    linked = gradient_flow.measure(activation="sigmoid", residual=True, **settings)
    assert plain.share < 1e-12
    assert linked.share > 0.05
    assert plain.backward_factor == pytest.approx((plain.blame[0] / plain.blame[-1]) ** (1 / 29))
    assert plain.backward_factor < 0.25  # σ′ is at most 1/4


def test_with_tanh_the_signal_fades_on_the_way_forward_and_the_blame_on_the_way_back():
    flow = gradient_flow.measure(
        layers=30, activation="tanh", initialisation="pytorch", normalisation="none", residual=False
    )
    assert flow.forward_factor == pytest.approx(1 / math.sqrt(3), abs=0.05)  # PyTorch draws from variance 1/(3·fan_in)
    assert flow.backward_factor == pytest.approx(1 / math.sqrt(3), abs=0.05)
    assert flow.gradient_norms[0] == pytest.approx(flow.gradient_norms[-1], rel=3)


def _torch_run(name, optimizer, rate, steps):
    make = {
        "sgd": lambda p: torch.optim.SGD(p, rate),
        "momentum": lambda p: torch.optim.SGD(p, rate, momentum=0.9),
        "nesterov": lambda p: torch.optim.SGD(p, rate, momentum=0.9, nesterov=True),
        "rmsprop": lambda p: torch.optim.RMSprop(p, rate),
        "adam": lambda p: torch.optim.Adam(p, rate),
    }[optimizer]
    found = surfaces.surface(name)
    place = torch.tensor(found.start, dtype=torch.float64, requires_grad=True)
    made = make([place])
    for _step in range(steps):
        place.grad = torch.tensor(found.gradient(place.detach().numpy()))
        made.step()
    return place.detach().numpy()


@pytest.mark.parametrize("name", ["ravine", "rosenbrock", "network"])
@pytest.mark.parametrize("optimizer", descent.NAMES)
def test_optimizers_go_where_pytorchs_go(name, optimizer):
    rates = {optimizer: np.array([0.001, 0.0005])}
    way = descent.descend(name, rates, steps=60, momentum=0.9, noisy=False, seeds=1)
    expected = _torch_run(name, optimizer, 0.001, 60)
    assert way[-1, 0, 0, 0] == pytest.approx(expected, rel=1e-9, abs=1e-11)
    opened = descent.open_step(name, optimizer, 0.001, momentum=0.9, step=60)
    assert opened.before + opened.delta == pytest.approx(expected, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("name", surfaces.TITLES)
def test_gradients_of_surfaces_are_finite_differences(name):
    found = surfaces.surface(name)
    places = np.random.default_rng(0).uniform(-1, 1, (7, 2)) + np.array(found.start)
    step = 1e-6
    for axis in (0, 1):
        shift = step * np.eye(2)[axis]
        slope = (found.value(places + shift) - found.value(places - shift)) / (2 * step)
        assert found.gradient(places)[:, axis] == pytest.approx(slope, rel=1e-5, abs=1e-6)
    for low in found.lowest:
        assert found.value(np.array(low)) < found.value(np.array(found.start))


def test_the_plane_holds_a_real_network_and_its_batches_average_to_the_whole():
    plane = surfaces.NetworkPlane()
    place = np.array([0.7, -0.4])
    parameters = plane.parameters(place)
    network = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    nn.utils.vector_to_parameters(torch.tensor(parameters), network.parameters())
    outputs = network(torch.tensor(plane.places))[:, 0]
    loss = F.binary_cross_entropy_with_logits(outputs, torch.tensor(plane.targets))
    assert plane.value(place) == pytest.approx(loss.item(), abs=1e-12)
    loss.backward()
    gradient = torch.cat([parameter.grad.flatten() for parameter in network.parameters()]).numpy()
    assert plane.gradient(place) == pytest.approx(plane.axes @ gradient, abs=1e-12)
    many = np.stack([plane.noisy(place[None], np.random.default_rng(seed))[0] for seed in range(400)])
    assert many.mean(axis=0) == pytest.approx(plane.gradient(place), abs=4 * many.std(axis=0).max() / 20)


def test_a_quadratic_diverges_exactly_beyond_two_over_its_curvature():
    low, high = surfaces.curvatures("ravine")
    assert (low, high) == pytest.approx((0.2, 20), rel=1e-6)
    for rate, lost in ((1.98 / high, False), (2.5 / high, True)):
        race = descent.race("ravine", dict.fromkeys(descent.NAMES, rate), steps=200, momentum=0.0, noisy=False, seeds=1)
        assert (race.diverged("sgd") is not None) == lost
    start = np.array(surfaces.surface("ravine").start)
    steep, along = surfaces.STEEP, np.array([surfaces.STEEP[1], -surfaces.STEEP[0]])
    closed = (start @ steep) * (1 - 0.05 * 20) ** 30 * steep + (start @ along) * (1 - 0.05 * 0.2) ** 30 * along
    way = descent.descend("ravine", {"sgd": np.array([0.05])}, steps=30, momentum=0.9, noisy=False, seeds=1)
    assert way[-1, 0, 0, 0] == pytest.approx(closed, abs=1e-12)


def test_all_who_race_see_the_same_batches():
    rates = dict.fromkeys(descent.NAMES, 0.01)
    race = descent.race("ravine", rates, steps=5, momentum=0.0, noisy=True, seeds=3)
    assert race.places.shape == (6, 5, 3, 2)
    assert race.places[:, 0] == pytest.approx(race.places[:, 1])  # momentum 0 is plain descent, noise and all
    assert not np.allclose(race.places[-1, 0, 0], race.places[-1, 0, 1])


EXPERIMENT = generalisation.Experiment(count=40, label_noise=0.1)


def test_the_digits_are_scikit_learns_own():
    from sklearn.datasets import load_digits

    images, labels = digits.digits()
    table = load_digits()
    order = np.random.default_rng(0).permutation(len(table.target))
    assert (images == table.data[order] / 16).all()
    assert (labels == table.target[order]).all()


@pytest.mark.parametrize("width", [25, 120])
def test_training_time_in_closed_form_is_gradient_descent_step_by_step(width):
    train, test = generalisation.features(EXPERIMENT, width)
    _x, given, _t, labels = generalisation.data(EXPERIMENT)
    target = np.eye(10)[given]
    rate = 1 / np.linalg.eigvalsh(train.T @ train / len(train)).max()
    weights = np.zeros((width, 10))
    sweep = generalisation.over_time(EXPERIMENT, width)
    for step in range(1, 101):
        weights -= rate * train.T @ (train @ weights - target) / len(train)
        if step in sweep.axis:
            place = sweep.axis.index(step)
            squared = ((test @ weights - np.eye(10)[labels]) ** 2).sum(axis=1).mean()
            assert sweep.test_squared[place] == pytest.approx(squared, rel=1e-6)
            assert sweep.train[place] == np.mean((train @ weights).argmax(axis=1) != given)


@pytest.mark.parametrize("width", [25, 120])
def test_weight_decay_three_ways(width):
    sweep = generalisation.over_decay(EXPERIMENT, width)
    for place in (4, 12, 20):
        one = generalisation.solve(EXPERIMENT, width, sweep.axis[place])
        assert one.test_squared[0] == pytest.approx(sweep.test_squared[place], rel=1e-4)
    capacity = generalisation.over_capacity(EXPERIMENT, 1e-3)
    for index, tried in enumerate(generalisation.widths(EXPERIMENT)):
        one = generalisation.solve(EXPERIMENT, tried, 1e-3)
        assert one.test_squared[0] == pytest.approx(capacity.test_squared[index], rel=1e-6)


def test_without_decay_the_widest_model_has_the_shortest_weights_that_fit():
    train, _test = generalisation.features(EXPERIMENT, 600)
    _x, given, _t, labels = generalisation.data(EXPERIMENT)
    shortest = np.linalg.lstsq(train, np.eye(10)[given], rcond=None)[0]
    wrong = np.mean((_test @ shortest).argmax(axis=1) != labels)
    found = generalisation.over_capacity(EXPERIMENT, 0.0)
    assert found.test[-1] == pytest.approx(wrong, abs=0.004)
    assert found.train[-1] == 0


def test_error_peaks_about_where_features_and_examples_are_equally_many():
    sweep = generalisation.over_capacity(generalisation.Experiment(count=100), 0.0)
    assert 80 <= sweep.axis[int(np.argmax(sweep.test))] <= 125
    assert sweep.test[-1] < 0.5 * min(sweep.test[:8])


@pytest.mark.parametrize("width", [25, 120])
def test_dropout_in_closed_form_minimises_the_mean_over_masks(width):
    rate = 0.5
    train, _test = generalisation.features(EXPERIMENT, width)
    _x, given, _t, _labels = generalisation.data(EXPERIMENT)
    weights = generalisation.dropout_weights(EXPERIMENT, width, rate)
    random = np.random.default_rng(0)
    gradient = np.zeros_like(weights)
    count = 4000
    for _mask in range(count):
        masked = train * (random.random(train.shape) >= rate) / (1 - rate)
        gradient += masked.T @ (masked @ weights - np.eye(10)[given]) / count
    size = np.abs(train.T @ np.eye(10)[given]).max()
    assert np.abs(gradient).max() < 0.02 * size


def test_shifts_move_by_one_pixel_and_noise_changes_labels():
    plain, noisy = generalisation.Experiment(), generalisation.Experiment(label_noise=0.3)
    assert np.mean(generalisation.data(plain)[1] != generalisation.data(noisy)[1]) == pytest.approx(0.3)
    moved = generalisation.data(generalisation.Experiment(shifts=True))[0].reshape(-1, 8, 8)
    first, second = moved[0], moved[100]
    candidates = [np.roll(first, step, axis) for step in (1, -1) for axis in (0, 1)]
    assert any(np.allclose(second[1:-1, 1:-1], candidate[1:-1, 1:-1]) for candidate in candidates)


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (1, 3, 3), (3, 2, 2)])
@pytest.mark.parametrize("name", convolution.KERNELS)
def test_convolution_is_pytorchs(name, stride, padding, dilation):
    kernel = convolution.KERNELS[name][1]
    image = np.random.default_rng(0).standard_normal((17, 23))
    found = convolution.convolve(image, kernel, stride=stride, padding=padding, dilation=dilation)
    expected = F.conv2d(
        torch.tensor(image)[None, None],
        torch.tensor(kernel)[None, None],
        stride=stride,
        padding=padding,
        dilation=dilation,
    )[0, 0]
    assert found == pytest.approx(expected.numpy(), abs=1e-12)
    sizes = [
        convolution.output_size(side, len(kernel), stride=stride, padding=padding, dilation=dilation)
        for side in image.shape
    ]
    assert list(found.shape) == sizes


def test_a_kernel_that_does_not_fit_gives_nothing():
    assert convolution.convolve(np.zeros((5, 5)), np.ones((3, 3)), dilation=4).shape == (0, 0)
    assert convolution.output_size(5, 3, stride=1, padding=0, dilation=4) == 0


def test_pooling_is_pytorchs():
    image = torch.randn(7, 10, dtype=torch.float64)
    assert convolution.pool(image.numpy(), "max") == pytest.approx(F.max_pool2d(image[None], 2)[0].numpy())
    assert convolution.pool(image.numpy(), "mean") == pytest.approx(F.avg_pool2d(image[None], 2)[0].numpy())
    assert convolution.pool(image.numpy(), "none") is not None


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(3, 1, 1), (5, 1, 2), (3, 2, 1)])
def test_receptive_fields_are_those_that_gradients_reach(kernel, stride, dilation, pooled):
    image = torch.zeros(1, 1, 161, 161, dtype=torch.float64, requires_grad=True)
    signal = image
    fields = convolution.receptive_fields(2, kernel=kernel, stride=stride, dilation=dilation, pooled=pooled)
    for _layer in range(2):
        signal = F.conv2d(
            signal, torch.ones(1, 1, kernel, kernel, dtype=torch.float64), stride=stride, dilation=dilation
        )
        signal = F.avg_pool2d(signal, 2) if pooled else signal
    middle = signal.shape[-1] // 2
    signal[0, 0, middle, middle].backward()
    reached = torch.nonzero(image.grad[0, 0].sum(0))[:, 0]
    assert int(reached.max() - reached.min()) + 1 == fields[-1].size  # dilation leaves holes within


def test_climbing_makes_the_class_likely_and_leaves_the_weights_alone():
    from dlcore.concepts.ascent import climb
    from dlcore.inference.prediction import load_model

    network = load_model().network
    before = [parameter.clone() for parameter in network.parameters()]
    image, shares = climb(network, 8, size=28, steps=16)
    assert image.shape == (28, 28)
    assert 0 <= image.min() <= image.max() <= 1
    assert shares[0] < 0.5
    assert shares[-1] > 0.9
    assert all(torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True))


def small_net():
    kept = json.loads((CONTENT / "measured" / "small_network.json").read_text(encoding="utf-8"))
    return modes.from_json(kept["tensors"], kept["dropout"]), kept


def as_torch(net):
    model = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10)).double()
    arrays = (net.w1, net.b1, net.gamma, net.beta, net.w2, net.b2)
    with torch.no_grad():
        for parameter, array in zip(model.parameters(), arrays, strict=True):
            parameter.copy_(torch.tensor(array))
        model[1].running_mean.copy_(torch.tensor(net.running_mean))
        model[1].running_var.copy_(torch.tensor(net.running_var))
    return model


def test_the_small_network_is_pytorchs_in_both_modes_and_as_good_as_said():
    net, kept = small_net()
    model = as_torch(net)
    images, labels = modes.held_out()
    logits = net.logits(net.hidden(images, batch_statistics=False))
    assert logits == pytest.approx(model.eval()(torch.tensor(images)).detach().numpy(), abs=1e-10)
    assert np.mean(logits.argmax(axis=1) == labels) == pytest.approx(kept["test_accuracy"], abs=0.003)
    model[3].p = 0.0
    in_train_mode = net.logits(net.hidden(images[:16], batch_statistics=True))
    assert in_train_mode == pytest.approx(model.train()(torch.tensor(images[:16])).detach().numpy(), abs=1e-10)


def test_asked_again_the_answer_changes_only_in_train_mode():
    net, _kept = small_net()
    for dropping, statistics, alike in ((False, False, True), (True, False, False), (False, True, False)):
        shares = modes.answers(net, 3, dropping=dropping, batch_statistics=statistics, batch_size=8, times=50)
        assert (np.ptp(shares, axis=0).max() < 1e-12) == alike
    whole = modes.accuracy(net, dropping=False, batch_statistics=False, batch_size=40, seed=0)
    assert whole == modes.accuracy(net, dropping=False, batch_statistics=False, batch_size=2, seed=1)
    assert modes.accuracy(net, dropping=False, batch_statistics=True, batch_size=2, seed=0) < whole - 0.05


def test_the_noise_of_a_batch_falls_with_the_root_of_its_size():
    noise = modes.gradient_noise()
    for size in (4, 16, 64):
        assert noise[4 * size] == pytest.approx(noise[size] / 2, rel=0.2)


@pytest.mark.parametrize("loss", any_network.LOSSES)
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 3, 2), (4, 5, 5, 5, 3), (3, 2, 1)])
def test_three_gradients_of_any_network_agree(sizes, activation, loss):
    plan = any_network.Plan(sizes=sizes, activation=activation, loss=loss, seed=4)
    found = any_network.play(plan, 2)
    exact = any_network.autograd(plan, found.parameters)
    assert found.closed_form == pytest.approx(exact, abs=1e-14)
    assert any_network.finite_difference(plan, found.parameters) == pytest.approx(exact, abs=1e-8)
    assert len(any_network.names_of(plan)) == len(exact)


@pytest.mark.parametrize("optimizer", descent.NAMES)
def test_the_optimizers_memory_and_step_are_pytorchs(optimizer):
    plan = any_network.Plan(optimizer=optimizer, learning_rate=0.05)
    parameters = torch.tensor(plan.first, requires_grad=True)
    made = {
        "sgd": lambda p: torch.optim.SGD(p, 0.05),
        "momentum": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9),
        "nesterov": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True),
        "rmsprop": lambda p: torch.optim.RMSprop(p, 0.05),
        "adam": lambda p: torch.optim.Adam(p, 0.05),
    }[optimizer]([parameters])
    for _round in range(6):
        parameters.grad = torch.tensor(any_network.autograd(plan, parameters.detach().numpy()))
        made.step()
    found = any_network.play(plan, 5)
    assert found.after == pytest.approx(parameters.detach().numpy(), abs=1e-12)
    state = made.state[parameters]
    if optimizer == "adam":
        assert found.memory.first == pytest.approx(state["exp_avg"].numpy(), abs=1e-13)
        assert found.memory.second == pytest.approx(state["exp_avg_sq"].numpy(), abs=1e-13)
    if optimizer in {"momentum", "nesterov"}:
        assert found.memory.first == pytest.approx(state["momentum_buffer"].numpy(), abs=1e-13)


@pytest.mark.parametrize("name", ["ravine", "rosenbrock", "beale"])
def test_only_plain_and_heavy_steps_are_thrown_out(name):
    tried = descent.sweep(name, steps=100, momentum=0.9, noisy=False)
    lost = {optimizer: np.mean(np.isinf(row)) for optimizer, row in tried.items()}
    assert lost["adam"] == lost["rmsprop"] == 0
    assert all(lost[optimizer] > 0.4 for optimizer in ("sgd", "momentum", "nesterov"))


def test_between_two_trained_networks_lies_a_hill():
    plane = surfaces.NetworkPlane()
    first, second = map(np.array, plane.ends)
    way = plane.value(np.stack([first + (second - first) * share for share in np.linspace(0, 1, 21)]))
    assert way.max() > 2 * max(way[0], way[-1])
