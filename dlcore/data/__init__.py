"""The registry of datasets. Importing it costs no torch: an entry names the function that loads the tensors."""

from collections.abc import Mapping
from dataclasses import dataclass

from dlcore.messages import N_


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """What is known of a dataset before any byte of it is read. Counts are images, sizes pixels."""

    title: str
    summary: str
    class_names: tuple[str, ...]
    train_count: int
    test_count: int
    download_megabytes: float
    """0 where nothing can or has to be fetched."""
    licence: str
    source: str
    image_size: int = 28
    channels: int = 1
    train_class_counts: tuple[int, ...] = ()
    """Training images of each class, in the order of ``class_names``."""
    test_class_counts: tuple[int, ...] = ()
    held_back: int = 0
    """How many of the training images are there to validate with and nothing else; 0: each run chooses."""


OWN_IMAGES = "own-images"
"""The dataset that stands for a set of pictures that somebody brought, see :mod:`dlcore.data.own_images`."""
_DIGITS = tuple("0123456789")
_MNIST_TEST = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)

DATASETS: Mapping[str, DatasetSpec] = {
    "digits": DatasetSpec(
        title=N_("Small digits"),
        summary=N_("1,797 scans of 8×8 pixels that come with scikit-learn, enlarged to 28×28. Needs no download."),
        class_names=_DIGITS,
        train_count=1437,
        test_count=360,
        download_megabytes=0,
        licence="CC BY 4.0",
        source="https://archive.ics.uci.edu/dataset/80",
        train_class_counts=(143, 146, 142, 146, 144, 145, 144, 143, 141, 143),
        test_class_counts=(35, 36, 35, 37, 37, 37, 37, 36, 33, 37),
    ),
    "mnist": DatasetSpec(
        title="MNIST",
        summary=N_("70,000 handwritten digits: the dataset of the article and of thirty years of papers."),
        class_names=_DIGITS,
        train_count=60_000,
        test_count=10_000,
        download_megabytes=11.6,
        licence="CC BY-SA 3.0",
        source="https://ieeexplore.ieee.org/document/726791",
        train_class_counts=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        test_class_counts=_MNIST_TEST,
    ),
    "mnist-pen": DatasetSpec(
        title=N_("MNIST and pen strokes"),
        summary=N_("MNIST, and 4,996 digits drawn by 20 people with a pen on a tablet, each in six versions."),
        class_names=_DIGITS,
        train_count=60_000 + 6 * 4_996,
        test_count=10_000,
        download_megabytes=0,
        licence="CC BY-SA 3.0, CC BY 4.0",
        source="https://archive.ics.uci.edu/dataset/81",
        train_class_counts=(9043, 9862, 9078, 9011, 8962, 8301, 8798, 9373, 8725, 8823),
        test_class_counts=_MNIST_TEST,
        held_back=2_000 + 6 * 167,
    ),
    "fashion-mnist": DatasetSpec(
        title="Fashion-MNIST",
        summary=N_("70,000 photos of clothes in ten classes, made as a harder drop-in for MNIST."),
        class_names=(
            N_("T-shirt"),
            N_("Trousers"),
            N_("Pullover"),
            N_("Dress"),
            N_("Coat"),
            N_("Sandal"),
            N_("Shirt"),
            N_("Sneaker"),
            N_("Bag"),
            N_("Ankle boot"),
        ),
        train_count=60_000,
        test_count=10_000,
        download_megabytes=30.9,
        licence="MIT",
        source="https://github.com/zalandoresearch/fashion-mnist",
        train_class_counts=(6_000,) * 10,
        test_class_counts=(1_000,) * 10,
    ),
    "kmnist": DatasetSpec(
        title="KMNIST",
        summary=N_("70,000 cursive Japanese characters in ten classes, from old books."),
        class_names=("お", "き", "す", "つ", "な", "は", "ま", "や", "れ", "を"),
        train_count=60_000,
        test_count=10_000,
        download_megabytes=21.0,
        licence="CC BY-SA 4.0",
        source="https://github.com/rois-codh/kmnist",
        train_class_counts=(6_000,) * 10,
        test_class_counts=(1_000,) * 10,
    ),
    "emnist-letters": DatasetSpec(
        title=N_("EMNIST letters"),
        summary=N_("145,600 handwritten letters, large and small ones of a kind in one class: 26 classes, A to Z."),
        class_names=tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        train_count=124_800,
        test_count=20_800,
        download_megabytes=561.8,
        licence=N_("public domain (NIST)"),
        source="https://www.nist.gov/itl/products-and-services/emnist-dataset",
        train_class_counts=(4_800,) * 26,
        test_class_counts=(800,) * 26,
    ),
    "cifar10": DatasetSpec(
        title="CIFAR-10",
        summary=N_("60,000 small colour photos of animals and vehicles, 32×32: much harder than digits."),
        class_names=(
            N_("Airplane"),
            N_("Car"),
            N_("Bird"),
            N_("Cat"),
            N_("Deer"),
            N_("Dog"),
            N_("Frog"),
            N_("Horse"),
            N_("Ship"),
            N_("Truck"),
        ),
        train_count=50_000,
        test_count=10_000,
        download_megabytes=170.5,
        licence=N_("not stated by its authors"),
        source="https://www.cs.toronto.edu/~kriz/cifar.html",
        image_size=32,
        channels=3,
        train_class_counts=(5_000,) * 10,
        test_class_counts=(1_000,) * 10,
    ),
    OWN_IMAGES: DatasetSpec(
        title=N_("Own images"),
        summary=N_("Pictures that you bring: a folder or a zip with one folder for each class."),
        class_names=(),
        train_count=0,
        test_count=0,
        download_megabytes=0,
        licence=N_("your own"),
        source="",
    ),
}
"""Every dataset by its name. What ``own-images`` holds is said by :func:`dlcore.data.selection.describe`."""
