"""Mixed precision: only where it is built in, and close to float32 where it is used."""

import pytest
import torch

from dlcore.config import TrainConfig
from dlcore.data.loading import load
from dlcore.models import MODELS
from dlcore.training import loop
from dlcore.training.faster import faster
from dlcore.training.precision import arithmetic, is_mixed

CPU, CUDA, APPLE = torch.device("cpu"), torch.device("cuda"), torch.device("mps")


@pytest.mark.parametrize("built_in", [True, False])
def test_mixed_precision_is_used_only_where_it_helps(monkeypatch, built_in):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": built_in})
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: built_in and not including_emulation
    )
    expected = {
        ("auto", CPU): False,
        ("auto", CUDA): built_in,
        ("auto", APPLE): False,
        ("mixed", CPU): built_in,
        ("mixed", CUDA): built_in,
        ("mixed", APPLE): False,
        ("float32", CPU): False,
        ("float32", CUDA): False,
    }
    assert {case: is_mixed(*case) for case in expected} == expected


@pytest.mark.parametrize("name", MODELS)
def test_every_network_gives_float32_log_probabilities_close_to_full_precision(name):
    torch.manual_seed(0)
    network = faster(MODELS[name].build(in_channels=1, image_size=28, classes=10, dropout=0.0)).train()
    images = torch.rand(16, 1, 28, 28)
    exact = network(images)
    with arithmetic(CPU, mixed=True):
        rough = network(images)
    assert rough.dtype is torch.float32
    assert not torch.equal(rough, exact)
    assert torch.allclose(rough, exact, atol=0.15)


def test_a_mixed_run_learns_like_a_full_one_and_says_what_it_used(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    digits = load("digits").subset(400, 50)
    results = {}
    for precision in ("float32", "mixed"):
        config = TrainConfig(
            dataset="digits", model="sprint-cnn", epochs=4, learning_rate=0.01, dropout=0.0, precision=precision
        )
        events = list(loop.train(config, dataset=digits))
        started = next(event for event in events if isinstance(event, loop.Started))
        assert started.mixed_precision is (precision == "mixed")
        results[precision] = [event for event in events if isinstance(event, loop.Evaluated)][-1].validation_loss
    assert results["mixed"] != results["float32"]
    assert results["mixed"] == pytest.approx(results["float32"], abs=0.2)
    assert results["mixed"] < 1.0
