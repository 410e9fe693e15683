"""Weights in a quarter of their bytes."""

import math

import pytest
import torch

from dlcore.training.compact import packed, unpacked


def tensors():
    torch.manual_seed(0)
    channels = torch.tensor([1e-3, 1.0, 40.0])
    return {
        "conv.weight": torch.randn(3, 2, 5, 5) * channels.view(-1, 1, 1, 1),
        "linear.weight": torch.randn(3, 7) * channels.view(-1, 1),
        "norm.weight": torch.randn(3),
        "norm.num_batches_tracked": torch.tensor(12345),
    }


def there_and_back(weight):
    return unpacked(packed({"weight": weight}), {"weight": weight})["weight"]


def test_a_weight_moves_by_half_a_step_of_its_channel_at_most():
    exact = tensors()
    found = unpacked(packed(exact), exact)
    assert list(found) == list(exact)
    for name in ("conv.weight", "linear.weight"):
        step = exact[name].abs().flatten(1).amax(1) / 127
        moved = (found[name] - exact[name]).abs().flatten(1).amax(1)
        assert (moved <= 0.5001 * step).all()
        assert (moved > 0.1 * step).all()  # a finer step would have cost more bytes
    torch.testing.assert_close(found["norm.weight"], exact["norm.weight"], atol=0, rtol=2**-11)
    assert found["norm.num_batches_tracked"] == 12345


def test_the_largest_weight_of_a_channel_keeps_its_value():
    weight = torch.tensor([[0.5, -3.0], [7.0, 0.0]])
    found = there_and_back(weight)
    torch.testing.assert_close(found[0, 1], weight[0, 1])
    torch.testing.assert_close(found[1], weight[1])


def test_a_channel_of_zeros_stays_one():
    assert torch.equal(there_and_back(torch.zeros(2, 3)), torch.zeros(2, 3))


def test_whole_weights_are_left_alone():
    exact = tensors() | {"other.scale": torch.ones(3)}
    found = unpacked(exact, tensors())
    assert found.keys() == exact.keys()
    assert all(found[name] is exact[name] for name in exact)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_no_integer_can_stand_for_is_refused(number):
    for shape in ((2, 3), (3,)):
        weight = torch.ones(shape)
        weight[0] = number
        with pytest.raises(ValueError, match=r"weight is not finite"):
            packed({"weight": weight})


def test_a_channel_mean_too_large_for_two_bytes_is_refused():
    with pytest.raises(ValueError, match="too large for float16"):
        packed({"norm.running_mean": torch.full((3,), 1e5)})


WORTHLESS = [None, torch.ones(2), torch.ones(3, 1), torch.ones(()), torch.ones(3).double(), torch.ones(3).half()]


@pytest.mark.parametrize("scale", WORTHLESS, ids=["none", "few", "many", "one", "double", "half"])
def test_integers_without_their_steps_are_refused(scale):
    stored = packed(tensors())
    del stored["conv.weight.scale"]
    if scale is not None:
        stored["conv.weight.scale"] = scale
    with pytest.raises(ValueError, match="without what they are worth"):
        unpacked(stored, tensors())


def test_an_integer_that_no_channel_owns_is_refused():
    for shape in ((), (3,)):
        stored = {"bias": torch.ones(shape, dtype=torch.int8), "bias.scale": torch.ones(shape)}
        with pytest.raises(ValueError, match="without what they are worth"):
            unpacked(stored, {"bias": torch.ones(shape)})


def test_another_shape_is_refused_before_anything_grows():
    for change in ({"conv.weight": torch.zeros(3, 2, 5, 6, dtype=torch.int8)}, {"linear.weight": torch.zeros(1)}):
        with pytest.raises(ValueError, match="of the shape"):
            unpacked(packed(tensors()) | change, tensors())
    with pytest.raises(ValueError, match="of the shape"):
        unpacked({}, tensors())


def test_integers_that_nobody_asked_for_stay_small():
    more = torch.zeros(3, 1000, dtype=torch.int8)
    found = unpacked(packed(tensors()) | {"more": more, "more.scale": torch.ones(3)}, tensors())
    assert found["more"] is more
