"""A run from elsewhere: what comes back is what went out, and whatever is not what it says is refused."""

import hashlib
import io
import json
import math
import os
import zipfile
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from dlcore.cli import main
from dlcore.config import TrainConfig
from dlcore.export.files import content
from dlcore.formats import RUN_FORMAT, SUMMARY_FORMAT
from dlcore.messages import UserError
from dlcore.runs import glimpses, importing, keeping, sealed
from dlcore.runs.directory import create, list_runs
from dlcore.runs.importing import import_run
from dlcore.runs.worker import work


@pytest.fixture
def run():
    made = create(TrainConfig(dataset="digits", model="linear", epochs=1, threads=1, classes="0,3,7"), owner="ann")
    work(made)
    keeping.rename(made, "dear")
    keeping.tag(made, ["a tag"])
    return made


def files_of(run):
    with zipfile.ZipFile(io.BytesIO(content(run, "zip"))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    buffer.seek(0)
    return buffer


def test_a_run_comes_back_as_it_went(run):
    data = content(run, "zip")
    here = import_run(io.BytesIO(data), owner="bob")
    assert here.run_id != run.run_id
    assert (here.config, here.created, here.owner) == (run.config, run.created, "bob")
    assert here.summary() == run.summary()
    assert here.status() == "completed"
    assert keeping.label(here) == keeping.Label(name="dear", tags=("a tag",))
    assert here.metrics() == run.metrics()
    assert here.inspection(1) == run.inspection(1)
    assert here.weights_path.read_bytes() == run.weights_path.read_bytes()
    assert glimpses.read_wall(here.path) == glimpses.read_wall(run.path) is not None
    assert glimpses.read_glimpses(here.path) == glimpses.read_glimpses(run.path)
    assert glimpses.read_glimpses(here.path)[0]
    for split in ("test", "validation"):
        assert glimpses.read_examples(here.path, split) == glimpses.read_examples(run.path, split) is not None
    keeping.delete(run)
    keeping._remove(keeping.trash_folder() / run.run_id)
    assert import_run(io.BytesIO(data)).run_id == run.run_id


def test_a_message_may_call_its_values_anything(run):
    change = ended(message="{self} {template}", values={"self": 1, "template": "x"})
    here = import_run(altered(run, "events.jsonl", change))
    last = here.metrics()[-1]
    assert str(UserError(last.message, **last.values)) == "1 x"  # as pages show it


def test_the_command(run, tmp_path, capsys):
    path = tmp_path / "run.zip"
    path.write_bytes(content(run, "zip"))
    assert main(["import", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "completed"
    path.write_bytes(b"PK no zip")
    assert main(["import", str(path), "--json"]) == 2
    assert main(["import", str(tmp_path / "none.zip"), "--json"]) == 2


def altered(run, name, change):
    files = files_of(run)
    key = f"{run.run_id}/{name}"
    files[key] = change(files.get(key, b""))
    return zipped(files)


def logged(change):
    """A log in which ``change`` was applied to each event, sealed as a careful forger would."""

    def rewrite(data):
        lines = []
        for one in data.splitlines():
            event = json.loads(sealed.unseal_line(one))
            change(event)
            lines.append(sealed.seal_line(json.dumps(event)))
        return b"".join(lines)

    return rewrite


def ended(**values):
    def change(event):
        if event["kind"] == "ended":
            event.update(values)

    return logged(change)


def of(kind, **values):
    def change(event):
        if event["kind"] == kind:
            event.update(values)

    return logged(change)


def histogram(which, **values):
    return logged(lambda event: event[which][0].update(values))


def of_test(**values):
    return of("tested", **values)


def without(kind):
    return lambda data: b"".join(
        line for line in data.splitlines(keepends=True) if b'"kind":"%b"' % kind.encode() not in line
    )


def rename_classes(event):
    if event["kind"] == "started":
        event["class_names"] = [f"not {name}" for name in event["class_names"]]


def resealed(number, **values):
    def change(data):
        content = json.loads(data)
        content = {key: value for key, value in content.items() if key not in ("format", "sha256")} | values
        return sealed.seal(content, format_number=number).encode()

    return change


def summed(**values):
    return resealed(SUMMARY_FORMAT, **values)


def begun(moment):
    return resealed(RUN_FORMAT, created=moment)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("config.json", lambda data: data.replace(b'"seed": 0', b'"seed": 1')),
        ("config.json", lambda _data: b"[]"),
        ("events.jsonl", lambda data: data[:-40] + b"\n"),
        ("events.jsonl", lambda data: data + b'{"kind":"stepped","step":1}\n'),
        ("events.jsonl", ended(message="{reason.__class__}", values={"reason": "x"})),
        ("events.jsonl", ended(message="{reason:>999999999}", values={"reason": "x"})),
        ("events.jsonl", ended(message="{reason}", values={"reason": ["x"]})),
        ("events.jsonl", ended(message="{reason}", values={})),
        ("events.jsonl", ended(message="{a.__class__}", values={"a": "x", "a.__class__": "y"})),
        ("events.jsonl", ended(reason="exploded")),
        ("events.jsonl", of_test(confusion=[[1, 2], [3, 4]])),
        ("events.jsonl", of_test(accuracy="high")),
        ("events.jsonl", of_test(accuracy=math.nan)),
        ("events.jsonl", of_test(accuracy=1.5)),
        ("events.jsonl", of_test(seconds=math.inf)),
        ("events.jsonl", of_test(correct=10**6)),
        ("events.jsonl", of("started", parameters=10**30)),
        ("events.jsonl", of("started", steps_per_epoch=0)),
        ("events.jsonl", of("evaluated", seconds=-math.inf)),
        ("events.jsonl", of("stepped", step=-1)),
        ("events.jsonl", without("started")),
        ("events.jsonl", lambda data: data + logged(rename_classes)(data)),
        ("summary.json", summed(test_accuracy=math.nan)),
        ("summary.json", summed(test_accuracy=10**400)),
        ("summary.json", summed(train_seconds=math.inf)),
        ("summary.json", summed(step=10**400)),
        ("config.json", begun("0001-01-01T00:00:00+14:00")),
        ("config.json", begun("9999-12-31T23:59:59-14:00")),
        ("config.json", begun("1999-01-01T00:00:00")),
        ("config.json", begun((datetime.now(UTC) + timedelta(days=2)).isoformat())),
        ("config.json", begun("yesterday")),
        ("events.jsonl", of_test(mistakes=[{"index": 0, "label": 9, "predicted": 0, "confidence": 1.0, "pixels": ""}])),
        ("summary.json", lambda data: data.replace(b'"completed"', b'"failed"')),
        ("label.json", lambda _data: sealed.seal({"name": 7}, format_number=2).encode()),
        ("model.safetensors", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
        ("epochs/0001.json", lambda data: data[:-20]),
        ("epochs/0001.json", histogram("weights", low=-1e300, high=1e300)),
        ("epochs/0001.json", histogram("weights", low=1.0, high=1.0)),
        ("epochs/0001.json", histogram("gradients", low=2.0, high=-10.0)),
        ("epochs/0001.json", histogram("gradients", high=1e9)),
        ("epochs/0001.json", histogram("gradients", counts=[])),
        ("epochs/0001.json", histogram("gradients", counts=[-1, 2])),
        ("epochs/../../evil.json", lambda _data: b"{}"),
        ("watching/wall.json", lambda data: data[:-20]),
        ("watching/wall.json", lambda _data: b""),
        ("watching/glimpses.jsonl", lambda data: b"{}\n" + data),
        ("watching/examples-test.json", lambda _data: b"[]"),
        ("watching/examples-train.json", lambda _data: b"{}"),
        ("watching/../evil.json", lambda _data: b"{}"),
        ("checkpoint-1.safetensors", lambda _data: b""),
        ("events.jsonl/x", lambda _data: b""),
    ],
)
def test_what_is_not_what_it_says_is_refused_and_leaves_nothing(run, name, change, home):
    before = sorted(path.name for path in (home / "runs").iterdir())
    with pytest.raises(UserError, match=r"cannot be imported|must be|no setting"):
        import_run(altered(run, name, change))
    assert sorted(path.name for path in (home / "runs").iterdir()) == before
    assert not list((home / "incoming").glob("*")) if (home / "incoming").exists() else True


@pytest.mark.parametrize("name", ["/etc/x", "../x/config.json", "no-run/config.json", "config.json"])
def test_a_zip_of_something_else_is_refused(name):
    with pytest.raises(UserError, match=r"holds no run|no file of a run"):
        import_run(zipped({name: b"{}"}))


def test_bombs_are_bounded_whatever_they_claim(run, monkeypatch):
    monkeypatch.setattr(importing, "MOST_BYTES", 5_000_000)
    with pytest.raises(UserError, match=r"events\.jsonl is larger than 5 MB"):
        import_run(altered(run, "events.jsonl", lambda _data: bytes(50_000_000)))
    monkeypatch.setattr(importing, "MOST_FILES", 5)
    with pytest.raises(UserError, match="more than 5 files"):
        import_run(zipped({f"{run.run_id}/epochs/{number:04}.json": b"" for number in range(6)}))
    assert len(list_runs()) == 1


def test_what_is_unpacked_is_bounded_kind_by_kind(run, monkeypatch):
    monkeypatch.setattr(importing, "MOST_LOG_BYTES", 1000)
    with pytest.raises(UserError, match=r"events\.jsonl is larger"):
        import_run(zipped(files_of(run)))
    monkeypatch.undo()
    monkeypatch.setattr(importing, "_MOST_LINES", 3)
    with pytest.raises(UserError, match="more than 3 lines"):
        import_run(zipped(files_of(run)))
    monkeypatch.undo()
    monkeypatch.setattr(importing, "MOST_JSON_BYTES", 2000)
    with pytest.raises(UserError, match="is larger than"):
        import_run(zipped(files_of(run)))
    monkeypatch.undo()
    with pytest.raises(UserError, match="is damaged"):
        import_run(altered(run, "events.jsonl", lambda data: b" " * 2_000_000 + data))


def test_the_half_line_of_a_worker_that_was_killed_is_no_damage(run):
    here = import_run(altered(run, "events.jsonl", lambda data: data + b'{"kind":"stepped","st'))
    assert here.metrics() == run.metrics()


def test_a_loss_that_is_no_number_comes_along(run):
    here = import_run(altered(run, "events.jsonl", of("evaluated", train_loss=math.nan, validation_loss=math.inf)))
    assert math.isinf([event for event in here.metrics() if event.kind == "evaluated"][-1].validation_loss)


def test_one_at_a_time_in_folders_of_their_own_and_what_was_left_goes(run, home, monkeypatch):
    data = content(run, "zip")
    left = home / "incoming" / "0123456789abcdef"
    left.mkdir(parents=True)
    (left / "model.safetensors").write_bytes(b"half")
    tried = []

    def again(file, folder):
        tried.append(folder.name)
        with pytest.raises(UserError, match="Another run"):
            import_run(io.BytesIO(data))
        return unpack(file, folder)

    unpack = importing._unpack
    monkeypatch.setattr(importing, "_unpack", again)
    import_run(io.BytesIO(data))
    import_run(io.BytesIO(data))
    assert len(set(tried)) == 2
    assert list((home / "incoming").iterdir()) == []


def test_a_cut_off_import_is_swept_even_if_no_other_comes(home):
    left = home / "incoming" / "0123456789abcdef"
    left.mkdir(parents=True)
    keeping.tidy()
    assert left.exists()
    (home / "runs").mkdir(exist_ok=True)
    os.utime(left, (0, 0))
    keeping.tidy()
    assert not left.exists()


def test_a_full_disk_is_said_before_anything_is_written(run, monkeypatch, home):
    monkeypatch.setattr("dlcore.runs.queue.shutil.disk_usage", lambda _path: SimpleNamespace(free=1_000_000))
    with pytest.raises(UserError, match="disk is nearly full"):
        import_run(io.BytesIO(content(run, "zip")))
    assert list((home / "incoming").iterdir()) == []


def test_room_is_asked_for_all_that_a_zip_unpacks_to(run, monkeypatch):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{run.run_id}/events.jsonl", bytes(30_000_000))
    assert len(file.getvalue()) < 100_000
    monkeypatch.setattr("dlcore.runs.queue.shutil.disk_usage", lambda _path: SimpleNamespace(free=510_000_000))
    with pytest.raises(UserError, match="510 MB are left, 530 MB are needed"):
        import_run(file)


def test_an_old_run_is_not_thrown_away_for_its_age_when_it_has_just_come(run, monkeypatch):
    monkeypatch.setenv("DLCORE_KEEP_RUNS", "2")
    for _ in range(2):
        create(run.config, owner="bob").write_summary(run.summary())
    for one in list_runs("bob"):
        one.expect_no_worker()
    here = import_run(altered(run, "config.json", begun("2001-02-03T04:05:06+00:00")), owner="bob")
    assert here.imported is not None
    assert here.created.year == 2001
    keeping.tidy()
    kept = list_runs("bob")
    assert here.run_id in [one.run_id for one in kept]
    assert len([one for one in kept if one.owner == "bob"]) == 2
    for one in kept:
        if one.owner == "bob":
            keeping.pin(one)
    with pytest.raises(UserError, match="are pinned"):
        import_run(io.BytesIO(content(run, "zip")), owner="bob")


def test_weights_without_their_digest_are_refused(run):
    files = files_of(run)
    content = run.summary().model_dump() | {"weights_sha256": hashlib.sha256(b"other").hexdigest()}
    files[f"{run.run_id}/summary.json"] = sealed.seal(content, format_number=SUMMARY_FORMAT).encode()
    with pytest.raises(UserError, match="weights are not those"):
        import_run(zipped(files))
