"""Files that notice damage: every flipped bit, every cut, every lie about what is inside."""

import errno
import hashlib
import json
import math
import os
import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from dlcore.config import TrainConfig
from dlcore.data.loading import load
from dlcore.inference.prediction import load_file
from dlcore.messages import UserError
from dlcore.models import MODELS
from dlcore.training import checkpoints, loop, tensor_file
from dlcore.training.compact import packed
from dlcore.training.events import Inspected, Stepped

CONFIG = TrainConfig(dataset="digits", model="linear", epochs=1, batch_size=32, threads=1, device="cpu")


@pytest.fixture(scope="module")
def digits():
    return load("digits").subset(120, 40)


@pytest.fixture
def state(digits):
    state = loop.TrainingState.create(CONFIG, digits)
    list(loop.train(CONFIG, state=state, dataset=digits))
    return state


@pytest.fixture
def weights(state, digits, tmp_path):
    path = tmp_path / "model.safetensors"
    checkpoints.save_weights(state.model, path, checkpoints.describe_weights(state, digits, loop.test(state, digits)))
    return path


@pytest.mark.parametrize("name", MODELS)
def test_weights_come_back_as_they_went(name, digits, tmp_path):
    state = loop.TrainingState.create(CONFIG.model_copy(update={"model": name}), digits)
    path = tmp_path / "deep" / "model.safetensors"
    digest = checkpoints.save_weights(state.model, path, checkpoints.describe_weights(state, digits))
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    model, about = checkpoints.load_weights(path)
    assert not model.training
    assert (about["model"], about["classes"], about["class_names"]) == (name, 10, list("0123456789"))
    images = torch.randn(5, 1, 28, 28)
    assert torch.equal(model(images), state.model.eval()(images))


def test_the_same_weights_give_the_same_file(state, digits, tmp_path):
    about = checkpoints.describe_weights(state, digits)
    first, second = (checkpoints.save_weights(state.model, tmp_path / name, about) for name in "ab")
    assert first == second
    with torch.no_grad():
        next(state.model.parameters()).view(-1)[0] += 1
    assert checkpoints.save_weights(state.model, tmp_path / "c", about) != first


def test_any_flipped_bit_is_noticed(weights):
    whole = weights.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    dice = random.Random(0)
    places = [*range(0, header, 7), *(dice.randrange(header, len(whole)) for _ in range(60)), len(whole) - 1]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << dice.randrange(8)
        weights.write_bytes(damaged)
        with pytest.raises(UserError):
            checkpoints.load_weights(weights)


@pytest.mark.parametrize("keep", [0, 4, 8, 100, -1])
def test_a_file_cut_short_is_refused(weights, keep):
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(UserError, match="damaged"):
        checkpoints.load_weights(weights)


def test_a_file_that_is_not_there_or_too_large_is_refused(weights, monkeypatch):
    with pytest.raises(UserError, match="cannot be read"):
        checkpoints.load_weights(weights.with_name("nothing"))
    with pytest.raises(UserError, match="cannot be read"):
        checkpoints.load_weights(weights.parent)
    monkeypatch.setattr(checkpoints, "_WEIGHTS_LIMIT_BYTES", 1000)
    with pytest.raises(UserError, match="larger"):
        checkpoints.load_weights(weights)


def test_somebody_elses_safetensors_are_refused(tmp_path):
    save_file({"weight": torch.zeros(3)}, tmp_path / "other", metadata={"format": "pt"})
    with pytest.raises(UserError, match="damaged"):
        checkpoints.load_weights(tmp_path / "other")
    (tmp_path / "json").write_bytes((2**62).to_bytes(8, "little") + b"{}" * 100)
    with pytest.raises(UserError, match="damaged"):
        checkpoints.load_weights(tmp_path / "json")


@pytest.mark.parametrize(
    "lie",
    [
        {"model": "../../etc/passwd"},
        {"model": ["linear"]},
        {"model": "mlp"},
        {"classes": 11},
        {"classes": True},
        {"classes": 10**9},
        {"channels": 3},
        {"image_size": 2**40},
        {"image_size": "28"},
        {"class_names": ["0"]},
        {"class_names": "0123456789"},
        {"dropout": "much"},
        {"format": "0"},
        {"kind": "checkpoint"},
    ],
)
def test_a_well_formed_file_that_lies_is_refused(weights, lie):
    tensors, about = tensor_file.read(weights, limit_bytes=10**7)
    tensor_file.write(weights, tensors, about | lie)
    with pytest.raises(UserError, match="no model that this version knows"):
        checkpoints.load_weights(weights)


def test_tensors_of_another_type_or_shape_are_refused(weights):
    tensors, about = tensor_file.read(weights, limit_bytes=10**7)
    for change in (lambda t: t.double(), lambda t: t[..., :-1].contiguous()):
        tensor_file.write(weights, {name: change(tensor) for name, tensor in tensors.items()}, about)
        with pytest.raises(UserError, match="no model that this version knows"):
            checkpoints.load_weights(weights)
    tensor_file.write(weights, tensors | {"more": torch.zeros(1)}, about)
    with pytest.raises(UserError, match="no model that this version knows"):
        checkpoints.load_weights(weights)


def test_packed_weights_that_lie_are_refused(state, digits, tmp_path):
    path = tmp_path / "compact.safetensors"
    checkpoints.save_weights(state.model, path, checkpoints.describe_weights(state, digits), compact=True)
    tensors, about = tensor_file.read(path, limit_bytes=10**7)
    assert checkpoints.load_weights(path)[0].training is False
    [scale] = [name for name in tensors if name.endswith(".scale")]
    integers = scale.removesuffix(".scale")
    for change in (
        {scale: tensors[scale].double()},
        {scale: tensors[scale][:-1].contiguous()},
        {integers: tensors[integers][:, :-1].contiguous()},
        {"more": torch.zeros(3, 3, dtype=torch.int8), "more.scale": torch.ones(3)},
    ):
        tensor_file.write(path, tensors | change, about)
        with pytest.raises(UserError, match="no model that this version knows"):
            checkpoints.load_weights(path)
    del tensors[scale]
    tensor_file.write(path, tensors, about)
    with pytest.raises(UserError, match="no model that this version knows"):
        checkpoints.load_weights(path)


def test_packed_weights_that_would_take_too_much_memory_are_refused(state, weights, monkeypatch):
    monkeypatch.setattr(checkpoints, "_WEIGHTS_LIMIT_BYTES", 4 * 7850 - 1)  # whole, the file is larger than that
    tensors, about = tensor_file.read(weights, limit_bytes=10**7)
    tensor_file.write(weights, packed(tensors), about)
    with pytest.raises(UserError, match="no model that this version knows"):
        checkpoints.load_weights(weights)
    monkeypatch.setattr(checkpoints, "_WEIGHTS_LIMIT_BYTES", 4 * 7850)
    checkpoints.load_weights(weights)


def test_a_checkpoint_of_other_settings_or_data_is_refused(state, digits, tmp_path):
    path = tmp_path / "checkpoint"
    checkpoints.save(state, path)
    assert checkpoints.load(CONFIG, digits, path).step == state.step
    with pytest.raises(UserError, match="other settings"):
        checkpoints.load(CONFIG.model_copy(update={"learning_rate": 0.5}), digits, path)
    with pytest.raises(UserError, match="other settings"):
        checkpoints.load(CONFIG, digits.subset(60, 40), path)


def test_a_damaged_checkpoint_is_refused(state, digits, tmp_path):
    path = tmp_path / "checkpoint"
    checkpoints.save(state, path)
    damaged = bytearray(path.read_bytes())
    damaged[-5] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(UserError, match="damaged"):
        checkpoints.load(CONFIG, digits, path)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE])
def test_a_file_that_cannot_be_read_now_is_not_called_damaged(state, digits, weights, tmp_path, monkeypatch, number):
    checkpoints.save(state, tmp_path / "checkpoint")

    def refuse(_path):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(OSError, match=os.strerror(number)):
            checkpoints.load(CONFIG, digits, tmp_path / "checkpoint")
        with pytest.raises(UserError, match=f"cannot be read: {os.strerror(number)}") as told:
            load_file(weights, "it")  # whoever wants to predict is told in a sentence
    assert not isinstance(told.value, tensor_file.DamagedFileError)
    assert checkpoints.load(CONFIG, digits, tmp_path / "checkpoint").step == state.step


def test_a_gradient_is_kept_only_where_an_inspection_is_to_come(digits, tmp_path):
    state = loop.TrainingState.create(CONFIG, digits)
    for event in loop.train(CONFIG, state=state, dataset=digits):
        checkpoints.save(state, tmp_path / "checkpoint")
        tensors, about = tensor_file.read(tmp_path / "checkpoint", limit_bytes=10**7)
        kept = {name: tensor for name, tensor in tensors.items() if name.startswith("gradient.")}
        awaited = isinstance(event, Stepped | Inspected) and event.step == state.steps_per_epoch
        expected = {f"gradient.{name}": one.grad for name, one in state.network.named_parameters()} if awaited else {}
        assert kept.keys() == expected.keys()
        assert all(torch.equal(kept[name], expected[name]) for name in kept)
        again = checkpoints.load(CONFIG, digits, tmp_path / "checkpoint").network
        assert all((parameter.grad is not None) == awaited for parameter in again.parameters())
    tensor_file.write(tmp_path / "lie", tensors | {"gradient.none.such": torch.ones(1)}, about)
    with pytest.raises(UserError, match="other settings"):
        checkpoints.load(CONFIG, digits, tmp_path / "lie")


def test_a_failed_write_leaves_the_old_file_and_no_litter(weights, monkeypatch):
    before = weights.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        tensor_file.write(weights, {"a": torch.ones(1)}, {})
    assert weights.read_bytes() == before
    assert [file.name for file in weights.parent.iterdir()] == [weights.name]


def test_numbers_in_the_description_survive(tmp_path):
    about = {"seconds": 1 / 3, "names": ["お", "é"], "nothing": None, "large": 2**53 + 1}
    tensor_file.write(tmp_path / "file", {"t": torch.tensor(math.pi)}, about)
    tensors, back = tensor_file.read(tmp_path / "file", limit_bytes=10**6)
    assert back == json.loads(json.dumps(about))
    assert tensors["t"] == torch.tensor(math.pi)
