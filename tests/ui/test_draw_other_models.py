"""Draw with models of other datasets: letters, colour photos, own pictures, some classes."""

import base64
import io
import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from dlcore.config import TrainConfig
from dlcore.data import picture_import, picture_sources
from dlcore.data.loading import load
from dlcore.data.own_images import Limits
from dlcore.inference import prediction, samples
from dlcore.inference.legibility import assess
from dlcore.inference.prediction import Model, as_input, load_model, predict
from dlcore.inference.strokes import EMNIST_FRAMING, frame, framing_of
from dlcore.models import MODELS
from dlcore.runs.directory import create
from dlcore.training.checkpoints import save_weights
from ui.drawing import answer, answering, models, paper
from ui.drawing.example import example

STROKES = [np.array([[50.0, 20], [60, 200]]), np.array([[150.0, 20], [150, 200]]), np.array([[52.0, 110], [150, 110]])]


def run_with_model(config: TrainConfig, *, classes: tuple[str, ...], size=28, channels=1, **about):
    run = create(config)
    torch.manual_seed(0)
    network = MODELS["linear"].build(in_channels=channels, image_size=size, classes=len(classes), dropout=0)
    about |= {"model": "linear", "dataset": config.dataset, "classes": len(classes), "class_names": list(classes)}
    about |= {"dropout": 0.0, "image_size": size, "channels": channels, "config": config.model_dump()}
    save_weights(network, run.final_weights_path, about)
    return run


def whole_of(config: TrainConfig):
    data = load(config.dataset, own_images=config.own_images)
    return data.train_images.numpy(), data.train_labels.tolist()


@pytest.fixture
def own_set():
    dice = np.random.default_rng(0)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("cat | dog", "fish"):
            for number in range(6):
                picture = io.BytesIO()
                Image.fromarray(dice.integers(180, 256, (9, 9, 3), dtype=np.uint8)).save(picture, "PNG")
                archive.writestr(f"{name}/{number}.png", picture.getvalue())
    with picture_sources.from_zip(file, Limits()) as (entries, _):
        steps = picture_import.import_pictures(entries, size=64, colour=True, name="", owner="", limit=Limits())
        while True:
            try:
                next(steps)
            except StopIteration as done:
                return done.value


@pytest.fixture
def answers(monkeypatch):
    found = []
    monkeypatch.setattr(answer, "_component", lambda: lambda *, data, **_: found.append(json.loads(data["json"])))
    monkeypatch.setattr(paper, "show", lambda _page: paper.Drawing([]))
    models._warm_up().join()
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_model_of_letters_answers_with_letters(open_page, answers, language):
    letters = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    run = run_with_model(TrainConfig(dataset="emnist-letters", model="linear"), classes=letters)
    app = open_page("draw", language=language, model=run.run_id)
    assert answers[-1]["names"] == list(letters)
    assert answers[-1]["label"] in letters
    assert answers[-1]["tiles"]["seen"]["box"] == [2, 2, 24]
    assert "A, B, C" in app.info[0].value or "A、B、C" in app.info[0].value
    assert not app.error


def test_a_row_of_letters_is_read_letter_by_letter(open_page, answers, monkeypatch):
    letters = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    run = run_with_model(TrainConfig(dataset="emnist-letters", model="linear"), classes=letters)
    several = [*STROKES, *(stroke + np.array([150.0, 0]) for stroke in STROKES)]
    monkeypatch.setattr(paper, "show", lambda _page: paper.Drawing(several))

    def sure(images):
        """Of what is as broad as a letter; half an H is none."""
        broad = np.array([np.ptp(np.nonzero(image.max(axis=0))) > 10 for image in images])
        return np.where(broad[:, None], 0.9, 0.01) * np.ones((1, 26), np.float32)

    monkeypatch.setattr(prediction, "predict", lambda _model, images: sure(images))
    open_page("draw", model=run.run_id)
    assert len(answers[-1]["parts"]) == 2
    assert len(answers[-1]["label"]) == 2
    assert answers[-1]["note"].startswith("2 letters")
    assert answers[-1]["partText"].startswith("Letter")


def test_symbols_of_ones_own_are_never_cut_whatever_they_are_called():
    about = {"model": "linear", "dataset": "own-images", "class_names": ["o", "x"]}
    assert answering.kind_of(Model("x", torch.nn.Identity(), ("o", "x"), "own-images", about)) == "symbols"
    assert answering.kind_of(Model("x", torch.nn.Identity(), ("1", "7"), "mnist", about)) == "digits"
    assert answering.kind_of(Model("x", torch.nn.Identity(), ("お", "き"), "kmnist", about)) == "symbols"
    assert answering.kind_of(None) == "digits"


def test_letters_are_framed_as_emnist_frames_them():
    framed = frame(STROKES, framing=framing_of("emnist-letters"))
    rows, columns = np.nonzero(framed.image > 100)
    assert (rows.min(), rows.max()) == (2, 25)  # a border of two pixels
    assert abs((columns.min() + columns.max()) / 2 - 13.5) <= 0.5
    assert framed.box_size == EMNIST_FRAMING.box_size
    assert framing_of("mnist").box_size == 20
    assert np.array_equal(frame(STROKES).image, frame(STROKES, framing=framing_of("digits")).image)


def test_the_parts_of_a_letter_are_no_digits_side_by_side():
    parts = STROKES[:2]
    image = frame(parts).image
    assert assess(parts, image) == "several"
    assert assess(parts, image, digits=False) == "fair"


def test_a_model_of_colour_photos_is_not_offered_and_the_reason_is_said(open_page, answers):
    run = run_with_model(TrainConfig(dataset="cifar10", model="linear"), classes=("Car", "Dog"), size=32, channels=3)
    app = open_page("draw")
    assert run.run_id not in app.selectbox(key="draw.model").options
    assert any("Not offered here: A model of CIFAR-10" in caption.value for caption in app.caption)
    app = open_page("draw", model=run.run_id)
    assert "CIFAR-10 knows colour photos only" in app.error[0].value
    assert app.selectbox(key="draw.model").value == "pretrained"


def test_a_model_of_own_pictures_gets_drawings_in_its_shape(open_page, answers, own_set):
    config = TrainConfig(dataset="own-images", own_images=own_set.set_id, model="linear")
    run = run_with_model(config, classes=own_set.description.class_names, size=64, channels=3, light_background=True)
    app = open_page("draw", model=run.run_id)
    assert answers[-1]["names"] == ["cat dog", "fish"]
    assert "enlarged to 64×64" in answers[-1]["tiles"]["seen"]["remark"]
    assert "dark on light" in answers[-1]["tiles"]["seen"]["remark"]
    assert "Own images" in app.info[0].value
    model = load_model(run.run_id)
    image = frame(example()).image
    shaped = as_input(model, image)
    assert (shaped.shape, shaped.dtype) == ((1, 3, 64, 64), np.uint8)
    assert shaped[0, 0, 0, 0] == 255
    assert np.array_equal(shaped[0, 0], shaped[0, 2])
    assert predict(model, image).sum() == pytest.approx(1)


def test_a_model_of_digits_is_fed_as_ever():
    model = Model("x", torch.nn.Identity(), ("0", "1"), "mnist", {"image_size": 28, "channels": 1})
    image = frame(example()).image
    assert np.array_equal(as_input(model, image)[0, 0], image)


def test_a_model_whose_pictures_are_gone_still_answers(open_page, answers):
    config = TrainConfig(dataset="own-images", own_images="0" * 32, model="linear")
    run = run_with_model(config, classes=("a", "b"))
    app = open_page("draw", model=run.run_id)
    assert answers[-1]["names"] == ["a", "b"]
    assert not app.error


@pytest.mark.parametrize("panel", ["microscope", "explain", "attack", "corrupt", "nearest", "compare"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_image_of_the_models_own_data_is_opened_as_it_is(open_page, answers, own_set, panel, language):
    config = TrainConfig(dataset="own-images", own_images=own_set.set_id, model="linear")
    names = own_set.description.class_names
    run = run_with_model(config, classes=names, size=64, channels=3, light_background=True)
    app = open_page("draw", language=language, model=run.run_id, sample="own:train:3", panel=panel)
    images, labels = whole_of(config)
    seen = answers[-1]["tiles"]["seen"]
    assert base64.b64decode(seen["pixels"]) == np.moveaxis(images[3], 0, -1).tobytes()
    assert (seen["side"], seen["box"]) == (64, None)
    assert answers[-1]["tiles"]["naive"]["hidden"]
    assert [bar["share"] for bar in answers[-1]["bars"]] == pytest.approx(
        prediction.predict_pictures(load_model(run.run_id), images[3:4])[0].tolist(), abs=1e-5
    )
    assert any(names[labels[3]].split(" |")[0] in caption.value for caption in app.caption)
    assert not app.error
    assert app.query_params["sample"] == "own:train:3"
    assert app.session_state["draw.panel"] == (None if panel == "compare" else panel)
    if language == "zh":  # AppTest formats choices outside the page
        return
    app.button(key="draw.sample.leave").click().run()
    assert app.query_params["sample"].endswith(":test:0")
    assert not app.exception


def test_a_model_of_colour_photos_answers_to_its_own_photos(open_page, answers, monkeypatch):
    run = run_with_model(TrainConfig(dataset="cifar10", model="linear"), classes=("Car", "Dog"), size=32, channels=3)
    photo = np.arange(3 * 32 * 32, dtype=np.uint32).reshape(1, 3, 32, 32).astype(np.uint8)
    monkeypatch.setattr(samples, "fetch_own", lambda _sample, _config: (photo, "Dog"))
    app = open_page("draw", model=run.run_id, sample="own:test:5")
    assert answers[-1]["names"] == ["Car", "Dog"]
    assert not app.error
    assert not any("Not offered" in caption.value for caption in app.caption)
    app.button_group(key="draw.way").set_value("draw").run()
    assert "colour photos only" in app.error[0].value
    assert app.selectbox(key="draw.model").value == "pretrained"


@pytest.mark.parametrize(
    ("sample", "told"),
    [("own:test:9999999", "counted from 0"), ("own:train:12", "there are 10"), ("own:train:x", "names no image")],
)
def test_an_image_that_is_not_among_the_models_own_is_explained(open_page, answers, own_set, sample, told):
    config = TrainConfig(dataset="own-images", own_images=own_set.set_id, model="linear")
    run = run_with_model(config, classes=own_set.description.class_names, size=64, channels=3)
    app = open_page("draw", model=run.run_id, sample=sample, way="sample")
    assert told in app.error[0].value
    assert not app.exception
