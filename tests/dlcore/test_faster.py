"""The faster layers compute what torch's own compute."""

import pytest
import torch
from torch import nn

from dlcore.data.normalization import normalize
from dlcore.models import MODELS
from dlcore.training.faster import channels_together, faster, gathered, in_parts


def _layer(layer: nn.Module) -> nn.Module:
    return faster(nn.Sequential(layer))[0].train()


@pytest.mark.parametrize("size", [4, 5, 24])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_max_pooling_and_its_gradient_equal_torchs_also_on_ties_and_odd_sizes(size, layout):
    images = torch.randint(0, 3, (3, 8, size, size), dtype=torch.float32).to(memory_format=layout)
    gradient = torch.randn(3, 8, size // 2, size // 2)
    results = []
    for layer in (nn.MaxPool2d(2), _layer(nn.MaxPool2d(2))):
        leaf = images.clone().requires_grad_()
        pooled = layer(leaf)
        pooled.backward(gradient)
        results.append((pooled, leaf.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


@pytest.mark.parametrize("probability", [0.1, 0.25, 0.5, 0.95])
def test_dropout_silences_the_share_asked_for_keeps_the_mean_and_masks_the_gradient(probability):
    layer = _layer(nn.Dropout(probability))
    torch.manual_seed(0)
    x = torch.ones(7, 123, 501, requires_grad=True)
    y = layer(x)
    silenced = (y == 0).float().mean().item()
    deviation = (probability * (1 - probability) / x.numel()) ** 0.5
    assert silenced == pytest.approx(probability, abs=5 * deviation + 2**-16)
    assert torch.equal(y[y != 0], torch.full_like(y[y != 0], 1 / (1 - probability)))
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


def test_dropout_follows_the_seed_and_is_off_in_eval_mode_and_at_zero():
    layer, x = _layer(nn.Dropout(0.5)), torch.randn(33, 7)
    torch.manual_seed(1)
    first = layer(x)
    torch.manual_seed(1)
    assert torch.equal(layer(x), first)
    assert not torch.equal(layer(x), first)
    assert layer.eval()(x) is x
    assert torch.equal(_layer(nn.Dropout(0.0))(x), x)


def test_neighbouring_elements_are_dropped_independently():
    torch.manual_seed(0)
    dropped = (_layer(nn.Dropout(0.5))(torch.ones(400_000)) == 0).float()
    for distance in (1, 2, 3, 4):
        both = (dropped[:-distance] * dropped[distance:]).mean().item()
        assert both == pytest.approx(0.25, abs=0.005)


@pytest.mark.parametrize("name", MODELS)
def test_every_network_keeps_its_state_and_its_answers(name):
    network = MODELS[name].build(in_channels=1, image_size=28, classes=10, dropout=0.5)
    state, images = {key: value.clone() for key, value in network.state_dict().items()}, torch.randn(2, 1, 28, 28)
    expected = network.eval()(images)
    quick = channels_together(faster(network)).eval()
    assert quick.state_dict().keys() == state.keys()
    assert torch.allclose(quick(images), expected, atol=1e-5)


def test_pooling_of_another_kind_stays_torchs():
    for layer in (
        nn.MaxPool2d(3),
        nn.MaxPool2d(2, stride=1),
        nn.MaxPool2d(2, padding=1),
        nn.MaxPool2d(2, ceil_mode=True),
    ):
        assert type(_layer(layer)) is nn.MaxPool2d


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 27, 27), (1, 9, 9), (3, 200, 200)])
@pytest.mark.parametrize("count", [1, 5, 64, 300])
def test_a_batch_is_made_of_the_same_bits_whatever_the_threads(shape, count):
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (20, *shape), dtype=torch.uint8, generator=random)
    chosen = torch.randint(0, 20, (count,), generator=random)
    batch = gathered(images, chosen)
    assert torch.equal(batch, images[chosen])
    assert torch.equal(in_parts(normalize, batch), normalize(images[chosen]))
    every_other = images[::2]
    assert torch.equal(gathered(every_other, chosen % 10), every_other[chosen % 10])
