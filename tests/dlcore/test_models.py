"""Every network of the registry, and the article's against a plain reference."""

import pytest
import torch
import torch.nn.functional as F

from dlcore.config import TrainConfig
from dlcore.messages import UserError
from dlcore.models import MODELS
from dlcore.models.network import lean
from dlcore.training.optimizers import build_optimizer

PARAMETERS = {
    "article-cnn": 1_199_882,
    "compact-cnn": 168_554,
    "accurate-cnn": 453_658,
    "committee-cnn": 967_178,
    "deskewed-cnn": 241_802,
    "mixed-committee-cnn": 1_934_346,
    "mlp": 118_282,
    "linear": 7_850,
    "lenet5": 61_706,
    "resnet-small": 174_970,
    "sprint-cnn": 29_178,
    "custom": 105_914,
}


def build(name, *, in_channels=1, image_size=28, classes=10, dropout=0.5):
    torch.manual_seed(0)
    return MODELS[name].build(in_channels=in_channels, image_size=image_size, classes=classes, dropout=dropout)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", [(1, 28, 10), (3, 32, 5)])
def test_maps_images_to_log_probabilities(name, shape):
    channels, size, classes = shape
    model = build(name, in_channels=channels, image_size=size, classes=classes)
    for mode in (True, False):
        output = model.train(mode)(torch.randn(3, channels, size, size))
        assert output.shape == (3, classes)
        torch.testing.assert_close(output.exp().sum(1), torch.ones(3))


@pytest.mark.parametrize("name", MODELS)
def test_parameter_count(name):
    assert sum(parameter.numel() for parameter in build(name).parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_gets_a_gradient(name):
    model = build(name)
    F.nll_loss(model(torch.randn(8, 1, 28, 28)), torch.arange(8)).backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_article_cnn_is_the_articles_network():
    model = build("article-cnn")
    images = torch.randn(4, 1, 28, 28)
    weights = dict(model.named_parameters())

    def linear(x, name):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    x = F.conv2d(images, weights["conv1.weight"], weights["conv1.bias"]).clamp(min=0)
    x = F.conv2d(x, weights["conv2.weight"], weights["conv2.bias"])  # no ReLU here
    assert x.min() < 0
    x = x.unfold(2, 2, 2).unfold(3, 2, 2).amax((-2, -1)).reshape(4, 9216)
    logits = linear(linear(x, "fc1").clamp(min=0), "fc2")
    expected = logits - logits.exp().sum(1, keepdim=True).log()
    torch.testing.assert_close(model.eval()(images), expected)


def test_article_cnn_drops_a_quarter_after_pooling_and_half_before_the_last_layer():
    model = build("article-cnn", dropout=0.5)
    assert (model.dropout1.p, model.dropout2.p) == (0.25, 0.5)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "linear"])
def test_dropout_changes_training_only(name):
    images = torch.randn(16, 1, 28, 28)
    model = build(name, dropout=0.5)
    assert not torch.equal(model.train()(images), model(images))
    assert torch.equal(model.eval()(images), model(images))


def test_too_small_images_are_refused_with_the_value():
    for name in ("article-cnn", "compact-cnn", "lenet5", "sprint-cnn"):
        with pytest.raises(UserError, match=r"Layer [1-9][0-9]*, .* looks through a window of .* it has [1-5]×[1-5]"):
            build(name, image_size=5)


@pytest.mark.parametrize(
    ("settings", "kind", "expected"),
    [
        ({"optimizer": "sgd", "momentum": 0.8}, torch.optim.SGD, {"lr": 0.02, "momentum": 0.8, "nesterov": False}),
        ({"optimizer": "nesterov", "momentum": 0.8}, torch.optim.SGD, {"momentum": 0.8, "nesterov": True}),
        ({"optimizer": "nesterov", "momentum": 0}, torch.optim.SGD, {"momentum": 0, "nesterov": False}),
        ({"optimizer": "adagrad"}, torch.optim.Adagrad, {"lr": 0.02}),
        ({"optimizer": "adam"}, torch.optim.Adam, {"lr": 0.02, "betas": (0.9, 0.999)}),
        ({"optimizer": "adamw"}, torch.optim.AdamW, {"lr": 0.02, "betas": (0.9, 0.999)}),
        ({"optimizer": "rmsprop", "momentum": 0.7}, torch.optim.RMSprop, {"lr": 0.02, "momentum": 0.7}),
    ],
)
def test_optimizer_is_the_one_asked_for(settings, kind, expected):
    model = build("compact-cnn")
    optimizer = build_optimizer(model, TrainConfig(learning_rate=0.02, weight_decay=0.1, **settings))
    assert type(optimizer).__base__ is kind  # whose compiler's wrappings are left out
    matrices, vectors = optimizer.param_groups
    for group in (matrices, vectors):
        assert {key: group[key] for key in expected} == expected
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.1, 0)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(model.parameters()))
    assert all(parameter.dim() >= 2 for parameter in matrices["params"])


def deskewed(images):
    return (
        MODELS["deskewed-cnn"]
        .build(in_channels=images.shape[1], image_size=28, classes=10, dropout=0)
        .deskewing(images)
    )


def stroke(lean, *, left=12, dark=-0.4):
    """A bar four columns wide that leans by so many columns a row, white on ``dark``."""
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    inside = ((columns - left - lean * (rows - 13.5)).clamp(-1, 4) - 1.5).abs()
    return torch.where((rows > 3) & (rows < 24), (2.5 - inside).clamp(0, 1), 0.0)[None, None] * 3 + dark


@pytest.mark.parametrize("lean", [-0.4, 0.0, 0.25])
def test_what_leans_is_made_to_stand_upright(lean):
    upright = deskewed(stroke(lean))
    ink = (upright + 0.4)[0, 0]
    assert upright.min() == pytest.approx(-0.4, abs=1e-5)  # what moves in is as dark as the ground
    assert float(ink.sum()) == pytest.approx(float((stroke(lean) + 0.4).sum()), rel=0.01)
    middles = (ink * torch.arange(28.0)).sum(1)[4:24] / ink.sum(1)[4:24]
    assert middles.max() - middles.min() < 0.05
    assert middles.mean() == pytest.approx(13.5, abs=0.1)  # it leans back about its middle


def test_deskewing_moves_all_channels_alike_and_leaves_an_empty_image_empty():
    image = stroke(0.3)
    channels = deskewed(torch.cat([image, 0 * image - 0.4, image], dim=1))
    torch.testing.assert_close(channels[:, 0], channels[:, 2])
    torch.testing.assert_close(channels[:, 1], torch.full((1, 28, 28), -0.4))
    torch.testing.assert_close(deskewed(torch.full((2, 1, 28, 28), 0.7)), torch.full((2, 1, 28, 28), 0.7))


def test_each_image_leans_by_itself_and_not_by_more_than_a_column_a_row():
    images = [stroke(0.3), stroke(-0.2), stroke(1.4)]
    together = deskewed(torch.cat(images))
    for place, image in enumerate(images):
        torch.testing.assert_close(together[place : place + 1], deskewed(image))
    slope, middle = lean(torch.cat(images))
    torch.testing.assert_close(slope.flatten(), torch.tensor([0.3, -0.2, 1.0]), atol=0.02, rtol=0)
    torch.testing.assert_close(middle.flatten(), torch.full((3,), 13.5), atol=0.3, rtol=0)


def test_noise_on_the_ground_hides_the_slope():
    noisy = stroke(0.4) + torch.rand(1, 1, 28, 28)
    assert float(lean(noisy)[0]) < 0.2


def test_the_gradient_through_deskewing_is_that_of_finite_differences():
    rows, columns = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
    blob = torch.exp(-((columns - 4 - 0.3 * (rows - 4)) ** 2) / 3 - (rows - 4) ** 2 / 8)[None, None].double()
    blob[0, 0, 0, 0] = -0.1  # one pixel alone is the darkest, also when any other one moves a little
    assert torch.autograd.gradcheck(
        MODELS["deskewed-cnn"].build(in_channels=1, image_size=9, classes=2, dropout=0).deskewing, blob.requires_grad_()
    )
