"""A training of the playground as a PyTorch program of its own: the same data, first weights, batches and numbers."""

import inspect

from dlcore.concepts import playground_data
from dlcore.concepts.playground_experiment import COUNT, EXTENT, Experiment

PICTURE = "# The picture"
"""Before this line stands all that trains; after it, matplotlib."""

_FEATURES = {
    "x1": "x1",
    "x2": "x2",
    "x1-squared": "x1**2",
    "x2-squared": "x2**2",
    "x1-x2": "x1 * x2",
    "sin-x1": "np.sin(np.pi * x1)",
    "sin-x2": "np.sin(np.pi * x2)",
}
_ACTIVATIONS = {
    "tanh": "nn.Tanh()",
    "relu": "nn.ReLU()",
    "leaky-relu": "nn.LeakyReLU(0.01)",
    "sigmoid": "nn.Sigmoid()",
    "identity": "nn.Identity()",
}
_OPTIMIZERS = {
    "sgd": "torch.optim.SGD(network.parameters(), lr={rate})",
    "momentum": "torch.optim.SGD(network.parameters(), lr={rate}, momentum=0.9)",
    "rmsprop": "torch.optim.RMSprop(network.parameters(), lr={rate})",
    "adam": "torch.optim.Adam(network.parameters(), lr={rate})",
}
_TEMPLATE = '''\
"""The playground's training as a PyTorch program: same data, same first weights, same batches, same numbers."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)


{data_function}

{draw_function}

def features(places):
    x1, x2 = places[:, 0], places[:, 1]
    return torch.from_numpy(np.stack([{features}], axis=1))


def loss_of(outputs, targets):
{loss}

{points}
inputs, answers = features(places), torch.from_numpy(targets)
training = np.arange(len(places)) < {train_count}
{own}train, test = torch.from_numpy(training), torch.from_numpy(~training)

network = nn.Sequential(
{layers}
)
linear = [layer for layer in network if isinstance(layer, nn.Linear)]
draw_parameters(
    [layer.weight.detach().numpy() for layer in linear],  # NumPy writes into PyTorch's own memory
    [layer.bias.detach().numpy() for layer in linear],
    "{initialisation}",
    np.random.default_rng([{seed}, 1]),
)
optimizer = {optimizer}

random = np.random.default_rng([{seed}, 2])
x_train, y_train = inputs[train], answers[train]
for epoch in range({epochs}):
    order = torch.from_numpy(random.permutation(len(x_train)))
    for batch in order.split({batch_size}):
        loss = loss_of(network(x_train[batch]), y_train[batch])
{penalty}        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

network.eval()
with torch.no_grad():
    train_loss = loss_of(network(x_train), y_train).item()
    print(f"loss on the training points: {{train_loss:.6f}}")
    if test.any():
        test_loss = loss_of(network(inputs[test]), answers[test]).item()
        print(f"loss on the test points: {{test_loss:.6f}}")

{picture_mark}
import matplotlib.pyplot as plt

axis = np.linspace(-{extent}, {extent}, 200)
x, y = np.meshgrid(axis, axis)
with torch.no_grad():
    outputs = network(features(np.stack([x.ravel(), y.ravel()], axis=1)))
surface = {surface}.reshape(200, 200)
plt.contourf(x, y, surface, {contour})
plt.scatter(*places[training].T, c=targets[training], {colours}, edgecolors="white")
plt.scatter(*places[~training].T, c=targets[~training], {colours}, edgecolors="black")
plt.gca().set_aspect("equal")
plt.show()
'''


def program_of(experiment: Experiment) -> str:
    """The program: what stands before PICTURE needs numpy and torch, the rest draws with matplotlib."""
    own, drawn = experiment.data == "own", experiment.own_points
    make = "xor" if own else experiment.data
    count = 0 if own else COUNT
    return _TEMPLATE.format(
        data_function=_source(make),
        draw_function=_source("draw_parameters"),
        features=", ".join(_FEATURES[name] for name in experiment.features),
        loss=_loss(experiment),
        points=f"places, targets = {make}({count}, {experiment.noise!r}, np.random.default_rng([{experiment.seed}, 0]))"
        + (_own_points(experiment) if drawn else ""),
        train_count=round(count * experiment.train_share),
        own=f"training[{count}:] = True  # my own points are learned from\n" if drawn else "",
        layers=_layers(experiment),
        initialisation=experiment.initialisation,
        seed=experiment.seed,
        optimizer=_OPTIMIZERS[experiment.optimizer].format(rate=repr(experiment.learning_rate)),
        epochs=experiment.epochs,
        batch_size=experiment.batch_size or "len(x_train)",
        penalty=_penalty(experiment),
        picture_mark=PICTURE,
        extent=EXTENT,
        surface=_surface(experiment),
        contour=_contour(experiment),
        colours=_colours(experiment),
    )


def _source(name: str) -> str:
    """A function of playground_data without its annotations, which would need another import."""
    lines = inspect.getsource(getattr(playground_data, name)).splitlines()
    body = next(place for place, line in enumerate(lines) if line.startswith('    """'))
    arguments = "weights, biases, kind, random" if name == "draw_parameters" else "count, noise, random"
    return "\n".join([f"def {name}({arguments}):", *lines[body:]]) + "\n"


def _own_points(experiment: Experiment) -> str:
    marks = [-1.0, 1.0, 0.0] if experiment.regression else [0.0, 1.0, 2.0 if experiment.outputs > 1 else 1.0]
    rows = "\n".join(f"    [{x!r}, {y!r}, {marks[mark]!r}]," for x, y, mark in experiment.own_points)
    return (
        f"\nown = np.array([\n{rows}\n])\n"
        "places, targets = np.concatenate([places, own[:, :2]]), np.concatenate([targets, own[:, 2]])"
    )


def _layers(experiment: Experiment) -> str:
    sizes = experiment.sizes
    lines = []
    for place, width in enumerate(sizes[1:]):
        lines.append(f"    nn.Linear({sizes[place]}, {width}),")
        if place < len(experiment.hidden):
            lines.append(f"    {_ACTIVATIONS[experiment.activation]},")
    return "\n".join(lines)


def _loss(experiment: Experiment) -> str:
    if experiment.regression:
        name = "mse_loss" if experiment.loss == "squared-error" else "l1_loss"
        return f"    return F.{name}(outputs[:, 0], targets)\n"
    if experiment.loss == "cross-entropy":
        if experiment.outputs == 1:
            return "    return F.binary_cross_entropy_with_logits(outputs[:, 0], targets)\n"
        return "    return F.cross_entropy(outputs, targets.long())\n"
    if experiment.outputs == 1:
        return "    return F.mse_loss(torch.sigmoid(outputs[:, 0]), targets)\n"
    wanted = f"F.one_hot(targets.long(), {experiment.outputs}).to(outputs.dtype)"
    return f"    return F.mse_loss(torch.softmax(outputs, dim=1), {wanted})\n"


def _penalty(experiment: Experiment) -> str:
    if experiment.penalty == "none":
        return ""
    rate = repr(experiment.penalty_rate)
    term = f"{rate} * layer.weight.abs()" if experiment.penalty == "l1" else f"{rate} / 2 * layer.weight.square()"
    return f"        loss = loss + sum(({term}).sum() for layer in linear)\n"


def _surface(experiment: Experiment) -> str:
    if experiment.outputs > 1:
        return "outputs.argmax(dim=1)"
    return "outputs" if experiment.regression else "torch.sigmoid(outputs)"


def _contour(experiment: Experiment) -> str:
    if experiment.outputs > 1:
        return 'levels=[-0.5, 0.5, 1.5, 2.5], cmap="Set2", alpha=0.6'
    levels = "np.linspace(-1, 1, 21)" if experiment.regression else "np.linspace(0, 1, 21)"
    return f'levels={levels}, cmap="RdBu", extend="both", alpha=0.6'


def _colours(experiment: Experiment) -> str:
    if experiment.outputs > 1:
        return 'cmap="Set2", vmin=0, vmax=2'
    return f'cmap="RdBu", vmin={-1 if experiment.regression else 0}, vmax=1'
