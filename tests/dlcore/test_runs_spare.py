"""The worker that waits: as the process that it is."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from dlcore import background
from dlcore.config import TrainConfig
from dlcore.machine import available_memory
from dlcore.messages import UserError
from dlcore.runs import launch, queue, spare, worker
from dlcore.runs.directory import create
from tests.waiting import wait_for

QUICK = TrainConfig(dataset="digits", model="linear", epochs=1, threads=1)
pytestmark = pytest.mark.skipif(os.name != "posix", reason="there are no named pipes")
PROJECT = Path(__file__).resolve().parents[2]


def spares(home) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if (process.info["cmdline"] or [])[-3:] == ["dlcore", "spare", "--detach"]:
            try:
                if process.environ().get("DLCORE_HOME") == str(home):
                    found.append(process)
            except psutil.Error:
                continue
    return found


@pytest.fixture
def wanted(home, monkeypatch):
    monkeypatch.setenv("DLCORE_SPARE", "0")
    yield home
    for process in spares(home):
        process.kill()


def test_a_waiting_worker_takes_the_next_run_and_computes_the_same(wanted):
    spare.ensure()
    wait_for(spare.is_warm)
    (process,) = spares(wanted)
    assert process.ppid() != os.getpid()
    assert process.nice() > psutil.Process().nice()
    spare.ensure()
    spare.ensure()
    assert spares(wanted) == [process]

    run, reference = create(QUICK), create(QUICK)
    launch.start(run)
    wait_for(lambda: run.status() == "completed")
    assert run.summary().weights_sha256 == worker.work(reference).weights_sha256
    assert not run.log_path.exists() or run.log_path.read_text() == ""
    wait_for(lambda: not process.is_running())
    assert not spare.is_ready()
    assert {path.name for path in (wanted / "spare").iterdir()} <= {"lock", "log", "servers", "wanted"}


def test_a_run_that_comes_while_it_still_imports_is_taken_too(wanted):
    spare.ensure()
    wait_for(spare.is_ready)
    run = create(QUICK)
    launch.start(run)
    wait_for(lambda: run.status() == "completed")
    wait_for(lambda: spares(wanted) == [])


def test_another_environment_or_program_is_not_served(wanted, monkeypatch):
    spare.ensure()
    wait_for(spare.is_ready)
    run = create(QUICK)
    with monkeypatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "7")
        assert spare.hand_over(run.path, "a") == "refused"
    with monkeypatch.context() as patch:
        patch.setattr(spare, "_program", lambda: "another")
        assert spare.hand_over(run.path, "a") == "refused"
    assert spare.is_ready()


def test_one_run_only_gets_it(wanted):
    spare.ensure()
    wait_for(spare.is_warm)
    runs = [create(QUICK), create(QUICK)]
    assert [spare.hand_over(run.path, run.run_id) for run in runs] == ["taken", "refused"]


def test_a_dead_spare_is_no_hindrance(wanted):
    spare.ensure()
    wait_for(spare.is_warm)
    (process,) = spares(wanted)
    process.kill()
    wait_for(lambda: not process.is_running())
    assert spare.is_ready()  # so it seems
    run = create(QUICK)
    assert spare.hand_over(run.path, "a") == "refused"
    spare.ensure()
    wait_for(spare.is_warm)
    assert len(spares(wanted)) == 1


@pytest.fixture
def importing(wanted):
    """A spare that is held in the middle of its imports."""
    spare.ensure()
    wait_for(spare.is_ready)
    (process,) = spares(wanted)
    process.send_signal(signal.SIGSTOP)
    assert not spare.is_warm()
    return process


def test_a_spare_that_dies_while_it_imports_leaves_its_run_to_another_worker(importing, home):
    run, reference = create(QUICK), create(QUICK)
    launch.start(run)
    (called,) = (home / "spare").glob("taken-*")
    importing.kill()
    wait_for(lambda: not called.exists(), spare.IMPORT_SECONDS)  # patience ends later
    wait_for(lambda: run.status() not in ("starting", "running"))
    assert run.summary().weights_sha256 == worker.work(reference).weights_sha256
    assert [event.kind for event in run.read()[0]].count("started") == 1


def test_the_next_spare_takes_what_a_dead_one_was_called_for_a_while_ago_as_litter(importing, home):
    assert spare.hand_over(create(QUICK).path, "young") == "called"
    old = home / "spare" / "taken-old"
    old.touch()
    os.utime(old, (0, 0))
    importing.kill()
    wait_for(lambda: not importing.is_running())
    spare.ensure()
    wait_for(spare.is_warm)
    assert not old.exists()
    assert spare.is_left("young")
    assert not spare.is_left("young")


def test_a_spare_that_imports_for_too_long_loses_the_run(importing):
    run = create(QUICK)
    assert spare.hand_over(run.path, "a") == "called"
    assert spare.is_left("a", seconds=0.1)
    importing.send_signal(signal.SIGCONT)
    wait_for(lambda: not importing.is_running())
    assert not (run.path / "lock").exists()  # nobody has touched it


def test_a_spare_that_lives_keeps_the_run_and_nobody_else_begins_it(importing):
    run = create(QUICK)
    assert spare.hand_over(run.path, "a") == "called"
    importing.send_signal(signal.SIGCONT)
    assert not spare.is_left("a", seconds=120)
    wait_for(lambda: run.status() == "completed")


def test_without_a_process_to_watch_it_a_spare_that_imports_is_trusted(importing, monkeypatch):
    monkeypatch.setattr(background.sys, "executable", "/no/such/python")
    run = create(QUICK)
    with monkeypatch.context() as patch:
        patch.setattr(spare, "is_ready", lambda: True)  # another interpreter would be another identity
        launch.start(run)
    importing.send_signal(signal.SIGCONT)
    wait_for(lambda: run.status() == "completed")


def test_a_spare_that_does_not_answer_loses_the_run(wanted, monkeypatch):
    spare.ensure()
    wait_for(spare.is_warm)
    (process,) = spares(wanted)
    process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(spare, "ANSWER_SECONDS", 0.1)
    run = create(QUICK)
    assert spare.hand_over(run.path, "a") == "refused"
    process.send_signal(signal.SIGCONT)
    wait_for(lambda: not process.is_running())
    assert run.status() == "starting"  # nobody has touched it
    assert not (run.path / "lock").exists()


def test_it_ends_with_the_last_server(wanted):
    program = "import time; from dlcore.runs import spare; spare.ensure(); print('here', flush=True); time.sleep(600)"
    server = subprocess.Popen([sys.executable, "-c", program], cwd=PROJECT, stdout=subprocess.PIPE)
    server.stdout.readline()
    wait_for((wanted / "spare" / "warm").exists)
    (process,) = spares(wanted)
    server.kill()
    server.communicate()
    wait_for(lambda: not process.is_running())


def test_it_ends_with_its_home(wanted):
    spare.ensure()
    wait_for(spare.is_warm)
    (process,) = spares(wanted)
    shutil.rmtree(wanted / "spare")
    wait_for(lambda: not process.is_running())


@pytest.mark.parametrize("setting", ["off", "9000000"])
def test_none_where_it_is_switched_off_or_memory_is_short(home, monkeypatch, setting):
    monkeypatch.setenv("DLCORE_SPARE", setting)
    monkeypatch.setattr(spare.subprocess, "run", lambda *_args, **_kwargs: pytest.fail("started"))
    spare.ensure()


def test_none_while_no_run_could_begin_at_once(monkeypatch):
    asked = []
    monkeypatch.setattr(spare, "ensure", lambda: asked.append(1))
    monkeypatch.setattr(launch, "start", lambda _run: None)
    monkeypatch.setenv("DLCORE_WORKERS", "1")
    queue.prepare()
    queue.submit(QUICK, owner="ann")
    queue.prepare()
    assert asked == [1]


def test_a_wrong_setting_is_refused(monkeypatch):
    monkeypatch.setenv("DLCORE_SPARE", "perhaps")
    with pytest.raises(UserError, match="DLCORE_SPARE"):
        spare.ensure()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says")
def test_the_memory_that_is_left_is_known():
    assert 0 < available_memory() <= psutil.virtual_memory().total
