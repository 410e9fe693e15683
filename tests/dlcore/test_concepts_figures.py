"""The numbers behind the figures of the concepts page, against PyTorch, closed forms and counting."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlcore.concepts import trends
from dlcore.concepts.activations import ACTIVATIONS
from dlcore.concepts.article_network import article_network
from dlcore.concepts.folding import corners, folded, pieces_deep, pieces_wide
from dlcore.models import MODELS

TORCH = {"Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "ReLU": torch.relu, "GELU": F.gelu}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_slopes_are_pytorchs(name):
    z = torch.linspace(-6, 6, 41, dtype=torch.float64)[torch.arange(41) != 20].requires_grad_()
    h = TORCH[name](z)
    h.sum().backward()
    function, slope = ACTIVATIONS[name]
    assert [function(value) for value in z.tolist()] == pytest.approx(h.tolist(), abs=1e-12)
    assert [slope(value) for value in z.tolist()] == pytest.approx(z.grad.tolist(), abs=1e-12)


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_folding_doubles_the_pieces(layers):
    xs, ys = corners(layers)
    assert len(xs) - 1 == pieces_deep(layers) == 2**layers
    assert ys == [0.0, 1.0] * (pieces_deep(layers) // 2) + [0.0]
    middle = (xs[0] + xs[1]) / 2
    assert folded(middle, layers) == pytest.approx(0.5)  # straight between corners
    assert pieces_wide(2 * layers) == 2 * layers + 1


def test_the_cost_table_is_the_articles_network():
    network = MODELS["article-cnn"].build(in_channels=1, image_size=28, classes=10, dropout=0.5)
    modules = dict(network.named_modules())
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in article_network():
        modules[layer.name].register_forward_hook(
            lambda _module, _inputs, output, name=layer.name: shapes.update({name: tuple(output.shape[1:])})
        )
    network.eval()(torch.zeros(1, 1, 28, 28))
    for layer in article_network():
        module = modules[layer.name]
        assert layer.parameters == sum(parameter.numel() for parameter in module.parameters())
        assert layer.output_shape == shapes[layer.name]
        positions = math.prod(shapes[layer.name][1:]) if isinstance(module, nn.Conv2d) else 1
        assert layer.multiplications == module.weight.numel() * positions
    assert sum(layer.parameters for layer in article_network()) == sum(p.numel() for p in network.parameters())


def test_memory_and_separable_convolutions():
    assert trends.weights_gigabytes(7, "float32") == 28
    assert trends.weights_gigabytes(7, "int4") == 3.5
    channels, kernel, side = 32, 3, 10
    full = channels * 64 * kernel**2 * side**2
    separable = channels * kernel**2 * side**2 + channels * 64 * side**2
    assert trends.separable_share(64, kernel) == pytest.approx(separable / full)


def test_the_contrastive_loss_is_pytorchs_cross_entropy():
    similarities = trends.matched_pairs()
    expected = F.cross_entropy(torch.tensor(similarities) / 0.2, torch.arange(len(similarities)))
    assert trends.contrastive_loss(similarities, 0.2) == pytest.approx(expected.item())
    assert trends.softmax_rows(similarities, 0.2).sum(axis=1) == pytest.approx(1)


def test_the_attack_grows_with_the_root_of_the_pixels():
    falls = [1 - trends.attacked_score(pixels, 0.02) for pixels in (10_000, 40_000)]
    assert falls[1] / falls[0] == pytest.approx(2, rel=0.05)
    assert falls[0] == pytest.approx(0.02 * math.sqrt(2 / math.pi) * 100, rel=0.05)


def test_randomised_response_is_unbiased_and_as_noisy_as_it_must_be():
    estimates = trends.randomised_response(0.3, 1000, 5000)
    share = 0.3 / 2 + 0.25
    assert estimates.mean() == pytest.approx(0.3, abs=0.003)
    assert estimates.std() == pytest.approx(2 * math.sqrt(share * (1 - share) / 1000), rel=0.05)
