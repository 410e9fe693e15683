import errno
import json
import os
import time
from pathlib import Path

import pytest

from dlcore.config import TrainConfig
from dlcore.messages import UserError
from dlcore.runs import keeping, launch, queue
from dlcore.runs.directory import create, list_runs, open_run, waiting_mark
from dlcore.runs.summary import Summary

CONFIG = TrainConfig(dataset="digits", model="linear", epochs=1)


def ended(owner="ann", age_hours=0.0, size=0):
    """A run that is over; the older, the smaller its name."""
    run = create(CONFIG, owner=owner)
    run.expect_no_worker()
    run.write_summary(Summary(reason="completed"))
    (run.path / "model.safetensors").write_bytes(bytes(size))
    if age_hours:
        moment = time.time() - 3600 * age_hours
        name = time.strftime("%Y%m%d-%H%M%S", time.gmtime(moment)) + run.run_id[15:]
        path = run.path.rename(run.path.with_name(name))
        content = json.loads((path / "config.json").read_text())
        content = {"format": 1, "owner": owner, "config": content["config"]}
        content["created"] = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(moment))
        (path / "config.json").write_text(json.dumps(content))
        run = open_run(name)
    return run


def names(runs):
    return [run.run_id for run in runs]


@pytest.fixture
def bound(monkeypatch):
    def set_bounds(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"DLCORE_{name.upper()}", str(value))

    return set_bounds


def test_a_label_that_cannot_be_read_now_is_not_written_over(monkeypatch):
    run = ended()
    keeping.tag(run, ["first", "try"])
    read = Path.read_bytes

    def refuse(path):
        if path.name == "label.json":
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return read(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        assert keeping.label(run).pinned  # rather one run too many
        for change in (keeping.pin, lambda one: keeping.rename(one, "x"), lambda one: keeping.annotate(one, "x")):
            with pytest.raises(UserError, match="Too many open files"):
                change(run)
    assert keeping.label(run) == keeping.Label(tags=("first", "try"))


def test_a_name_and_a_pin_stay_with_the_run():
    run = ended()
    assert keeping.label(run) == keeping.Label()
    assert keeping.rename(run, "  my \n first\trun ") == "my first run"
    keeping.pin(run)
    assert keeping.label(open_run(run.run_id)) == keeping.Label(name="my first run", pinned=True)
    keeping.pin(run, pinned=False)
    keeping.rename(run, "")
    assert keeping.label(run) == keeping.Label()


@pytest.mark.parametrize("name", ["x" * 61, "a\0b", "a\x1b[31m", "a\u202eb"])
def test_a_name_that_cannot_be_shown_is_refused(name):
    run = ended()
    with pytest.raises(UserError, match="A run's name"):
        keeping.rename(run, name)
    assert keeping.label(run).name == ""


def test_a_damaged_label_keeps_the_run():
    run = ended()
    keeping.pin(run)
    (run.path / "label.json").write_text('{"format": 2, "pinned": false}')
    assert keeping.label(run).pinned


def test_a_deleted_run_is_gone_and_comes_back_as_it_was():
    run = ended(size=10)
    keeping.rename(run, "dear")
    before = {path.name for path in run.path.iterdir()}
    keeping.delete(run)
    assert list_runs() == []
    assert names(keeping.thrown_away("ann")) == [run.run_id]
    assert keeping.thrown_away("bob") == []
    with pytest.raises(UserError, match="There is no run"):
        open_run(run.run_id)
    assert keeping.restore(run.run_id) == run
    assert {path.name for path in run.path.iterdir()} == before | {"lock"}
    assert (keeping.label(run).name, run.status()) == ("dear", "completed")
    with pytest.raises(UserError, match="no deleted run"):
        keeping.restore(run.run_id)


@pytest.mark.parametrize("run_id", ["", "..", "../runs", "/etc"])
def test_nothing_but_a_run_is_restored(run_id):
    with pytest.raises(UserError, match="no deleted run"):
        keeping.restore(run_id)


def test_what_is_going_on_or_waits_is_not_deleted():
    run = create(CONFIG, owner="ann")
    with pytest.raises(UserError, match="still going on or waiting"):
        keeping.delete(run)  # a worker is about to come
    run.expect_no_worker()
    with run.lock(), pytest.raises(UserError, match="still going on"):
        keeping.delete(run)
    mark = waiting_mark(run.path)
    mark.parent.mkdir(parents=True)
    mark.touch()
    with pytest.raises(UserError, match="still going on"):
        keeping.delete(run)
    mark.unlink()
    keeping.delete(run)


def test_the_oldest_go_first_and_never_what_is_pinned_going_or_of_the_shell(bound):
    bound(keep_runs=1)
    shell = [ended(owner="", age_hours=100 + hour) for hour in range(5)]
    pinned, second, third, newest = (ended(age_hours=hours) for hours in (9, 8, 7, 6))
    keeping.pin(pinned)
    other = ended(owner="bob", age_hours=50)
    going = create(CONFIG, owner="eve")
    keeping.tidy()
    assert set(names(list_runs())) == set(names([*shell, pinned, newest, other, going]))
    assert set(names(keeping.thrown_away())) == set(names([second, third]))


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_pinned_runs_take_no_place_from_a_new_result(bound, keep):
    bound(keep_runs=keep)
    older = [ended(age_hours=hours) for hours in (9, 8, 7, 6)]
    pinned = [ended(age_hours=hours) for hours in (5, 4, 3)]
    for run in pinned:
        keeping.pin(run)
    new = ended()
    keeping.tidy()
    assert set(names(list_runs())) == set(names([*older[5 - keep :], *pinned, new]))


def test_what_a_broken_disk_left_half_written_is_swept_and_what_is_being_written_is_not():
    run = ended()
    (run.path / "epochs").mkdir()
    old = [run.path / ".summary.json.0123abcd.tmp", run.path / "epochs" / ".0001.json.0123abcd.tmp"]
    new = run.path / ".label.json.0123abcd.tmp"
    for path in (*old, new):
        path.touch()
    for path in old:
        os.utime(path, (0, 0))
    before = {path for path in run.path.rglob("*") if path not in old}
    keeping.tidy()
    assert set(run.path.rglob("*")) == before
    assert new in before


def test_the_room_of_all_visitors_is_bounded(bound):
    bound(keep_megabytes=3)
    old, second, newer, newest = (ended(age_hours=hours, size=900_000) for hours in (9, 8, 7, 6))
    keeping.pin(old)
    keeping.tidy()
    assert set(names(list_runs())) == set(names([old, newer, newest]))
    assert keeping.thrown_away() == []  # the trash takes room as well
    assert not second.path.exists()


def test_without_bounds_nothing_is_thrown_away(bound):
    bound(keep_runs=0)
    runs = [ended(age_hours=hours) for hours in range(1, 5)]
    keeping.tidy()
    assert len(list_runs()) == len(runs)


def test_the_trash_is_emptied_in_time_or_when_the_room_is_needed(bound):
    bound(trash_hours=2)
    old, new = ended(), ended()
    keeping.delete(old)
    keeping.delete(new)
    moment = time.time() - 3 * 3600
    os.utime(keeping.trash_folder() / old.run_id / "deleted", (moment, moment))
    keeping.tidy()
    assert names(keeping.thrown_away()) == [new.run_id]
    keeping.empty_trash()
    assert keeping.thrown_away() == []


def test_a_directory_that_never_became_a_run_is_swept_away(home):
    path = ended().path.with_name("20260101-000000-digits-linear-000000000000")
    path.mkdir()
    (path / "launched").touch()
    keeping.tidy()
    assert path.exists()  # it may become one yet
    os.utime(path, (0, 0))
    keeping.tidy()
    assert not path.exists()


def test_a_new_run_makes_an_old_one_go(bound, monkeypatch):
    bound(keep_runs=2)
    monkeypatch.setattr(launch, "start", lambda _run: None)
    runs = [ended(age_hours=hours) for hours in (3, 2)]
    new = queue.submit(CONFIG, owner="ann")
    assert set(names(list_runs())) == {runs[1].run_id, new.run_id}


def test_a_full_disk_empties_the_trash_before_it_refuses(monkeypatch):
    run = ended()
    keeping.delete(run)
    monkeypatch.setattr(launch, "start", lambda _run: None)

    def usage(_path):
        return type("Usage", (), {"free": 400_000_000 if keeping.thrown_away() else 600_000_000})

    monkeypatch.setattr(queue.shutil, "disk_usage", usage)
    queue.submit(CONFIG, owner="ann")
    assert keeping.thrown_away() == []


@pytest.mark.parametrize("name", ["DLCORE_KEEP_RUNS", "DLCORE_KEEP_MEGABYTES", "DLCORE_TRASH_HOURS"])
def test_a_wrong_bound_is_refused_before_anything_is_made(monkeypatch, name):
    monkeypatch.setenv(name, "many")
    with pytest.raises(UserError, match=name):
        queue.submit(CONFIG, owner="ann")
    assert list_runs() == []


def test_the_room_of_a_run_is_that_of_its_folders_too(bound):
    old, new = ended(age_hours=2), ended(age_hours=1)
    (old.path / "epochs").mkdir()
    (old.path / "epochs" / "0001.json").write_bytes(bytes(4_000_000))
    assert keeping.bytes_in(old.path) > 4_000_000
    bound(keep_megabytes=3)
    keeping.tidy()
    assert names(list_runs()) == [new.run_id]
