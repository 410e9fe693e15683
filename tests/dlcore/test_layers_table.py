"""The table of a network, counted without torch, against the network itself."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from dlcore.messages import UserError
from dlcore.models import MODELS, stack
from dlcore.models.options import ACTIVATIONS, NORMALIZATIONS, ModelOptions
from dlcore.models.table import totals

SHAPES = [(1, 8), (1, 28), (3, 32)]
VARIANTS = [
    ModelOptions(),
    ModelOptions(activation="tanh", normalization="batch", depth=1, width=7),
    ModelOptions(activation="gelu", normalization="layer", depth=4, width=32),
    ModelOptions(activation="silu", normalization="none", depth=8),
]


def compare(rows, network, channels, size):
    """Shapes by hooks, parameters by counting, arithmetic by torch's own counter."""
    modules = dict(network.named_modules())
    seen = {}
    for row in rows:
        modules[row.name].register_forward_hook(
            lambda _module, _inputs, output, name=row.name: seen.__setitem__(name, tuple(output.shape[1:]))
        )
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(torch.zeros(1, channels, size, size))
    assert {row.name: row.output for row in rows} == seen
    for row in rows:
        own = () if any(part.name.startswith(f"{row.name}.") for part in rows) else modules[row.name].parameters()
        assert row.parameters == sum(parameter.numel() for parameter in own), row.name
    whole = totals(rows)
    assert whole.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert 2 * whole.multiply_adds == counter.get_total_flops()
    assert whole.memory_bytes == sum(4 * torch.Size(shape).numel() for shape in seen.values())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("channels", "size"), SHAPES)
@pytest.mark.parametrize("options", VARIANTS, ids=["default", "batch", "layer", "none"])
def test_the_table_is_the_network(name, channels, size, options):
    def described():
        shape = {"in_channels": channels, "image_size": size, "classes": 7, "dropout": 0.5, "options": options}
        return MODELS[name].table(**shape), MODELS[name].build(**shape)

    if (name, size) == ("lenet5", 8):
        with pytest.raises(UserError, match=r"conv2, looks through a window of 5×5 pixels.* it has 4×4"):
            described()
        return
    rows, network = described()
    compare(rows, network, channels, size)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("images", [1, 2])
def test_the_smallest_batches_can_be_learned_from(name, images):
    for options in VARIANTS:
        network = MODELS[name].build(in_channels=1, image_size=12, classes=3, dropout=0.5, options=options)
        network.train()(torch.randn(images, 1, 12, 12)).sum().backward()
        assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


def test_a_batch_of_one_leaves_the_running_statistics_alone():
    network = MODELS["mlp"].build(
        in_channels=1, image_size=8, classes=3, dropout=0, options=ModelOptions(normalization="batch")
    )
    images = torch.randn(1, 1, 8, 8)
    assert torch.equal(network.train()(images), network.eval()(images))
    network.train()(torch.randn(2, 1, 8, 8))
    assert network.norm1.running_mean.any()


def test_what_does_not_fit_within_a_branch_is_refused_by_its_name():
    with pytest.raises(UserError, match=r"Layer 1, branches\.plain\.conv4\.1, looks through .* it has 1×1"):
        MODELS["mixed-committee-cnn"].table(in_channels=1, image_size=3, classes=10, dropout=0)


def test_the_costs_are_those_of_textbooks():
    rows = MODELS["article-cnn"].table(in_channels=1, image_size=28, classes=10, dropout=0.5)
    costs = {row.name: (row.parameters, row.multiply_adds) for row in rows if row.parameters}
    assert costs == {
        "conv1": (320, 26 * 26 * 32 * 9),
        "conv2": (18_496, 24 * 24 * 64 * 32 * 9),
        "fc1": (1_179_776, 9216 * 128),
        "fc2": (1_290, 1280),
    }
    assert rows[0].memory_bytes == 4 * 32 * 26 * 26


@pytest.mark.parametrize("setting", ["depth", "width", "members", "activation", "normalization", "layers"])
def test_a_setting_changes_the_architectures_that_say_so_and_no_other(setting):
    others = {
        "depth": 3,
        "width": 50,
        "members": 3,
        "activation": "gelu",
        "normalization": "layer",
        "layers": "conv 4 3",
    }
    other = others[setting]
    shape = {"in_channels": 1, "image_size": 28, "classes": 10, "dropout": 0.5}
    for spec in MODELS.values():
        as_it_is = str(spec.build(**shape))
        changed = str(spec.build(**shape, options=ModelOptions(**{setting: other}))) != as_it_is
        assert changed == (setting in spec.settings), spec.title


def test_every_choice_of_an_architecture_is_another_network():
    shape = {"in_channels": 1, "image_size": 28, "classes": 10, "dropout": 0.5}
    for name in ("mlp", "article-cnn", "compact-cnn", "sprint-cnn", "resnet-small"):
        kinds = {str(MODELS[name].build(**shape, options=ModelOptions(activation=a))) for a in ACTIVATIONS}
        assert len(kinds) == len(ACTIVATIONS)
        kinds = {str(MODELS[name].build(**shape, options=ModelOptions(normalization=n))) for n in NORMALIZATIONS}
        assert len(kinds) == len(NORMALIZATIONS) - 1  # the default is one of the others


@st.composite
def items(draw):
    word = draw(st.sampled_from(list(stack.WORDS)))
    values = {}
    for argument in stack.WORDS[word].arguments:
        if argument.required or draw(st.booleans()):
            most = min(argument.maximum, 6)
            values[argument.name] = (
                draw(st.integers(int(argument.minimum), int(most)))
                if argument.whole
                else draw(st.sampled_from([0, 0.25]))
            )
    return stack.Item(word, values)


@settings(max_examples=60, deadline=None)
@given(st.lists(items(), max_size=7), st.sampled_from(SHAPES))
def test_any_stack_is_refused_with_its_layer_or_is_what_the_table_says(written, shape):
    channels, size = shape
    text = stack.join(written)
    parsed = stack.parse(text)
    assert stack.join(parsed) == stack.join(stack.parse(stack.join(parsed)))
    described = {
        "in_channels": channels,
        "image_size": size,
        "classes": 5,
        "dropout": 0.3,
        "options": ModelOptions(layers=text),
    }
    refusal = None
    try:
        rows = MODELS["custom"].table(**described)
    except UserError as error:
        refusal = error
    if refusal is not None:
        assert refusal.values["layer"] == str(parsed[refusal.values["number"] - 1])
        with pytest.raises(UserError):
            MODELS["custom"].build(**described)
        return
    network = MODELS["custom"].build(**described)
    compare(rows, network, channels, size)
    assert network.train()(torch.randn(1, channels, size, size)).shape == (1, 5)
