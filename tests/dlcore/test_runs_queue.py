import contextlib
import os
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dlcore.config import TrainConfig
from dlcore.messages import UserError
from dlcore.runs import launch, queue
from dlcore.runs.directory import Run, list_runs
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
