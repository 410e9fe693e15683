import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from dlcore.config import TrainConfig
from dlcore.data.availability import available
from dlcore.data.loading import Dataset, load
from dlcore.data.partition import partition
from dlcore.data.pen_strokes import VARIANTS, add_pen_strokes, held_out, read_drawings, vary
from dlcore.messages import UserError

SEVEN = [[[100, 100], [200, 100], [150, 250]]]


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("DLCORE_DATA", str(tmp_path))
    (tmp_path / "pen-strokes").mkdir()
    return tmp_path


def write(root, rows):
    path = root / "pen-strokes" / "train.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def tiny() -> Dataset:
    images, labels = torch.zeros(4, 1, 28, 28, dtype=torch.uint8), torch.arange(4)
    return Dataset(
        name="mnist",
        class_names=tuple("0123456789"),
        train_images=images,
        train_labels=labels,
        test_images=images,
        test_labels=labels,
    )


def test_every_third_writer_judges_and_never_teaches(root):
    write(root, [{"label": writer % 10, "writer": writer, "strokes": SEVEN} for writer in (3, 5, 8, 13, 21, 34)])
    assert held_out({3, 5, 8, 13, 21, 34}) == {8, 34}
    mixed = add_pen_strokes(tiny())
    assert mixed.train_labels.tolist() == [0, 1, 2, 3] + [5, 3, 1] * VARIANTS + [3] * VARIANTS
    versions = mixed.train_images[4 : -mixed.held_back : 3]
    assert versions.shape == (VARIANTS, 1, 28, 28)
    assert len(versions.unique(dim=0)) == VARIANTS
    assert len(mixed.test_images) == 4
    assert torch.equal(add_pen_strokes(tiny()).train_images, mixed.train_images)


def test_one_in_thirty_is_held_back_with_all_its_versions_whatever_the_seed(root):
    write(root, [{"label": number % 10, "writer": number % 2, "strokes": SEVEN} for number in range(62)])
    scans = torch.arange(90, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 28, 28)
    mixed = add_pen_strokes(replace(tiny(), train_images=scans, train_labels=torch.zeros(90, dtype=torch.int64)))
    kept_back = [number % 10 for number in (0, 30, 60)]
    assert mixed.held_back == 3 + 3 * VARIANTS
    assert mixed.train_images[-mixed.held_back :, 0, 0, 0][:3].tolist() == [87, 88, 89]
    assert mixed.train_labels[-mixed.held_back :].tolist() == [0, 0, 0] + kept_back * VARIANTS
    parts = [
        partition(TrainConfig(dataset="mnist-pen", seed=seed), len(mixed.train_images), held_back=mixed.held_back)
        for seed in (0, 1)
    ]
    (first_learned, first_held), (second_learned, second_held) = parts
    assert torch.equal(first_held, second_held)
    assert not torch.equal(first_learned, second_learned)
    assert torch.equal(first_learned.sort().values, torch.arange(len(mixed.train_images) - mixed.held_back))


def test_another_hand_draws_the_same_digit_elsewhere_no_further_than_a_hand_would():
    square = np.array([[0, 0], [0, 40], [0, 80], [40, 80], [80, 80], [80, 40], [80, 0], [40, 0], [0, 0]], float)
    dot = np.array([[7.0, 9.0]])
    random = np.random.default_rng(3)
    for _ in range(50):
        varied, point = vary([square, dot], random)
        assert varied.shape == square.shape
        assert np.isfinite(varied).all()
        extent, before = np.ptp(varied, axis=0), np.ptp(square, axis=0)
        assert (0.4 * before < extent).all()
        assert (extent < 2.5 * before).all()
        assert point.shape == dot.shape
    assert not np.array_equal(vary([square], random)[0], vary([square], random)[0])


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"label": 1}',
        '{"label": "x", "writer": 1, "strokes": []}',
        '{"label": 1, "writer": 1, "strokes": [[["a", 1]]]}',
        '{"label": 10, "writer": 1, "strokes": []}',
        '{"label": "\udcff", "writer": 1, "strokes": []}',
        "[" * 100_000,
    ],
)
def test_a_broken_line_is_named(root, line):
    path = write(root, [{"label": 7, "writer": 1, "strokes": SEVEN}])
    path.write_bytes(path.read_bytes() + line.encode(errors="surrogateescape") + b"\n")
    with pytest.raises(UserError, match=r"Line 2 of pen-strokes/train.jsonl"):
        list(read_drawings(path))


def test_without_the_strokes_there_is_a_way_on(root):
    assert not available("mnist-pen")
    with pytest.raises(UserError, match="Choose MNIST"):
        add_pen_strokes(tiny())
    with pytest.raises(UserError, match="Choose MNIST"):
        load("mnist-pen")
    assert [path.name for path in root.iterdir()] == ["pen-strokes"]  # nothing was fetched for nothing
    write(root, [])
    with pytest.raises(UserError, match="Choose MNIST"):
        add_pen_strokes(tiny())


@pytest.mark.data
def test_the_count_in_the_registry_is_the_real_one(shared_data, monkeypatch):
    from dlcore.data import DATASETS, pen_strokes

    monkeypatch.setenv("DLCORE_DATA", str(shared_data))
    monkeypatch.setattr(pen_strokes, "strokes_to_image", lambda *_: np.zeros((28, 28), np.uint8))  # counted, not drawn
    dataset = load("mnist-pen")
    assert len(dataset.train_images) == DATASETS["mnist-pen"].train_count
    assert len(dataset.test_images) == DATASETS["mnist-pen"].test_count
    assert dataset.held_back == DATASETS["mnist-pen"].held_back
