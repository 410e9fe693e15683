import json

import pytest
import torch

from dlcore.data.availability import available
from dlcore.data.loading import Dataset, load
from dlcore.data.pen_strokes import PEN_WIDTHS, add_pen_strokes, held_out, read_drawings
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
    assert mixed.train_labels.tolist() == [0, 1, 2, 3] + [3, 5, 3, 1] * len(PEN_WIDTHS)
    fine, broad = mixed.train_images[4], mixed.train_images[8]
    assert fine.shape == (1, 28, 28)
    assert 0 < fine.float().mean() < broad.float().mean()
    assert len(mixed.test_images) == 4


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
    from dlcore.data import DATASETS

    monkeypatch.setenv("DLCORE_DATA", str(shared_data))
    dataset = load("mnist-pen")
    assert len(dataset.train_images) == DATASETS["mnist-pen"].train_count
    assert len(dataset.test_images) == DATASETS["mnist-pen"].test_count
