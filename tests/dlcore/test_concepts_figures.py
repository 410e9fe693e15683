"""The numbers behind the figures of the concepts page, against PyTorch, closed forms and counting."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlcore.concepts import fields, trends
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


def test_next_tokens_counts():
    after = fields.next_tokens(["a", "b", "a", "c", "a", "b", "."], "a")
    assert after == [("b", pytest.approx(2 / 3)), ("c", pytest.approx(1 / 3))]
    assert fields.next_tokens(["a"], "a") == []


def test_the_spectrogram_finds_a_pure_tone():
    seconds = np.arange(8000) / fields.SAMPLE_RATE
    _times, frequencies, levels = fields.spectrogram(np.sin(2 * np.pi * 1000 * seconds))
    assert {float(frequencies[peak]) for peak in levels.argmax(axis=0)} == {1000.0}
    assert levels.max() == 0


def test_the_tone_glides_upwards():
    sound = fields.gliding_tone()
    _times, frequencies, levels = fields.spectrogram(sound)
    peaks = frequencies[levels.argmax(axis=0)]
    assert peaks[-5] > peaks[5]
    assert np.abs(sound).max() == pytest.approx(1)


def test_bayes_by_counting():
    # 10,000 people, 100 of them ill: 95 of those and 495 of the others test positive.
    assert fields.positive_predictive_value(0.95, 0.95, 0.01) == pytest.approx(95 / (95 + 495))
    assert fields.positive_predictive_value(0, 1, 0.5) == 0


def test_coin_walks_move_one_percent_a_day():
    walks = fields.coin_walks(3)
    ratios = walks[:, 1:] / walks[:, :-1]
    assert walks[:, 0] == pytest.approx(100)
    assert set(np.round(ratios, 6).ravel()) == {1.01, round(1 / 1.01, 6)}


def test_distances_and_boards():
    assert fields.metres_travelled(36, 1000) == pytest.approx(10)
    assert fields.colourings_log10(3, 9) == pytest.approx(math.log10(3**9))


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
