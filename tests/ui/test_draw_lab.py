"""See why and break it: each panel below the answer, in both languages, without a browser."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dlcore.config import TrainConfig
from dlcore.data import DATASETS
from dlcore.data.loading import load
from dlcore.data.partition import partition
from dlcore.inference import sources
from dlcore.models import MODELS
from dlcore.runs.directory import create
from dlcore.training.checkpoints import save_weights
from ui.drawing import answering, explain, known, lab, microscope, models, state, view

CHINESE = re.compile(r"[\u4e00-\u9fff]")
LINE = {"type": "Path", "left": 95, "top": 150, "path": [["M", 90, 60], ["L", 100, 240]]}


def run_with_model(name="lenet5", dataset="digits", seed=0, class_names=None):
    run = create(TrainConfig(dataset=dataset, model=name))
    names = list(class_names or DATASETS[dataset].class_names)
    torch.manual_seed(seed)
    network = MODELS[name].build(in_channels=1, image_size=28, classes=len(names), dropout=0)
    about = {"model": name, "dataset": dataset, "classes": len(names), "class_names": names, "dropout": 0.0}
    save_weights(network, run.final_weights_path, about | {"image_size": 28, "channels": 1})
    return run


@pytest.fixture(autouse=True)
def drawn(monkeypatch, tmp_path, home):
    """A line is on the paper; the bundled model is one made for this test."""
    monkeypatch.setattr(sources, "FOLDER", tmp_path)
    run_with_model().final_weights_path.rename(tmp_path / "model.safetensors")
    models._warm_up().join()
    monkeypatch.setattr(state, "CANVASES", ("drawable", "paper"))
    monkeypatch.setattr(view, "_canvas", lambda _page: {"objects": [LINE]})


def text_of(app):
    parts = [*app.markdown, *app.caption, *app.info, *app.success, *app.get("html")]
    return " ".join(str(getattr(part, "value", "") or part.proto) for part in parts)


@pytest.mark.parametrize("panel", lab._PANELS)
def test_every_panel_opens_by_its_link_in_both_languages(open_page, panel):
    for language in ("en", "zh"):
        app = open_page("draw", language=language, panel=panel)
        assert app.session_state["draw.panel"] == panel
        assert not app.error
        assert bool(CHINESE.search(text_of(app))) == (language == "zh")


def shown(monkeypatch, said):
    """The microscope's component says ``said``."""
    sent = []

    class Result:
        pick = said

    monkeypatch.setattr(microscope, "_component", lambda: lambda **given: sent.append(given) or Result)
    return sent


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("1:2,3,4", "kernel"),
        ("3:1,5,5", "the mean of 4 values"),
        ("0:0,1,1", "This is the drawing itself"),
        ("12:3", "max"),
        # from a browser: anything at all
        ("99:1", "kernel"),
        ("1:2,3,400", "kernel"),
        ("1:2,3", "kernel"),
        ("1:" + "9" * 5000, "kernel"),
        (["1"], "kernel"),
        (None, "kernel"),
        ("<script>", "kernel"),
    ],
)
def test_the_number_pointed_at_is_worked_out(open_page, monkeypatch, said, words):
    sent = shown(monkeypatch, said)
    app = open_page("draw", panel="microscope")
    assert sent
    assert words in text_of(app)


def test_models_are_compared_and_contradiction_stands_out(open_page):
    run_with_model("linear", seed=3)
    app = open_page("draw", panel="compare")
    assert "<tr" in text_of(app)
    assert len(app.multiselect(key="draw.compare.models").value) == 2
    app.multiselect(key="draw.compare.models").set_value([]).run()
    assert "Choose at least one model." in text_of(app)


def test_the_smallest_epsilon_is_found_and_the_slider_goes_there(open_page):
    app = open_page("draw", panel="attack")
    app.button(key="draw.attack.smallest").click().run()
    assert app.success
    assert "**Flipped.**" in text_of(app)
    assert 0 < app.slider(key="draw.attack.epsilon").value < 0.5


def test_a_curve_is_drawn_and_kept(open_page):
    app = open_page("draw", panel="corrupt")
    app.slider(key="draw.corrupt.rotate").set_value(90.0).run()
    app.button(key="draw.corrupt.go").click().run()
    (job,) = app.session_state["draw.corrupt.jobs"].values()
    job._thread.join()
    app.run()
    assert not app.exception
    assert len(job.result) == 13
    assert all(np.isfinite(job.result))


def test_a_model_whose_images_are_not_here_is_told_so_kindly(open_page):
    run = run_with_model("linear", dataset="kmnist")
    app = open_page("draw", panel="nearest", model=run.run_id)
    assert "not on this server" in text_of(app)
    app = open_page("draw", panel="corrupt", model=run.run_id)
    assert "no labelled images" in text_of(app)


def test_nothing_that_was_held_back_counts_as_learned_from(open_page):
    run = run_with_model("linear")
    app = open_page("draw", panel="nearest", model=run.run_id)
    data, found = load("digits"), known.known(app.session_state["draw"].reading)
    learned_from, held_back = partition(run.config, len(data.train_images))
    assert torch.equal(found.train_images, data.train_images[learned_from])
    assert torch.equal(found.validation_labels, data.train_labels[held_back])
    assert "nearest of 1293 " in text_of(app)


def test_mnists_share_of_a_partition_is_found_without_the_pen_strokes():
    config = TrainConfig(dataset="mnist-pen", seed=3)
    found = known._load("digits", config.model_dump_json(), learned=True)  # stands for MNIST here
    labels = load("digits").train_labels
    first_held_back = len(labels) - len(labels) // 30
    spec = DATASETS["mnist-pen"]
    learned_from, _held_back = partition(config, spec.train_count, held_back=spec.held_back)
    assert torch.equal(found.train_labels, labels[learned_from[learned_from < first_held_back]])
    assert torch.equal(found.validation_labels, labels[first_held_back:])


def test_what_an_earlier_version_held_back_is_not_guessed(open_page):
    config = TrainConfig(dataset="mnist-pen", model="linear")
    model = SimpleNamespace(
        source=sources.PRETRAINED,
        dataset="mnist-pen",
        channels=1,
        image_size=28,
        class_names=tuple("0123456789"),
        split_known=False,
        metadata={"config": config.model_dump()},
    )
    assert known.known(SimpleNamespace(model=model)).dataset == "digits"


def test_class_names_from_outside_stay_plain_text(open_page):
    run = run_with_model("linear", class_names=["<b>x</b>", "[y](http://z)"])
    for panel in ("microscope", "explain", "attack", "compare", "corrupt"):
        app = open_page("draw", panel=panel, model=run.run_id)
        assert not app.exception
        assert "<b>x</b>" not in text_of(app)


def test_what_a_panel_is_set_to_comes_by_the_link_and_follows(open_page):
    app = open_page("draw", panel="attack", method="pgd", target="7", epsilon="0.25")
    assert app.segmented_control(key="draw.attack.method").value == "pgd"
    assert app.slider(key="draw.attack.epsilon").value == pytest.approx(0.25)
    assert app.selectbox(key="draw.attack.target").value == "7"
    app.slider(key="draw.attack.epsilon").set_value(0.1).run()
    assert "epsilon" not in app.query_params
    app.session_state["draw.panel"] = "corrupt"
    app.run()
    assert app.query_params["panel"] == "corrupt"
    assert "method" not in app.query_params
    app.slider(key="draw.corrupt.rotate").set_value(30.0).run()
    assert app.query_params["harm"] == "rotate:30"
    app = open_page("draw", panel="corrupt", harm="rotate:45,blur:1", curve="blur")
    assert app.slider(key="draw.corrupt.rotate").value == 45
    assert app.segmented_control(key="draw.corrupt.kind").value == "blur"
    app = open_page("draw", panel="explain", why="3", layer="no such layer")
    assert app.selectbox(key="draw.explain.class").value == app.query_params["why"] == "3"
    assert "layer" not in app.query_params
    assert not app.exception


@pytest.mark.parametrize("grad_cam", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_map_that_is_against_everywhere_is_put_into_words(open_page, monkeypatch, grad_cam, language):
    real = explain._attributed

    def attributed(who, image, method, *rest):
        found = real(who, image, method, *rest)
        return replace(found, values=np.full_like(found.values, grad_cam)) if method == "grad-cam" else found

    monkeypatch.setattr(explain, "_attributed", attributed)
    app = open_page("draw", panel="explain", lang=language)
    assert not app.exception
    words = {"en": "Here Grad-CAM is against the class nearly everywhere", "zh": "Grad-CAM 几乎处处反对这一类"}
    assert (words[language] in text_of(app)) == (grad_cam < 0)


@pytest.mark.parametrize("text", ["nan", "1e999", "-5", "٣", "9" * 5000, "rotate:nan", "rotate:" + "9" * 400, ",:,"])
def test_a_link_that_asks_for_nonsense_gets_what_is_usual(open_page, text):
    app = open_page("draw", panel="attack", method=text, target=text, epsilon=text)
    assert app.slider(key="draw.attack.epsilon").value == 0.1
    app = open_page("draw", panel="corrupt", harm=text, curve=text)
    assert app.slider(key="draw.corrupt.rotate").value == 0
    assert not app.exception


def test_a_panel_that_does_not_exist_opens_nothing(open_page):
    app = open_page("draw", panel="no-such-panel")
    assert app.session_state["draw.panel"] is None
    assert not app.session_state["draw"].follows


def test_a_class_that_it_might_have_been_is_explained_beside_the_answer(open_page):
    app = open_page("draw", panel="explain")
    other = next(index for index in range(10) if index != app.session_state["draw"].reading.guess)
    app.selectbox(key="draw.explain.class").set_value(str(other)).run()
    assert not app.exception
    assert "rather than" in text_of(app)
    assert text_of(app).count("expected") == 3


def test_what_a_panel_says_of_certainty_is_softened_as_the_answer_is():
    logits = np.array([4.0, 1.0, -2.0])
    plain, softer = (np.exp(scores) / np.exp(scores).sum() for scores in (logits, logits / 1.4))
    measured = SimpleNamespace(calibration=SimpleNamespace(temperature=1.4))
    assert answering.softened(SimpleNamespace(measured=measured), plain) == pytest.approx(softer)
    assert answering.softened(SimpleNamespace(measured=None), plain) == pytest.approx(plain)
    assert answering.softened(SimpleNamespace(measured=measured), np.array([1.0, 0.0])) == pytest.approx([1, 0])


@pytest.mark.parametrize(
    ("language", "title", "looked_for", "branch"),
    [
        ("en", "How this number came about: Deskewing", "the ink lies", "one of two branches"),
        ("zh", "这个数是怎么来的：扶正", "墨迹就偏", "两个分支之一"),
    ],
)
def test_what_branches_do_is_told_apart(open_page, monkeypatch, language, title, looked_for, branch):
    run = run_with_model("mixed-committee-cnn")
    shown(monkeypatch, "27:0,14,14")
    told = text_of(open_page("draw", language=language, model=run.run_id, panel="microscope"))
    assert title in told
    assert looked_for in told
    assert branch in text_of(open_page("draw", language=language, model=run.run_id, panel="explain"))
    assert branch not in text_of(open_page("draw", language=language, panel="explain"))
