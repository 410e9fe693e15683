"""Explanations, attacks, corruptions and neighbours, against closed forms and autograd."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dlcore.data.loading import load
from dlcore.data.normalization import STD, normalize
from dlcore.inference import adversarial, attribution
from dlcore.inference.corruptions import CORRUPTIONS, Progress, accuracy_curve, corrupt, rotate, thicken
from dlcore.inference.microscope import receptive_field
from dlcore.inference.neighbours import Projection, features, nearest
from dlcore.inference.prediction import Model, predict_pictures
from dlcore.inference.trace import layers_of, look
from dlcore.models import MODELS
from dlcore.models.options import ModelOptions

CLASSES = tuple("0123456789")


def model(name="custom", *, channels=1, size=28, seed=0, classes=CLASSES, **about):
    torch.manual_seed(seed)
    asked = {"in_channels": channels, "image_size": size, "classes": len(classes), "dropout": 0.5}
    network = MODELS[name].build(**asked).eval().requires_grad_(requires_grad=False)
    metadata = {"model": name, "dropout": 0.5, "options": ModelOptions().model_dump(), **about}
    return Model("x", network, classes, "digits", metadata | {"image_size": size, "channels": channels})


def picture(channels=1, size=28, low=60, high=190, seed=1):
    """Grey enough that no attack of these tests reaches black or white."""
    return np.random.default_rng(seed).integers(low, high, (channels, size, size), dtype=np.uint8)


def linear_margin(one, pixels):
    """By how much the answer's score is ahead of the other's, and the weights that say so, by unit pixels."""
    layer = one.network.get_submodule("classifier") if hasattr(one.network, "classifier") else one.network[1]
    scores = layer(normalize(torch.from_numpy(pixels)[None]).flatten(1))[0]
    answer, other = scores.argsort(descending=True).tolist()
    weights = (layer.weight[answer] - layer.weight[other]) / STD
    return float(scores[answer] - scores[other]), weights


@pytest.mark.parametrize("name", adversarial.ATTACKS)
def test_an_attack_on_a_linear_network_does_what_the_formula_says(name):
    one, pixels = model("linear", classes=("a", "b")), picture()
    margin, weights = linear_margin(one, pixels)
    epsilon = 0.01
    attacked = adversarial.attack(one, pixels, name, epsilon)
    np.testing.assert_allclose(attacked.perturbation.ravel(), -epsilon * weights.sign(), atol=1e-6)
    log_odds = np.log(attacked.probabilities.max() / attacked.probabilities.min())
    assert log_odds == pytest.approx(abs(margin - epsilon * float(weights.abs().sum())), rel=1e-3)


@pytest.mark.parametrize("name", adversarial.ATTACKS)
def test_the_smallest_epsilon_of_a_linear_network_is_margin_over_norm(name):
    one, pixels = model("linear", classes=("a", "b")), picture()
    margin, weights = linear_margin(one, pixels)
    found = adversarial.smallest_epsilon(one, pixels, name, tolerance=1e-4)
    assert found.epsilon == pytest.approx(margin / float(weights.abs().sum()), abs=2e-4)
    assert found.probabilities.argmax() != predict_pictures(one, pixels[None])[0].argmax()


@pytest.mark.parametrize("name", adversarial.ATTACKS)
def test_no_pixel_changes_by_more_than_epsilon_nor_leaves_the_scale(name):
    one, pixels = model(), picture(low=0, high=256)
    attacked = adversarial.attack(one, pixels, name, 0.2)
    assert np.abs(attacked.perturbation).max() <= 0.2 + 1e-6
    assert 0 <= attacked.image.min() <= attacked.image.max() <= 1
    assert adversarial.attack(one, pixels, name, 0.2).image.tolist() == attacked.image.tolist()


def test_pgd_lowers_the_answer_at_least_as_far_as_one_step_does():
    one, pixels = model("article-cnn"), picture(low=0, high=256)
    answer = predict_pictures(one, pixels[None])[0].argmax()
    left = {name: adversarial.attack(one, pixels, name, 0.05).probabilities[answer] for name in adversarial.ATTACKS}
    assert left["pgd"] <= left["fgsm"] < predict_pictures(one, pixels[None])[0].max()


def test_a_targeted_attack_comes_to_its_target():
    one, pixels = model("linear"), picture()
    found = adversarial.smallest_epsilon(one, pixels, "pgd", target=4)
    assert found.probabilities.argmax() == 4
    assert adversarial.smallest_epsilon(one, pixels, "pgd", target=4, highest=found.epsilon / 4) is None


def test_another_model_is_shown_the_same_if_it_can_be():
    plain, colour, dark = model(), model(channels=3, size=32), model(light_background=True)
    attacked = adversarial.attack(plain, picture(), "fgsm", 0.1)
    for other in (plain, colour, dark):
        assert adversarial.shown_to(other, attacked, plain).sum() == pytest.approx(1, abs=1e-5)
    photo = adversarial.attack(colour, picture(3, 32), "fgsm", 0.1)
    assert adversarial.shown_to(plain, photo, colour) is None


def test_saliency_is_the_size_of_the_gradient():
    one, pixels = model("article-cnn"), picture()
    image = normalize(torch.from_numpy(pixels)[None]).requires_grad_()
    attribution.scores(one)(image)[0, 3].backward()
    found = attribution.attribute(one, pixels, "saliency", 3)
    np.testing.assert_allclose(found.values, image.grad[0, 0].abs(), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_integrated_gradients_and_occlusion_of_a_linear_network_are_weight_times_change(channels):
    one, pixels = model("linear", channels=channels), picture(channels)
    weights = list(one.network.modules())[-2].weight.view(10, channels, 28, 28)
    change = normalize(torch.from_numpy(pixels)[None]) - normalize(torch.zeros(1, channels, 28, 28))
    for instead_of in (None, 7):
        wanted = weights[3] if instead_of is None else weights[3] - weights[7]
        expected = (wanted * change[0]).sum(0)
        found = attribution.attribute(one, pixels, "integrated-gradients", 3, instead_of=instead_of)
        np.testing.assert_allclose(found.values, expected, atol=1e-4)
        assert abs(found.completeness_error) < 1e-3
        assert found.values.sum() == pytest.approx(found.difference, abs=1e-3)
    # Where every window lies inside the image, a pixel's occlusion is the mean over the windows that cover it.
    occluded = attribution.attribute(one, pixels, "occlusion", 3).values
    windows = F.unfold((weights[3] * change[0]).sum(0)[None, None], 5, stride=2).sum(1).view(12, 12)
    assert occluded[0, 0] == pytest.approx(float(windows[0, 0]), abs=1e-4)
    assert occluded[1, 2] == pytest.approx(float(windows[0, :2].mean()), abs=1e-4)


@pytest.mark.parametrize("method", ["integrated-gradients", "occlusion", "grad-cam"])
def test_one_class_rather_than_another_is_the_difference_of_both(method):
    one, pixels = model("lenet5"), picture(low=0, high=256)
    layer = attribution.convolutions(one)[0]
    first, second = (attribution.attribute(one, pixels, method, wanted, layer=layer) for wanted in (3, 7))
    directly = attribution.attribute(one, pixels, method, 3, instead_of=7, layer=layer)
    found = attribution.rather(first, second)
    np.testing.assert_allclose(found.values, directly.values, atol=1e-5)
    assert found.difference == pytest.approx(directly.difference, abs=1e-5)
    assert found.completeness_error == pytest.approx(directly.completeness_error, abs=1e-5)


def test_grad_cam_is_the_weighted_sum_of_the_maps():
    one, pixels = model("article-cnn"), picture()
    name = attribution.convolutions(one)[-1]
    network = attribution.scores(one)
    kept = {}
    network.get_submodule(name).register_forward_hook(lambda _m, _g, out: kept.update(maps=out))
    score = network(normalize(torch.from_numpy(pixels)[None]).requires_grad_())[0, 5]
    (slope,) = torch.autograd.grad(score, kept["maps"])
    cam = (slope.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True)
    expected = F.pad(cam, (2, 2, 2, 2), mode="replicate")[0, 0].detach()  # two unpadded 3×3 windows: middles 2 to 25
    found = attribution.attribute(one, pixels, "grad-cam", 5, layer=name)
    np.testing.assert_allclose(found.values, expected, atol=1e-5)


def test_grad_cam_of_a_network_that_pads_is_stretched_over_the_image():
    maps = torch.rand(1, 1, 7, 7)
    layers = layers_of(model("compact-cnn"))
    found = attribution._laid_over(maps, torch.zeros(1, 1, 28, 28), *attribution._centres(layers, "conv4.0"))
    torch.testing.assert_close(found, F.interpolate(maps, (28, 28), mode="bilinear"))


@pytest.mark.parametrize(
    ("name", "layer", "centres"),
    [
        ("article-cnn", "conv2", (2, 1)),
        ("mixed-committee-cnn", "branches.deskewed.conv2.0", (0.5, 2)),
        ("mixed-committee-cnn", "branches.plain.conv7.0", (1.5, 4)),
        ("resnet-small", "stage3_block1.conv2", (0, 4)),
    ],
)
def test_a_place_of_a_map_lies_where_its_window_has_its_middle(name, layer, centres):
    one = model(name)
    assert attribution._centres(layers_of(one), layer) == centres
    seen = look(one, picture())
    index = next(number for number, step in enumerate(seen.steps) if step.name == layer)
    row = seen.values(index).shape[1] // 2  # away from the edges, where a window is cut
    top, _left, bottom, _right = receptive_field(seen, index, (0, row, row))
    if bottom - top < 28:
        assert (top + bottom - 1) / 2 == pytest.approx(centres[0] + row * centres[1], abs=1)


def test_grad_cam_behind_deskewing_lies_on_what_leans():
    rows = torch.arange(28.0).unsqueeze(1)
    bar = (2 - (torch.arange(28.0) - 13.5 - 0.3 * (rows - 13.5)).abs()).clamp(0, 1)[None, None]
    upright = torch.zeros(1, 1, 28, 28)
    upright[..., 13:15] = 1  # what a convolution with a window of one pixel might make of the bar, leaned back
    found = attribution._laid_over(upright, bar, 0, 1, deskewed=True)
    middles = (found * torch.arange(28.0)).sum(3) / found.sum(3)
    torch.testing.assert_close(middles[0, 0], 13.5 + 0.3 * (rows[:, 0] - 13.5), atol=0.05, rtol=0)


def test_the_usual_convolution_is_the_last_and_of_branches_the_first_ones():
    assert attribution.usual_convolution(model("article-cnn")) == "conv2"
    assert attribution.usual_convolution(model("mlp")) == ""
    mixed = model("mixed-committee-cnn")
    assert attribution.usual_convolution(mixed) == "branches.plain.conv7.0"
    assert len(attribution.convolutions(mixed)) == 2 * 7


@pytest.mark.parametrize("name", MODELS)
def test_every_architecture_can_be_explained_and_stays_as_it_was(name):
    one, pixels = model(name), picture(low=0, high=256)
    before = predict_pictures(one, pixels[None])
    found = attribution.attribute(one, pixels, "saliency", 2, instead_of=1)
    assert found.values.shape == (28, 28)
    assert np.isfinite(found.values).all()
    for layer in attribution.convolutions(one)[-1:]:
        assert np.isfinite(attribution.attribute(one, pixels, "grad-cam", 2, layer=layer).values).all()
    assert features(one, torch.from_numpy(pixels)[None]).dim() == 2
    np.testing.assert_array_equal(predict_pictures(one, pixels[None]), before)


def test_a_colour_model_is_explained_too():
    found = attribution.attribute(model("compact-cnn", channels=3, size=32), picture(3, 32), "occlusion", 0)
    assert found.values.shape == (32, 32)


def test_no_amount_of_a_corruption_changes_nothing():
    images = torch.from_numpy(np.stack([picture(low=0, high=256, seed=seed) for seed in range(3)]))
    for name in CORRUPTIONS:
        assert 0 in CORRUPTIONS[name].amounts
        torch.testing.assert_close(corrupt(images, {name: 0.0}), images.float() / 255)
        for amount in CORRUPTIONS[name].amounts:
            harmed = corrupt(images, {name: float(amount)}, light_background=True)
            assert harmed.shape == images.shape
            assert 0 <= float(harmed.min()) <= float(harmed.max()) <= 1


def test_rotation_turns_anticlockwise_by_right_angles_exactly():
    images = torch.rand(2, 1, 9, 9)
    torch.testing.assert_close(rotate(images, 90), images.rot90(1, (2, 3)), atol=1e-5, rtol=0)
    torch.testing.assert_close(rotate(images, -90), images.rot90(-1, (2, 3)), atol=1e-5, rtol=0)


def test_a_blur_keeps_the_ink_and_inverting_twice_is_nothing():
    dot = torch.zeros(1, 1, 27, 27)
    dot[..., 13, 13] = 1
    blurred = CORRUPTIONS["blur"].apply(dot, 1.5)
    assert float(blurred.sum()) == pytest.approx(1, abs=1e-5)
    assert float(blurred[0, 0, 13, 13] / blurred[0, 0, 13, 15]) == pytest.approx(np.exp(4 / (2 * 1.5**2)), rel=1e-4)
    torch.testing.assert_close(CORRUPTIONS["invert"].apply(CORRUPTIONS["invert"].apply(dot, 1), 1), dot)


def test_a_line_grows_by_a_pixel_on_each_side_and_back():
    line = torch.zeros(1, 1, 11, 11)
    line[..., 5, :] = 1
    assert thicken(line, 1)[0, 0].sum(0).tolist() == [3] * 11
    assert thicken(line, 1.5)[0, 0].sum(0).tolist() == [4] * 11
    assert float(thicken(line, -1).sum()) == 0
    torch.testing.assert_close(thicken(thicken(line, 2), -2)[..., 2:-2], line[..., 2:-2])
    # dark on light is the same the other way round
    assert float(corrupt(255 - (line * 255).byte(), {"thicken": 1.0}, light_background=True).sum()) == 121 - 33


def test_a_curve_is_the_accuracy_at_each_amount():
    data = load("digits").subset(10, 250)
    one = model("linear")
    *steps, curve = accuracy_curve(one, data.test_images, data.test_labels, "blur")
    assert all(isinstance(step, Progress) for step in steps)
    assert steps[-1].done == steps[-1].total == 250 * len(CORRUPTIONS["blur"].amounts)
    plain = predict_pictures(one, data.test_images.numpy()).argmax(1) == data.test_labels.numpy()
    assert curve[0] == pytest.approx(plain.mean())


def test_an_image_is_its_own_nearest_neighbour():
    data, one = load("digits").subset(150, 5), model("compact-cnn")
    known = features(one, data.train_images)
    found = nearest(known, known[7], 5)
    assert (found[0].index, found[0].distance) == (7, 0.0)
    assert [one.distance for one in found] == sorted(one.distance for one in found)
    assert len(nearest(known[:3], known[0], 5)) == 3


@pytest.mark.parametrize("shape", [(60, 20), (20, 60)])
def test_the_plane_is_that_of_the_singular_values(shape):
    points = torch.randn(*shape, generator=torch.Generator().manual_seed(3)) @ torch.diag(
        torch.linspace(3, 1, shape[1])
    )
    centred = points - points.mean(0)
    left, sizes, _ = torch.linalg.svd(centred, full_matrices=False)
    ours = Projection.of(points)
    np.testing.assert_allclose(np.abs(ours.project(points)), (left[:, :2] * sizes[:2]).abs(), atol=1e-3)
    assert ours.share == pytest.approx(float((sizes[:2] ** 2).sum() / (sizes**2).sum()), abs=1e-4)


def test_points_all_alike_have_a_plane_too():
    assert np.isfinite(Projection.of(torch.ones(5, 4)).project(torch.zeros(2, 4))).all()
