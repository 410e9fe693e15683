"""Runs as tables, weights, archives and for other tools; and the command for all of it."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dlcore.cli import main
from dlcore.config import TrainConfig
from dlcore.export import making
from dlcore.export.files import content, pack
from dlcore.export.tables import tables
from dlcore.runs import directory, importing
from dlcore.runs.event_log import EventLog
from dlcore.runs.worker import work
from dlcore.training.events import Resumed, Stepped

PROJECT = Path(__file__).resolve().parents[2]
CONFIG = TrainConfig(dataset="digits", model="linear", epochs=1, threads=1, classes="0,3,7")


@pytest.fixture
def run() -> directory.Run:
    made = directory.create(CONFIG, owner="a-secret-token")
    work(made)
    return made


def test_what_was_not_measured_is_an_empty_cell(run):
    with EventLog(run.events_path) as log:
        log.append(Stepped(step=99, epoch=2, loss=1.0, learning_rate=0.1, images_seen=99, seconds=1.0))
    last = rows(tables(run)["steps.csv"])[-1]
    assert (last["step"], last["gradient_norm"], last["update_ratio"]) == ("99", "", "")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_tables_hold_every_step_and_epoch(run):
    made = tables(run)
    steps, epochs = rows(made["steps.csv"]), rows(made["epochs.csv"])
    assert [int(row["step"]) for row in steps] == list(range(1, len(steps) + 1))
    assert float(steps[0]["gradient_norm"]) > 0
    assert float(steps[1]["update_ratio"]) > 0
    assert [row["epoch"] for row in epochs] == ["0", "1"]
    table = list(csv.reader(io.StringIO(made["test.csv"])))
    assert table[0] == ["", "0", "3", "7"]
    correct = sum(int(table[place][place]) for place in (1, 2, 3))
    assert correct / sum(int(cell) for row in table[1:] for cell in row[1:]) == run.summary().test_accuracy


def test_the_archive_is_a_run_without_its_owner(run, tmp_path):
    file = io.BytesIO()
    pack(run, file)
    assert b"a-secret-token" not in file.getvalue()
    with zipfile.ZipFile(file) as archive:
        assert not any(b"a-secret-token" in archive.read(name) for name in archive.namelist())
        archive.extractall(tmp_path)
    opened = directory.open_directory(tmp_path / run.run_id)
    assert (opened.config, opened.owner, opened.status()) == (run.config, "", "completed")
    assert opened.summary() == run.summary()
    assert opened.weights_path.read_bytes() == run.weights_path.read_bytes()
    assert opened.inspection(1) is not None


def test_the_archive_of_a_run_that_went_on_and_was_killed_has_no_weights_of_before():
    run = directory.create(CONFIG)
    work(run)
    (run.path / "summary.json").unlink()  # as by a worker that went on and was killed
    with EventLog(run.events_path) as log:
        log.append(Resumed(step=0, epoch=0, log_bytes=0))
    file = io.BytesIO()
    pack(run, file)
    assert run.weights_path is not None
    assert not any(name.endswith("model.safetensors") for name in zipfile.ZipFile(file).namelist())
    file.seek(0)
    shutil.rmtree(run.path)
    assert importing.import_run(file).run_id == run.run_id


@pytest.mark.parametrize("kind", ["script", "notebook", "weights", "card", "csv", "zip"])
def test_the_command_writes_a_file(run, kind, tmp_path, capsys):
    path = tmp_path / "new" / ("made.zip" if kind == "csv" else "made")
    assert main(["export", run.run_id, "--to", kind, "--out", str(path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer == {"run_id": run.run_id, "to": kind, "path": str(path)}
    if kind in ("script", "notebook", "weights", "card"):
        assert path.read_bytes() == content(run, kind)
    else:
        assert zipfile.ZipFile(path).testzip() is None


def test_tables_may_be_a_folder(run, tmp_path):
    assert main(["export", run.run_id, "--to", "csv", "--out", str(tmp_path / "tables")]) == 0
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == ["epochs.csv", "steps.csv", "test.csv"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["no-such-run", "--to", "script", "--out", "x"], "no run called"),
        (["RUN", "--to", "pickle", "--out", "x"], "invalid choice"),
        (["RUN", "--to", "script", "--out", "x", "--language", "../en"], "--language must be one of en, zh"),
        (["RUN", "--to", "script"], "--out"),
        (["RUN", "--to", "script", "--out", "/proc/nothing/x.py"], "cannot be written"),
    ],
)
def test_bad_input_is_told_in_a_sentence(run, words, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["export", *(word.replace("RUN", run.run_id) for word in words), "--json"]) == 2
    assert told in json.loads(capsys.readouterr().out)["error"]
    assert not list(tmp_path.glob("x*"))


def test_a_run_without_weights_is_refused(capsys, tmp_path):
    run = directory.create(CONFIG)
    assert main(["export", run.run_id, "--to", "weights", "--out", str(tmp_path / "x")]) == 2
    assert "no weights" in capsys.readouterr().err


def test_what_a_page_makes_needs_no_torch(run):
    code = f"""
import sys
from dlcore.export.files import KINDS, content
from dlcore.runs.directory import open_run
for name, kind in KINDS.items():
    if kind.light:
        assert content(open_run({run.run_id!r}), name)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)


@pytest.mark.parametrize("missing", ["onnx", "tensorboard"])
def test_a_missing_package_is_named(run, missing, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("dlcore.export.files.find_spec", lambda _name: None)
    assert main(["export", run.run_id, "--to", missing, "--out", str(tmp_path / "x")]) == 2
    assert f"pip install {missing}" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")  # of TensorBoard's own packages
def test_tensorboard_reads_what_was_measured(run, tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    assert main(["export", run.run_id, "--to", "tensorboard", "--out", str(tmp_path / "events")]) == 0
    found = reader.EventAccumulator(str(tmp_path / "events"), size_guidance={"scalars": 0}).Reload()
    steps = rows(tables(run)["steps.csv"])
    assert [(event.step, event.value) for event in found.Scalars("step/loss")] == [
        (int(row["step"]), pytest.approx(float(row["loss"]))) for row in steps
    ]
    assert [event.step for event in found.Scalars("epoch/validation_accuracy")] == [0, 1]
    assert found.Scalars("test/accuracy")[0].value == pytest.approx(run.summary().test_accuracy)


@pytest.mark.filterwarnings("ignore")  # of TensorBoard's own packages
def test_a_page_has_its_event_files_made_once_by_another_process(run):
    pytest.importorskip("tensorboard")
    assert making.request(run, "tensorboard") is None
    for thread in threading.enumerate():
        if thread.name == "export":
            thread.join(120)
    found = making.request(run, "tensorboard")
    assert found == making.look_up(run, "tensorboard")
    with zipfile.ZipFile(found) as archive:
        assert archive.namelist()[0].startswith("events.out.tfevents.")
        assert archive.testzip() is None
    with run.events_path.open("ab") as log:
        log.write(b"\n")
    assert making.look_up(run, "tensorboard") is None  # it has trained on


def test_of_what_was_made_the_files_looked_at_last_are_kept(run, monkeypatch):
    monkeypatch.setattr(making, "_KEPT", 2)
    folder = making.place(run, "onnx").parent
    folder.mkdir(parents=True)
    for number in range(4):
        (folder / f"{number}.onnx").write_bytes(b"x")
        os.utime(folder / f"{number}.onnx", (1000 + number, 1000 + number))
    half, being_written = (folder / f".1.onnx.0123456{number}.tmp" for number in (7, 8))
    for path in (half, being_written):
        path.write_bytes(b"x")
    os.utime(half, (1000, 1000))  # its process was killed long ago
    making._sweep()
    assert sorted(path.name for path in folder.iterdir()) == [being_written.name, "2.onnx", "3.onnx"]


@pytest.mark.filterwarnings("ignore")  # of the exporter
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"model": "compact-cnn"},
        {"model": "committee-cnn", "members": 2},
        {"model": "mixed-committee-cnn", "members": 1},
        {"model": "resnet-small", "normalization": "layer"},
    ],
)
def test_onnx_answers_as_torch_does(settings, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from dlcore.data.loading import load
    from dlcore.training.checkpoints import load_weights
    from dlcore.training.evaluation import log_probabilities

    run = directory.create(TrainConfig.parse(CONFIG.model_dump() | settings | {"train_fraction": 0.05}))
    work(run)
    path = tmp_path / "model.onnx"
    assert main(["export", run.run_id, "--to", "onnx", "--out", str(path)]) == 0
    images = load("digits").test_images[:7]
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for count in (1, 7):
        (ours,) = session.run(["log_probabilities"], {"images": images[:count].numpy()})
        theirs = log_probabilities(load_weights(run.weights_path)[0], images[:count])
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)
