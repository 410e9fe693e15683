"""The Draw page without a browser: what it shows for each drawing, model and language."""

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from dlcore.config import TrainConfig
from dlcore.data import DATASETS
from dlcore.inference import sources
from dlcore.inference.calibration import DEFAULT_SHARE, Calibration, Familiar, Measured, write
from dlcore.messages import UserError
from dlcore.models import MODELS
from dlcore.runs.directory import create
from dlcore.training.checkpoints import save_weights
from ui.drawing import answer, answering, models, paper, pictures, state, view
from ui.drawing.example import example
from ui.drawing.reading import Reading
from ui.drawing.state import PAPER, DrawPage

LINE = {"type": "Path", "left": 95, "top": 150, "path": [["M", 90, 60], ["L", 100, 240]]}
DOT = {"type": "Path", "left": 200, "top": 200, "path": [["M", 199.986, 200], ["L", 200.014, 200]]}
BESIDE = {"type": "Path", "left": 215, "top": 150, "path": [["M", 210, 60], ["L", 220, 240]]}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def run_with_model(dataset="digits", owner=""):
    run = create(TrainConfig(dataset=dataset, model="linear"), owner=owner)
    names = list(DATASETS[dataset].class_names)
    torch.manual_seed(0)
    network = MODELS["linear"].build(in_channels=1, image_size=28, classes=10, dropout=0)
    about = {"model": "linear", "dataset": dataset, "classes": 10, "class_names": names, "dropout": 0.0}
    save_weights(network, run.final_weights_path, about | {"image_size": 28, "channels": 1})
    return run


@pytest.fixture
def draw(monkeypatch, tmp_path, home):
    """``draw(LINE)``: what the browser will say is on the canvas. The bundled model is one made for this test."""
    monkeypatch.setattr(sources, "FOLDER", tmp_path)
    run_with_model().final_weights_path.rename(tmp_path / "model.safetensors")
    (tmp_path / "card.en.md").write_text("A card.", encoding="utf-8")
    models._warm_up().join()

    def say(json_data):
        said = {"objects": list(json_data)} if isinstance(json_data, tuple) else json_data
        monkeypatch.setattr(view, "_canvas", lambda _page: said)

    monkeypatch.setattr(state, "CANVASES", ("drawable", "paper"))
    say(())
    return say


@pytest.fixture
def answers(monkeypatch):
    """All answers that pages have shown."""
    found = []
    monkeypatch.setattr(answer, "_component", lambda: lambda *, data, **_: found.append(json.loads(data["json"])))
    return found


def test_an_empty_paper_invites_and_shows_an_example(open_page, draw, answers):
    app = open_page("draw")
    assert [app.button(key=key).disabled for key in ("draw.undo", "draw.clear")] == [True, True]
    assert answers[-1]["kind"] == "example"
    assert answers[-1]["badge"] == "Example"
    assert sum(bar["share"] for bar in answers[-1]["bars"]) == pytest.approx(1, abs=1e-4)
    assert any("only if you teach" in caption.value for caption in app.caption)
    assert not app.error


def test_a_drawing_is_answered(open_page, draw, answers):
    draw((LINE,))
    app = open_page("draw")
    assert answers[-1]["kind"] == "drawing"
    assert answers[-1]["label"] == answers[-1]["names"][answers[-1]["top"]]
    assert answers[-1]["tiles"]["drawing"]["path"].startswith("M90.0 60.0")
    assert [app.button(key=key).disabled for key in ("draw.undo", "draw.clear")] == [False, False]


def test_a_dot_is_too_small_to_read(open_page, draw, answers):
    draw((DOT,))
    open_page("draw")
    assert answers[-1]["label"] == "?"
    assert "too small" in answers[-1]["note"]


def test_two_digits_at_once_are_read_one_by_one(open_page, draw, answers):
    draw((LINE, BESIDE))
    app = open_page("draw")
    parts = answers[-1]["parts"]
    assert len(parts) == 2
    assert answers[-1]["label"] == parts[0]["label"] + parts[1]["label"]
    assert "2 digits" in answers[-1]["note"]
    assert answers[-1]["tiles"]["seen"]["pixels"] == parts[0]["pixels"]
    assert app.session_state["draw"].reading.image.shape == (28, 28)


@pytest.mark.parametrize("said", [{"objects": "x"}, "x", {"objects": [{"type": "Image"}]}, {"objects": [LINE] * 500}])
def test_what_is_no_drawing_is_explained(open_page, draw, answers, said):
    draw(said)
    app = open_page("draw")
    assert len(app.error) == 1
    assert "draw again" in app.error[0].value
    assert answers[-1]["kind"] == "example"


@pytest.mark.parametrize("canvas", ["paper", "drawable", "nonsense"])
def test_the_real_canvas_is_there(open_page, canvas):
    app = open_page("draw", canvas=canvas)
    assert app.get("bidi_component")
    assert app.selectbox(key="draw.canvas-choice").value == ("drawable" if canvas == "drawable" else "paper")
    assert ("canvas" in app.query_params) == (canvas == "drawable")


def test_what_the_paper_says_is_heard():
    page = DrawPage()
    assert paper.hear(page, "") == paper.Drawing([])
    drawing = paper.hear(page, "0 1 100,200 300,400;5,6")
    assert drawing.pen_down
    assert [stroke.tolist() for stroke in drawing.strokes] == [[[10, 20], [30, 40]], [[0.5, 0.6]]]
    page.paper_revision, page.put_written = 1, "10,10"
    assert paper.hear(page, "0 0 100,200").strokes[0].tolist() == [[1, 1]]  # of the paper before
    assert paper.hear(page, "1 0 ") == paper.Drawing([])


@pytest.mark.parametrize(
    "said",
    [7, [], {}, "x", "0", "0 2 1,1", "-1 0 1,1", "0 0 1,1;", "0 0 1,1  2,2", "0 0 1.5,1", "0 0 3201,1", "0 0 ١,1",
     "0 0 " + "1" * 5000 + ",1", "9" * 5000 + " 0 1,1", "0 0 " + " ".join(["1,1"] * 10_001), "0 0 " + ";".join(["1,1"] * 401),
     "0 0 " + "1,1 " * 200_000],
)  # fmt: skip
def test_what_the_paper_never_says_is_refused(said):
    with pytest.raises(UserError):
        paper.hear(DrawPage(), said)


def test_undo_and_clear_hand_the_canvas_what_is_left():
    page = DrawPage()
    both = {"objects": [LINE, DOT], "background": page.background}
    assert page.hear(both) == both
    page.undo()
    assert page.put_objects == [LINE]
    assert page.hear(both)["objects"] == [LINE]  # the browser has not taken it over yet
    redrawn = both | {"background": page.background}
    assert page.hear(redrawn) == redrawn  # the very same stroke once more is a stroke
    assert page.hear("nonsense") == "nonsense"  # and refused where it is read
    colours = set()
    for _ in range(3):
        page.clear()
        colours.add(page.background)
        assert page.hear(redrawn)["objects"] == []
    assert len(colours) == 3  # the same emptiness thrice is news to the canvas
    assert {colour.lower() for colour in colours} == {PAPER}


def test_the_page_waits_for_the_network_with_the_drawing_on_it(open_page, draw, answers, monkeypatch):
    monkeypatch.setattr(models, "ready", lambda: False)
    open_page("draw")
    assert answers[-1]["pending"]
    assert answers[-1]["bars"] is None
    assert answers[-1]["tiles"]["seen"]["pixels"]


def test_a_missing_bundled_model_is_said_and_the_picture_is_still_shown(open_page, draw, answers, tmp_path):
    (tmp_path / "model.safetensors").unlink()
    draw((LINE,))
    app = open_page("draw")
    assert "model.safetensors" in app.error[0].value
    assert answers[-1]["bars"] is None
    assert not answers[-1]["pending"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_run_answers_with_its_own_classes(open_page, draw, answers, language):
    run = run_with_model("fashion-mnist")
    draw((LINE,))
    app = open_page("draw", language=language, model=run.run_id)
    assert app.selectbox[0].value == run.run_id
    assert len(answers[-1]["names"]) == 10
    assert bool(CHINESE.search("".join(answers[-1]["names"]))) == (language == "zh")
    assert answers[-1]["names"][0] in app.info[0].value
    assert run.run_id in app.query_params["model"]


def test_the_link_follows_the_choice(open_page, draw, answers):
    run = run_with_model()
    app = open_page("draw", model=run.run_id)
    assert not app.info  # it knows digits
    app.selectbox[0].set_value(sources.PRETRAINED).run()
    assert not app.exception
    assert "model" not in app.query_params
    app.selectbox[0].set_value(run.run_id).run()
    assert run.run_id in app.query_params["model"]


@pytest.mark.parametrize("name", ["nonsense", "../../../etc", "20261123-134727-mnist-linear-0123456789ab"])
def test_a_link_to_no_model_is_explained_and_the_bundled_one_answers(open_page, draw, answers, name):
    app = open_page("draw", model=name)
    assert len(app.error) == 1
    assert app.selectbox[0].value == sources.PRETRAINED
    assert answers[-1]["bars"]


def test_a_damaged_run_is_explained(open_page, draw, answers):
    run = run_with_model()
    run.final_weights_path.write_bytes(run.final_weights_path.read_bytes()[:-50])
    app = open_page("draw", model=run.run_id)
    assert len(app.error) == 1
    assert answers[-1]["bars"] is None


@pytest.mark.parametrize("said", [(), (LINE,), (DOT,), (LINE, BESIDE)])
def test_all_is_chinese_for_a_chinese_visitor(open_page, draw, answers, said):
    draw(said)
    app = open_page("draw", language="zh")
    texts = [answers[-1][name] for name in ("note", "heading", "pixelText")]
    texts += [tile[name] for tile in answers[-1]["tiles"].values() for name in ("title", "remark", "alternative")]
    texts += [button.label for button in app.button] + [app.selectbox[0].label, *(fold.label for fold in app.expander)]
    assert all(CHINESE.search(text) for text in texts), texts


def test_a_second_digit_beside_the_first_is_another_reading():
    first, second = np.array([[1.0, 1], [2, 9]]), np.array([[8.0, 1], [9, 9]])
    about = {"origin": "drawing", "source": "x", "model": None, "image": np.zeros((28, 28), np.uint8)}
    one = Reading(**about, strokes=[first])
    assert one.same_as(Reading(**about, strokes=[first.copy()]))
    assert not one.same_as(Reading(**about, strokes=[first, second], parts=2))
    assert not one.same_as(Reading(**about, strokes=[second]))


def test_percentages_never_claim_certainty():
    assert [answer.percent(p) for p in (1.0, 0.9994, 0.5, 0.0004)] == [
        ">\N{NO-BREAK SPACE}99.9%",
        "99.9%",
        "50.0%",
        "<\N{NO-BREAK SPACE}0.1%",
    ]


def test_equal_weights_are_loaded_once_and_new_ones_anew(draw, home):
    run = run_with_model()
    assert models.load(run.run_id) is models.load(run.run_id)
    before = models.load(run.run_id)
    save_weights(before.network, run.final_weights_path, before.metadata | {"step": 2})
    assert models.load(run.run_id) is not before


@pytest.mark.skipif(not (sources.FOLDER / "model.safetensors").is_file(), reason="no bundled model")
def test_the_example_is_read_as_the_three_it_is():
    models._warm_up().join()
    read = answering.read_strokes(example(), models.load(sources.PRETRAINED), strictness=DEFAULT_SHARE)
    assert len(read.parts) == 1
    assert read.parts[0].guess == 3
    assert read.parts[0].probabilities[3] > 0.9
    assert read.least_familiar is None or read.parts[0].familiarity > read.least_familiar


def photo(kind="PNG"):
    picture = Image.new("L", (400, 300), 235)
    ImageDraw.Draw(picture).line([(120, 60), (130, 240)], fill=30, width=16)
    ImageDraw.Draw(picture).line([(260, 60), (270, 240)], fill=30, width=16)
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("way", ["photo", "camera", "sample"])
def test_every_way_in_is_chinese_for_a_chinese_visitor(open_page, draw, answers, way):
    app = open_page("draw", way=way, language="zh")
    labels = [
        element.label
        for kind in ("file_uploader", "number_input", "select_slider", "button")
        for element in app.get(kind)
    ]
    assert all(CHINESE.search(label) for label in labels), labels
    assert not app.error


def test_a_photo_is_read_digit_by_digit(open_page, draw, answers):
    app = open_page("draw", way="photo")
    assert answers[-1]["kind"] == "example"
    app.file_uploader(key="draw.photo").upload("two.png", photo(), "image/png").run()
    assert not app.exception
    assert answers[-1]["kind"] == "picture"
    assert len(answers[-1]["parts"]) == 2
    assert answers[-1]["tiles"]["drawing"]["picture"].startswith("data:image/jpeg;base64,")
    assert app.query_params["way"] == "photo"


def test_what_is_no_photo_is_explained(open_page, draw, answers):
    app = open_page("draw", way="photo")
    app.file_uploader(key="draw.photo").upload("no.png", b"<svg/>", "image/png").run()
    assert len(app.error) == 1
    assert not app.exception
    assert answers[-1]["kind"] == "example"


def test_a_pasted_picture_is_read_and_anything_else_refused():
    assert pictures.decode_pasted("") == b""
    content = photo()
    assert pictures.decode_pasted("data:image/png;base64," + base64.b64encode(content).decode()) == content
    for said in (
        7,
        "x",
        "data:image/svg+xml;base64,AAAA",
        "data:image/png;base64,%%%",
        "data:image/png;base64," + "A" * 30_000_000,
    ):
        with pytest.raises(UserError):
            pictures.decode_pasted(said)


def test_a_sample_of_a_dataset_comes_by_its_link(open_page, draw, answers):
    app = open_page("draw", sample="digits:test:7")
    assert answers[-1]["kind"] == "picture"
    assert any("Its label in the dataset: " in caption.value for caption in app.caption)
    assert app.number_input(key="draw.sample.index").value == 7
    app.button(key="draw.sample.another").click().run()
    assert not app.exception
    assert re.fullmatch(r"digits:test:\d+", app.query_params["sample"])
    app.button(key="draw.sample.hard").click().run()
    assert not app.exception
    hard = int(app.query_params["sample"].rpartition(":")[2])
    app.button(key="draw.sample.hard").click().run()
    assert int(app.query_params["sample"].rpartition(":")[2]) != hard


@pytest.mark.parametrize(
    "link", ["x", "digits:test:360", "digits:valid:1", "mnist:test:1", "../etc:test:1", "9" * 5000]
)
def test_a_link_to_no_sample_is_explained(open_page, draw, answers, link):
    app = open_page("draw", way="sample", sample=link)
    assert "names no image" in app.error[0].value
    assert answers[-1]["kind"] == "example"


def measured(sha256, threshold):
    bins = [
        {"count": index * 10, "confidence": index / 10 + 0.05 if index else 0, "accuracy": index / 10}
        for index in range(10)
    ]
    about = {"weights_sha256": sha256, "images": 450, "temperature": 2.0, "loss_before": 0.3, "loss_after": 0.2}
    found = Calibration.model_validate(about | {"before": bins, "after": bins, "familiarity": [threshold] * 8})
    return Measured(found, Familiar(np.ones((784, 4), np.float16), np.full((3, 4), 60, np.int8)))


def test_a_calibrated_model_is_softer_and_says_when_it_does_not_know(open_page, draw, answers, tmp_path):
    draw((LINE,))
    open_page("draw")
    raw = [bar["share"] for bar in answers[-1]["bars"]]
    weights = tmp_path / "model.safetensors"
    write(weights, measured(sources.fingerprint(weights), 2.0))  # no cosine is as large
    models._load.cache_clear()
    app = open_page("draw")
    softened = np.sqrt(raw) / np.sqrt(raw).sum()
    assert [bar["share"] for bar in answers[-1]["bars"]] == pytest.approx(softened.tolist(), abs=1e-5)
    assert answers[-1]["label"] == "?"
    assert "I don't know" in answers[-1]["note"]
    assert any("temperature of **2.00**" in text.value for text in app.markdown)
    app.select_slider(key="draw.strictness").set_value("0").run()
    assert answers[-1]["label"] != "?"
    assert app.query_params["strictness"] == "0"


def test_a_model_is_calibrated_when_somebody_asks(open_page, draw, answers):
    run = run_with_model()
    app = open_page("draw", model=run.run_id)
    app.button(key="draw.calibrate").click().run()
    assert not app.exception
    assert not app.error
    found = models.load(run.run_id).measured
    assert found.calibration.images == round(0.1 * 1437)
    assert found.calibration.loss_after <= found.calibration.loss_before + 1e-9
    assert any("temperature of" in text.value for text in app.markdown)
