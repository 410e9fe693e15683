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


_DIGITS = tuple("0123456789")

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
    ),
}
