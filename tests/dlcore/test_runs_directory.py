import json
import logging
import os
import time

import pytest

from dlcore import background
from dlcore.config import TrainConfig
from dlcore.messages import UserError
from dlcore.runs import launch
from dlcore.runs.directory import Run, create, list_runs, open_directory, open_run
from dlcore.runs.status import LIVE, RESUMABLE, STATUSES
from dlcore.training.events import Ended, Preparing, Stepped, to_json

CONFIG = TrainConfig(dataset="digits", model="linear", epochs=1)


def step(number: int) -> Stepped:
    return Stepped(step=number, epoch=1, loss=1.0, learning_rate=0.1, images_seen=number, seconds=number / 10)


def write_lines(run, *lines: str) -> None:
    with run.events_path.open("a", encoding="utf-8") as file:
        file.write("".join(lines))


@pytest.fixture
def run():
    return create(CONFIG, owner="someone")


@pytest.fixture
def silent(run):
    """A run whose worker never came, or is gone."""
    run.expect_no_worker()
    return run


def test_a_run_opens_as_it_was_made(run):
    assert open_run(run.run_id) == run
    assert run.run_id.startswith(f"{run.created:%Y%m%d-%H%M%S}-digits-linear-")
    assert (run.config, run.owner) == (CONFIG, "someone")


def test_two_runs_made_at_once_differ():
    assert len({create(CONFIG).run_id for _ in range(20)}) == 20


@pytest.mark.parametrize(
    "run_id",
    [
        "",
        ".",
        "..",
        "../../etc",
        "/etc/passwd",
        "20261123-131445-digits-linear-3f9a1c2e77aa",  # well-formed, not there
        "20261123-131445-digits-linear-3f9a1c2e77aa/../x",
        "20261123-131445-digits-linear-3f9a1c2e77aa\n",
        "20261123-131445-../x-3f9a1c2e77aa",
        "２0261123-131445-digits-linear-3f9a1c2e77aa",
        "x" * 100_000,
        "a\0b",
        "{run_id.__class__}",
    ],
)
def test_hostile_run_ids_are_refused_kindly(run_id, run):
    with pytest.raises(UserError, match="There is no run called") as error:
        open_run(run_id)
    assert len(str(error.value)) < 300


def test_a_half_written_last_line_waits_for_its_rest(run):
    line = to_json(step(2)) + "\n"
    write_lines(run, to_json(step(1)), "\n", line[:20])
    events, offset = run.read()
    assert events == [step(1)]
    assert run.read(offset) == ([], offset)
    write_lines(run, line[20:])
    assert run.read(offset) == ([step(2)], run.events_path.stat().st_size)


def test_damaged_lines_are_skipped_and_counted(run, caplog):
    good = to_json(step(1)) + "\n"
    bad = ["}{\n", "null\n", "[1]\n", '{"kind":"telepathy"}\n', '{"kind":"stepped"}\n', "\n", '"\n']
    write_lines(run, good, *bad, good)
    with run.events_path.open("ab") as file:
        file.write(b"\xff\xfe\0\n")
    with caplog.at_level(logging.WARNING):
        reading = run.scan()
    assert reading.events == [step(1), step(1)]
    assert reading.damaged_lines == len(bad) + 1
    assert "skipped" in caplog.text


def test_an_event_with_a_line_separator_in_its_text_stays_one_line(run):
    event = Preparing(stage="reading", file="a\u2028b\x85c\x0bd\x1ce")
    write_lines(run, to_json(event), "\n")
    assert run.scan() == ([event], run.events_path.stat().st_size, 0)


def test_no_log_yet_reads_as_nothing(run):
    assert run.read() == ([], 0)


def test_status_from_launch_to_end(run):
    assert run.status() == "starting"
    with run.lock():
        run.expect_no_worker()
        assert run.status() == "starting"
        write_lines(run, to_json(Preparing(stage="reading")), "\n")
        assert run.status() == "running"
        run.request_stop()
        assert run.status() == "stopping"
    assert run.status() == "interrupted"  # whoever dies drops the lock; wishes do not keep it alive
    write_lines(run, to_json(Ended(reason="stopped")), "\n")
    assert run.status() == "stopped"


def test_a_launch_that_never_arrives_is_not_starting_for_ever(run):
    long_ago = time.time() - 60
    os.utime(run.path / "launched", (long_ago, long_ago))
    assert run.status() == "interrupted"


def test_an_end_that_was_logged_counts_even_without_a_summary(silent):
    write_lines(silent, to_json(step(1)), "\n", to_json(Ended(reason="completed", weights_sha256="ab")), "\n")
    assert silent.status() == "completed"
    write_lines(silent, to_json(step(2))[:30])
    assert silent.status() == "completed"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"reason":"victory"}', b"\xff"])
def test_a_damaged_summary_or_control_is_ignored(silent, content):
    (silent.path / "summary.json").write_bytes(content)
    (silent.path / "control.json").write_bytes(content)
    assert silent.status() == "interrupted"
    assert not silent.stop_requested()


def test_looking_does_not_keep_a_worker_out(silent):
    (silent.path / "lock").touch()
    for _ in range(20):
        silent.status()
    with silent.lock().acquire(timeout=0):
        assert silent.status() == "starting"


def test_lists_show_the_newest_first_and_skip_what_is_broken(run, home, caplog):
    folder = home / "runs"
    for name in ("20261123-131445-digits-linear-3f9a1c2e77aa", "notes", "20261123-131445-digits-linear-000000000000"):
        (folder / name).mkdir()
    (folder / "20261123-131445-digits-linear-000000000000" / "config.json").write_text('{"format": 1')
    (folder / "20261123-131445-digits-linear-111111111111").write_text("a file")
    unknown = create(CONFIG)
    content = json.loads((unknown.path / "config.json").read_text())
    (unknown.path / "config.json").write_text(json.dumps(content | {"config": {"model": "none-such"}}))
    mine, other = create(CONFIG), create(CONFIG, owner="else")
    assert {r.run_id for r in list_runs()} == {run.run_id, mine.run_id, other.run_id}
    created = [r.created for r in list_runs()]
    assert created == sorted(created, reverse=True)


def test_visitors_see_their_own_runs_and_those_of_the_shell(run):
    shell, other = create(CONFIG), create(CONFIG, owner="else")
    assert {r.run_id for r in list_runs("someone")} == {run.run_id, shell.run_id}
    assert {r.run_id for r in list_runs("else")} == {other.run_id, shell.run_id}


def test_no_folder_no_runs():
    assert list_runs() == []


def test_a_run_of_a_newer_format_says_so(run):
    content = json.loads((run.path / "config.json").read_text())
    (run.path / "config.json").write_text(json.dumps(content | {"format": 99}))
    with pytest.raises(UserError, match="newer version"):
        open_directory(run.path)


def test_a_home_that_cannot_be_written_is_explained(home):
    home.mkdir()
    (home / "runs").write_text("in the way")
    with pytest.raises(UserError, match="folder of runs cannot be written"):
        create(CONFIG)


def test_only_ended_runs_can_be_continued(run):
    with pytest.raises(UserError, match="still going on"):
        launch.check_resumable(run)
    run.expect_no_worker()
    for reason, words in (("completed", "nothing left"), ("diverged", "lower learning rate")):
        write_lines(run, to_json(Ended(reason=reason)), "\n")
        with pytest.raises(UserError, match=words):
            launch.check_resumable(run)


def test_a_worker_that_cannot_be_started_is_explained(run, monkeypatch):
    monkeypatch.setattr(background.sys, "executable", "/no/such/python")
    with pytest.raises(UserError, match="could not be started"):
        launch.start(run)
    assert run.status() == "interrupted"


def test_every_status_has_a_title():
    assert set(STATUSES) > LIVE | RESUMABLE
    assert not LIVE & RESUMABLE


def test_many_runs_are_listed_without_reading_their_logs(monkeypatch):
    runs = [create(CONFIG) for _ in range(50)]
    for run in runs:
        run.expect_no_worker()
        run.events_path.write_bytes(b"x" * 200_000 + b"\n")
    monkeypatch.delattr(Run, "scan")
    assert [run.status() for run in list_runs()] == ["interrupted"] * 50
