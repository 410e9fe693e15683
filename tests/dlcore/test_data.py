"""Datasets as tensors, and the one normalisation."""

import errno
import gzip
import os
import struct
import subprocess
import sys

import pytest
import torch

from dlcore.data import DATASETS
from dlcore.data.availability import FILES, available, raw_folder
from dlcore.data.loading import load
from dlcore.data.normalization import MEAN, STD, normalize
from dlcore.data.randomness import derive, generator
from dlcore.data.torchvision_datasets import torchvision_datasets
from dlcore.messages import UserError
from dlcore.training.events import Preparing


def idx(array: torch.Tensor) -> bytes:
    """The IDX format of MNIST's files."""
    sizes = struct.pack(f">{array.dim()}I", *array.shape)
    return bytes([0, 0, 8, array.dim()]) + sizes + array.to(torch.uint8).numpy().tobytes()


def small_mnist(train=6, test=4) -> dict[str, bytes]:
    """Four IDX files, as torchvision expects them, of random images."""
    dice = torch.Generator().manual_seed(0)
    contents = {}
    for prefix, count in (("train", train), ("t10k", test)):
        images = torch.randint(0, 256, (count, 28, 28), generator=dice)
        contents[f"{prefix}-images-idx3-ubyte"] = idx(images)
        contents[f"{prefix}-labels-idx1-ubyte"] = idx(torch.arange(count) % 10)
    return contents


def put(name, contents):
    folder = raw_folder(name)
    folder.mkdir(parents=True)
    for file, data in contents.items():
        (folder / file).write_bytes(data)
    return folder


def test_digits_look_like_mnist():
    events = []
    digits = load("digits", on_event=events.append)
    spec = DATASETS["digits"]
    assert digits.train_images.shape == (spec.train_count, 1, 28, 28)
    assert digits.test_images.shape == (spec.test_count, 1, 28, 28)
    assert digits.train_images.dtype == torch.uint8
    assert digits.train_labels.dtype == torch.int64
    assert digits.train_images.max() == 255
    frame = digits.train_images.clone()
    frame[:, :, 4:24, 4:24] = 0
    assert frame.sum() == 0  # ink in the middle 20×20 only
    counts = torch.bincount(digits.test_labels, minlength=10)
    assert counts.min() > 25  # no class is missing from the test set
    assert all(isinstance(event, Preparing) for event in events)
    assert events


def test_digits_are_at_hand_and_the_rest_only_when_its_files_are():
    assert available("digits")
    assert not available("mnist")
    assert not available("no such dataset")
    folder = put("mnist", small_mnist())
    assert available("mnist")
    (folder / FILES[0]).write_bytes(b"")
    assert not available("mnist")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist"])
def test_files_at_hand_are_read_without_a_network(name):
    contents = small_mnist()
    put(name, contents)
    dataset = load(name)
    assert (dataset.train_images.shape, dataset.test_images.shape) == ((6, 1, 28, 28), (4, 1, 28, 28))
    assert dataset.train_images.numpy().tobytes() == contents["train-images-idx3-ubyte"][16:]
    assert dataset.test_labels.tolist() == [0, 1, 2, 3]
    assert dataset.class_names == DATASETS[name].class_names


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-100],
        lambda _: b"not an IDX file at all",
        gzip.compress,
        lambda _: idx(torch.zeros(3, 28, 28)),
    ],
)
def test_a_damaged_file_is_one_sentence(damage):
    contents = small_mnist()
    contents["train-images-idx3-ubyte"] = damage(contents["train-images-idx3-ubyte"])
    put("mnist", contents)
    with pytest.raises(UserError, match="cannot be read"):
        load("mnist")


def test_a_file_that_cannot_be_read_does_not_tell_where_it_lies(monkeypatch):
    folder = put("mnist", small_mnist())

    def refuse(*_args, **_settings):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder / FILES[0]))

    monkeypatch.setattr(torchvision_datasets().MNIST, "_load_data", refuse)
    with pytest.raises(UserError, match=r"MNIST/raw cannot be read: Permission denied\.") as error:
        load("mnist")
    assert str(folder) not in str(error.value)


def test_availability_needs_no_torch():
    code = "import sys, dlcore.data.availability as a; a.available('mnist'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, env=os.environ).returncode == 0


def test_normalisation_is_its_formula():
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    expected = (torch.arange(256, dtype=torch.double) / 255 - MEAN) / STD
    torch.testing.assert_close(normalize(levels).double().flatten(), expected, rtol=0, atol=1e-6)
    assert levels.flatten().tolist() == list(range(256))


def test_streams_of_random_numbers_are_apart_and_stable():
    assert derive(0, "order", 1) == derive(0, "order", 1)
    assert len({derive(s, p, c) for s in range(3) for p in ("order", "dropout") for c in range(3)}) == 18
    orders = [torch.randperm(50, generator=generator(0, "order", epoch)).tolist() for epoch in (1, 2, 1)]
    assert orders[0] == orders[2] != orders[1]


@pytest.mark.data
def test_the_real_mnist(shared_data, monkeypatch):
    monkeypatch.setenv("DLCORE_DATA", str(shared_data))
    assert available("mnist")
    mnist = load("mnist")
    assert (len(mnist.train_images), len(mnist.test_images)) == (60_000, 10_000)
    assert torch.bincount(mnist.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    pixels = normalize(mnist.train_images[:20_000])
    assert float(pixels.mean()) == pytest.approx(0, abs=0.01)
    assert float(pixels.std()) == pytest.approx(1, abs=0.01)
