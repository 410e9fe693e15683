"""What is recorded between epochs is true, cheap, void where training was made again, and may be missing or damaged."""

import base64
import json

import pytest
import torch

from dlcore.config import TrainConfig
from dlcore.data.loading import Dataset, load
from dlcore.models import MODELS
from dlcore.runs import glimpses, recorder, worker
from dlcore.runs.directory import create
from dlcore.runs.event_log import EventLog
from dlcore.runs.glimpses import WALL_IMAGES, Glimpse, merged, read_examples, read_glimpses, read_wall
from dlcore.training import glimpse, loop
from dlcore.training.checkpoints import load_weights
from dlcore.training.evaluation import log_probabilities
from dlcore.training.events import Resumed, Stepped

QUICK = TrainConfig(dataset="digits", model="mlp", epochs=2, threads=1, device="cpu")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(recorder, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(recorder, "SHARE", 1e9)
    run = create(QUICK)
    worker.work(run)
    return run


def test_the_last_look_says_what_the_kept_network_says(run, digits):
    wall = read_wall(run.path)
    looks, offset = read_glimpses(run.path)
    assert read_glimpses(run.path, offset) == ([], offset)
    assert len(wall.images) == WALL_IMAGES
    assert [picture.label for picture in wall.images] == sorted(picture.label for picture in wall.images)
    assert {picture.label for picture in wall.images} == set(range(10))
    images = digits.train_images[[picture.index for picture in wall.images]]
    assert base64.b64decode(wall.images[7].pixels) == images[7].numpy().tobytes()
    model, _ = load_weights(run.weights_path)
    confidence, predicted = log_probabilities(model, images).exp().max(1)
    assert looks[-1].predicted == predicted.tolist()
    assert looks[-1].confidence == pytest.approx(confidence.tolist(), abs=1e-3)
    looks = merged([], looks)
    assert [look.step for look in looks] == sorted({look.step for look in looks})
    assert looks[0].step == 0
    assert set(looks[-1].gradient_norms) == set(looks[-1].update_ratios) == {"hidden1", "hidden2", "classifier"}
    assert all(0 < share < 1 for share in looks[-1].active.values())
    filters = looks[-1].filters
    assert filters.shape[1:] == (1, 28, 28)
    weight = model.state_dict()["hidden1.weight"][0]
    assert torch.tensor(filters.weights()[0]) * filters.largest == pytest.approx(weight, abs=filters.largest / 100)


def test_recording_changes_no_bit(run, monkeypatch):
    monkeypatch.setattr(recorder.Recorder, "after", lambda *_: None)
    other = create(QUICK)
    worker.work(other)
    assert other.summary().weights_sha256 == run.summary().weights_sha256


def test_examples_fill_the_cells_of_the_confusion_matrix(run, digits):
    tested = next(event for event in run.read()[0] if event.kind == "tested")
    found = read_examples(run.path, "test")
    for label, row in enumerate(tested.confusion):
        for said, count in enumerate(row):
            examples = found.of(label, said)
            assert len(examples) == min(count, 8)
            for example in examples:
                assert int(digits.test_labels[example.index]) == label
                assert example.probabilities[0][0] == said
                assert base64.b64decode(example.pixels) == digits.test_images[example.index].numpy().tobytes()
            sure = [example.probabilities[0][1] for example in examples]
            assert sure == sorted(sure, reverse=label != said)
    held_back = read_examples(run.path, "validation")
    assert held_back.epoch == 2
    assert all(int(digits.train_labels[example.index]) == example.label for example in held_back.examples)


@pytest.mark.parametrize("model", MODELS)
def test_every_architecture_can_be_looked_at(model, digits):
    state = loop.TrainingState.create(QUICK.model_copy(update={"model": model}), digits.subset(200, 20))
    found = glimpse.look(state, digits.train_images[:5])
    assert len(found.predicted) == 5
    assert found.filters is not None
    assert len(found.filters.weights()) == found.filters.shape[0]
    assert Glimpse.model_validate_json(found.model_dump_json()) == found


def test_looks_take_their_share_of_the_time_and_no_more_but_for_the_first_ones(digits, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(recorder.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(recorder.time, "perf_counter", lambda: clock[0])
    state = loop.TrainingState.create(QUICK, digits.subset(200, 20))
    one = recorder.Recorder(create(QUICK), state, digits.subset(200, 20))
    costs, looks, look = iter([1.0, 0.01]), [], glimpse.look

    def slow(*arguments):
        looks.append(state.seconds)
        clock[0] += next(costs, 0.1)
        return look(*arguments)

    monkeypatch.setattr(glimpse, "look", slow)
    for _ in range(8000):
        clock[0] += 0.05
        state.seconds += 0.05
        one.after(Stepped(step=1, epoch=1, loss=1, learning_rate=1, images_seen=1, seconds=state.seconds))
    first, rest = looks[: recorder.HEAD_START], looks[recorder.HEAD_START :]
    assert first[-1] <= recorder.HEAD_START * (recorder.LEAST_SECONDS + 0.1)
    assert recorder.SHARE * state.seconds / 2 <= 0.1 * len(rest) <= recorder.SHARE * state.seconds


def test_a_look_that_a_kill_cut_short_spoils_none_after_it(run):
    path = glimpses.log_path(run.path)
    whole = path.read_bytes()
    (run.path / "summary.json").unlink()
    path.write_bytes(whole[:-30])
    with EventLog(run.events_path) as log:  # as if a worker had gone on from the start, and been killed within a look
        log.append(Resumed(step=0, epoch=0, log_bytes=0))
    for file in run.path.glob("checkpoint*"):
        file.unlink()
    assert worker.work(run).reason == "completed"
    data = path.read_bytes()
    assert data.startswith(whole[: whole[:-1].rfind(b"\n") + 1])
    assert data.count(b"\n") > whole.count(b"\n")
    assert glimpses.is_whole(path.name, data)


def test_a_disk_that_refuses_ends_the_looking_and_not_the_training(monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recorder.Recorder, "_put_up", refuse)
    run = create(QUICK)
    assert worker.work(run).reason == "completed"
    assert read_wall(run.path) is None
    assert read_glimpses(run.path) == ([], 0)


def test_a_look_at_an_earlier_step_voids_those_after_it():
    looks = [Glimpse(step=step, epoch=1, seconds=step, predicted=[], confidence=[]) for step in (1, 5, 9, 4, 6)]
    assert [look.step for look in merged(looks[:3], looks[3:])] == [1, 4, 6]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{}",
        b"\xff\xfe",
        b'{"images": 3}',
        json.dumps({"images": [{"index": 1, "label": 2, "pixels": "A" * 50_000}]}).encode(),
    ],
)
def test_what_is_damaged_is_as_if_it_were_not_there(run, damage):
    glimpses.wall_path(run.path).write_bytes(damage)
    glimpses.log_path(run.path).write_bytes(damage + b"\n")
    glimpses.examples_path(run.path, "test").write_bytes(damage)
    assert read_wall(run.path) is None
    assert read_glimpses(run.path)[0] == []
    assert read_examples(run.path, "test") is None
