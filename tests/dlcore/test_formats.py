"""Runs of any age: directories frozen as formats 1 and 2 wrote them, and files that claim to come from the future."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from dlcore import formats
from dlcore.config import TrainConfig
from dlcore.data.loading import load
from dlcore.inference.prediction import load_file, predict
from dlcore.messages import UserError
from dlcore.runs import glimpses, keeping, launch, worker
from dlcore.runs.directory import create, open_run, runs_folder
from dlcore.runs.history import RunHistory
from dlcore.sweeps.directory import open_sweep, sweeps_folder
from dlcore.sweeps.search import conduct
from dlcore.training import checkpoints, loop, tensor_file
from dlcore.training.events import Stepped

FROZEN = Path(__file__).parent
COMPLETED, STOPPED = "20261123-162334-digits-linear-0df801d589ce", "20261123-162354-digits-linear-24ce0cc41a99"
STOPPED_2 = "20261129-070500-digits-custom-d6b674fd8747"
"""Stopped after step 5 of 8, steered at step 3; looks, examples and the first inspection left out."""
SWEEP_2 = "20261129-070547-e07077a753d8"


@pytest.fixture
def thaw(home):
    """Puts a copy of a frozen run among the runs and opens it."""

    def copy(run_id):
        (frozen,) = FROZEN.glob(f"runs_of_format_*/{run_id}")
        shutil.copytree(frozen, runs_folder() / run_id)
        return open_run(run_id)

    return copy


@pytest.fixture
def digits():
    return load("digits").subset(120, 40)


def history_of(run) -> RunHistory:
    reading = run.scan()
    assert reading.damaged_lines == 0
    history = RunHistory()
    history.append(reading.events)
    return history


def test_a_completed_run_of_format_1_opens_shows_and_predicts(thaw):
    run = thaw(COMPLETED)
    assert (run.status(), run.config.epochs, run.owner) == ("completed", 2, "a-visitor-of-version-1-0000")
    history = history_of(run)
    assert len(history.evaluations) == 3
    assert run.summary().test_accuracy == history.tested.accuracy > 0.7
    model = load_file(run.weights_path, run.run_id)
    assert predict(model, np.zeros((28, 28), np.uint8)).shape == (1, 10)


def test_weights_predict_whatever_recipe_trained_them(thaw, monkeypatch):
    monkeypatch.setattr(formats, "RECIPE", "none-such")
    assert load_file(thaw(COMPLETED).weights_path, "x").class_names == tuple("0123456789")


@pytest.fixture
def recipe_1(monkeypatch):
    """As if this program still computed as the frozen runs' did: what is tested is the files."""
    monkeypatch.setattr(formats, "RECIPE", "1")


def test_a_stopped_run_of_format_1_goes_on(thaw, recipe_1):
    run = thaw(STOPPED)
    assert worker.work(run).reason == "completed"
    reference = create(run.config)
    worker.work(reference)
    old, new = history_of(run), history_of(reference)
    assert old.resumed == [8]
    assert old.steps.step == new.steps.step
    # What was logged before was computed by another processor perhaps, and later steps follow from it.
    assert np.allclose(old.steps.loss, new.steps.loss, rtol=1e-4)


def test_a_page_knows_without_a_worker_that_a_run_of_another_recipe_cannot_go_on(thaw, monkeypatch):
    run = thaw(STOPPED)
    monkeypatch.setattr(formats, "RECIPE", "1")
    launch.check_resumable(run)
    monkeypatch.setattr(formats, "RECIPE", "none-such")
    with pytest.raises(UserError, match="cannot go on exactly"):
        launch.check_resumable(run)
    assert run.status() == "stopped"


def test_the_one_checkpoint_of_format_1_stays_until_there_are_two_newer(thaw, recipe_1):
    run = thaw(STOPPED)
    seen = []
    worker.work(run, watch=lambda _event: seen.append(sorted(path.name for path in run.path.glob("checkpoint-*"))))
    assert [len(names) for names in seen][-1] == 2
    assert not (run.path / "checkpoint.safetensors").exists()


def test_a_run_of_another_recipe_is_not_continued_and_keeps_what_it_learned(thaw, monkeypatch):
    run = thaw(STOPPED)
    before, weights = run.summary(), run.weights_path.read_bytes()
    monkeypatch.setattr(formats, "RECIPE", "none-such")
    ended = worker.work(run)
    assert ended.reason == "failed"
    assert "Start it again with the same settings" in ended.message
    after = run.summary()
    assert (after.test_accuracy, after.step, run.weights_path.read_bytes()) == (before.test_accuracy, 8, weights)


def test_a_stopped_run_of_format_2_opens_shows_and_predicts(thaw):
    run = thaw(STOPPED_2)
    assert (run.status(), run.owner) == ("stopped", "a-visitor-of-format-2-00000")
    assert (run.config.layers, run.config.classes, run.config.ema) == ("avgpool 4", "0,1,2", 0.9)
    history = history_of(run)
    assert list(history.steps.step) == [1, 2, 3, 4, 5]
    assert [(event.step, event.learning_rate) for event in history.changes] == [(3, 0.1)]
    assert run.summary().test_accuracy == history.tested.accuracy > 0.8
    assert run.summary().weights_sha256 == hashlib.sha256(run.weights_path.read_bytes()).hexdigest()
    assert run.inspection(1).gradients
    assert glimpses.read_glimpses(run.path)[0]
    assert (keeping.label(run).name, keeping.label(run).pinned) == ("The frozen one", True)
    assert [kept.step for kept in run.checkpoints.manifest()] == [5, 4]
    model = load_file(run.weights_path, run.run_id)
    assert predict(model, np.zeros((28, 28), np.uint8)).shape == (1, 3)


def test_a_stopped_run_of_format_2_goes_on(thaw, monkeypatch):
    monkeypatch.setattr(formats, "RECIPE", "2")
    run = thaw(STOPPED_2)
    assert worker.work(run).reason == "completed"
    history = history_of(run)
    assert history.resumed == [5]
    assert history.notice is None
    assert list(history.steps.step) == list(range(1, 9))
    assert set(history.steps.learning_rate[3:]) == {0.1}
    reference = create(run.config)

    def watch(event):
        if isinstance(event, Stepped) and event.step == 3:
            reference.steer(learning_rate=0.1)

    worker.work(reference, watch=watch)
    assert np.allclose(history.steps.loss, history_of(reference).steps.loss, rtol=1e-4)


def test_a_sweep_of_format_2_opens(home):
    shutil.copytree(FROZEN / "sweeps_of_format_2" / SWEEP_2, sweeps_folder() / SWEEP_2)
    sweep = open_sweep(SWEEP_2)
    assert (sweep.plan.name, sweep.owner, sweep.status()) == ("Two rates", "a-visitor-of-format-2-00000", "finished")
    assert [trial.state for trial in sweep.progress().trials] == ["complete", "complete"]
    assert conduct(sweep).trials == sweep.progress().trials  # there is nothing left to do


def test_the_present_formats_are_frozen():
    """Whoever raises a number freezes a run as it is written then, so that later versions are held to open it."""
    run, sweep = FROZEN / "runs_of_format_2" / STOPPED_2, FROZEN / "sweeps_of_format_2" / SWEEP_2
    sealed_files = {
        run / "config.json": formats.RUN_FORMAT,
        run / "summary.json": formats.SUMMARY_FORMAT,
        run / "checkpoints.json": formats.MANIFEST_FORMAT,
        run / "label.json": formats.LABEL_FORMAT,
        sweep / "sweep.json": formats.SWEEP_FORMAT,
        sweep / "trials.json": formats.SWEEP_FORMAT,
    }
    assert {path: json.loads(path.read_bytes())["format"] for path in sealed_files} == sealed_files
    tensor_files = {
        run / "checkpoint-000003.safetensors": formats.CHECKPOINT_FORMAT,
        run / "model.safetensors": formats.WEIGHTS_FORMAT,
    }
    found = {path: int(tensor_file.read(path, limit_bytes=10**5)[1]["format"]) for path in tensor_files}
    assert found == tensor_files


@pytest.mark.parametrize("kind", ["weights", "checkpoint"])
def test_files_of_a_newer_version_say_update(kind, digits, tmp_path):
    config = TrainConfig(dataset="digits", model="linear", threads=1, device="cpu")
    state, path = loop.TrainingState.create(config, digits), tmp_path / "model.safetensors"

    def read():
        return checkpoints.load_weights(path) if kind == "weights" else checkpoints.load(config, digits, path)

    if kind == "weights":
        checkpoints.save_weights(state.model, path, checkpoints.describe_weights(state, digits))
    else:
        checkpoints.save(state, path)
    read()
    tensors, about = tensor_file.read(path, limit_bytes=10**7)
    tensor_file.write(path, tensors, about | {"format": "99", "what": "nobody knows yet"})
    with pytest.raises(UserError, match=r"newer version of this program \(format 99.*Update"):
        read()
    for nonsense in ("", "0", "-1", "one", "٣", None, [1], "9" * 5000):
        tensor_file.write(path, tensors, about | {"format": nonsense})
        with pytest.raises(UserError, match=r"this version knows|another version"):
            read()
