"""Steering and the panels of the inside, without a browser, in both languages."""

from dataclasses import replace

import pytest
import streamlit

from dlcore.config import TrainConfig
from dlcore.runs import control, directory
from dlcore.runs.worker import work
from dlcore.training.events import Paused, Stepped
from tests.ui.test_train import shown
from tests.ui.test_train_watching import always_open

CONFIG = TrainConfig(dataset="digits", model="mlp", epochs=1, train_fraction=0.3, threads=1, device="cpu")
WORDS = {
    "en": {"paused": "It waits for you", "change": "After update 3: Learning rate 0.001 → 0.01"},
    "zh": {"paused": "它在等你", "change": "第 3 次更新后：学习率 0.001 → 0.01"},
}


def keys(app) -> set[str]:
    return {button.key for button in app.button if button.key}


@pytest.fixture
def _opened(monkeypatch):
    """The fold with the values that may change is open; AppTest cannot open one."""
    expander = streamlit.expander

    def opened(label, **how):
        return always_open() if how.get("key") == "train.steering" else expander(label, **how)

    monkeypatch.setattr("ui.training.steering.st.expander", opened)


@pytest.mark.usefixtures("_opened")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_paused_run_offers_what_can_be_done_and_the_page_asks_for_it(open_page, language):
    run = directory.create(CONFIG)
    run.steer(then="step", updates=3)
    seen = {}

    def watch(event):
        if isinstance(event, Paused) and not seen:
            app = open_page("train", language=language, run=run.run_id)
            seen["keys"], seen["text"] = keys(app), shown(app)
            if language == "en":  # AppTest formats choices outside the page, so in English only
                field = next(i for i in app.text_input if i.key == f"train.steer.learning_rate.{run.run_id}")
                field.set_value("0.01")
                app.button(key="train.steer.use").click().run()
                app.button(key="train.go").click().run()
                assert not app.exception
            else:
                run.steer(learning_rate=0.01, then="go")

    assert work(run, watch=watch).reason == "completed"
    assert {"train.go", "train.step", "train.stop", "train.steer.use"} <= seen["keys"]
    assert "train.pause" not in seen["keys"]
    assert WORDS[language]["paused"] in seen["text"]
    assert [(c.do, c.values) for c in control.read(run.path)][1:] == [("set", {"learning_rate": 0.01}), ("go", {})]

    app = open_page("train", language=language, run=run.run_id)
    assert WORDS[language]["change"] in shown(app)
    assert not {"train.go", "train.pause", "train.step", "train.stop", "train.steer.use"} & keys(app)


def test_each_panel_shows_what_it_is_for(open_page):
    run = directory.create(CONFIG)
    work(run)
    app = open_page("train", run=run.run_id)
    for panel, words in (
        ("wall", "of 40 right"),
        ("classes", "Who is taken for whom**, on validation images"),
        ("layers", "Dead units"),
        ("updates", "Gradient norm"),
    ):
        app.segmented_control(key="train.inside").set_value(panel).run()
        assert not app.exception
        assert words in shown(app)
        if panel == "layers":
            app.select_slider(key="train.inside.epoch.1").set_value(0).run()
            assert not app.exception
            assert "in the last batch" not in shown(app)  # nothing was learned yet


def test_a_stranger_may_watch_and_not_steer(open_page):
    run = directory.create(CONFIG, owner="somebody-else")
    run.steer(then="step", updates=3)
    seen = {}

    def watch(event):
        if isinstance(event, Paused) and not seen:
            seen["keys"] = keys(open_page("train", run=run.run_id))
            run.steer(then="stop")

    work(run, watch=watch)
    assert seen["keys"]
    assert not {"train.go", "train.pause", "train.step", "train.stop", "train.steer.use"} & seen["keys"]


@pytest.mark.usefixtures("_opened")
def test_what_the_schema_refuses_is_told_on_the_page(open_page):
    run = directory.create(CONFIG)
    run.steer(then="pause")
    seen = {}

    def watch(event):
        if isinstance(event, Paused) and not seen:
            app = open_page("train", run=run.run_id)
            next(i for i in app.text_input if i.key == f"train.steer.dropout.{run.run_id}").set_value("a lot")
            app.button(key="train.steer.use").click().run()
            seen["errors"] = [error.value for error in app.error]
            run.steer(then="stop")

    work(run, watch=watch)
    assert any("Dropout must be in" in error and "got a lot" in error for error in seen["errors"])


@pytest.mark.parametrize(("language", "words"), [("en", "What may help"), ("zh", "可以试试")])
def test_a_divergence_is_told_with_its_layer_and_what_may_help(open_page, language, words):
    run = directory.create(
        TrainConfig(dataset="digits", optimizer="sgd", learning_rate=1.0, train_fraction=0.3, epochs=50, threads=1)
    )
    ended = work(run)
    assert ended.reason == "diverged"
    text = shown(open_page("train", language=language, run=run.run_id))
    assert words in text
    assert ended.values["layer"] in text


def test_runs_of_before_show_no_empty_panels(open_page):
    run = directory.create(CONFIG)
    work(run)
    for path in (run.path / "epochs").iterdir():
        path.unlink()
    from dlcore.runs import sealed
    from dlcore.training.events import to_json

    lines = []
    for event in run.read()[0]:
        old = replace(event, gradient_norm=None, update_ratio=None) if isinstance(event, Stepped) else event
        lines.append(sealed.seal_line(to_json(old)))
    run.events_path.write_bytes(b"".join(lines))
    app = open_page("train", run=run.run_id)
    assert "Inside the training" not in shown(app)
