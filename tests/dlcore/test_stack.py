"""The text of a custom network: what it says, what it refuses, and that what it builds learns as calculus says."""

import pytest
import torch
import torch.nn.functional as F

from dlcore import config as schema
from dlcore.config import TrainConfig
from dlcore.data.loading import load
from dlcore.messages import UserError
from dlcore.models import MODELS, stack
from dlcore.models.options import ACTIVATIONS, ModelOptions
from dlcore.models.table import totals
from dlcore.training import checkpoints, loop, tensor_file
from dlcore.training.events import Ended, Stepped

EXAMPLE = "conv 32 3 / relu / maxpool 2 / dropout 0.25 / linear 128 / relu"


def build(text, *, in_channels=1, image_size=28, classes=10, dropout=0.5):
    options = ModelOptions(layers=text)
    return MODELS["custom"].build(
        in_channels=in_channels, image_size=image_size, classes=classes, dropout=dropout, options=options
    )


def config(text, **settings):
    defaults = {"dataset": "digits", "model": "custom", "epochs": 1, "batch_size": 32, "threads": 1, "device": "cpu"}
    return TrainConfig.parse(defaults | {"layers": text} | settings)


# What it says


def test_the_example_is_the_network_that_it_reads_as():
    network = build(EXAMPLE)
    assert [type(module).__name__ for module in network] == [
        *("Conv2d", "ReLU", "MaxPool2d", "Dropout", "Flatten", "Linear", "ReLU"),
        *("Linear", "LogSoftmax"),
    ]
    assert network.conv1.weight.shape == (32, 1, 3, 3)
    assert network.dropout1.p == 0.25
    assert network.linear1.weight.shape == (128, 32 * 13 * 13)


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("  CONV 8   3  Stride 2 PADDING 1//relu\n linear 5 /", "conv 8 3 stride 2 padding 1 / relu / linear 5"),
        ("conv 8 3 padding 0 stride 1", "conv 8 3"),
        ("maxpool 3 stride 3 / avgpool 2 stride 1", "maxpool 3 / avgpool 2 stride 1"),
        ("dropout / dropout 0.250 / dropout 0", "dropout / dropout 0.25 / dropout 0"),
        ("residual 8 / residual 16 stride 2", "residual 8 / residual 16 stride 2"),
        ("", ""),
    ],
)
def test_the_same_network_is_always_the_same_text(written, means):
    assert config(written).layers == means
    assert config(means) == config(written)


def test_every_word_can_be_said_and_says_itself():
    for name, word in stack.WORDS.items():
        given = {argument.name: argument.minimum for argument in word.arguments}
        item = stack.Item(name, given)
        assert stack.parse_item(str(item), 1).word == name
        assert stack.Item(name, stack.parse_item(str(item), 1).values).__str__() == str(item)
        assert word.summary.endswith(".")
    assert set(ACTIVATIONS) <= set(stack.WORDS)


def test_dropout_without_a_number_is_the_settings():
    network = build("linear 9 / dropout / dropout 0.1", dropout=0.7)
    assert (network.dropout1.p, network.dropout2.p) == (0.7, 0.1)


def test_batch_normalisation_brings_the_bias():
    network = build("conv 4 3 / batchnorm / conv 4 3 / relu / batchnorm / linear 9 / batchnorm")
    assert [network.conv1.bias is None, network.conv2.bias is None, network.linear1.bias is None] == [True, False, True]


def test_the_default_is_small_and_fits_every_shape():
    for channels, size in ((1, 8), (1, 28), (3, 32)):
        rows = MODELS["custom"].table(in_channels=channels, image_size=size, classes=10, dropout=0.5)
        assert totals(rows).parameters < 200_000
        assert totals(rows).multiply_adds < 3_000_000


# What it refuses


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("relu / foo 3", "Layer 2: there is no layer called foo. There are: conv, maxpool"),
        ("__import__('os')", "Layer 1: there is no layer called __import__('os')"),
        ("conv 8", "Layer 1, conv 8: write it as “conv channels kernel [stride S] [padding P]”."),
        ("conv 8 3 1", "Layer 1, conv 8 3 1: write it as"),
        ("conv 8 3 stride", "write it as"),
        ("conv 8 3 stride 1 stride 2", "write it as"),
        ("conv 8 3 dilation 2", "write it as"),
        ("relu 3", "Layer 1, relu 3: write it as “relu”."),
        ("maxpool", "write it as “maxpool window [stride S]”."),
        ("dropout much", "write it as “dropout [share]”."),
        ("conv 0 3", "Layer 1, conv 0 3: Channels must be in [1, 512]; got 0."),
        ("conv 513 3", "Channels must be in [1, 512]; got 513."),
        ("conv -1 3", "write it as"),
        ("conv 8.5 3", "Channels must be in [1, 512]; got 8.5."),
        ("conv 8 12", "Kernel must be in [1, 11]; got 12."),
        ("conv 8 3 stride 0", "Stride must be in [1, 8]; got 0."),
        ("conv 8 3 padding x", "Padding must be in [0, 5]; got x."),
        ("conv 1e2 3", "write it as"),
        ("conv ٣ 3", "write it as"),
        ("conv 99999999999999999999 3", "write it as"),
        ("dropout 0.96", "Share must be in [0, 0.95]; got 0.96."),
        ("linear 5000", "Neurons must be in [1, 4096]; got 5000."),
        (" / ".join(["relu"] * 41), "41 layers are too many; a network of your own may have 40."),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_number_and_the_reason(text, told):
    with pytest.raises(UserError) as caught:
        config(text)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 300
    with pytest.raises(UserError):  # whether or not it would be built
        TrainConfig.parse({"layers": text})


@pytest.mark.parametrize(
    ("text", "number", "told"),
    [
        ("maxpool 4 / maxpool 8", 2, "Layer 2, maxpool 8, looks through a window of 8×8 pixels"),
        ("relu / conv 8 11 / conv 8 11 / conv 8 11", 4, "the image that reaches it has 8×8"),
        ("linear 9 / relu / conv 8 3", 3, "Layer 3, conv 8 3, needs an image, but what reaches it is a flat list of 9"),
        ("flatten / maxpool 2", 2, "a flat list of 784 values"),
        ("flatten / globalpool", 2, "needs an image"),
        ("flatten / residual 4", 2, "Layer 2, residual 4, needs an image"),
        ("linear 1 / layernorm", 2, "would bring a single value to mean 0"),
        ("linear 4096 / linear 4096", 2, "With layer 2, linear 4096, the network has 19,996,672 parameters; at most"),
        ("relu / conv 64 5 padding 2 / conv 512 5 padding 2", 3, "With layer 3, conv 512 5 padding 2, an image costs"),
        ("conv 512 1 / relu / relu / relu / relu / relu", 5, "the values between the layers take 8,028,160"),
        ("conv 512 1 / maxpool 2 / conv 512 1 / globalpool / linear 4096 / linear 900", 6, "5,"),
        ("residual 256 / residual 8", 1, "With layer 1, residual 256, an image costs"),
    ],
)
def test_an_impossible_stack_is_refused_with_its_layer_and_the_reason(text, number, told):
    with pytest.raises(UserError) as caught:
        config(text, batch_size=1)
    assert told in str(caught.value)
    assert caught.value.values["number"] == number
    TrainConfig.parse({"layers": text})  # another model does not mind


def test_a_last_layer_that_is_too_large_is_refused_as_well():
    with pytest.raises(UserError, match="With layer 3, classifier, the network has"):
        stack.check(
            items := stack.parse("conv 512 1 / relu"),
            stack.layers(items, in_channels=1, classes=1000, dropout=0),
            (1, 28, 28),
        )


def test_a_batch_that_takes_too_much_memory_is_refused():
    text = "conv 256 1 / relu"
    config(text, batch_size=128)
    with pytest.raises(UserError, match=r"A batch of 4096 images takes .* bytes between the layers"):
        config(text, batch_size=4096)


def test_a_dataset_of_another_shape_may_refuse_the_same_text(monkeypatch):
    small = schema.DATASETS["digits"].__class__(**vars(schema.DATASETS["digits"]) | {"image_size": 8})
    monkeypatch.setattr(TrainConfig, "data", lambda _: small)
    config("conv 8 3 / maxpool 4")
    with pytest.raises(UserError, match="the image that reaches it has 8×8"):
        config("conv 8 9 / maxpool 4")
    with pytest.raises(UserError, match="conv2, looks through"):
        TrainConfig.parse({"dataset": "digits", "model": "lenet5"})


# That it learns as calculus says


@pytest.mark.parametrize(
    "text",
    [
        "conv 3 3",
        "conv 3 3 stride 2 padding 1 / tanh / conv 2 2",
        "conv 3 3 / maxpool 2",
        "conv 3 3 / maxpool 3 stride 1",
        "conv 3 3 / avgpool 2",
        "conv 3 3 / globalpool",
        "conv 3 3 / batchnorm / tanh",
        "conv 3 3 / layernorm / tanh",
        "linear 5 / batchnorm / tanh",
        "linear 5 / layernorm / tanh",
        "residual 3",
        "residual 1",
        "residual 3 stride 2 / globalpool",
        "linear 4 / dropout 0.3",
        "flatten / linear 4",
        *(f"linear 6 / {name} / linear 5 / {name}" for name in ACTIVATIONS),
        stack.DEFAULT_LAYERS,
    ],
)
def test_gradients_are_the_slopes_of_the_loss(text):
    """Each parameter tensor, moved along a random direction: central differences in double precision."""
    torch.manual_seed(1)
    network = build(text, image_size=6, classes=3, dropout=0.2).double().train()
    for module in network.modules():
        if hasattr(module, "momentum"):
            module.momentum = 0.0  # or the running statistics would remember each try
    images, labels = torch.randn(5, 1, 6, 6, dtype=torch.double), torch.arange(5) % 3

    def loss():
        torch.manual_seed(2)  # the same neurons are silent each time
        return F.nll_loss(network(images), labels)

    parameters = list(network.parameters())
    gradients = torch.autograd.grad(loss(), parameters)
    step = 1e-6
    for parameter, gradient in zip(parameters, gradients, strict=True):
        direction = torch.randn_like(parameter)
        with torch.no_grad():
            parameter.add_(direction, alpha=step)
            above = loss().item()
            parameter.sub_(direction, alpha=2 * step)
            below = loss().item()
            parameter.add_(direction, alpha=step)
        slope = (above - below) / (2 * step)
        assert slope == pytest.approx(float((gradient * direction).sum()), rel=1e-5, abs=1e-8)


# That each setting is heeded where a network is trained and kept


@pytest.fixture(scope="module")
def digits():
    return load("digits").subset(120, 40)


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "mlp"},
        {"model": "mlp", "depth": 1},
        {"model": "mlp", "depth": 5},
        {"model": "mlp", "width": 16},
        {"model": "mlp", "activation": "tanh"},
        {"model": "mlp", "activation": "leaky-relu"},
        {"model": "mlp", "activation": "sigmoid"},
        {"model": "mlp", "normalization": "batch"},
        {"model": "mlp", "normalization": "layer"},
        {"model": "article-cnn", "activation": "gelu", "normalization": "batch"},
        {"model": "compact-cnn", "activation": "silu", "normalization": "none"},
        {"model": "resnet-small", "normalization": "layer"},
        {"model": "lenet5", "normalization": "batch"},
        {"model": "custom"},
        {"model": "custom", "layers": "conv 8 3 / relu / residual 8 / globalpool / linear 16 / silu / dropout 0.1"},
    ],
    ids=str,
)
def test_a_setting_trains_changes_the_result_and_is_in_the_file(settings, digits, tmp_path):
    asked = TrainConfig(
        dataset="digits", epochs=1, batch_size=107, learning_rate=0.003, threads=1, device="cpu", **settings
    )
    state = loop.TrainingState.create(asked, digits)
    events = list(loop.train(asked, state=state, dataset=digits))  # 108 images: the last batch is a single one
    losses = [event.loss for event in events if isinstance(event, Stepped)]
    assert len(losses) == 2
    assert isinstance(events[-1], Ended)
    if len(settings) > 1:
        plain = TrainConfig(
            **asked.model_dump()
            | {name: TrainConfig().model_dump()[name] for name in settings}
            | {"model": asked.model}
        )
        others = loop.train(plain, dataset=digits)
        assert [event.loss for event in others if isinstance(event, Stepped)] != losses
    path = tmp_path / "model.safetensors"
    checkpoints.save_weights(state.model, path, checkpoints.describe_weights(state, digits))
    network, _ = checkpoints.load_weights(path)
    images = torch.randn(4, 1, 28, 28)
    assert torch.equal(network(images), state.model.eval()(images))
    checkpoints.save(state, tmp_path / "checkpoint")
    again = checkpoints.load(asked, digits, tmp_path / "checkpoint")
    assert torch.equal(again.model.eval()(images), state.model(images))


@pytest.mark.parametrize(
    "lie",
    [
        {"layers": "conv 8 3 / nonsense"},
        {"layers": "conv 9 3"},
        {"layers": "linear 4096 / linear 4096"},
        {"layers": "relu / " * 5000},
        {"layers": "maxpool 16 / maxpool 16"},
        {"layers": 3},
        {"depth": 10**9},
        {"depth": True},
        {"width": "128"},
        {"activation": "eval"},
        {"normalization": []},
        {"unknown": 1},
    ],
    ids=str,
)
def test_a_weights_file_that_lies_about_its_network_is_refused(lie, digits, tmp_path):
    state = loop.TrainingState.create(config("conv 8 3 / relu / maxpool 2"), digits)
    path = tmp_path / "model.safetensors"
    about = checkpoints.describe_weights(state, digits)
    checkpoints.save_weights(state.model, path, about)
    checkpoints.load_weights(path)
    for options in (about["options"] | lie, [lie]):
        tensors, told = tensor_file.read(path, limit_bytes=10**7)
        tensor_file.write(tmp_path / "lie", tensors, told | {"options": options})
        with pytest.raises(UserError, match="no model that this version knows"):
            checkpoints.load_weights(tmp_path / "lie")


def test_weights_from_before_there_were_options_open_with_the_defaults(digits, tmp_path):
    state = loop.TrainingState.create(TrainConfig(dataset="digits", model="mlp", device="cpu"), digits)
    path = tmp_path / "model.safetensors"
    about = checkpoints.describe_weights(state, digits)
    del about["options"]
    checkpoints.save_weights(state.model, path, about)
    network, _ = checkpoints.load_weights(path)
    images = torch.randn(4, 1, 28, 28)
    assert torch.equal(network(images), state.model.eval()(images))
