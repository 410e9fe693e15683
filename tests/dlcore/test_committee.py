"""Networks that learned apart and answer together."""

import pytest
import torch

from dlcore.models import MODELS
from dlcore.models.mixed_committee_cnn import PARTS
from dlcore.models.options import ModelOptions
from dlcore.training.checkpoints import load_weights, save_weights
from dlcore.training.committee import merged, mixed


def build(members, *, model="committee-cnn", **options):
    return MODELS[model].build(
        in_channels=1, image_size=28, classes=10, dropout=0.2, options=ModelOptions(members=members, **options)
    )


def learned(seed, **options):
    """One member whose every weight and statistic differs from a fresh network's."""
    torch.manual_seed(seed)
    network = build(1, **options)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        for _ in range(3):
            network(torch.rand(16, 1, 28, 28))
    return network.eval()


@pytest.mark.parametrize("normalization", ["batch", "none"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_committee_answers_with_the_mean_of_its_members_scores(count, normalization):
    members = [learned(seed, normalization=normalization) for seed in range(count)]
    together = build(count, normalization=normalization)
    together.load_state_dict(merged([member.state_dict() for member in members]))
    images = torch.rand(8, 1, 28, 28)
    with torch.no_grad():
        expected = torch.stack([member(images) for member in members]).mean(0).log_softmax(1)
        torch.testing.assert_close(together.eval()(images), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("normalization", ["batch", "none"])
def test_a_mixed_committee_answers_with_the_mean_of_all_its_members_scores(normalization):
    kinds = {
        branch: [learned(seed, model=model, normalization=normalization) for seed in range(2)]
        for branch, model in PARTS.items()
    }
    together = build(2, model="mixed-committee-cnn", normalization=normalization)
    committees = {branch: merged([one.state_dict() for one in members]) for branch, members in kinds.items()}
    together.load_state_dict(mixed(dict(reversed(committees.items()))))  # in any order
    images = torch.rand(8, 1, 28, 28)
    with torch.no_grad():
        scores = [member(images) for members in kinds.values() for member in members]
        expected = torch.stack(scores).mean(0).log_softmax(1)
        torch.testing.assert_close(together.eval()(images), expected, atol=1e-5, rtol=1e-5)


def test_a_mixed_committee_needs_both_kinds():
    with pytest.raises(ValueError, match="plain, deskewed"):
        mixed({"plain": build(1).state_dict()})
    with pytest.raises(ValueError, match="as many"):
        mixed({"plain": build(2).state_dict(), "deskewed": build(1).state_dict()})


def test_no_member_sees_what_another_makes():
    together, images = build(2).eval(), torch.rand(4, 1, 28, 28)
    body = together[: list(dict(together.named_children())).index("dropout2")]
    before = body(images)
    with torch.no_grad():
        together.get_submodule("conv2.0").weight[:48] += 1  # the first member's
    changed = (body(images) != before).any(0)
    assert changed[: len(changed) // 2].any()
    assert not changed[len(changed) // 2 :].any()


def test_members_of_unlike_layers_make_no_committee():
    with pytest.raises(ValueError, match="same layers"):
        merged([build(1).state_dict(), build(1, normalization="none").state_dict()])
    with pytest.raises(ValueError, match="same layers"):
        merged([])


def test_packed_weights_answer_almost_the_same_in_a_quarter_of_the_bytes(tmp_path):
    network = build(2)
    network.load_state_dict(merged([learned(seed).state_dict() for seed in range(2)]))
    about = {
        "model": "committee-cnn",
        "classes": 10,
        "class_names": list("0123456789"),
        "dropout": 0.2,
        "options": ModelOptions(members=2).model_dump(),
        "image_size": 28,
        "channels": 1,
    }
    whole, compact = tmp_path / "whole.safetensors", tmp_path / "compact.safetensors"
    save_weights(network, whole, about)
    save_weights(network, compact, about, compact=True)
    assert compact.stat().st_size < 0.26 * whole.stat().st_size
    networks = [load_weights(path)[0] for path in (whole, compact)]
    assert {tensor.dtype for tensor in networks[1].state_dict().values()} == {torch.float32, torch.int64}
    images = torch.rand(16, 1, 28, 28)
    with torch.no_grad():
        exact, rounded = (network[:-1](images) for network in networks)  # scores
    assert not torch.equal(exact, rounded)
    assert (rounded - exact).std() < 0.05 * exact.std()


def test_a_weight_too_large_for_its_bytes_is_refused_and_nothing_written(tmp_path):
    network = build(1)
    with torch.no_grad():
        network.get_parameter("classifier.bias")[0] = 1e5
    with pytest.raises(ValueError, match="too large for float16"):
        save_weights(network, tmp_path / "model.safetensors", {}, compact=True)
    assert not list(tmp_path.iterdir())
