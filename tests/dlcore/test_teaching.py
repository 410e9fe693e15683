"""A network that begins with what another has learned, and drawings kept as a dataset with their labels."""

import numpy as np
import pytest
import torch

from dlcore.config import TrainConfig
from dlcore.data import drawings, own_images
from dlcore.data.drawings import Drawing, keep_corrections, keep_symbols, read_names
from dlcore.data.loading import load
from dlcore.data.selection import describe
from dlcore.export.recipe import check_fetchable
from dlcore.inference.lessons import corrections_config, symbols_config
from dlcore.inference.prediction import load_model
from dlcore.messages import UserError
from dlcore.runs.directory import create
from dlcore.runs.worker import work
from dlcore.training import checkpoints
from dlcore.training.state import TrainingState

TINY = TrainConfig(
    dataset="digits", model="custom", layers="conv 3 3 / relu / maxpool 4 / linear 8", epochs=1, threads=1
)


def finished(config=TINY, owner=""):
    run = create(config, owner=owner)
    assert work(run).reason == "completed"
    return run


def some(count, label, seed=0):
    random = np.random.default_rng([seed, label])
    return [Drawing(random.integers(0, 256, (28, 28), dtype=np.uint8), label) for _ in range(count)]


def test_a_run_begins_with_the_weights_of_another_and_says_so_bit_for_bit():
    first = finished()
    weights = load_model(first.run_id).network.state_dict()
    data = load("digits")
    state = TrainingState.create(TINY.model_copy(update={"start_from": first.run_id, "seed": 9}), data)
    assert all(torch.equal(weights[name], tensor) for name, tensor in state.network.state_dict().items())
    assert state.step == 0


def test_other_classes_begin_with_a_new_last_layer():
    first = finished()
    weights = load_model(first.run_id).network.state_dict()
    config = TINY.model_copy(update={"start_from": first.run_id, "classes": "1,7"})
    state = TrainingState.create(config, load("digits", classes="1,7"))
    fresh = TrainingState.create(TINY.model_copy(update={"classes": "1,7"}), load("digits", classes="1,7"))
    for name, tensor in state.network.state_dict().items():
        expected = fresh.network.state_dict()[name] if name.startswith("classifier.") else weights[name]
        assert torch.equal(tensor, expected), name


@pytest.mark.parametrize("classes", ["", "1,7"])
def test_a_run_begins_with_packed_weights_as_they_answer(classes):
    first = finished()
    network, about = checkpoints.load_weights(first.weights_path)
    checkpoints.save_weights(network, first.weights_path, about, compact=True)
    weights = checkpoints.load_weights(first.weights_path)[0].state_dict()
    assert not all(torch.equal(weights[name], tensor) for name, tensor in network.state_dict().items())
    config = TINY.model_copy(update={"start_from": first.run_id, "classes": classes, "seed": 9})
    state = TrainingState.create(config, load("digits", classes=classes))
    for name, tensor in state.network.state_dict().items():
        assert torch.equal(tensor, weights[name]) != (classes != "" and name.startswith("classifier.")), name


@pytest.mark.parametrize("source", ["no-such-run", "../../etc/passwd", "20261123-000000-digits-linear-000000000000"])
def test_a_model_that_is_not_there_is_refused(source):
    with pytest.raises(UserError, match="no run called"):
        TrainingState.create(TINY.model_copy(update={"start_from": source}), load("digits").subset(50, 5))


def test_a_model_of_other_layers_is_refused():
    first = finished()
    for changes in ({"model": "linear"}, {"layers": "conv 4 3 / relu / maxpool 4 / linear 8"}):
        config = TINY.model_copy(update={"start_from": first.run_id, **changes})
        with pytest.raises(UserError, match="other layers"):
            TrainingState.create(config, load("digits").subset(50, 5))


def test_a_checkpoint_is_continued_though_the_model_it_began_with_is_gone(tmp_path):
    import shutil

    first = finished()
    config = TINY.model_copy(update={"start_from": first.run_id})
    data = load("digits").subset(200, 20)
    state = TrainingState.create(config, data)
    checkpoints.save(state, tmp_path / "checkpoint.safetensors")
    shutil.rmtree(first.path)
    again = checkpoints.load(config, data, tmp_path / "checkpoint.safetensors")
    assert all(
        torch.equal(tensor, again.network.state_dict()[name]) for name, tensor in state.network.state_dict().items()
    )


def test_no_program_that_stands_alone_can_make_such_a_run_again():
    with pytest.raises(UserError, match="began with the weights"):
        check_fetchable(TINY.model_copy(update={"start_from": "pretrained"}))


def test_symbols_become_a_dataset_that_any_run_can_learn_from():
    names = ("circle", "方块")
    kept = keep_symbols([*some(10, 0), *some(7, 1)], names, owner="me")
    spec = describe("own-images", own_images=kept.set_id)
    assert spec.class_names == names
    assert (spec.train_class_counts, spec.test_class_counts) == ((8, 5), (2, 2))
    data = load("own-images", own_images=kept.set_id)
    assert data.train_images.shape == (13, 1, 28, 28)
    assert not data.light_background
    seen = {image.tobytes() for image in data.train_images.numpy()}
    assert not seen & {image.tobytes() for image in data.test_images.numpy()}
    assert [one.set_id for one in own_images.list_sets("me")] == [kept.set_id]
    assert not own_images.list_sets("somebody else")
    assert keep_symbols([*some(10, 0), *some(7, 1)], names, owner="me").set_id == kept.set_id


def test_corrections_stand_among_what_is_rehearsed_and_are_tested_on_the_old():
    names = tuple("0123456789")
    others = {"rehearsed": some(4, 5), "validation": some(9, 2), "test": some(6, 1)}
    kept = keep_corrections(some(2, 3), names, **others, title="two", owner="me")
    spec = describe("own-images", own_images=kept.set_id)
    assert spec.train_class_counts == (0, 0, 9, 20, 0, 4, 0, 0, 0, 0)
    assert spec.test_class_counts == (0, 6, 0, 0, 0, 0, 0, 0, 0, 0)
    nothing = {"rehearsed": [], "validation": [], "test": []}
    alone = keep_corrections(some(2, 3), names, **nothing, title="two", owner="me")
    assert describe("own-images", own_images=alone.set_id).test_count == 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("classes", ["", "2,3"])
def test_no_copy_of_a_correction_is_held_back(seed, classes):
    """Each drawing is repeated, so the split comes first, whatever the seed of the run that learns from it."""
    names = tuple("0123456789")
    others = {"rehearsed": some(30, 5), "validation": some(20, 2), "test": some(6, 1)}
    kept = keep_corrections(some(2, 3), names, **others, title="two", owner="me")
    chosen = {"dataset": "own-images", "own_images": kept.set_id, "classes": classes, "seed": seed}
    config = TINY.model_copy(update=chosen)
    data = load("own-images", own_images=kept.set_id, classes=classes)
    state = TrainingState.create(config, data)
    seen = {data.train_images[row].numpy().tobytes() for row in state.train_indices}
    judged = {data.train_images[row].numpy().tobytes() for row in state.validation_indices}
    assert len(judged) == 20
    assert not seen & judged
    assert {one.image.tobytes() for one in some(2, 3)} <= seen


@pytest.mark.parametrize(
    ("counts", "words"),
    [((4, 9), "5 to 60 drawings"), ((9, 0), "5 to 60"), ((drawings.MOST_DRAWINGS + 1, 9), "5 to 60")],
)
def test_too_few_or_too_many_drawings_are_refused(counts, words):
    with pytest.raises(UserError, match=words):
        keep_symbols([*some(counts[0], 0), *some(counts[1], 1)], ("a", "b"), owner="")


def test_names_are_read_kindly():
    assert read_names(" circle , square，三角、\n<b>x</b>,, ") == ("circle", "square", "三角", "<b>x</b>")
    assert read_names("a\u202e\x00,b\u200b") == ("a", "b")
    for text, words in (
        ("", "Name 2 to 10"),
        ("one", "Name 2 to 10"),
        (",".join("abcdefghijk"), "Name 2 to 10"),
        ("a,A", "same name"),
        ("a," + "b" * 25, "too long"),
        ("x" * 1_000_000, "Name 2 to 10"),
    ):
        with pytest.raises(UserError, match=words):
            read_names(text)


def test_both_lessons_are_runs_like_any_other():
    model = load_model(finished().run_id)
    kept = keep_symbols([*some(5, 0), *some(5, 1), *some(5, 2)], ("a", "b", "c"), owner="")
    config = symbols_config(model, kept.set_id)
    taught = load_model(finished(config.model_copy(update={"epochs": 2})).run_id)
    assert taught.class_names == ("a", "b", "c")
    assert config.start_from == model.source
    data = load("digits")
    old = [
        Drawing(image[0].numpy(), int(label)) for image, label in zip(data.train_images, data.train_labels, strict=True)
    ]
    kept = keep_corrections(
        old[:3], model.class_names, rehearsed=old[3:40], validation=[], test=old[40:60], title="x", owner=""
    )
    run = finished(corrections_config(model, kept.set_id))
    assert load_model(run.run_id).class_names == model.class_names
    assert run.summary().test_accuracy is not None
