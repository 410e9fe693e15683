"""The command line's contract: exit status, one JSON object on the last line, one sentence for bad input."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from dlcore import doctor
from dlcore.cli import main
from dlcore.config import KNOBS, TrainConfig
from dlcore.data.availability import FILES, pen_strokes_file, raw_folder
from dlcore.presets import PRESETS
from dlcore.runs.directory import create, list_runs, open_run

PROJECT = Path(__file__).resolve().parents[2]
TRAIN = ["train", "--dataset", "digits", "--model", "linear", "--threads", "1", "--epochs", "1"]


@pytest.fixture
def command(capsys):
    """Run a command with ``--json``: its exit status, the object, and what it said on standard error."""

    def run(*words: str) -> tuple[int, dict, str]:
        capsys.readouterr()
        status = main([*words, "--json"])
        out, err = capsys.readouterr()
        assert out.count("\n") == 1
        return status, json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON")), err

    return run


@pytest.fixture
def text(capsys):
    """Run a command for people: its exit status, and what it said on standard output."""

    def run(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        return main(words), capsys.readouterr().out

    return run


def test_a_run_in_the_shell_is_a_run_like_any_other(command, text):
    status, answer, progress = command(*TRAIN, "--learning-rate", "0.01", "--seed", "7")
    assert status == 0
    assert {"run_id", "run_dir", "test_accuracy", "test_loss", "train_seconds", "images_seen", "weights_sha256"} <= set(
        answer
    )
    assert 0.5 < answer["test_accuracy"] <= 1
    assert answer["images_seen"] == 1293
    assert len(answer["weights_sha256"]) == 64
    assert "epoch 1" in progress
    run = open_run(answer["run_id"])
    assert [run] == list_runs("some visitor")
    assert (str(run.path), run.status()) == (answer["run_dir"], "completed")
    assert (run.config.learning_rate, run.config.seed, run.config.epochs) == (0.01, 7, 1)

    status, listed, _ = command("runs")
    assert (status, len(listed["runs"])) == (0, 1)
    assert listed["runs"][0]["test_accuracy"] == answer["test_accuracy"]
    status, shown, _ = command("show", run.run_id)
    assert status == 0
    assert (shown["status"], shown["progress"], shown["damaged_lines"]) == ("completed", 1.0, 0)
    assert [epoch["epoch"] for epoch in shown["epochs_done"]] == [0, 1]
    assert TrainConfig.parse(shown["config"]) == run.config
    for words in (["runs"], ["show", run.run_id]):
        status, out = text(*words)
        assert status == 0
        assert run.run_id in out

    status, refused, _ = command("resume", run.run_id)
    assert status == 2
    assert "nothing left" in refused["error"]


def test_an_interrupted_run_is_resumed(command):
    run = create(TrainConfig(dataset="digits", model="linear", threads=1, epochs=1))
    run.expect_no_worker()
    assert command("show", run.run_id)[1]["status"] == "interrupted"
    status, answer, _ = command("resume", run.run_id)
    assert (status, answer["status"], answer["run_id"]) == (0, "completed", run.run_id)


def test_the_help_explains_every_setting(capsys):
    with pytest.raises(SystemExit) as left:
        main(["train", "--help"])
    assert left.value.code == 0
    out = " ".join(capsys.readouterr().out.split())
    for name, knob in KNOBS.items():
        assert f"--{name.replace('_', '-')} VALUE" in out
        assert knob.description.split(".")[0] in out


FREE_TEXT = {"classes": "0,1", "own_images": "0" * 32, "layers": "conv 4 3 / relu", "start_from": "pretrained"}


@pytest.mark.parametrize("name", KNOBS)
def test_the_option_of_a_setting_reaches_it(name, command, monkeypatch):
    knob = KNOBS[name]
    if name in FREE_TEXT:
        value = FREE_TEXT[name]
    elif knob.choices:
        value = next(iter(set(knob.choices) - {knob.default, "own-images"}))
    else:
        value = knob.kind(knob.maximum / 2)
    asked = []
    monkeypatch.setattr("dlcore.cli.training.work_here", lambda run: asked.append(run.config) or (0, {}, ""))
    assert command("train", f"--{name.replace('_', '-')}", str(value))[0] == 0
    assert getattr(asked[0], name) == value


def test_a_preset_is_a_start_that_options_change(command, monkeypatch):
    asked = []
    monkeypatch.setattr("dlcore.cli.training.work_here", lambda run: asked.append(run.config) or (0, {}, ""))
    for name, preset in PRESETS.items():
        assert command("train", "--preset", name, "--seed", "3")[0] == 0
        assert asked.pop() == preset.config.model_copy(update={"seed": 3})


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "--learning-rate", "30"], "learning_rate must be in (0, 10]; got 30."),
        (["train", "--learning-rate", "nan"], "learning_rate must be in (0, 10]; got nan."),
        (["train", "--epochs", "many"], "epochs must be in [1, 200]; got many."),
        (["train", "--model", "oracle"], "model must be one of"),
        (["train", "--preset", "oracle"], "no preset called oracle"),
        (["train", "--learning", "1"], "unrecognized arguments"),
        (["train", "--epochs"], "expected one argument"),
        (["fly"], "invalid choice"),
        ([], "required"),
        (["show", "../../etc/passwd"], "There is no run called"),
        (["resume", "x"], "There is no run called"),
        (["work", "/no/such/directory"], "cannot be opened"),
        (["predict"], "required"),
        (["predict", "/no/such/picture.png"], "There is no file"),
        (["strokes", "/no/such/file"], "cannot be read"),
    ],
)
def test_bad_input_gets_one_sentence(words, says, command, home):
    status, answer, err = command(*words)
    assert status == 2
    assert says in answer["error"]
    assert err == answer["error"] + "\n"
    assert not (home / "runs").exists()


@pytest.mark.parametrize("words", [TRAIN, ["resume"]])
def test_a_full_disk_starts_nothing(words, command, monkeypatch):
    before = []
    if words == ["resume"]:
        before = [create(TrainConfig(dataset="digits", model="linear", threads=1, epochs=1))]
        before[0].expect_no_worker()
        words = ["resume", before[0].run_id]
    monkeypatch.setattr("dlcore.runs.queue.shutil.disk_usage", lambda _path: type("Usage", (), {"free": 499_000_000}))
    status, answer, err = command(*words)
    assert (status, err) == (2, answer["error"] + "\n")
    assert "499 MB are left, 500 MB are needed" in err
    assert list_runs() == before
    assert [run.status() for run in before] == ["interrupted"] * len(before)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "{}",
        '{"strokes": 3}',
        '{"strokes": [[[1, 2, 3]]]}',
        '{"strokes": [[[1, NaN]]]}',
        '{"strokes": [[[1e999, 0]]]}',
        "[" * 100_000,
        "",
    ],
)
def test_a_drawing_that_is_none_is_named_by_its_line(line, command, tmp_path):
    path = tmp_path / "drawings.jsonl"
    path.write_text('{"strokes": [[[1, 2], [30, 40]]]}\n' * (line != "") + line + "\n")
    status, answer, _ = command("strokes", str(path))
    assert status == 2
    assert ("Line 2 of" if line else "holds no drawing") in answer["error"]


@pytest.fixture(scope="module")
def run_of_linear(tmp_path_factory):
    """A home with one finished run, to predict with."""
    path = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLCORE_HOME", str(path))
        assert main(TRAIN) == 0
        return path, list_runs()[0].run_id


def test_strokes_and_pictures_are_answered(run_of_linear, command, text, monkeypatch, tmp_path):
    home, run_id = run_of_linear
    monkeypatch.setenv("DLCORE_HOME", str(home))
    drawings = tmp_path / "drawings.jsonl"
    one = {"strokes": [[[50, 10], [50, 90]]]}
    drawings.write_text(
        "\n".join(json.dumps(d) for d in (one | {"label": 1}, one | {"label": "7"}, one, {"strokes": []}))
    )
    status, answer, _ = command("strokes", "--model-from", run_id, str(drawings))
    assert status == 0
    assert len(answer["predictions"]) == 4
    first = answer["predictions"][0]
    assert answer["predictions"][:3] == [first] * 3
    assert answer["accuracy"] == ((first == 1) + (first == 7)) / 2

    picture, blank = tmp_path / "one.png", tmp_path / "blank.png"
    image = Image.new("RGB", (100, 100), "white")
    image.save(blank)
    ImageDraw.Draw(image).line([(50, 10), (50, 90)], fill="black", width=9)
    image.save(picture)
    status, answer, _ = command("predict", "--model-from", run_id, str(picture), str(blank))
    assert status == 0
    drawn, empty = answer["predictions"]
    assert (drawn["file"], drawn["blank"], empty["blank"]) == (str(picture), False, True)
    assert drawn["class_name"] == answer["class_names"][drawn["prediction"]]
    assert sum(drawn["probabilities"]) == pytest.approx(1, abs=1e-5)
    status, out = text("predict", "--model-from", run_id, str(picture), str(blank))
    assert "nothing is drawn" in out

    (tmp_path / "text.png").write_text("no picture")
    status, answer, _ = command("predict", "--model-from", run_id, str(tmp_path / "text.png"))
    assert (status, "cannot be read" in answer["error"]) == (2, True)


def test_a_run_without_a_model_is_no_model(command, tmp_path):
    drawings = tmp_path / "drawings.jsonl"
    drawings.write_text('{"strokes": [[[1, 2], [30, 40]]]}')
    status, answer, _ = command("strokes", "--model-from", create(TrainConfig()).run_id, str(drawings))
    assert (status, "no model yet" in answer["error"]) == (2, True)


def test_no_runs_yet_says_how_to_make_one(text):
    assert text("runs") == (0, "There is no run yet: python -m dlcore train --preset tiny\n")


def test_the_doctor_finds_what_is_there(command, text, home):
    status, found, _ = command("doctor")
    assert found["packages"]["torch"]
    assert (found["datasets"]["digits"], found["datasets"]["mnist"]) == (True, False)
    assert (found["home"], found["home_writable"]) == (str(home), True)
    assert found["cores"] >= 1
    assert found["device"] in ("cpu", "cuda", "mps")
    assert found["healthy"] == (status == 0) == found["bundled_model"] == (found["bundled_model_problem"] is None)
    assert "dataset mnist" in text("doctor")[1]


def test_the_doctor_says_what_no_download_can_bring(text, monkeypatch, tmp_path):
    monkeypatch.setenv("DLCORE_DATA", str(tmp_path))
    strokes = pen_strokes_file()

    def said() -> str:
        return next(line for line in text("doctor")[1].splitlines() if "dataset mnist-pen" in line)

    assert "MNIST (downloaded when first used)" in said()
    assert f"{strokes}, which cannot be downloaded" in said()
    assert " 0 MB" not in said()
    strokes.parent.mkdir()
    strokes.touch()
    assert said().endswith("missing: MNIST (downloaded when first used)")
    raw_folder("mnist").mkdir(parents=True)
    for file in FILES:
        (raw_folder("mnist") / file).write_bytes(b"x")
    assert said().endswith("at hand")
    strokes.unlink()
    assert f"missing: {strokes}, which cannot" in said()


def test_the_doctor_finds_what_is_missing(command, monkeypatch, tmp_path, home):
    monkeypatch.setattr("dlcore.inference.sources.FOLDER", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"x" * 100)
    home.write_text("in the way")
    monkeypatch.setattr(doctor, "PACKAGES", (*doctor.PACKAGES, "no-such-package"))
    status, found, _ = command("doctor")
    assert (status, found["healthy"]) == (1, False)
    assert found["packages"]["no-such-package"] is None
    assert "damaged" in found["bundled_model_problem"]
    assert not found["home_writable"]


def test_as_a_program_ctrl_c_keeps_what_was_learned(home):
    words = [*TRAIN, "--epochs", "200", "--batch-size", "1", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "dlcore", *words],
        cwd=PROJECT,
        env=os.environ | {"DLCORE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        end = time.monotonic() + 120
        while not (runs := list_runs()) or len(runs[0].read()[0]) < 10:
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    answer = json.loads(out)
    assert (process.returncode, answer["status"]) == (0, "stopped")
    assert 0 < answer["test_accuracy"] < 1
    assert "Traceback" not in err
    assert runs[0].status() == "stopped"
    assert runs[0].model_at_hand()


def test_as_a_program_it_minds_no_reader_that_leaves(home):
    words = [sys.executable, "-m", "dlcore", "runs"]
    environment = os.environ | {"DLCORE_HOME": str(home)}
    with subprocess.Popen(
        words, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_as_a_program_a_finished_run_needs_no_second_worker(run_of_linear):
    home, run_id = run_of_linear
    process = subprocess.run(
        [sys.executable, "-m", "dlcore", "work", str(home / "runs" / run_id)],
        cwd=PROJECT,
        env=os.environ | {"DLCORE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2
    assert process.stdout == ""
    assert process.stderr.count("\n") == 1


def test_a_mistake_of_the_program_still_answers_in_json(monkeypatch, capsys):
    def broken() -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("dlcore.cli.runs.list_runs", broken)
    assert main(["runs", "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out.splitlines()[-1]) == {"error": "ZeroDivisionError: division by zero"}
    assert "Traceback" in err
    with pytest.raises(ZeroDivisionError):
        main(["runs"])
