"""Who answers: the bundled model or a run's, whole, and refused in a sentence where it is not."""

import numpy as np
import pytest
import torch

from dlcore.config import TrainConfig
from dlcore.data.pen_strokes import held_out, read_drawings
from dlcore.inference import sources
from dlcore.inference.prediction import load_file, load_model, predict
from dlcore.inference.strokes import strokes_to_image
from dlcore.messages import UserError
from dlcore.models import MODELS
from dlcore.runs.directory import create
from dlcore.training.checkpoints import save_weights
from ui.drawing import answering

BUNDLED = (sources.FOLDER / "model.safetensors").is_file()
needs_bundled = pytest.mark.skipif(not BUNDLED, reason="no bundled model: python -m dlcore train --preset pretrained")


def weights(path, model="linear", **metadata):
    shape = {"image_size": 28, "channels": 1, "classes": 10} | {
        key: value for key, value in metadata.items() if key in ("image_size", "channels", "classes")
    }
    torch.manual_seed(0)
    network = MODELS[model].build(
        in_channels=shape["channels"], image_size=shape["image_size"], classes=shape["classes"], dropout=0.5
    )
    about = {"model": model, "dataset": "digits", "class_names": list("0123456789"), "dropout": 0.5}
    save_weights(network, path, about | shape | metadata)
    return path


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_answers_with_probabilities_and_always_the_same(name, images, tmp_path):
    model = load_file(weights(tmp_path / "model.safetensors", name), "test")
    probabilities = predict(model, images)
    assert probabilities.shape == (7, 10)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(predict(model, images), probabilities)  # dropout and batch statistics are at rest
    assert predict(model, images[0]) == pytest.approx(probabilities[:1], abs=1e-5)


def test_no_images_give_no_answers(tmp_path):
    model = load_file(weights(tmp_path / "model.safetensors"), "test")
    assert predict(model, np.zeros((0, 28, 28), np.uint8)).shape == (0, 10)


def test_a_run_answers_once_it_has_ended(images):
    run = create(TrainConfig(dataset="digits"))
    with pytest.raises(UserError, match="no model yet"):
        load_model(run.run_id)
    weights(run.final_weights_path, class_names=list("abcdefghij"))
    model = load_model(run.run_id)
    assert model.class_names == tuple("abcdefghij")
    assert model.source == run.run_id
    assert len(predict(model, images)) == 7


@pytest.mark.parametrize(
    "source", ["", "20261123-134727-mnist-linear-0123456789ab", "../../etc/passwd", "x" * 5000, "\0"]
)
def test_a_model_that_is_not_there_is_refused_in_a_sentence(source):
    with pytest.raises(UserError):
        load_model(source)


def test_a_flipped_bit_is_noticed(tmp_path):
    path = weights(tmp_path / "model.safetensors")
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError):
        load_file(path, "test")


def test_a_model_of_another_size_is_fed_in_its_size(tmp_path):
    model = load_file(weights(tmp_path / "model.safetensors", image_size=32), "test")
    assert predict(model, np.zeros((2, 28, 28), np.uint8)).sum(axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_the_fingerprint_follows_the_content(tmp_path):
    path = weights(tmp_path / "model.safetensors")
    before = sources.fingerprint(path)
    assert before == sources.fingerprint(path)
    weights(path, "mlp")
    assert sources.fingerprint(path) != before
    with pytest.raises(UserError):
        sources.fingerprint(tmp_path / "missing")


@needs_bundled
def test_the_bundled_model_has_a_card_in_both_languages():
    assert all(len(sources.model_card(language)) > 200 for language in ("en", "zh"))
    assert sources.model_card("xx") == ""


@needs_bundled
@pytest.mark.data
def test_the_bundled_model_reads_99_of_100_digits_of_people_it_never_learned_from(shared_data):
    drawings = list(read_drawings(shared_data / "pen-strokes" / "train.jsonl"))
    judges = held_out({drawing.writer for drawing in drawings})
    unseen = [drawing for drawing in drawings if drawing.writer in judges]
    assert len(unseen) > 2000
    model = load_model()
    images = np.stack([strokes_to_image(drawing.strokes) for drawing in unseen])
    answers = predict(model, images).argmax(axis=1)
    assert (answers == [drawing.label for drawing in unseen]).mean() >= 0.99
    # And through all that the page does, cutting included, which may take one digit for two.
    sample = unseen[::10]
    read = [answering.read_strokes(drawing.strokes, model) for drawing in sample]
    right = [[part.guess for part in answer.parts] == [one.label] for answer, one in zip(read, sample, strict=True)]
    assert np.mean(right) >= 0.985
