"""Calibration: temperature, reliability, what is familiar, and the file that keeps them."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from dlcore.inference.calibration import (
    FILE_NAME,
    SHARES,
    Measured,
    _principal,
    at_temperature,
    expected_error,
    fit,
    fit_temperature,
    read,
    reliability,
    remember,
    write,
)


def answers(temperature, count=4000, classes=5, seed=0):
    """Log-probabilities of a network that is too sure by ``temperature``, and labels drawn from what it should say."""
    random = np.random.default_rng(seed)
    honest = random.normal(0, 2, (count, classes))
    shares = at_temperature(honest, 1.0)
    labels = np.array([random.choice(classes, p=share) for share in shares])
    return np.log(at_temperature(honest * temperature, 1.0)), labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_is_found(temperature):
    log_p, labels = answers(temperature)
    found = fit_temperature(log_p, labels)
    assert found == pytest.approx(temperature, rel=0.08)
    at = [
        F.cross_entropy(torch.tensor(log_p) / t, torch.tensor(labels)).item()
        for t in (found * 0.98, found, found * 1.02)
    ]
    assert at[1] == min(at)  # by PyTorch's own cross-entropy


def test_no_mistake_is_no_reason_to_be_surer():
    log_p, _ = answers(2.5)
    assert fit_temperature(log_p, log_p.argmax(axis=1)) == 1.0


@pytest.mark.parametrize("shape", [(60, 20), (20, 60)])
def test_the_principal_directions_are_those_of_the_singular_values(shape):
    rows = np.random.default_rng(3).normal(size=shape) * np.linspace(3, 1, shape[1])
    expected = np.linalg.svd(rows, full_matrices=False)[2].T
    found = _principal(rows.astype(np.float32))
    assert np.abs((found * expected).sum(axis=0)) == pytest.approx(1, abs=1e-4)


def test_a_temperature_keeps_the_order_and_the_sum():
    log_p, _ = answers(1.0, count=50)
    softened = at_temperature(log_p, 3.0)
    assert np.array_equal(softened.argmax(axis=1), log_p.argmax(axis=1))
    assert softened.sum(axis=1) == pytest.approx(1)
    assert softened == pytest.approx(torch.softmax(torch.tensor(log_p) / 3, dim=1).numpy())


def test_calibration_closes_the_gap():
    log_p, labels = answers(3.0)
    found = fit(log_p, labels, np.linspace(0, 1, len(labels)), "abc")
    assert found.error_before > 0.1
    assert found.error_after < 0.03
    assert found.loss_after < found.loss_before
    assert found.familiarity == pytest.approx(SHARES)
    assert found.threshold(0.015) == pytest.approx(0.015)
    assert sum(one.count for one in found.after) == len(labels)


def test_the_expected_error_is_what_its_formula_says():
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [0.0, 1.0]])
    bins = reliability(probabilities, np.array([0, 1, 1, 1]))
    assert expected_error(bins) == pytest.approx((3 * abs((0.95 + 0.95 + 1) / 3 - 2 / 3) + 0.35) / 4)
    assert [one.count for one in bins] == [0] * 6 + [1, 0, 0, 3]


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 30), st.integers(0, 99))
def test_what_was_learned_from_is_familiar(count, width, seed):
    features = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    scores = remember(features).score(features)
    assert scores.shape == (count,)
    assert np.isfinite(scores).all()
    if width > 3 and count > width:  # few directions of few images lose nothing
        assert scores.min() > 0.97


def test_what_points_elsewhere_is_not_familiar():
    random = np.random.default_rng(0)
    known = random.normal(size=(200, 8)) + np.array([20, 0, 0, 0, 0, 0, 0, 0])
    familiar = remember(known.astype(np.float32))
    axis = np.eye(8, dtype=np.float32)[[0]]
    assert familiar.score(axis)[0] > 0.95
    assert familiar.score(-axis)[0] < 0
    nothing = remember(np.zeros((5, 0), np.float32))
    assert nothing.score(np.zeros((2, 0), np.float32)).tolist() == [1, 1]


def test_it_is_kept_beside_its_weights_and_no_others(tmp_path):
    log_p, labels = answers(2.0, count=200)
    weights = tmp_path / "model.safetensors"
    features = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    kept = Measured(fit(log_p, labels, np.ones(200), "abc"), remember(features))
    write(weights, kept)
    back = read(weights, "abc")
    assert back.calibration == kept.calibration
    assert np.array_equal(back.familiar.score(features), kept.familiar.score(features))
    assert read(weights, "another") is None
    content = (tmp_path / FILE_NAME).read_bytes()
    flipped = [bytearray(content) for _place in range(0, len(content), 13)]
    for place, copy in enumerate(flipped):
        copy[13 * place] ^= 1 << place % 8
    for damaged in (b"", b"x" * 100, content[:-20], content[:60], *flipped):
        (tmp_path / FILE_NAME).write_bytes(damaged)
        assert read(weights, "abc") is None


def test_what_an_earlier_version_kept_is_read(tmp_path):
    kept = Measured(fit(*answers(2.0, count=200), np.ones(200), "abc"), remember(np.eye(4, dtype=np.float32)))
    tensors = {"projection": kept.familiar.projection, "remembered": kept.familiar.remembered}
    (tmp_path / FILE_NAME).write_bytes(save(tensors, {"calibration": kept.calibration.model_dump_json()}))
    assert read(tmp_path / "model.safetensors", "abc").calibration == kept.calibration
