"""The worker in this process, where faults can be made, and as the process that it is, where it can be killed."""

import errno
import hashlib
import math
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch

from dlcore.config import TrainConfig
from dlcore.data.partition import partition
from dlcore.inference import calibration
from dlcore.inference.calibrate import calibrate
from dlcore.inference.prediction import load_model
from dlcore.messages import UserError
from dlcore.runs import budget, checkpoint_store, event_log, launch, sealed, worker
from dlcore.runs.directory import create
from dlcore.runs.history import RunHistory
from dlcore.runs.process import MEMORY_PENALTY, log_to, stop_on_signals
from dlcore.training import checkpoints, loop, tensor_file
from dlcore.training import state as state_module
from dlcore.training.events import SAMPLED_STEPS, Ended, Evaluated, Inspected, Resumed, Started, Stepped
from tests.waiting import wait_for

QUICK = TrainConfig(dataset="digits", model="linear", epochs=2, threads=1)
LONG = TrainConfig(dataset="digits", model="linear", epochs=4, batch_size=2, learning_rate=0.0001, threads=1)
"""Thousands of steps: long enough to be caught in the middle."""
LONG_EPOCH = 647


def history_of(run) -> RunHistory:
    history = RunHistory()
    history.append(run.read()[0])
    return history


def curves(history: RunHistory) -> tuple:
    """What was measured, without the times."""
    steps = history.steps
    evaluations = [
        (e.epoch, e.step, e.train_loss, e.validation_loss, e.validation_accuracy) for e in history.evaluations
    ]
    return steps.step, steps.loss, steps.learning_rate, steps.images_seen, evaluations, history.tested.loss


def process_of(run) -> psutil.Process | None:
    for found in psutil.process_iter(["cmdline"]):
        if str(run.path) in (found.info["cmdline"] or []):
            return found
    return None


def stop_after(step: int):
    """Ask for a stop as soon as this step was seen: ``watch`` and ``stop`` for :func:`dlcore.runs.worker.work`."""
    seen = []

    def watch(event):
        if isinstance(event, Stepped) and event.step >= step:
            seen.append(event.step)

    return {"watch": watch, "stop": lambda: bool(seen)}


def test_a_run_ends_calibrated_by_what_it_held_back():
    run = create(QUICK)
    ended = worker.work(run)
    found = calibration.read(run.weights_path, ended.weights_sha256)
    assert found.calibration.images == 144
    again = calibrate(load_model(run.run_id))  # the same images, however they are found
    assert again.calibration.temperature == found.calibration.temperature
    few = create(QUICK.model_copy(update={"validation_fraction": 0.05}))
    worker.work(few)
    assert not few.weights_path.with_name(calibration.FILE_NAME).exists()
    with pytest.raises(UserError, match="Only 72 images"):
        calibrate(load_model(few.run_id))
    with pytest.raises(UserError, match="held other images back"):
        calibrate(replace(load_model(run.run_id), dataset="mnist-pen", metadata={"config": {"dataset": "mnist-pen"}}))


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "full"), MemoryError(), IndexError("odd")])
def test_a_run_that_cannot_be_calibrated_is_a_whole_run(monkeypatch, fault):
    def refuse(*_arguments):
        raise fault

    monkeypatch.setattr(calibration, "write", refuse)
    run = create(QUICK)
    assert worker.work(run).reason == "completed"
    assert run.weights_path is not None


def test_a_run_from_start_to_end():
    run = create(QUICK)
    seen = []
    ended = worker.work(run, watch=seen.append)
    assert ended.reason == run.status() == "completed"
    assert run.read()[0] == [event for event in seen if not isinstance(event, Inspected)]
    assert [type(event) for event in seen if not isinstance(event, Stepped)][1:4] == [Started, Inspected, Evaluated]
    summary, history = run.summary(), history_of(run)
    assert len(history.evaluations) == 3
    assert (summary.test_accuracy, summary.step, summary.epoch) == (history.tested.accuracy, history.latest.step, 2)
    assert summary.test_accuracy > 0.8
    _model, about = checkpoints.load_weights(run.weights_path)
    assert about["test_accuracy"] == summary.test_accuracy
    assert ended.weights_sha256 == summary.weights_sha256 == hashlib.sha256(run.weights_path.read_bytes()).hexdigest()
    assert {path.name for path in run.path.iterdir()} == {
        "calibration.safetensors",
        "config.json",
        "events.jsonl",
        "epochs",
        "lock",
        "checkpoint-000002.safetensors",
        "checkpoint-000003.safetensors",
        "checkpoints.json",
        "model.safetensors",
        "summary.json",
        "watching",
    }


def test_a_stop_by_the_visitor_keeps_what_was_learned():
    run = create(QUICK)

    def watch(event):
        if isinstance(event, Stepped) and event.step == 30:
            run.request_stop()

    assert worker.work(run, watch=watch).reason == run.status() == "stopped"
    history = history_of(run)
    assert history.latest.step == 30
    assert history.tested.count == 360
    assert run.summary().test_accuracy == history.tested.accuracy > 0.5
    assert run.model_at_hand()


def test_a_stop_after_the_last_epoch_changes_nothing():
    run = create(QUICK)

    def watch(event):
        if isinstance(event, Evaluated) and event.epoch == QUICK.epochs:
            run.request_stop()

    assert worker.work(run, watch=watch).reason == run.status() == "completed"


def test_a_stopped_run_goes_on_as_if_nothing_had_been():
    reference, run = create(QUICK), create(QUICK)
    expected = worker.work(reference)
    for step in (5, 21, 30):  # within an epoch, and at its first step
        assert worker.work(run, **stop_after(step)).reason == "stopped"
        assert history_of(run).latest.step == step
    ended = worker.work(run)
    assert ended == expected
    history = history_of(run)
    assert history.resumed == [5, 21, 30]
    assert curves(history) == curves(history_of(reference))
    assert run.summary().images_seen == reference.summary().images_seen


def test_a_stop_before_training_ends_the_run_at_once(monkeypatch):
    run = create(QUICK)
    run.request_stop()
    monkeypatch.setattr(loop, "train", None)
    assert worker.work(run).reason == run.status() == "stopped"
    assert not run.model_at_hand()


def test_a_stop_before_it_goes_on_keeps_the_earlier_result(monkeypatch):
    run = create(QUICK)
    stopped = worker.work(run, **stop_after(30))
    before = run.summary()
    run.request_stop()
    monkeypatch.setattr(loop, "train", None)
    assert worker.work(run) == stopped
    assert before.test_accuracy is not None
    assert (run.status(), run.summary()) == ("stopped", before)


def test_continuing_forgets_the_wish_to_stop():
    run = create(QUICK)
    run.request_stop()
    run.expect_worker()
    assert not run.stop_requested()


def test_a_second_worker_leaves_the_first_alone(monkeypatch):
    monkeypatch.setattr(worker, "LOCK_SECONDS", 0.05)
    run = create(QUICK)
    refused = []

    def watch(event):
        if isinstance(event, Stepped) and event.step == 3:
            with pytest.raises(UserError, match="another worker") as error:
                worker.work(run)
            refused.append(error.value)

    assert worker.work(run, watch=watch).reason == "completed"
    assert len(refused) == 1
    assert history_of(run).resumed == []


def test_a_complete_run_is_not_trained_again():
    run = create(QUICK)
    worker.work(run)
    log = run.events_path.read_bytes()
    with pytest.raises(UserError, match="nothing left"):
        worker.work(run)
    assert (run.events_path.read_bytes(), run.status()) == (log, "completed")


def test_a_torn_line_is_cut_off_before_more_is_written():
    run = create(QUICK)
    worker.work(run, **stop_after(5))
    with run.events_path.open("ab") as file:
        file.write(b'{"kind":"stepped","step":6,"epo')
    assert worker.work(run).reason == "completed"
    assert run.scan().damaged_lines == 0
    assert history_of(run).latest.step == 42


def test_a_log_that_is_one_torn_line_starts_over():
    run = create(QUICK)
    run.events_path.write_bytes(b'{"kind":"prep' + b" " * 200_000)
    with event_log.EventLog(run.events_path) as log:
        assert log.empty
    assert run.events_path.read_bytes() == b""


def test_steps_reach_a_reader_in_batches_and_other_events_at_once(monkeypatch):
    run = create(QUICK)
    monkeypatch.setattr(event_log, "FLUSH_SECONDS", 1000.0)
    with event_log.EventLog(run.events_path) as log:
        log.append(Started(**STARTED, steps_per_epoch=10))
        for number in range(1, 10):
            log.append(step(number))
            assert len(run.read()[0]) == 1
        log.append(step(10))  # an evaluation follows, which takes its time
        assert len(run.read()[0]) == 11
        monkeypatch.setattr(event_log, "FLUSH_SECONDS", 0.0)
        log.append(step(11))
        assert len(run.read()[0]) == 12


def test_no_log_grows_without_bound(monkeypatch):
    run = create(QUICK)
    monkeypatch.setattr(event_log, "LOGGED_STEPS", 10)
    with event_log.EventLog(run.events_path) as log:
        log.append(Started(**STARTED, steps_per_epoch=25))
        for number in range(1, 51):
            log.append(step(number))
    assert list(history_of(run).steps.step) == [1, 6, 11, 16, 21, 25, 26, 31, 36, 41, 46, 50]


@pytest.mark.parametrize("most", [3, 7, 11, 12, 20, 25, 41, 42, 50])
def test_a_thinned_log_keeps_the_steps_whose_update_was_measured(monkeypatch, reference, most):
    """All of them as long as the log has room for more than them, and nothing else, but for the ends of epochs, if not."""
    monkeypatch.setattr(event_log, "LOGGED_STEPS", most)
    run = create(QUICK)
    with event_log.EventLog(run.events_path) as log:
        for event in reference.read()[0]:
            unmeasured = isinstance(event, Stepped) and (event.step - 1) % SAMPLED_STEPS
            log.append(replace(event, update_ratio=None) if unmeasured else event)  # as on a GPU
    thinned = history_of(run).steps
    measured = {1, 11, 21, 31, 41}
    kept = {at for at, ratio in zip(thinned.step, thinned.update_ratio, strict=True) if not math.isnan(ratio)}
    assert kept >= measured if most >= 5 else kept == {1, 21, 41}
    assert kept == measured or most < 5
    assert set(thinned.step) >= {1, 21, 42}
    assert len(thinned.step) <= most + 2
    if most < 9:
        assert set(thinned.step) - kept <= {21, 42}


def test_a_disk_that_fills_up_fails_the_run_and_keeps_the_last_epoch(monkeypatch):
    reference, run = create(QUICK), create(QUICK)
    save, saved = checkpoints.save, []

    def full(state, path, **about):
        if len(saved) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        saved.append(state.step)
        return save(state, path, **about)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save", full)
        ended = worker.work(run)
    assert (ended.reason, run.status()) == ("failed", "failed")
    assert "disk is full" in ended.message
    assert history_of(run).latest.step == 42  # the curves say what was computed, the checkpoint what was kept
    assert worker.work(run) == worker.work(reference)
    assert curves(history_of(run)) == curves(history_of(reference))


def test_a_disk_without_room_for_a_line_leaves_whole_lines_and_no_false_end(monkeypatch):
    run = create(QUICK)
    real, budget = os.write, [6000]

    class FullFile:
        """A file on a disk that takes a part of what it is given, and then nothing."""

        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, data):
            if not budget[0]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            part = bytes(data[: budget[0]])
            budget[0] -= len(part)
            return real(self.file.fileno(), part)

    init = event_log.EventLog.__init__

    def on_full_disk(self, path):
        init(self, path)
        self._file = FullFile(self._file)

    with monkeypatch.context() as patch:
        patch.setattr(event_log.EventLog, "__init__", on_full_disk)
        patch.setattr(worker.atomic, "write", FullFile.write)
        ended = worker.work(run)
    assert ended.reason == "failed"
    assert run.status() == "interrupted"
    assert run.events_path.read_bytes().endswith(b"}\n")
    assert run.scan().damaged_lines == 0
    assert worker.work(run).reason == "completed"


def test_a_fault_is_told_in_words_and_its_traceback_only_in_the_log(monkeypatch):
    run = create(QUICK)
    monkeypatch.setattr(loop, "train", lambda *_args, **_kwargs: 1 / 0)
    with log_to(run.log_path):
        ended = worker.work(run)
    assert ended.reason == run.status() == "failed"
    assert ended.message.format(**ended.values).startswith(
        "Training broke off by a fault of this program (ZeroDivision"
    )
    assert "Traceback" in run.log_path.read_text()
    assert "Traceback" not in run.events_path.read_text()


def too_large():
    torch.empty(10**16)


def raising(error):
    def fail():
        raise error

    return fail


@pytest.mark.parametrize(
    "fault",
    [
        too_large,
        raising(RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB.")),
        raising(RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)")),
        raising(MemoryError()),
        raising(OSError(errno.ENOMEM, "Cannot allocate memory")),
    ],
)
def test_too_little_memory_is_told_with_a_way_on(monkeypatch, fault):
    run = create(QUICK)
    monkeypatch.setattr(loop, "train", lambda *_args, **_kwargs: fault())
    ended = worker.work(run)
    assert (ended.reason, ended.message) == (
        "failed",
        "There was not enough memory. Try a smaller batch or a smaller model.",
    )


@pytest.mark.parametrize(("free", "fits"), [(20_000_000, False), (80_000_000, True), (None, True)])
def test_a_batch_that_no_memory_is_left_for_is_refused_before_the_system_ends_the_worker(monkeypatch, free, fits):
    run = create(QUICK.model_copy(update={"model": "compact-cnn", "batch_size": 64, "epochs": 1}))
    monkeypatch.setattr(budget, "available_memory", lambda: free)  # 0.7 MB an image
    monkeypatch.setattr(loop, "train", lambda *_args, **_kwargs: iter([Ended(reason="diverged")]))
    ended = worker.work(run)
    if fits:
        assert ended.reason == "diverged"
        return
    assert ended.reason == "failed"
    told = ended.message.format(**ended.values)
    assert told.startswith(
        "A batch of 64 images takes some 44 MB of memory between the layers, and 20 MB are free here."
    )


def test_what_the_visitor_can_put_right_is_told_as_it_is():
    run = create(QUICK.model_copy(update={"device": "mps"}))
    ended = worker.work(run)
    assert ended.message.format(**ended.values) == "There is no mps device here. Choose auto or cpu."
    assert run.summary().message == ended.message


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[-100] ^= 4
    path.write_bytes(data)


def newest_first(run):
    return [candidate.path for candidate in run.checkpoints.candidates()]


@pytest.fixture
def stopped():
    """A run stopped in its second epoch, with two checkpoints; and what it must become."""
    run = create(QUICK)
    worker.work(run, **stop_after(30))
    return run


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The same run, uninterrupted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLCORE_HOME", str(tmp_path_factory.mktemp("reference")))
        run = create(QUICK)
        worker.work(run)
        return run


def metric_log(run):
    """What was measured, without the times."""
    return [
        [getattr(event, name) for name in event.__slots__ if name not in ("seconds", "message")]
        for event in run.metrics()
    ]


def test_the_metric_log_of_an_interrupted_run_is_that_of_an_uninterrupted_one(stopped, reference):
    worker.work(stopped)
    assert metric_log(stopped) == metric_log(reference)
    (resumed,) = [event for event in stopped.read()[0] if isinstance(event, Resumed)]
    assert (resumed.step, resumed.message) == (30, "")
    assert 0 < resumed.log_bytes < stopped.events_path.stat().st_size


class Killed(BaseException):
    """What no worker can catch."""


def inspections(run):
    return {path.name: path.read_bytes() for path in (run.path / "epochs").iterdir()}


@pytest.mark.parametrize("ending", ["stop", "kill"])
@pytest.mark.parametrize(
    ("kind", "step"), [(Stepped, 20), (Stepped, 21), (Inspected, 21), (Evaluated, 21), (Stepped, 22), (Inspected, 42)]
)
def test_inspections_and_metrics_are_those_of_an_uninterrupted_run_wherever_it_broke_off(
    reference, monkeypatch, ending, kind, step
):
    monkeypatch.setenv("DLCORE_CHECKPOINT_SECONDS", "0")  # so that a kill may leave a checkpoint of any step
    run, seen = create(QUICK), []

    def watch(event):
        if isinstance(event, kind) and event.step == step:
            seen.append(event)
            if ending == "kill":
                raise Killed

    if ending == "kill":
        with pytest.raises(Killed):
            worker.work(run, watch=watch)
    else:
        worker.work(run, watch=watch, stop=lambda: bool(seen))
    assert seen
    if run.status() != "completed":  # as one that is asked to stop amid its last evaluation
        worker.work(run)
    assert inspections(run) == inspections(reference)
    assert run.inspection(1).gradients
    assert metric_log(run) == metric_log(reference)
    assert run.weights_path.read_bytes() == reference.weights_path.read_bytes()


def test_a_run_paused_at_the_end_of_an_epoch_and_then_killed_is_inspected_as_ever(reference, monkeypatch):
    monkeypatch.setattr(worker, "PAUSE_SAVED_SECONDS", -1.0)
    run = create(QUICK)

    def watch(event):
        if isinstance(event, Stepped) and event.step == 21:
            run.steer(then="pause")

    def die_once_it_is_kept():
        if (newest := run.checkpoints.newest()) is not None and newest.step == 21:
            raise Killed
        return False

    with pytest.raises(Killed):
        worker.work(run, watch=watch, stop=die_once_it_is_kept)
    assert run.status() == "interrupted"
    run.forget_wishes()
    worker.work(run)
    assert history_of(run).resumed == [21]
    assert inspections(run) == inspections(reference)


def test_what_is_asked_amid_an_evaluation_is_obeyed_right_after_it():
    run = create(QUICK)

    def watch(event):
        if isinstance(event, Inspected) and event.epoch == 1:
            run.request_stop()

    assert worker.work(run, watch=watch).reason == "stopped"
    assert history_of(run).latest.step == 21
    assert [evaluation.epoch for evaluation in history_of(run).evaluations] == [0, 1]


@pytest.mark.parametrize("which", ["checkpoint", "manifest"])
def test_a_checkpoint_that_the_disk_does_not_give_back_is_got_round(stopped, reference, monkeypatch, which):
    newest = newest_first(stopped)[0]
    refused = newest if which == "checkpoint" else stopped.checkpoints.manifest_path
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refusing(refused, errno.EIO))
        assert worker.work(stopped).reason == "completed"
    assert stopped.summary().weights_sha256 == reference.summary().weights_sha256
    assert metric_log(stopped) == metric_log(reference)
    notice = history_of(stopped).notice
    expected = newest.name if which == "checkpoint" else "The list of checkpoints was damaged"
    assert expected in notice.message.format(**notice.values)


def refusing(refused, number):
    """``Path.read_bytes``, but for one file that the operating system refuses."""
    read = Path.read_bytes

    def reading(path):
        if path == refused:
            raise OSError(number, os.strerror(number))
        return read(path)

    return reading


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE])
@pytest.mark.parametrize("which", ["checkpoint", "manifest"])
def test_a_checkpoint_that_cannot_be_read_now_is_not_given_up(stopped, reference, monkeypatch, number, which):
    before = {path.name: path.read_bytes() for path in stopped.path.glob("checkpoint*")}
    refused = newest_first(stopped)[0] if which == "checkpoint" else stopped.checkpoints.manifest_path
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refusing(refused, number))
        ended = worker.work(stopped)
    assert ended.reason == stopped.status() == "failed"
    assert os.strerror(number) in ended.message.format(**ended.values)
    assert "Everything up to the last checkpoint was kept" in ended.message
    assert {path.name: path.read_bytes() for path in stopped.path.glob("checkpoint*")} == before
    assert stopped.summary().weights_sha256 == hashlib.sha256(stopped.weights_path.read_bytes()).hexdigest()
    assert worker.work(stopped).weights_sha256 == reference.summary().weights_sha256
    assert history_of(stopped).resumed == [30]
    assert metric_log(stopped) == metric_log(reference)


def test_a_damaged_newest_checkpoint_is_told_and_the_one_before_it_used(stopped, reference):
    newest = newest_first(stopped)[0]
    flip_a_bit(newest)
    assert worker.work(stopped).weights_sha256 == reference.summary().weights_sha256
    history = history_of(stopped)
    assert history.resumed == [21]
    assert newest.name in history.notice.message.format(**history.notice.values)
    assert metric_log(stopped) == metric_log(reference)


def test_a_newest_checkpoint_that_is_gone_is_told_too(stopped):
    newest_first(stopped)[0].unlink()
    worker.work(stopped)
    assert history_of(stopped).resumed == [21]
    assert "damaged" in history_of(stopped).notice.message


def test_the_damaged_one_never_outlives_the_whole_one(stopped):
    """After the fall back, the next save must not count the damaged file as one of the two."""
    newest, before = newest_first(stopped)
    flip_a_bit(newest)
    worker.work(stopped, **stop_after(25))
    assert before == newest_first(stopped)[1]
    for path in newest_first(stopped):
        tensor_file.read(path, limit_bytes=10**9)


def test_a_checkpoint_whose_removal_was_refused_once_goes_when_the_run_ends(stopped, monkeypatch):
    unlink, refused = Path.unlink, []

    def refuse_the_last_time(path, **options):
        """Every removal of a checkpoint's file fails, until the log says that the run ended."""
        if path.name.startswith("checkpoint-") and not any(isinstance(e, Ended) for e in stopped.metrics()):
            refused.append(path)
            raise OSError(5, "Input/output error")
        return unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", refuse_the_last_time)
    worker.work(stopped)
    assert refused
    assert len(newest_first(stopped)) == 2


def test_both_damaged_is_a_clear_end_with_a_way_on(stopped):
    result = stopped.summary()
    for path in newest_first(stopped):
        flip_a_bit(path)
    ended = worker.work(stopped)
    assert ended.reason == stopped.status() == "failed"
    assert "Start it again with the same settings" in ended.message
    assert all(path.name in ended.values["files"] for path in newest_first(stopped))
    assert stopped.summary().test_accuracy == result.test_accuracy
    assert history_of(stopped).latest.step == 30


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": 2, "checkpoints": []}', b"\xff", b"[]"])
def test_a_damaged_manifest_is_told_and_got_round(stopped, reference, content):
    stopped.checkpoints.manifest_path.write_bytes(content)
    assert worker.work(stopped).weights_sha256 == reference.summary().weights_sha256
    assert history_of(stopped).resumed == [30]
    assert "list of checkpoints was damaged" in history_of(stopped).notice.message
    assert len(stopped.checkpoints.manifest()) == 2


def test_a_manifest_of_a_newer_version_says_update(stopped):
    stopped.checkpoints.manifest_path.write_text(sealed.seal({"checkpoints": []}, format_number=99))
    assert "newer version" in worker.work(stopped).message


def test_a_log_with_a_gap_is_told(stopped):
    lines = stopped.events_path.read_bytes().splitlines(keepends=True)
    lines[5] = lines[5].replace(b'"loss":', b'"loss":1')
    stopped.events_path.write_bytes(b"".join(lines))
    assert worker.work(stopped).reason == "completed"
    assert "curves have gaps" in history_of(stopped).notice.message


def test_checkpoints_are_kept_every_so_many_seconds_two_of_them(monkeypatch):
    monkeypatch.setenv("DLCORE_CHECKPOINT_SECONDS", "0")
    run, seen = create(QUICK), []

    def watch(event):
        if isinstance(event, Stepped):
            seen.append([kept.step for kept in run.checkpoints.manifest()])

    worker.work(run, watch=watch)
    assert seen[:3] == [[0], [1, 0], [2, 1]]
    assert [path.name for path in newest_first(run)] == [kept.file for kept in run.checkpoints.manifest()]


def test_a_run_that_has_had_its_hours_is_stopped_kindly_and_for_good(monkeypatch):
    run = create(LONG)
    monkeypatch.setenv("DLCORE_RUN_HOURS", "0.00001")
    ended = worker.work(run)
    assert ended.reason == run.status() == "stopped"
    assert "longest that a run may take" in ended.message.format(**ended.values)
    assert run.model_at_hand()
    assert run.summary().test_accuracy is not None
    with pytest.raises(UserError, match="has had its"):
        launch.check_resumable(run)
    monkeypatch.delenv("DLCORE_RUN_HOURS")
    launch.check_resumable(run)  # whoever raises the limit lets it go on


def test_a_visitor_takes_no_machine_for_days_and_a_shell_may(monkeypatch):
    monkeypatch.setattr(budget, "VISITOR_HOURS", 0.00001)
    visitors, of_shell = create(LONG, owner="ann"), create(QUICK)
    assert "longest that a run may take" in worker.work(visitors).message
    with pytest.raises(UserError, match="has had its"):
        launch.check_resumable(visitors)
    assert worker.work(of_shell).reason == "completed"


def test_time_is_counted_over_all_workers(monkeypatch):
    run = create(LONG)
    worker.work(run, **stop_after(3))
    first = run.checkpoints.newest().wall_seconds
    worker.work(run, **stop_after(6))
    assert 0 < first < run.checkpoints.newest().wall_seconds


def test_a_run_whose_files_grow_too_large_is_stopped_kindly(monkeypatch):
    run = create(QUICK)
    monkeypatch.setenv("DLCORE_RUN_MEGABYTES", "0.3")
    monkeypatch.setattr(worker, "WEIGH_SECONDS", 0.0)
    ended = worker.work(run)
    assert ended.reason == run.status() == "stopped"
    assert "MB" in ended.message
    assert run.model_at_hand()
    assert sum(path.stat().st_size for path in run.path.iterdir()) <= 300_000


@pytest.mark.parametrize(
    ("folder", "reason"), [(".", "stopped"), ("epochs", "stopped"), ("watching", "stopped"), ("", "completed")]
)
def test_whatever_lies_in_a_runs_folders_counts(monkeypatch, folder, reason):
    run = create(QUICK)
    monkeypatch.setenv("DLCORE_RUN_MEGABYTES", "5")
    monkeypatch.setattr(worker, "WEIGH_SECONDS", 0.0)
    if folder:
        (run.path / folder).mkdir(exist_ok=True)
        (run.path / folder / "large").write_bytes(bytes(5_000_000))
    assert worker.work(run).reason == reason


@pytest.mark.parametrize("value", ["-1", "soon", "nan", "1e9", "٣"])
def test_a_wrong_number_of_seconds_is_refused(monkeypatch, value):
    monkeypatch.setenv("DLCORE_CHECKPOINT_SECONDS", value)
    assert worker.work(create(QUICK)).message.startswith("{name} must be a number in")


def test_divergence_leaves_no_model():
    run = create(
        QUICK.model_copy(update={"learning_rate": 10.0, "optimizer": "sgd", "weight_decay": 1.0, "epochs": 20})
    )
    ended = worker.work(run)
    assert ended.reason == run.status() == "diverged"
    assert not run.model_at_hand()
    assert run.summary().message


def test_divergence_takes_along_the_model_of_an_earlier_stop(monkeypatch):
    """As if it had never been stopped: what the summary says and what lies there agree."""
    run = create(QUICK)
    worker.work(run, **stop_after(30))
    assert run.model_at_hand()
    assert run.weights_path.with_name(calibration.FILE_NAME).exists()

    def diverge(event):
        if isinstance(event, Stepped) and event.step == 31:
            monkeypatch.setattr(loop, "training_loss", lambda *_arguments, **_options: torch.tensor(math.nan))

    ended = worker.work(run, watch=diverge)
    assert ended.reason == run.status() == "diverged"
    assert ended.weights_sha256 == run.summary().weights_sha256 == ""
    assert not run.model_at_hand()
    assert not (run.path / calibration.FILE_NAME).exists()


def test_a_run_that_fails_after_an_earlier_stop_says_which_model_it_still_has(monkeypatch):
    run = create(QUICK)
    before = worker.work(run, **stop_after(30)).weights_sha256

    def fail(event):
        if isinstance(event, Stepped) and event.step == 31:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    assert worker.work(run, watch=fail).reason == "failed"
    assert run.summary().weights_sha256 == before == hashlib.sha256(run.weights_path.read_bytes()).hexdigest()


def test_leftovers_of_a_killed_save_are_cleared_away():
    run = create(QUICK)
    (run.path / "epochs").mkdir()
    names = (".checkpoint.safetensors.123.tmp", ".calibration.safetensors.123.tmp", "epochs/.0001.json.123.tmp")
    leftovers = [run.path / name for name in names]
    for leftover in leftovers:
        leftover.write_bytes(b"half")
    worker.work(run)
    assert not any(leftover.exists() for leftover in leftovers)


def test_the_same_signal_twice_is_not_held_back():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start with it ignored
    with stop_on_signals(signal.SIGINT) as stop:
        assert not stop()
        signal.raise_signal(signal.SIGINT)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_killed_in_the_middle_it_shows_as_interrupted_and_resumes_bit_for_bit(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # a worker starts from anywhere
    reference, run = create(LONG), create(LONG)
    launch.start(run)
    assert run.status() == "starting"
    wait_for(lambda: len((history := history_of(run)).evaluations) > 1 and history.latest.step > LONG_EPOCH + 10)
    assert run.status() == "running"
    process = process_of(run)
    assert process.ppid() != os.getpid()  # nobody's child: no zombie stays behind
    process.kill()
    wait_for(lambda: run.status() == "interrupted", 5)
    assert not run.model_at_hand()
    cut = history_of(run)
    assert LONG_EPOCH < cut.latest.step < 4 * LONG_EPOCH
    assert cut.ended is None

    launch.check_resumable(run)
    launch.start(run)
    worker.work(reference)
    wait_for(lambda: run.status() == "completed")
    assert curves(history_of(run)) == curves(history_of(reference))
    assert run.weights_path.read_bytes() == reference.weights_path.read_bytes()
    assert history_of(run).resumed[0] in (LONG_EPOCH, 2 * LONG_EPOCH, 3 * LONG_EPOCH)
    wait_for(lambda: process_of(run) is None, 10)


def test_a_terminated_worker_keeps_what_it_learned():
    run = create(LONG)
    launch.start(run)
    wait_for(lambda: history_of(run).latest)
    process = process_of(run)
    assert process.nice() > psutil.Process().nice() or os.name != "posix"
    if sys.platform == "linux":
        penalty = int(Path(f"/proc/{process.pid}/oom_score_adj").read_text())
        assert penalty >= MEMORY_PENALTY
    process.send_signal(signal.SIGTERM)
    wait_for(lambda: run.status() == "stopped")
    assert run.model_at_hand()
    assert run.checkpoints.exists()
    assert history_of(run).tested is not None
    with pytest.raises(UserError):
        launch.check_resumable(create(QUICK))
    launch.check_resumable(run)


def step(number: int) -> Stepped:
    return Stepped(step=number, epoch=1, loss=1.0, learning_rate=0.1, images_seen=number, seconds=0.0)


STARTED = {
    "class_names": ["0", "1"],
    "train_count": 100,
    "validation_count": 10,
    "test_count": 10,
    "parameters": 5,
    "epochs": 2,
    "device": "cpu",
    "threads": 1,
    "versions": {},
}


def test_the_loops_events_are_all_there_is():
    """The worker adds only what concerns the run as a whole."""
    run = create(QUICK)
    worker.work(run)
    logged = [event for event in run.read()[0] if not isinstance(event, Ended | Resumed)]
    plain = [event for event in loop.train(QUICK) if not isinstance(event, Ended | Inspected)]
    assert [type(event) for event in logged] == [type(event) for event in plain]


def test_last_words_without_a_file_of_their_own_are_read_from_the_log():
    run = create(QUICK)
    worker.work(run)
    summary = run.summary()
    (run.path / "summary.json").unlink()
    assert (run.status(), run.summary()) == ("completed", summary)
    (run.path / "summary.json").write_bytes(b'{"format": 2, "reason": "failed"}')
    assert (run.status(), run.summary()) == ("completed", summary)


def test_a_checkpoint_that_was_written_and_not_yet_listed_counts(monkeypatch):
    run = create(QUICK)
    write = checkpoint_store.atomic.write

    def full(path, content):
        if path.name == "checkpoints.json" and "checkpoint-000003" in content:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_store.atomic, "write", full)
        assert worker.work(run).reason == "failed"
    assert len(newest_first(run)) == 3
    assert worker.work(run).reason == "completed"
    assert history_of(run).resumed == [42]
    assert [path.name for path in newest_first(run)] == [kept.file for kept in run.checkpoints.manifest()]


def test_a_run_whose_images_an_earlier_version_divided_otherwise_does_not_go_on(stopped, monkeypatch):
    def otherwise(config, count, *, held_back=0):
        learned_from, validation = partition(config, count, held_back=held_back)
        return learned_from[1:], torch.cat([validation, learned_from[:1]])

    before = stopped.summary()
    with monkeypatch.context() as patch:
        patch.setattr(state_module, "partition", otherwise)
        ended = worker.work(stopped)
    told = ended.message.format(**ended.values)
    assert (ended.reason, "images to learn from" in told) == ("failed", True)
    assert len(stopped.checkpoints.candidates()) == 2
    assert stopped.summary().weights_sha256 == before.weights_sha256 != ""
    assert worker.work(stopped).reason == "completed"
