"""Augmentation: same shape and range, a draw of its own for every image, all of it from the seed."""

import pytest
import torch

from dlcore.config import TrainConfig
from dlcore.config.choices import AUGMENTATIONS
from dlcore.data.augmentation import STRENGTHS, Strength, strength_of
from dlcore.data.augmentation import augment as augment_by
from dlcore.data.loading import load

NAMED = [name for name in STRENGTHS if name != "none"]


@pytest.fixture(scope="module")
def images():
    return load("digits").train_images[:64]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def augment(images, name, generator):
    return augment_by(images, STRENGTHS[name], generator)


def test_every_choice_of_the_schema_exists():
    assert [*STRENGTHS, "custom"] == list(AUGMENTATIONS)
    assert all(strength_of(TrainConfig(augmentation=name)) == strength for name, strength in STRENGTHS.items())


def test_none_changes_nothing(images):
    assert augment(images, "none", seeded()) is images


@pytest.mark.parametrize("name", NAMED)
def test_shape_type_and_range_stay(images, name):
    before = images.clone()
    changed = augment(images, name, seeded())
    assert (changed.shape, changed.dtype) == (images.shape, torch.uint8)
    assert torch.equal(images, before)
    assert not torch.equal(changed, images)
    blank = torch.zeros(4, 1, 28, 28, dtype=torch.uint8)
    assert torch.equal(augment(blank, name, seeded()), blank)
    assert augment(torch.full_like(blank, 255), name, seeded()).max() == 255


@pytest.mark.parametrize("name", NAMED)
def test_each_image_has_its_own_draw_and_the_seed_decides(images, name):
    copies = images[:1].expand(16, -1, -1, -1)
    changed = augment(copies, name, seeded())
    assert len({tuple(image.flatten().tolist()) for image in changed}) == 16
    assert torch.equal(changed, augment(copies, name, seeded()))
    assert not torch.equal(changed, augment(copies, name, seeded(1)))


def test_moderate_lies_between_light_and_strong(images):
    """The same draws go further from name to name: no two give the same images, and each changes more than the one before."""
    changed = {name: augment(images, name, seeded()) for name in STRENGTHS}
    names = list(STRENGTHS)
    assert names == ["none", "light", "moderate", "strong"]
    for position, name in enumerate(names):
        assert not any(torch.equal(changed[name], changed[other]) for other in names[:position])
    far = [float((changed[name].float() - images.float()).abs().mean()) for name in names]
    assert far == sorted(far)
    assert far[2] > 1.1 * far[1]


def test_moderate_moves_a_dot_about_but_not_away():
    """By its shift of two pixels, and by what its rubber sheet adds; fairly to all sides. No pixel comes from nothing."""
    dot = torch.zeros(400, 1, 28, 28, dtype=torch.uint8)
    dot[:, :, 13:15, 13:15] = 200
    moved = augment(dot, "moderate", seeded()).float()
    axis = torch.arange(28.0)
    for sums in (moved.sum((1, 2)), moved.sum((1, 3))):
        offset = (sums * axis).sum(1) / sums.sum(1) - 13.5
        assert 2 < offset.abs().max() < 2 + 1.2 + 0.3
        assert abs(float(offset.mean())) < 0.2
    assert moved.max() <= 200
    size = moved.sum((1, 2, 3)) / (4 * 200)
    assert size.min() < 0.75
    assert size.max() > 1.3  # thicker strokes, larger digits


def test_channels_of_an_image_move_together():
    grey = torch.randint(0, 256, (5, 1, 32, 32), dtype=torch.uint8, generator=seeded())
    changed = augment(grey.expand(-1, 3, -1, -1), "strong", seeded())
    assert changed.shape == (5, 3, 32, 32)
    assert torch.equal(changed[:, 0], changed[:, 2])


@pytest.mark.parametrize("name", NAMED)
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


def test_a_pure_shift_moves_the_centre_of_mass_by_at_most_itself():
    dot = torch.zeros(200, 1, 28, 28, dtype=torch.uint8)
    dot[:, :, 13:15, 13:15] = 200
    moved = augment_by(dot, Strength(shift_pixels=3), seeded()).float()
    axis = torch.arange(28.0)
    for sums in (moved.sum((1, 2)), moved.sum((1, 3))):
        offset = (sums * axis).sum(1) / sums.sum(1) - 13.5
        assert 2.5 < offset.abs().max() < 3.05
        assert abs(float(offset.mean())) < 0.5


def test_thickness_makes_some_strokes_thicker_and_some_thinner(images):
    ratio = augment_by(images, Strength(thickness=1), seeded()).float().sum((1, 2, 3)) / images.float().sum((1, 2, 3))
    assert ratio.min() < 0.7
    assert ratio.max() > 1.3


# Your own strengths, one kind at a time

LIGHT_SUM, MODERATE_SUM, STRONG_SUM = 744_201, 738_271, 730_046
KINDS = {
    "shift_pixels": 3.0,
    "rotation_degrees": 30.0,
    "scale_share": 0.3,
    "shear_degrees": 20.0,
    "elastic_pixels": 2.0,
    "erasing_share": 0.3,
    "noise_levels": 40.0,
}
NOTHING = dict.fromkeys(KINDS, 0.0)


def custom(**strengths):
    return strength_of(TrainConfig(augmentation="custom", **NOTHING | strengths))


def blob(count, size=28, channels=1):
    """A soft white spot in the middle, count images (N, C, size, size)."""
    axis = torch.arange(size) - (size - 1) / 2
    spot = 220 * torch.exp(-(axis[:, None] ** 2 + axis**2) / 18)
    return spot.round().to(torch.uint8).expand(count, channels, -1, -1).contiguous()


def test_the_named_strengths_are_what_they_were(images):
    """Sums of the first release that had them: whatever is added, a link to an old experiment repeats it."""
    dice = seeded(5)
    noise = torch.randint(0, 256, (8, 1, 28, 28), dtype=torch.uint8, generator=dice)
    assert augment(noise, "light", seeded(1)).long().sum() == LIGHT_SUM
    assert augment(noise, "moderate", seeded(1)).long().sum() == MODERATE_SUM
    assert augment(noise, "strong", seeded(1)).long().sum() == STRONG_SUM


def test_all_strengths_at_zero_change_nothing(images):
    assert augment_by(images, custom(), seeded()) is images


@pytest.mark.parametrize(("kind", "amount"), KINDS.items())
@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32), (1, 64)])
def test_each_kind_changes_each_image_by_a_draw_of_its_own(kind, amount, channels, size):
    dice = torch.randint(0, 256, (1, channels, size, size), dtype=torch.uint8, generator=seeded(2))
    copies = dice.expand(12, -1, -1, -1)
    changed = augment_by(copies, custom(**{kind: amount}), seeded())
    assert (changed.shape, changed.dtype) == (copies.shape, torch.uint8)
    assert len({image.numpy().tobytes() for image in changed}) == 12
    assert torch.equal(changed, augment_by(copies, custom(**{kind: amount}), seeded()))
    assert not torch.equal(changed, augment_by(copies, custom(**{kind: amount}), seeded(1)))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("noise_levels", "erasing_share")])
def test_what_moves_pixels_makes_no_light(kind):
    changed = augment_by(blob(200), custom(**{kind: KINDS[kind]}), seeded()).float()
    light = changed.sum((1, 2, 3)) / blob(1).float().sum()
    if kind == "scale_share":
        assert light.min() > 0.55
        assert light.max() < 1.75  # (1 + 0.3)²
        assert float(light.log().mean()) == pytest.approx(0, abs=0.05)
    else:
        # turning and slanting keep areas; rubber keeps them on the whole
        assert light.mean() == pytest.approx(1, abs=0.03)
        assert light.std() < (0.2 if kind == "elastic_pixels" else 0.02)
    assert changed.max() <= 221


def test_rotation_turns_around_the_middle_by_at_most_itself():
    bar = torch.zeros(300, 1, 28, 28, dtype=torch.uint8)
    bar[:, :, 13:15, 4:24] = 255
    turned = augment_by(bar, custom(rotation_degrees=30), seeded()).double().squeeze(1)
    axis = torch.arange(28.0, dtype=torch.double) - 13.5
    mass = turned.sum((1, 2))
    xx, yy = ((turned * axis**2).sum((1, 2)), (turned * axis[:, None] ** 2).sum((1, 2)))
    xy = (turned * axis * axis[:, None]).sum((1, 2))
    angles = torch.rad2deg(torch.atan2(2 * xy, xx - yy) / 2)
    assert 27 < angles.abs().max() < 30.5
    assert abs(float(angles.mean())) < 2.5
    for sums in (turned.sum(1), turned.sum(2)):
        assert ((sums * axis).sum(1) / mass).abs().max() < 0.1


def test_shear_leans_rows_and_leaves_them_where_they_are():
    post = torch.zeros(200, 1, 28, 28, dtype=torch.uint8)
    post[:, :, 4:24, 13:15] = 200
    leaning = augment_by(post, custom(shear_degrees=20), seeded()).float().squeeze(1)
    torch.testing.assert_close(leaning.sum(2), post.float().sum((1, 3)), atol=4, rtol=0.02)
    axis = torch.arange(28.0)
    centre = (leaning * axis).sum(2)[:, 4:24] / leaning.sum(2)[:, 4:24]
    slope = (centre[:, -1] - centre[:, 0]) / 19
    assert 0.3 < slope.abs().max() < 0.37  # the tangent of 20 degrees is 0.364
    assert abs(float(slope.mean())) < 0.04


def test_erasing_covers_one_rectangle_with_the_mean_and_keeps_the_rest():
    noise = torch.randint(0, 256, (400, 3, 32, 32), dtype=torch.uint8, generator=seeded(3))
    erased = augment_by(noise, custom(erasing_share=0.3), seeded())
    mean = noise.float().mean((2, 3)).round()
    shares = []
    for before, after, colour in zip(noise, erased, mean, strict=True):
        covered = (after.float() == colour[:, None, None]).all(0) & (before != after).any(0)
        assert torch.equal(before[:, ~covered], after[:, ~covered])
        rows, columns = covered.any(1).nonzero(), covered.any(0).nonzero()
        if len(rows):
            area = int((rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1))
            assert int(covered.sum()) >= 0.97 * area  # a pixel may have had the mean colour before
            shares.append(area / 1024)
    assert max(shares) < 0.34
    assert sum(shares) / len(shares) == pytest.approx(0.15, abs=0.02)
    assert erased.float().mean() == pytest.approx(float(noise.float().mean()), abs=0.5)


def test_noise_is_fair_and_of_the_strength_asked_for():
    grey = torch.full((300, 1, 28, 28), 128, dtype=torch.uint8)
    noisy = augment_by(grey, custom(noise_levels=20), seeded()).float() - 128
    assert float(noisy.mean()) == pytest.approx(0, abs=0.2)
    deviations = noisy.std((1, 2, 3))
    assert deviations.max() < 22
    assert float(deviations.mean()) == pytest.approx(10, abs=1)  # each image's own, from 0 to 20


def test_kinds_do_not_disturb_each_other(images):
    """With noise added, the same shifts are drawn as without."""
    shifted = augment_by(images, custom(shift_pixels=3), seeded()).float()
    both = augment_by(images, custom(shift_pixels=3, noise_levels=1e-9), seeded()).float()
    assert torch.equal(shifted, both)


def test_the_strengths_of_the_form_are_in_their_units():
    strength = custom(scale_share=1.0, shear_degrees=45.0)
    assert strength.scale == pytest.approx(0.6931, abs=1e-4)  # e to it is 2
    assert strength.shear == pytest.approx(1)
    assert strength_of(TrainConfig(augmentation="none", noise_levels=50.0)) == Strength()


def test_other_devices_are_given_what_the_cpu_drew():
    with torch.device("meta"):
        images = torch.empty(4, 3, 32, 32, dtype=torch.uint8)
    every = custom(**KINDS)
    assert augment_by(images, every, seeded()).device.type == "meta"
