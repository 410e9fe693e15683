"""A run from elsewhere: what comes back is what went out, and whatever is not what it says is refused."""

import hashlib
import io
import json
import zipfile

import pytest

from dlcore.cli import main
from dlcore.config import TrainConfig
from dlcore.export.files import content
from dlcore.formats import SUMMARY_FORMAT
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


def of_test(**values):
    def change(event):
        if event["kind"] == "tested":
            event.update(values)

    return logged(change)


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
        ("events.jsonl", of_test(mistakes=[{"index": 0, "label": 9, "predicted": 0, "confidence": 1.0, "pixels": ""}])),
        ("summary.json", lambda data: data.replace(b'"completed"', b'"failed"')),
        ("label.json", lambda _data: sealed.seal({"name": 7}, format_number=2).encode()),
        ("model.safetensors", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
        ("epochs/0001.json", lambda data: data[:-20]),
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
    with pytest.raises(UserError, match="larger than 5 MB"):
        import_run(altered(run, "events.jsonl", lambda _data: bytes(50_000_000)))
    monkeypatch.setattr(importing, "MOST_FILES", 5)
    with pytest.raises(UserError, match="more than 5 files"):
        import_run(zipped({f"{run.run_id}/epochs/{number:04}.json": b"" for number in range(6)}))
    assert len(list_runs()) == 1


def test_weights_without_their_digest_are_refused(run):
    files = files_of(run)
    content = run.summary().model_dump() | {"weights_sha256": hashlib.sha256(b"other").hexdigest()}
    files[f"{run.run_id}/summary.json"] = sealed.seal(content, format_number=SUMMARY_FORMAT).encode()
    with pytest.raises(UserError, match="weights are not those"):
        import_run(zipped(files))
