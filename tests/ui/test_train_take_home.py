"""The fold with what a finished run becomes outside."""

import pytest

from dlcore.config import TrainConfig
from dlcore.export.recipe import check_fetchable
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
    assert any(run.run_id in caption.value for caption in app.caption)


def test_a_run_that_no_program_can_make_says_why(open_page, monkeypatch):
    run = finished()
    config = run.config.model_copy(update={"dataset": "mnist-pen"})
    monkeypatch.setattr("ui.training.take_home.check_fetchable", lambda _config: check_fetchable(config))
    app = open_page("train", run=run.run_id)
    assert len(labels(app)) == 4
    assert any("pen strokes" in caption.value for caption in app.caption)


def test_nothing_is_offered_of_the_recording(open_page):
    assert not labels(open_page("train"))
