"""What the microscope shows is what PyTorch computes, for every architecture there is."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from dlcore.inference.microscope import explain, follow, receptive_field
from dlcore.inference.trace import INPUT, Addition, Trace, trace
from dlcore.inference.workings import Pooled, WeightedPatch
from dlcore.models import MODELS
from dlcore.models.layers import Deskewing, Flatten, LogSoftmax
from dlcore.models.options import ACTIVATIONS, ModelOptions

EVERYTHING = (
    "conv 5 3 stride 2 padding 1 / layernorm / leaky-relu / conv 6 4 / batchnorm / gelu / avgpool 3 stride 2"
    " / residual 8 stride 2 / residual 8 / silu / maxpool 2 / dropout / linear 12 / layernorm / sigmoid / linear 9"
    " / batchnorm / tanh"
)


def cases():
    for name in MODELS:
        yield name, 1, 28, ModelOptions()
        if name in ("compact-cnn", "lenet5", "linear"):
            yield name, 3, 32, ModelOptions()
        if name in ("resnet-small", "mlp"):
            for over, function in (("layer", "gelu"), ("none", "tanh"), ("batch", "leaky-relu")):
                yield name, 1, 28, ModelOptions(normalization=over, activation=function)
    yield "custom", 1, 28, ModelOptions(layers=EVERYTHING)
    yield "custom", 3, 32, ModelOptions(layers="conv 4 3 / globalpool")


def built(name, channels, size, options):
    """A network whose norms have seen something, so that none of them is the identity; with its layers and an image."""
    torch.manual_seed(0)
    asked = {"dropout": 0.5, "options": options, "classes": 7}
    network = MODELS[name].build(in_channels=channels, image_size=size, **asked).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.GroupNorm | nn.LayerNorm):
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias)
    layers = MODELS[name].layers(shape=(channels, size, size), **asked)
    return network, layers, torch.randn(channels, size, size)


def places(values, most=7):
    """Corners, middles and some places between."""
    sides = [sorted({0, side // 2, side - 1}) for side in values.shape]
    everywhere = list(itertools.product(*sides))
    return everywhere[:: max(1, len(everywhere) // most)] + everywhere[-1:]


@pytest.mark.parametrize(("name", "channels", "size", "options"), list(cases()))
def test_every_number_of_every_architecture_is_pytorchs(name, channels, size, options):
    network, layers, image = built(name, channels, size, options)
    heard = {}
    for path, module in network.named_modules():
        module.register_forward_hook(lambda _module, _given, out, path=path: heard.__setitem__(path, out.clone()))
    with torch.inference_mode():
        answer = network(image.unsqueeze(0))
    seen = trace(network, layers, image)
    torch.testing.assert_close(seen.steps[-1].values, answer[0], rtol=0, atol=1e-6)
    for index, step in enumerate(seen.steps):
        if not isinstance(step.layer, Addition):
            torch.testing.assert_close(step.values, heard[step.name][0], rtol=1e-5, atol=1e-5)
        for place in places(step.values):
            working = explain(seen, index, place)
            torch_value = float(step.values[place])
            assert working.torch_value == torch_value
            exact = 1e-4 if isinstance(step.layer, Deskewing) else 1e-5  # a slope from sums over all pixels
            assert working.result == pytest.approx(torch_value, rel=1e-5, abs=exact), (step.name, place)
            for source, where in working.sources:
                seen.values(source)[where]  # points at something that is there
    assert isinstance(seen.steps[-1].layer, LogSoftmax)


def test_the_trace_is_what_the_network_does_and_leaves_it_as_it_was():
    network, layers, image = built("compact-cnn", 1, 28, ModelOptions())
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    seen = trace(network, layers, image)
    assert seen.steps[0].reads == (INPUT,)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    # An activation that works in place has not overwritten what came before it.
    assert any((step.values < 0).any() for step in seen.steps if step.values.dim() == 3)


def test_a_chain_follows_a_value_to_where_it_is_mixed():
    network, layers, image = built("custom", 1, 28, ModelOptions(layers="conv 4 3 / batchnorm / relu / maxpool 2"))
    seen = trace(network, layers, image)
    chain = follow(seen, 0, (1, 2, 3))
    assert [seen.steps[index].name for index, _ in chain] == ["batchnorm1", "relu1"]
    assert chain[0][1].value == float(seen.steps[0].values[1, 2, 3])
    assert chain[-1][1].torch_value == float(seen.steps[2].values[1, 2, 3])
    assert follow(seen, 3, (0, 0, 0)) == []


def test_a_place_that_is_not_there_is_refused():
    network, layers, image = built("linear", 1, 28, ModelOptions())
    seen = trace(network, layers, image)
    for index, place in ((-1, (0,)), (99, (0,)), (0, (0, 0)), (0, (-1,)), (0, (784,)), (0, ())):
        with pytest.raises(IndexError):
            explain(seen, index, place)


def test_a_patch_over_the_edge_sees_zeros():
    network, layers, image = built("custom", 1, 28, ModelOptions(layers="conv 2 5 padding 2"))
    working = explain(trace(network, layers, image), 0, (0, 0, 0))
    assert isinstance(working, WeightedPatch)
    assert (working.top, working.left) == (-2, -2)
    assert not working.patch[:, :2].any()
    assert not working.patch[:, :, :2].any()
    np.testing.assert_allclose(working.patch[0, 2:, 2:], image[0, :3, :3], rtol=1e-6)


def test_a_convolution_in_groups_shows_the_channels_of_its_group():
    network, layers, image = built("committee-cnn", 1, 28, ModelOptions(members=3))
    seen = trace(network, layers, image)
    index = next(place for place, step in enumerate(seen.steps) if getattr(step.layer, "groups", 1) == 3)
    given, channels = seen.values(seen.steps[index].reads[0]), seen.steps[index].layer.channels
    for channel in (0, channels // 3, channels - 1):
        working = explain(seen, index, (channel, 5, 5))
        assert working.first_channel == channel // (channels // 3) * len(given) // 3
        first, count = working.first_channel, len(working.patch)
        assert count == len(given) // 3
        assert torch.equal(torch.from_numpy(working.patch[:, 1, 1]).float(), given[first : first + count, 5, 5])


def test_what_branches_hand_on_comes_from_the_one_it_stands_behind():
    network, layers, image = built("mixed-committee-cnn", 1, 28, ModelOptions(members=1))
    seen = trace(network, layers, image)
    index = next(place for place, step in enumerate(seen.steps) if step.name == "branches")
    ends = seen.steps[index].reads
    first = len(seen.values(ends[0]))
    for place, source in ((0, (ends[0], (0,))), (first - 1, (ends[0], (first - 1,))), (first, (ends[1], (0,)))):
        assert explain(seen, index, (place,)).sources == (source,)
    # Seven 3×3 windows with three poolings see 46×46 pixels, of which the first place pads 19; a lean depends on all.
    assert receptive_field(seen, index, (0,)) == (0, 0, 27, 27)
    assert receptive_field(seen, index, (first,)) == (0, 0, 28, 28)


def test_the_cell_that_won_is_the_largest():
    network, layers, image = built("custom", 1, 28, ModelOptions(layers="maxpool 3 stride 2"))
    working = explain(trace(network, layers, image), 0, (0, 4, 5))
    assert isinstance(working, Pooled)
    ((source, place),) = working.sources
    assert source == INPUT
    assert float(image[place]) == working.result == working.window.max()


@pytest.mark.parametrize(
    ("name", "size"), [("resnet-small", 12), ("lenet5", 28), ("mlp", 28), ("custom", 28), ("mixed-committee-cnn", 28)]
)
def test_what_lies_outside_the_receptive_field_does_not_matter(name, size):
    network, layers, image = built(name, 1, size, ModelOptions())
    seen = trace(network, layers, image)
    for index in range(0, len(seen.steps), 1 + len(seen.steps) // 6):
        values = seen.steps[index].values
        place = tuple(side // 2 for side in values.shape)
        top, left, bottom, right = receptive_field(seen, index, place)
        outside = torch.randn_like(image)
        outside[:, top:bottom, left:right] = image[:, top:bottom, left:right]
        again = trace(network, layers, outside).steps[index].values
        assert float(again[place]) == pytest.approx(float(values[place]), abs=1e-4)


@pytest.mark.parametrize("function", ACTIVATIONS)
def test_each_activation_is_pytorchs(function):
    network, layers, _ = built("custom", 1, 28, ModelOptions(layers=f"{function} / linear 3"))
    image = torch.linspace(-30, 30, 784).view(1, 28, 28)
    seen = trace(network, layers, image)
    for column in range(28):
        working = explain(seen, 0, (0, column, column))
        assert working.result == pytest.approx(working.torch_value, rel=1e-5, abs=1e-6)


def test_a_flattened_value_comes_from_its_pixel():
    network, layers, image = built("linear", 1, 28, ModelOptions())
    seen: Trace = trace(network, layers, image)
    index = next(number for number, step in enumerate(seen.steps) if isinstance(step.layer, Flatten))
    assert explain(seen, index, (3 * 28 + 5,)).sources == ((INPUT, (0, 3, 5)),)
    assert receptive_field(seen, index, (3 * 28 + 5,)) == (3, 5, 4, 6)
