"""Augmentation: same shape and range, a draw of its own for every image, all of it from the seed."""

import pytest
import torch

from dlcore.config import AUGMENTATIONS
from dlcore.data.augmentation import STRENGTHS, Strength, augment
from dlcore.data.loading import load


@pytest.fixture(scope="module")
def images():
    return load("digits").train_images[:64]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_every_choice_of_the_schema_exists():
    assert list(STRENGTHS) == list(AUGMENTATIONS)


def test_none_changes_nothing(images):
    assert augment(images, "none", seeded()) is images


@pytest.mark.parametrize("name", ["light", "strong"])
def test_shape_type_and_range_stay(images, name):
    before = images.clone()
    changed = augment(images, name, seeded())
    assert (changed.shape, changed.dtype) == (images.shape, torch.uint8)
    assert torch.equal(images, before)
    assert not torch.equal(changed, images)
    blank = torch.zeros(4, 1, 28, 28, dtype=torch.uint8)
    assert torch.equal(augment(blank, name, seeded()), blank)
    assert augment(torch.full_like(blank, 255), name, seeded()).max() == 255


@pytest.mark.parametrize("name", ["light", "strong"])
def test_each_image_has_its_own_draw_and_the_seed_decides(images, name):
    copies = images[:1].expand(16, -1, -1, -1)
    changed = augment(copies, name, seeded())
    assert len({tuple(image.flatten().tolist()) for image in changed}) == 16
    assert torch.equal(changed, augment(copies, name, seeded()))
    assert not torch.equal(changed, augment(copies, name, seeded(1)))


def test_channels_of_an_image_move_together():
    grey = torch.randint(0, 256, (5, 1, 32, 32), dtype=torch.uint8, generator=seeded())
    changed = augment(grey.expand(-1, 3, -1, -1), "strong", seeded())
    assert changed.shape == (5, 3, 32, 32)
    assert torch.equal(changed[:, 0], changed[:, 2])


@pytest.mark.parametrize("name", ["light", "strong"])
def test_digits_stay_in_the_picture(images, name):
    """No draw throws the digit out: every image keeps most of its ink, and the mean image hardly moves."""
    changed = augment(images, name, seeded()).float()
    ink = changed.sum((1, 2, 3)) / images.float().sum((1, 2, 3))
    assert ink.min() > 0.4
    assert ink.max() < 2.5
    columns = torch.arange(28.0)
    centre = (changed.sum((1, 2)) * columns).sum(1) / changed.sum((1, 2, 3))
    assert (centre - 13.5).abs().max() < 6
    assert abs(float(centre.mean()) - 13.5) < 1


def test_a_pure_shift_moves_the_centre_of_mass_by_at_most_itself(monkeypatch):
    dot = torch.zeros(200, 1, 28, 28, dtype=torch.uint8)
    dot[:, :, 13:15, 13:15] = 200
    monkeypatch.setattr("dlcore.data.augmentation.STRENGTHS", {"none": Strength(), "shift": Strength(shift_pixels=3)})
    moved = augment(dot, "shift", seeded()).float()
    axis = torch.arange(28.0)
    for sums in (moved.sum((1, 2)), moved.sum((1, 3))):
        offset = (sums * axis).sum(1) / sums.sum(1) - 13.5
        assert 2.5 < offset.abs().max() < 3.05
        assert abs(float(offset.mean())) < 0.5


def test_thickness_makes_some_strokes_thicker_and_some_thinner(monkeypatch, images):
    monkeypatch.setattr("dlcore.data.augmentation.STRENGTHS", {"none": Strength(), "pen": Strength(thickness=1)})
    ratio = augment(images, "pen", seeded()).float().sum((1, 2, 3)) / images.float().sum((1, 2, 3))
    assert ratio.min() < 0.7
    assert ratio.max() > 1.3
