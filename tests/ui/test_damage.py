"""Runs whose files were damaged, or forged by a stranger: pages open all the same, and say which run is no longer whole."""

import json
import random
import shutil
import zipfile
from contextlib import suppress
from io import BytesIO

import pytest

from dlcore.config import TrainConfig
from dlcore.export.files import content
from dlcore.messages import UserError
from dlcore.runs import sealed
from dlcore.runs.directory import create
from dlcore.runs.importing import import_run
from dlcore.runs.worker import work
from ui.history import page as runs_page
from ui.training import inside
from ui.training import page as train_page

OWNER = "ann-of-the-test"
SEED = 4
DAMAGED, FORGED = 14, 40
"""Runs that are damaged, and zips that are forged; of the latter most are refused."""
MOST_OPENED = 4
NUMBERS = (0, 1, 3, 1000, 2**53, 0.0, 0.5, 1e-300, 1e300, -1e300, 1e9, 1e30)


@pytest.fixture
def run(monkeypatch):
    for page in (train_page, runs_page):
        monkeypatch.setattr(page, "visitor_token", lambda: OWNER)
    monkeypatch.setattr(inside, "explained", lambda _title, _name, reading: reading())  # as if each fold were open
    made = create(TrainConfig(dataset="digits", model="mlp", epochs=2, threads=1, classes="0,3,7"), owner=OWNER)
    work(made)
    return made


def open_train(open_page, run_id):
    """The page of this run, each of its panels looked at; what it warns of."""
    app = open_page("train", run=run_id)
    for panel in ("layers", "classes", "updates"):
        app.session_state["train.inside"] = panel
        app.run()
        assert not app.exception
    return [told.value for told in (*app.error, *app.warning)]


def damage(path, chance):
    """One file cut, with flipped bits, emptied, gone, or a folder."""
    data = bytearray(path.read_bytes())
    match chance.choice(("cut", "flip", "flip", "empty", "gone", "folder")):
        case "cut":
            path.write_bytes(data[: chance.randrange(len(data) + 1)])
        case "flip":
            for _ in range(8 if data else 0):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            path.write_bytes(data)
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
        case "folder":
            path.unlink()
            path.mkdir()


def test_a_damaged_run_opens_or_says_that_it_cannot(open_page, run):
    chance, names = random.Random(SEED), []
    for number in range(DAMAGED):
        path = run.path.with_name(f"{run.run_id[:-12]}{number:012x}")
        shutil.copytree(run.path, path)
        files = sorted(file for file in path.rglob("*") if file.is_file())
        for file in chance.sample(files, chance.choice((1, 1, 3))):
            damage(file, chance)
        names.append(path.name)
    open_page("runs", runs=",".join(names))
    for name in names[:MOST_OPENED]:
        open_train(open_page, name)


def test_which_run_is_damaged_is_said(open_page, run):
    config, log = run.path / "config.json", run.events_path
    log.write_bytes(log.read_bytes()[:5000])
    run.inspection_path(0).write_bytes(b"{}")
    assert any("end of this run's log is missing" in told for told in open_train(open_page, run.run_id))
    config.write_bytes(config.read_bytes().replace(b'"seed": 0', b'"seed": 1'))
    told = [error.value for error in open_page("runs").error]
    assert len(told) == 1
    assert run.run_id in told[0]
    config.write_bytes(config.read_bytes().replace(OWNER.encode(), b"somebody else"))
    assert not open_page("runs").error  # it is no business of this visitor


@pytest.mark.parametrize(("format_number", "model"), [(99, "mlp"), (2, "of-tomorrow")])
def test_a_run_of_another_version_is_named_and_breaks_no_page(open_page, run, format_number, model):
    config = run.path / "config.json"
    about = {key: value for key, value in json.loads(config.read_text()).items() if key not in ("format", "sha256")}
    about["config"]["model"] = model
    config.write_text(sealed.seal(about, format_number=format_number))
    app = open_page("runs")
    assert not app.exception
    (told,) = [error.value for error in app.error]
    assert run.run_id in told
    assert not open_page("train", run=run.run_id).exception


def forged(files, chance):
    """The run's zip in which some numbers of its log, its summary or what was seen inside are others."""
    files = dict(files)
    for name in chance.sample([name for name in files if name.endswith((".json", ".jsonl"))], 2):
        lines = files[name].splitlines(keepends=True) if name.endswith(".jsonl") or "/epochs/" in name else []
        if lines:
            at = chance.randrange(len(lines))
            event = json.loads(sealed.unseal_line(lines[at].rstrip(b"\n")))
            _another_number(event, chance)
            lines[at] = sealed.seal_line(json.dumps(event))
            files[name] = b"".join(lines)
        elif name.endswith("summary.json"):
            about = json.loads(files[name])
            _another_number(about, chance)
            about = {key: value for key, value in about.items() if key not in ("format", "sha256")}
            files[name] = sealed.seal(about, format_number=2).encode()
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    packed.seek(0)
    return packed


def _another_number(record, chance):
    places = list(_numbers(record))
    if places:
        inside_of, key = chance.choice(places)
        inside_of[key] = chance.choice([one for one in NUMBERS if type(one) is type(inside_of[key])])


def _numbers(record):
    for key, value in list(record.items() if isinstance(record, dict) else enumerate(record[:3])):
        if isinstance(value, dict | list):
            yield from _numbers(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield record, key


def test_whatever_a_forged_zip_says_its_pages_open(open_page, run):
    with zipfile.ZipFile(BytesIO(content(run, "zip"))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    chance, taken = random.Random(SEED), []
    for _ in range(FORGED):
        with suppress(UserError):
            taken.append(import_run(forged(files, chance), owner=OWNER).run_id)
    assert MOST_OPENED <= len(taken) < FORGED
    open_page("runs", runs=",".join(taken))
    for name in taken[-MOST_OPENED:]:
        open_train(open_page, name)
