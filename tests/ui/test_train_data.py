"""The part of the form about data: classes, own images, what they look like; in both languages."""

import pytest

from dlcore import preview
from dlcore.config import TrainConfig
from dlcore.data import own_images
from dlcore.data.own_images import EVERYONE
from dlcore.runs import directory
from dlcore.runs.worker import work
from tests.dlcore.test_own_images import bring, pictures, zipped
from ui import language
from ui.class_names import shown_names
from ui.training import results

VISITOR = "visitor-of-this-test-0000000"


@pytest.fixture(autouse=True)
def _as_visitor(monkeypatch):
    from ui import visitor
    from ui.training import page

    monkeypatch.setattr(visitor, "visitor_token", lambda: VISITOR)
    monkeypatch.setattr(page, "visitor_token", lambda: VISITOR)


@pytest.fixture
def speak(monkeypatch):
    """The language also of AppTest, which asks for the words of an option outside of any session."""
    return lambda code: monkeypatch.setattr(language, "current", lambda: code)


def shown(app) -> str:
    kinds = ("markdown", "caption", "error", "info", "warning", "success")
    return "\n".join(element.value for kind in kinds for element in getattr(app, kind))


def own(app):
    return app.session_state["train"].config.own_images


# Classes


def test_classes_are_chosen_by_name_and_one_alone_waits_for_a_second(open_page, speak):
    speak("zh")
    app = open_page("train", dataset="fashion-mnist", language="zh")
    box = app.multiselect(key="train.classes")
    assert box.options[:2] == ["T 恤", "裤子"]
    assert box.value == []
    box.set_value([8]).run()
    assert "再选一个" in shown(app)
    assert "classes" not in app.query_params or app.query_params["classes"] == ""
    assert app.multiselect(key="train.classes").value == [8]
    app.multiselect(key="train.classes").set_value([8, 0]).run()
    assert app.query_params["classes"] == "T-shirt,Bag"
    assert app.multiselect(key="train.classes").value == [0, 8]
    assert "12,000" in shown(app)
    app.multiselect(key="train.classes").set_value(list(range(10))).run()
    assert app.query_params["classes"] == ""
    assert app.multiselect(key="train.classes").value == []
    assert not app.exception


def test_another_dataset_forgets_classes_that_it_has_not(open_page):
    app = open_page("train", dataset="fashion-mnist", classes="Bag,Coat")
    assert app.multiselect(key="train.classes").value == [4, 8]
    app.selectbox(key="train.dataset").set_value("digits").run()
    assert app.multiselect(key="train.classes").value == []
    assert app.query_params["classes"] == ""


# Own images


@pytest.mark.parametrize(
    ("code", "ready", "left_out", "reason", "counts"),
    [
        (
            "en",
            "12 pictures in 2 classes are ready",
            "1 files were left out",
            "it is no picture of a known kind",
            "10 images",
        ),
        ("zh", "12 张图片", "略过了 1 个文件", "不是认得的图片格式", "10 张用来学习"),
    ],
)
def test_a_zip_becomes_the_dataset_of_the_form(open_page, speak, code, ready, left_out, reason, counts):
    speak(code)
    app = open_page("train", language=code, dataset="own-images")
    assert app.button(key="train.bring.start").disabled
    assert app.multiselect(key="train.classes").disabled
    files = pictures() | {"cat/*bad*.png": b"no picture"}
    app.file_uploader(key="train.bring.zip").set_value(("pets.zip", zipped(files).getvalue(), "application/zip")).run()
    app.button(key="train.bring.start").click().run()
    assert not app.exception
    (kept,) = own_images.list_sets(VISITOR)
    assert kept.record.name == "pets"
    assert own(app) == app.query_params["own_images"] == kept.set_id
    assert ready in shown(app)
    assert counts in shown(app)
    assert left_out in [fold.label for fold in app.expander]
    assert reason in shown(app)
    assert r"\*bad\*" in shown(app)
    assert app.multiselect(key="train.classes").options == ["cat", "dog"]


def test_a_folder_becomes_one_too(open_page):
    app = open_page("train", dataset="own-images")
    app.button_group(key="train.bring.way").set_value("folder").run()
    uploader = app.file_uploader(key="train.bring.folder")
    assert uploader.accept_directory
    uploader.set_value([(f"animals/{name}", content, "image/png") for name, content in pictures().items()]).run()
    app.button(key="train.bring.start").click().run()
    assert not app.exception
    (kept,) = own_images.list_sets(VISITOR)
    assert (kept.record.name, kept.description.class_names) == ("animals", ("cat", "dog"))
    assert own(app) == kept.set_id


@pytest.mark.parametrize(("code", "told"), [("en", "This is no zip file"), ("zh", "zip")])
def test_what_cannot_be_a_set_is_a_sentence_and_the_page_goes_on(open_page, speak, code, told):
    speak(code)
    app = open_page("train", language=code, dataset="own-images")
    app.file_uploader(key="train.bring.zip").set_value(("pets.zip", b"nothing", "application/zip")).run()
    app.button(key="train.bring.start").click().run()
    assert told in app.error[0].value
    assert not app.exception
    assert own_images.list_sets(VISITOR) == []


def test_a_set_is_deleted_by_whoever_brought_it_and_by_nobody_else(open_page):
    mine = bring(pictures(), owner=VISITOR)
    common = bring(pictures(("x", "y")), owner=EVERYONE, name="common")
    app = open_page("train", dataset="own-images", own_images=common.set_id)
    assert app.selectbox(key="train.own_images").value == common.set_id
    assert "train.delete_set" not in {button.key for button in app.button}
    app.selectbox(key="train.own_images").set_value(mine.set_id).run()
    app.button(key="train.delete_set").click().run()
    assert not app.exception
    assert not own_images.is_there(mine.set_id)
    assert own_images.is_there(common.set_id)
    assert own(app) == ""
    assert app.selectbox(key="train.own_images").value is None
    assert app.query_params["own_images"] == ""


def test_a_link_to_a_set_of_somebody_else_shows_it_without_a_way_to_delete_it(open_page):
    theirs = bring(pictures(), owner="somebody-else")
    app = open_page("train", dataset="own-images", own_images=theirs.set_id)
    assert own(app) == theirs.set_id
    assert app.selectbox(key="train.own_images").options[-1].startswith("from a link")
    assert "train.delete_set" not in {button.key for button in app.button}


# Names that mean something elsewhere


def test_own_classes_are_called_as_their_owner_called_them(open_page, monkeypatch):
    monkeypatch.setattr(language, "current", lambda: "zh")
    assert shown_names(["Cat", "Stop"], "cifar10") == ["猫", "停止"]
    assert shown_names(["Cat", "Stop"], "own-images") == ["Cat", "Stop"]


def test_and_so_everywhere_on_the_page_of_their_run(open_page, monkeypatch):
    found = bring(pictures(("Cat", "Stop"), each=8), owner=VISITOR)
    values = {"dataset": "own-images", "own_images": found.set_id, "model": "linear", "epochs": 1, "threads": 1}
    run = directory.create(TrainConfig.parse(values), owner=VISITOR)
    assert work(run).reason == "completed"
    drawn = []
    monkeypatch.setattr(results, "figure", lambda *figure, **_options: drawn.append(figure))
    app = open_page("train", language="zh", run=run.run_id)
    assert app.multiselect(key="train.classes").options == ["Cat", "Stop"]
    assert "| Cat |" in shown(app)
    assert "| Stop |" in shown(app)
    assert "猫" not in shown(app)
    assert drawn[0][0][0]["y"] == ["Cat", "Stop"]
    draw = open_page("draw", language="zh", model=run.run_id)
    assert "Cat" in "\n".join(element.value for element in draw.info)
    assert "猫" not in "\n".join(element.value for element in draw.info)


def test_a_class_that_a_link_asks_for_and_that_is_not_there_is_named_as_it_was_asked_for(open_page):
    found = bring(pictures(("Stop", "dog")), owner=VISITOR)
    app = open_page("train", language="zh", dataset="own-images", own_images=found.set_id, classes="Cat,Stop")
    assert "Cat" in app.error[0].value
    app = open_page("train", language="zh", dataset="own-images", own_images=found.set_id, classes="Stop")
    assert "Stop" in app.error[0].value
    assert "停止" not in app.error[0].value


# Looking at them


def test_samples_are_shown_with_counts_as_soon_as_they_are_made(open_page):
    found = bring(pictures(("<b>x", "dog"), each=10), owner=VISITOR)
    preview.render(TrainConfig.parse({"dataset": "own-images", "own_images": found.set_id}))
    app = open_page("train", dataset="own-images", own_images=found.set_id)
    app.session_state["train.samples"] = True
    app.run()
    assert not app.exception
    table = next(node.proto.body for node in app.get("html") if "<table>" in node.proto.body)
    assert ">&lt;b&gt;x</th>" in table
    assert table.count("<img") == 2
    assert table.count(">8</td>") == table.count(">2</td>") == 2


def test_the_switch_of_augmentation_shows_what_was_made(open_page):
    preview.render(TrainConfig(dataset="digits", augmentation="light"))
    app = open_page("train", dataset="digits", augmentation="light")
    app.toggle(key="train.augmented").set_value(*[True]).run()
    assert not app.exception
    assert "as 7 draws of the augmentation" in shown(app)
    app.selectbox(key="train.augmentation").set_value("none").run()
    assert "train.augmented" not in {toggle.key for toggle in app.toggle}


def test_why_there_is_nothing_to_see_is_said(open_page):
    app = open_page("train", dataset="kmnist", augmentation="light")
    app.toggle(key="train.augmented").set_value(*[True]).run()
    assert "the first run downloads them" in app.error[0].value
