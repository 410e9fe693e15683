import contextlib
import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dlcore import atomic
from dlcore.config import TrainConfig
from dlcore.messages import UserError
from dlcore.runs import config_file, directory, launch, queue
from dlcore.runs.directory import Run, list_runs, waiting_mark
from dlcore.runs.summary import Summary

QUICK = TrainConfig(dataset="digits", model="linear", epochs=1)


class Workers:
    """Stands in for worker processes: holds each started run's lock, as they do, until the run is ended or killed."""

    def __init__(self):
        self.started: list[Run] = []
        self.locks = {}

    def start(self, run):
        run.expect_no_worker()
        lock = run.lock()
        lock.acquire()
        self.started.append(run)
        self.locks[run.run_id] = lock

    def kill(self, run):
        self.locks.pop(run.run_id).release()


@pytest.fixture
def workers(monkeypatch):
    stand_in = Workers()
    monkeypatch.setattr(launch, "start", stand_in.start)
    monkeypatch.setenv("DLCORE_WORKERS", "1")
    yield stand_in
    for lock in stand_in.locks.values():
        lock.release()


def submit(owner):
    return queue.submit(QUICK, owner=owner)


def test_the_first_run_starts_at_once_and_the_next_waits_its_turn(workers):
    first, second = submit("ann"), submit("bob")
    assert workers.started == [first]
    assert (first.status(), queue.place(first)) == ("starting", 0)
    assert (second.status(), queue.place(second)) == ("queued", 1)
    queue.advance()
    assert workers.started == [first]

    workers.kill(first)
    queue.advance()
    assert workers.started == [first, second]
    assert second.status() == "starting"
    assert first.status() == "interrupted"


def test_a_killed_holder_frees_its_place_without_a_word(workers):
    first = submit("ann")
    workers.kill(first)
    assert submit("bob").status() == "starting"


def test_visitors_take_turns_whatever_the_order_in_which_they_asked(workers, monkeypatch):
    monkeypatch.setattr(queue, "limits", lambda: queue.Limits(workers=1, waiting_each=20))
    for owner in ["ann"] * 10 + ["bob"] * 6 + ["eve"] * 4:
        submit(owner)
    order = []
    while workers.started and workers.locks:
        running = workers.started[-1]
        order.append(running.owner)
        workers.kill(running)
        queue.advance()
    assert Counter(order) == {"ann": 10, "bob": 6, "eve": 4}
    for turn in range(4):  # as long as all three wait, each begins once in any three
        assert set(order[3 * turn : 3 * turn + 3]) == {"ann", "bob", "eve"}


def test_one_visitor_never_takes_two_workers(workers, monkeypatch):
    monkeypatch.setenv("DLCORE_WORKERS", "3")
    runs = [submit("ann"), submit("ann"), submit("bob")]
    assert [run.status() for run in runs] == ["starting", "queued", "starting"]


def test_a_visitor_has_at_most_two_waiting_and_nothing_is_left_of_a_refusal(workers):
    for _ in range(3):
        submit("ann")
    with pytest.raises(UserError, match="2 runs waiting"):
        submit("ann")
    assert len(list_runs()) == 3
    assert submit("bob").status() == "queued"


def test_the_line_is_bounded_whoever_stands_in_it(workers, monkeypatch):
    monkeypatch.setattr(queue, "limits", lambda: queue.Limits(workers=1, waiting_in_all=3))
    for visitor in range(4):
        submit(f"visitor {visitor}")
    with pytest.raises(UserError, match="line is full"):
        submit("one more")


def test_a_waiting_run_that_is_stopped_leaves_the_queue_and_can_be_resumed(workers):
    first, second, third = submit("ann"), submit("bob"), submit("eve")
    queue.stop(second)
    assert second.status() == "stopped"
    assert queue.place(third) == 1
    queue.resume(second)
    assert (second.status(), queue.place(second)) == ("queued", 2)
    queue.stop(first)
    assert first.stop_requested()


def test_stopped_while_it_waits_to_go_on_a_run_keeps_its_result(workers):
    first, second = submit("ann"), submit("bob")
    queue.stop(second)
    result = Summary(reason="stopped", test_accuracy=0.5, step=30, weights_sha256="ab")
    (second.path / "summary.json").write_text(result.model_dump_json())
    queue.resume(second)
    assert second.status() == "queued"
    queue.stop(second)
    assert (second.status(), second.summary()) == ("stopped", result)
    assert first.status() == "starting"


@pytest.mark.parametrize("others", [0, 1])
def test_a_run_does_not_wait_for_itself(workers, others):
    run = submit("ann")
    workers.kill(run)
    waiting = [submit("bob") for _ in range(others)]
    queue.resume(run)
    for other in waiting:
        assert (other.status(), run.status()) == ("starting", "queued")
        workers.kill(other)
        queue.advance()
    assert run.status() == "starting"
    assert workers.started == [run, *waiting, run]


def test_two_pages_that_resume_a_run_at_once_start_it_once(workers, monkeypatch):
    run = submit("ann")
    workers.kill(run)
    run.request_stop()  # whatever was asked of the last worker
    check, together = launch.check_resumable, threading.Barrier(2)

    def check_and_wait(run):
        check(run)
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(0.5)

    monkeypatch.setattr(launch, "check_resumable", check_and_wait)
    with ThreadPoolExecutor(2) as pages:
        refused = [page.exception() for page in [pages.submit(queue.resume, run) for _ in range(2)]]
    assert sorted(map(bool, refused)) == [False, True]
    assert "still going on" in str(next(filter(None, refused)))
    assert (workers.started, run.status(), queue.place(run)) == ([run, run], "starting", 0)


def test_a_run_that_cannot_start_says_so_and_does_not_block_the_rest(workers, monkeypatch):
    def fail(run):
        raise UserError("no process")

    monkeypatch.setattr(launch, "start", fail)
    with pytest.raises(UserError, match="no process"):
        submit("ann")
    monkeypatch.setattr(launch, "start", workers.start)
    assert submit("bob").status() == "starting"


def later(monkeypatch, seconds):
    moment = time.time() + seconds
    monkeypatch.setattr(queue.time, "time", lambda: moment)


def refuse(_run):
    raise UserError("no process")


def test_a_run_that_cannot_begin_now_keeps_its_turn(workers, monkeypatch, caplog):
    first, second, third = submit("ann"), submit("bob"), submit("eve")
    workers.kill(first)
    tries = []
    monkeypatch.setattr(launch, "start", lambda run: tries.append(run) or refuse(run))
    for _ in range(20):
        queue.advance()
    assert tries == [second]  # nobody spins
    assert [run.status() for run in (second, third)] == ["queued", "queued"]
    assert [queue.place(run) for run in (second, third)] == [1, 2]
    assert not queue.holds_place(second)
    assert not (second.path / "launched").exists()
    assert caplog.text.count("keeps waiting: no process") == 1

    monkeypatch.setattr(launch, "start", workers.start)
    queue.advance()
    assert workers.started == [first]
    later(monkeypatch, 3 * queue._RETRY_SECONDS)
    queue.advance()
    assert workers.started == [first, second]
    assert (second.status(), third.status()) == ("starting", "queued")


def test_trouble_of_somebody_elses_run_is_not_told_to_whoever_asks(workers, monkeypatch):
    first, second = submit("ann"), submit("bob")
    workers.kill(first)
    monkeypatch.setattr(launch, "start", refuse)
    third = submit("eve")
    assert [queue.place(run) for run in (second, third)] == [1, 2]


def test_trouble_of_one_run_alone_does_not_hold_up_the_others_for_long(workers, monkeypatch):
    first, second, third = submit("ann"), submit("bob"), submit("eve")
    workers.kill(first)
    monkeypatch.setattr(launch, "start", lambda run: refuse(run) if run == second else workers.start(run))
    queue.advance()
    later(monkeypatch, 1.5 * queue._RETRY_SECONDS)
    queue.advance()
    assert workers.started == [first, third]
    assert second.status() == "queued"


def test_a_clock_that_was_set_back_keeps_nobody_waiting(workers, monkeypatch):
    first, second = submit("ann"), submit("bob")
    workers.kill(first)
    mark = waiting_mark(second.path)
    os.utime(mark, (mark.stat().st_mtime + 3600,) * 2)
    queue.advance()
    assert workers.started == [first, second]


@pytest.mark.parametrize("fails", ["active", "launched"])
def test_a_disk_that_takes_no_note_of_a_start_costs_nobody_the_turn(workers, monkeypatch, fails):
    first, second = submit("ann"), submit("bob")
    workers.kill(first)
    write = atomic.write

    def full(path, content):
        if fails in (path.name, path.parent.name):
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    monkeypatch.setattr(atomic, "write", full)
    queue.advance()
    assert (second.status(), queue.place(second)) == ("queued", 1)
    monkeypatch.setattr(atomic, "write", write)
    later(monkeypatch, 3 * queue._RETRY_SECONDS)
    queue.advance()
    assert workers.started == [first, second]


def test_a_server_that_is_killed_as_it_starts_a_run_loses_none(workers, monkeypatch):
    first, second = submit("ann"), submit("bob")
    workers.kill(first)

    def die(run):
        raise KeyboardInterrupt  # stands for a kill: nothing is put right

    monkeypatch.setattr(launch, "start", die)
    with pytest.raises(KeyboardInterrupt):
        queue.advance()
    monkeypatch.setattr(launch, "start", workers.start)
    assert second.status() == "queued"
    queue.advance()
    assert workers.started == [first, second]


def test_a_mark_that_cannot_be_written_leaves_no_run_that_seems_to_start(workers, monkeypatch):
    write = atomic.write

    def full(path, content):
        write(path, content)
        if path.parent.name == "waiting":  # in place, but its folder could not be synced
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(atomic, "write", full)
    with pytest.raises(UserError, match="queue cannot be written"):
        submit("ann")
    (run,) = list_runs()
    assert (run.status(), queue.others_wait()) == ("interrupted", False)


@pytest.mark.parametrize("fault", ["newer", "damaged", "deleted"])
def test_a_run_that_can_never_begin_leaves_the_line_and_says_why(workers, monkeypatch, caplog, fault):
    first, second, third = submit("ann"), submit("bob"), submit("eve")
    config = second.path / "config.json"
    whole = config.read_bytes()
    if fault == "deleted":
        shutil.rmtree(second.path)
    else:
        config.write_text("{" if fault == "damaged" else '{"format": 99}')
    workers.kill(first)
    queue.advance()
    assert workers.started == [first, third]
    assert not waiting_mark(second.path).exists()
    assert f"{second.run_id} left the queue" in caplog.text
    if fault == "deleted":
        assert not second.path.exists()
        return
    config.write_bytes(whole)
    assert second.status() == "failed"
    assert (
        "newer version" in second.summary().message
        if fault == "newer"
        else second.run_id in second.summary().values.values()
    )


def test_a_run_that_the_system_would_not_open_just_now_keeps_its_turn(workers, monkeypatch):
    first, second = submit("ann"), submit("bob")
    workers.kill(first)

    def read(_path):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(config_file, "read", read)
        directory._read.cache_clear()
        queue.advance()
    assert (second.status(), queue.place(second)) == ("queued", 1)


def test_that_a_start_cannot_be_noted_does_not_undo_it(workers, monkeypatch, caplog):
    write = atomic.write

    def full(path, content):
        if path.name == "served.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    monkeypatch.setattr(atomic, "write", full)
    run = submit("ann")
    assert (run.status(), workers.started) == ("starting", [run])
    assert "could not be noted" in caplog.text


def test_a_disk_that_fills_while_a_run_waits_keeps_it_waiting(workers, monkeypatch, caplog):
    first, second = submit("ann"), submit("bob")
    workers.kill(first)
    with monkeypatch.context() as patch:
        patch.setattr(queue.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 499_000_000}))
        for _ in range(3):
            queue.advance()
    assert (second.status(), workers.started) == ("queued", [first])
    assert caplog.text.count("499 MB are left") == 1
    later(monkeypatch, 3 * queue._RETRY_SECONDS)
    queue.advance()
    assert workers.started == [first, second]


def test_a_full_disk_starts_nothing(workers, monkeypatch):
    usage = type("Usage", (), {"free": 499_000_000})
    monkeypatch.setattr(queue.shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(UserError, match="499 MB are left, 500 MB"):
        submit("ann")
    assert list_runs() == []


def test_rubbish_in_the_queue_is_passed_over(workers):
    first, second = submit("ann"), submit("bob")
    waiting = second.path.parent.parent / "queue" / "waiting"
    (waiting / "not-a-run").write_text("{}")
    (waiting / "20260101-000000-digits-linear-000000000000").write_text(
        '{"run_id": "20260101-000000-digits-linear-000000000000", "owner": "", "submitted": 0}'
    )
    workers.kill(first)
    queue.advance()
    assert second.status() == "starting"


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "9" * 40, "00000000199999"])
def test_a_wrong_number_of_workers_is_refused(monkeypatch, value):
    monkeypatch.setenv("DLCORE_WORKERS", value)
    with pytest.raises(UserError, match="DLCORE_WORKERS"):
        queue.limits()


def test_one_core_is_left_for_the_pages(monkeypatch):
    monkeypatch.delenv("DLCORE_WORKERS", raising=False)
    for cores, expected in [(1, 1), (2, 1), (8, 7)]:
        if hasattr(os, "sched_getaffinity"):
            monkeypatch.setattr(os, "sched_getaffinity", lambda _process, cores=cores: set(range(cores)))
        else:
            monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        assert queue.limits().workers == expected


SERVER = """
import os, sys, threading, time
from dlcore.config import TrainConfig
from dlcore.runs import launch, queue
from dlcore.runs.summary import Summary
from dlcore.runs.directory import list_runs

log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
left = threading.Event()

def start(run):
    run.expect_no_worker()
    lock = run.lock()
    lock.acquire()
    os.write(log, f"begin {run.run_id} {run.owner}\\n".encode())

    def work():
        time.sleep(0.01)
        os.write(log, f"end {run.run_id} {run.owner}\\n".encode())
        run.write_summary(Summary(reason="completed"))
        lock.release()

    threading.Thread(target=work).start()

launch.start = start
queue.limits = lambda: queue.Limits(workers=2, waiting_each=20)
config = TrainConfig(dataset="digits", model="linear", epochs=1)
sys.stdin.readline()  # both begin at once
mine = [queue.submit(config, owner=owner) for owner in ["ann", "bob", "eve", "ann", "bob", "eve", "ann", "bob", "ann", "ann"]]
while any(run.status() != "completed" for run in mine):
    queue.advance()
    time.sleep(0.005)
"""


def test_two_servers_share_one_queue(tmp_path, home):
    """Twenty runs of three visitors, submitted at once to two processes: each runs once, two at a time, one a visitor."""
    log = tmp_path / "log"
    command = [sys.executable, "-c", SERVER, str(log)]
    project = Path(queue.__file__).resolve().parents[2]
    servers = [subprocess.Popen(command, cwd=project, stdin=subprocess.PIPE) for _ in range(2)]
    for server in servers:
        server.stdin.write(b"go\n")
        server.stdin.flush()
    assert [server.wait(240) for server in servers] == [0, 0]
    for server in servers:
        server.stdin.close()
    begun, going = [], {}
    for word, run_id, owner in (line.split() for line in log.read_text().splitlines()):
        if word == "end":
            del going[run_id]
            continue
        begun.append(run_id)
        going[run_id] = owner
        assert len(going) <= 2
        assert len(set(going.values())) == len(going)
    assert len(begun) == len(set(begun)) == 20
    assert Counter(run.owner for run in list_runs()) == {"ann": 10, "bob": 6, "eve": 4}
    assert {run.status() for run in list_runs()} == {"completed"}
    assert not list((home / "queue" / "waiting").iterdir())
