"""Datasets as tensors, and the one normalisation."""

import errno
import gzip
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch

from dlcore.config import TrainConfig
from dlcore.data import DATASETS
from dlcore.data.availability import FILES, available, files, raw_folder
from dlcore.data.cifar_batches import read_batch
from dlcore.data.loading import load
from dlcore.data.normalization import COLOUR_MEAN, COLOUR_STD, MEAN, STD, normalize
from dlcore.data.randomness import derive, generator
from dlcore.data.selection import classes_of, classes_text, describe
from dlcore.data.torchvision_datasets import torchvision_datasets
from dlcore.home import data_root
from dlcore.inference import samples
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


def test_an_image_of_a_link_is_read_without_the_others(monkeypatch):
    contents = small_mnist()
    folder = put("mnist", contents)
    read = []
    whole_file = np.fromfile
    monkeypatch.setattr(np, "fromfile", lambda *a, **o: read.append(whole_file(*a, **o)) or read[-1])
    image, name = samples.fetch(samples.Sample("mnist", "test", 2))
    assert image.tobytes() == contents["t10k-images-idx3-ubyte"][16 + 2 * 784 : 16 + 3 * 784]
    assert name == "2"
    assert sum(part.nbytes for part in read) == 784 + 1  # and nothing is kept: memory is short where many draw
    with pytest.raises(UserError, match="an image is missing"):  # these files hold four
        samples.fetch(samples.Sample("mnist", "test", 4))
    (folder / "t10k-images-idx3-ubyte").write_bytes(contents["t10k-images-idx3-ubyte"][:-1])
    with pytest.raises(UserError, match="it is damaged"):
        samples.fetch(samples.Sample("mnist", "test", 0))


def test_the_letters_of_a_link_stand_upright():
    put("emnist-letters", small_emnist())
    image, name = samples.fetch(samples.Sample("emnist-letters", "train", 27))
    assert (int(image[3, 20]), name) == (200, "B")


def small_emnist(train=52, test=26, *, lowest=1) -> dict[str, bytes]:
    """EMNIST's letters: each image stored column by column, labels from 1 to 26."""
    contents = {}
    for part, count in (("train", train), ("test", test)):
        images = torch.zeros(count, 28, 28)
        images[:, 3, 20] = 200  # a dot at the right, high up: column 20 of row 3 once turned, here the other way round
        contents[f"emnist-letters-{part}-images-idx3-ubyte"] = idx(images.transpose(1, 2))
        contents[f"emnist-letters-{part}-labels-idx1-ubyte"] = idx(torch.arange(count) % 26 + lowest)
    return contents


def cifar_batch(seed=0, count=20) -> bytes:
    """One of CIFAR-10's files as Python 2 has written them: cPickle, protocol 2, NumPy of 2009."""
    dice = np.random.default_rng(seed)
    pixels, labels = dice.integers(0, 256, count * 3072, dtype=np.uint8).tobytes(), [n % 10 for n in range(count)]

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value if len(value) < 256 else b"T" + struct.pack("<i", len(value)) + value

    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85" + text(b"b") + b"\x87Rq\x0a("
        b"K\x01K"
        + bytes([count])
        + b"M\x00\x0c\x86cnumpy\ndtype\nq\x0b"
        + text(b"u1")
        + b"K\x00K\x01\x87Rq\x0c(K\x03"
        + text(b"|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + text(pixels)
        + b"tb"
    )
    return (
        b"\x80\x02}q\x01("
        + text(b"batch_label")
        + text(b"training batch 1 of 5")
        + text(b"labels")
        + b"]q\x04("
        + b"".join(b"K" + bytes([label]) for label in labels)
        + b"e"
        + text(b"data")
        + array
        + text(b"filenames")
        + b"]q\x0e("
        + b"".join(text(b"leptodactylus_%d.png" % n) for n in range(count))
        + b"eu."
    )


def test_letters_are_turned_upright_and_counted_from_zero():
    put("emnist-letters", small_emnist())
    assert available("emnist-letters")
    letters = load("emnist-letters")
    assert letters.train_images.shape == (52, 1, 28, 28)
    assert letters.train_images[:, 0, 3, 20].tolist() == [200] * 52
    assert letters.train_labels.tolist() == [*range(26), *range(26)]
    assert letters.class_names == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@pytest.mark.parametrize("lowest", [0, 2])
def test_letters_with_other_labels_are_refused(lowest):
    put("emnist-letters", small_emnist(lowest=lowest))
    with pytest.raises(UserError, match="do not belong together"):
        load("emnist-letters")


def put_cifar(**damaged: bytes):
    folder = raw_folder("cifar10")
    folder.mkdir(parents=True)
    for number, file in enumerate(files("cifar10")):
        (folder / file).write_bytes(damaged.get(file, cifar_batch(number)))


def test_colour_photos_are_read_as_their_authors_wrote_them():
    put_cifar()
    cifar = load("cifar10")
    assert cifar.train_images.shape == (100, 3, 32, 32)
    assert (len(cifar.test_images), cifar.train_labels.dtype) == (20, torch.int64)
    expected = np.random.default_rng(5).integers(0, 256, 20 * 3072, dtype=np.uint8).reshape(20, 3, 32, 32)
    assert np.array_equal(cifar.test_images.numpy(), expected)
    assert cifar.test_labels.tolist() == [n % 10 for n in range(20)]
    assert cifar.class_names[:2] == ("Airplane", "Car")


def test_the_same_photos_written_by_todays_python_are_read_too():
    import pickle

    pixels = np.random.default_rng(1).integers(0, 256, (20, 3072), dtype=np.uint8)
    for protocol in (2, 4):
        content = pickle.dumps({"labels": [n % 10 for n in range(20)], "data": pixels}, protocol=protocol)
        images, labels = read_batch(content)
        assert np.array_equal(images.reshape(20, 3072), pixels)
        assert labels.tolist() == [n % 10 for n in range(20)]


def test_reading_a_pickle_runs_nothing_of_it():
    import pickle

    class Evil:
        def __reduce__(self):
            return pytest.fail, ("it was run",)

    with pytest.raises(ValueError, match="do not belong together"):
        read_batch(pickle.dumps({"labels": [1, 2], "data": Evil()}, protocol=2))


@pytest.mark.parametrize("content", [b"", b"no pickle", cifar_batch()[:-40_000], cifar_batch(count=7)[:300]])
def test_a_damaged_batch_is_one_sentence(content):
    put_cifar(data_batch_3=content)
    with pytest.raises(UserError, match=r"CIFAR-10 in cifar-10-batches-py cannot be read"):
        load("cifar10")


def test_colour_is_normalised_by_its_channels():
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(2, 3, -1, -1)
    x = normalize(levels).double()
    for channel in range(3):
        expected = (torch.arange(256, dtype=torch.double) / 255 - COLOUR_MEAN[channel]) / COLOUR_STD[channel]
        torch.testing.assert_close(x[1, channel].flatten(), expected, rtol=0, atol=1e-6)
    assert levels[0, 0].flatten().tolist() == list(range(256))


@pytest.mark.parametrize("name", [name for name in DATASETS if name != "own-images"])
def test_the_counts_of_the_classes_add_up(name):
    spec = DATASETS[name]
    assert len(spec.train_class_counts) == len(spec.test_class_counts) == len(spec.class_names)
    assert (sum(spec.train_class_counts), sum(spec.test_class_counts)) == (spec.train_count, spec.test_count)


def test_the_counts_of_the_small_digits_are_true():
    digits, spec = load("digits"), DATASETS["digits"]
    assert tuple(torch.bincount(digits.train_labels).tolist()) == spec.train_class_counts
    assert tuple(torch.bincount(digits.test_labels).tolist()) == spec.test_class_counts


# Some of the classes


def test_a_subset_of_classes_keeps_their_images_and_names():
    whole, part = load("digits"), load("digits", classes="7, 1,0")
    assert part.class_names == ("0", "1", "7")
    assert tuple(torch.bincount(part.train_labels).tolist()) == (143, 146, 143)
    assert torch.equal(part.train_images[part.train_labels == 2], whole.train_images[whole.train_labels == 7])
    spec = describe("digits", classes="0,1,7")
    assert (spec.train_count, spec.test_count) == (len(part.train_images), len(part.test_images))
    assert (spec.class_names, spec.train_class_counts) == (part.class_names, (143, 146, 143))


@pytest.mark.parametrize(
    ("dataset", "text", "numbers"),
    [
        ("digits", "", tuple(range(10))),
        ("digits", " , ", tuple(range(10))),
        ("digits", "9,0,9", (0, 9)),
        ("fashion-mnist", "bag, T-SHIRT,3", (0, 3, 8)),
        ("emnist-letters", "a,Z", (0, 25)),
        ("kmnist", "お,9", (0, 9)),
    ],
)
def test_classes_are_named_or_numbered(dataset, text, numbers):
    spec = DATASETS[dataset]
    assert classes_of(spec, text) == numbers
    assert classes_of(spec, classes_text(spec, numbers)) == numbers


@pytest.mark.parametrize("text", ["3", "3,3", "0,10", "0,x", "0,-1", "0,1.5", "1,²"])
def test_classes_that_are_too_few_or_unknown_are_refused(text):
    with pytest.raises(UserError, match=r"at least two classes|has no class"):
        load("digits", classes=text)


def test_a_configuration_brings_classes_into_their_order():
    config = TrainConfig.parse({"dataset": "digits", "classes": "7,1, 0"})
    assert config.classes == "0,1,7"
    assert TrainConfig.parse({"dataset": "digits", "classes": ",".join("9876543210")}).classes == ""
    assert config.data().class_names == ("0", "1", "7")
    with pytest.raises(UserError, match="Small digits has no class A"):
        TrainConfig.parse({"dataset": "digits", "classes": "A,B"})
    assert TrainConfig.parse({"dataset": "digits", "classes": "A,B"}, check_data=False).classes == "A,B"


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

    monkeypatch.setattr(np, "fromfile", refuse)
    with pytest.raises(UserError, match=r"MNIST/raw cannot be read: Permission denied\.") as error:
        load("mnist")
    assert str(folder) not in str(error.value)


def test_what_is_read_is_what_torchvision_reads():
    put("mnist", small_mnist())
    ours = load("mnist")
    for train, images, labels in (
        (True, ours.train_images, ours.train_labels),
        (False, ours.test_images, ours.test_labels),
    ):
        theirs = torchvision_datasets().MNIST(data_root(), train=train)
        assert torch.equal(images, theirs.data.unsqueeze(1))
        assert torch.equal(labels, theirs.targets)


def test_a_worker_imports_neither_torchvision_nor_torchs_compiler():
    """They take 130 MB of a small server's memory, and seconds of a start."""
    put("mnist", small_mnist(train=60, test=20))
    code = (
        "import sys; from dlcore.config import TrainConfig; from dlcore.data.loading import load;"
        "from dlcore.training import loop; config = TrainConfig(dataset='mnist', model='linear', epochs=1, device='cpu');"
        "list(loop.train(config, dataset=load('mnist')));"
        "assert not {'torch._dynamo', 'torchvision'} & {*sys.modules}"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, env=os.environ)
    assert (done.returncode, done.stderr) == (0, "")


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
