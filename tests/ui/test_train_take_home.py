"""The fold with what a finished run becomes outside."""

import threading

import pytest

from dlcore.config import TrainConfig
from dlcore.elsewhere import Bench
from dlcore.export import making
from dlcore.export.recipe import check_fetchable
from dlcore.messages import UserError
from dlcore.runs import directory
from dlcore.runs.worker import work


def finished(**settings):
    run = directory.create(
        TrainConfig.parse({"dataset": "digits", "model": "linear", "epochs": 1, "threads": 1} | settings)
    )
    work(run)
    return run


def labels(app) -> list[str]:
    return [button.label for button in app.get("download_button")]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["PyTorch program", "Jupyter notebook", "Measurements as CSV", "Weights (safetensors)"]),
        ("zh", ["PyTorch 程序", "Jupyter 笔记本", "测量数据（CSV）", "权重（safetensors）"]),
    ],
)
def test_a_finished_run_can_be_taken_home(open_page, language, words):
    run = finished()
    app = open_page("train", language=language, run=run.run_id)
    assert labels(app)[:4] == words
    assert len(labels(app)) == 6
    assert [button.label for button in app.button if (button.key or "").startswith("train.make_")] == {
        "en": ["Make it: ONNX model", "Make it: TensorBoard event files"],
        "zh": ["生成：ONNX 模型", "生成：TensorBoard 事件文件"],
    }[language]


@pytest.mark.parametrize("kind", ["onnx", "tensorboard"])
def test_what_takes_torch_is_made_elsewhere_and_offered_then(open_page, monkeypatch, kind, tmp_path):
    run = finished()
    asked = []

    def made_here(words, *, made):
        asked.append(words)
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_bytes(b"made")

    bench = Bench("test-export")
    monkeypatch.setattr(making, "_bench", lambda: bench)
    monkeypatch.setattr(making, "command", made_here)
    app = open_page("train", run=run.run_id)
    app.button(key=f"train.make_{kind}").click().run()
    for thread in threading.enumerate():
        if thread.name == "test-export":
            thread.join(60)
    app.run()
    assert not app.exception
    assert [words[:4] for words in asked] == [["export", run.run_id, "--to", kind]]
    assert len(labels(app)) == 7
    assert not [button.key for button in app.button if button.key == f"train.make_{kind}"]
    assert not app.session_state["train"].making


def test_a_missing_package_is_told_with_what_to_install(open_page, monkeypatch):
    run = finished()
    monkeypatch.setattr("dlcore.export.files.find_spec", lambda _name: None)
    app = open_page("train", run=run.run_id)
    app.button(key="train.make_onnx").click().run()
    assert "needs more than is installed" in app.error[0].value
    assert "pip install onnx onnxscript" in app.error[0].value
    app.button(key="train.make_onnx").click().run()  # and may be asked for again
    assert not app.exception


def test_why_a_file_could_not_be_made_is_told(open_page, monkeypatch):
    run = finished()
    bench = Bench("test-export")
    monkeypatch.setattr(making, "_bench", lambda: bench)
    monkeypatch.setattr(making, "command", lambda _words, **_where: UserError("no memory"))
    app = open_page("train", run=run.run_id)
    app.button(key="train.make_tensorboard").click().run()
    for thread in threading.enumerate():
        if thread.name == "test-export":
            thread.join(60)
    app.run()
    assert "no memory" in app.error[0].value
    app.run()
    assert "no memory" in app.error[0].value  # until it is asked for again


def test_a_run_that_no_program_can_make_says_why(open_page, monkeypatch):
    run = finished()
    config = run.config.model_copy(update={"dataset": "mnist-pen"})
    monkeypatch.setattr("ui.training.take_home.check_fetchable", lambda _config: check_fetchable(config))
    app = open_page("train", run=run.run_id)
    assert len(labels(app)) == 4
    assert any("pen strokes" in caption.value for caption in app.caption)


def test_nothing_is_offered_of_the_recording(open_page):
    assert not labels(open_page("train"))
