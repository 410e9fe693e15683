"""``python -m dlcore resources check``: what it finds, what it says, how it ends; never against the real net."""

import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import date
from functools import partial
from pathlib import Path

import pytest
import yaml

from dlcore.cli import main
from dlcore.cli.parser import command_parser
from dlcore.resources import cache
from dlcore.resources.catalogue import FOLDER, read_catalogue, read_entry, read_labs
from dlcore.resources.links import LinkRecord, archived_copy, merged, read_links, write_links
from dlcore.resources.rules import all_problems, cycles, normalised, wording
from dlcore.resources.schema import Resource, entry_schema
from tests.dlcore.link_server import serve

PROJECT = Path(__file__).resolve().parents[2]
SOUND = {
    "id": "sound",
    "kind": "course",
    "title_en": "A sound course",
    "title_zh": "一门好课",
    "authors": "A, B",
    "year": 2024,
    "url": "http://site.test/fine",
    "languages": ["en"],
    "level": "beginner",
    "cost": "free",
    "topics": ["basics"],
    "status": "maintained",
    "checked": "2026-08",
    "checked_how": "repository",
    "evidence": "site.test",
    "why_en": "Short, and it says what it leaves out; do the exercises.",
    "why_zh": "篇幅不长，省略了什么也说得清楚；习题要做。",
}


class Folder:
    """A catalogue on disk, to spoil."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "entries").mkdir(parents=True)
        (path / "catalogue.json").write_text('{"format": 1, "date": "2026-11", "start_here": []}')

    def entry(self, name: str, **changes: object) -> Path:
        values = SOUND | {"id": name, "title_en": f"About {name}", "title_zh": f"关于 {name}"}
        values |= {"url": f"http://site.test/{name}"} | changes
        path = self.path / "entries" / f"{name}.json"
        path.write_text(json.dumps({k: v for k, v in values.items() if v is not ...}, ensure_ascii=False))
        return path


@pytest.fixture
def folder(tmp_path) -> Folder:
    return Folder(tmp_path / "catalogue")


@pytest.fixture
def check(capsys, folder):
    """Run the check on ``folder``: its exit status, the object, and standard error."""

    def run(*words: object, catalogue: Path = folder.path) -> tuple[int, dict, str]:
        capsys.readouterr()
        status = main(["resources", "check", *map(str, words), "--catalogue", str(catalogue), "--json"])
        out, err = capsys.readouterr()
        assert out.count("\n") == 1
        return status, json.loads(out), err

    return run


@pytest.fixture
def web(monkeypatch):
    """A server that answers for every host, as the proxy that the client is told to use: nothing reaches the real net."""
    with serve() as web:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, web.url)
            monkeypatch.setenv(name.upper(), web.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        yield web


def messages(answer: dict) -> str:
    return "\n".join(f"{p['severity']} {p['entry']} {p['field']}: {p['message']}" for p in answer["problems"])


def test_this_projects_catalogue_is_sound(check):
    status, answer, _err = check(catalogue=FOLDER)
    errors = [problem for problem in answer["problems"] if problem["severity"] == "error"]
    assert not errors
    assert status == 0
    assert answer["entries"] == len(read_catalogue().resources) > 100


def test_a_sound_catalogue_ends_with_0(check, folder):
    folder.entry("first")
    folder.entry("second", prerequisites=["first"])
    status, answer, err = check()
    assert (status, answer["sound"], answer["entries"], answer["problems"], answer["links"], err) == (
        0,
        True,
        2,
        [],
        None,
        "",
    )


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"authors": ...}, "authors", "authors is missing. Who made it"),
        ({"why_zh": ""}, "why_zh", "why_zh is empty. The same in Chinese"),
        ({"level": ""}, "level", "It must be 'beginner', 'intermediate' or 'advanced'"),
        ({"level": "easy"}, "level", "level is 'easy'. It must be"),
        ({"topics": []}, "topics", "one or more of basics, theory"),
        ({"topics": ["cooking"]}, "topics.0", "topics.0 is 'cooking'"),
        ({"licence": "MIT"}, "licence", "licence is no field of an entry; license is"),
        ({"url": "javascript:alert(1)"}, "url", "Its own address"),
        ({"year": 99999}, "year", "year is 99999"),
        ({"status": "archived"}, "", "is archived: say why"),
        ({"minutes": 5}, "", "minutes without minutes_from"),
        ({"prerequisites": ["nowhere"]}, "prerequisites", "prerequisites names nowhere, which is not an entry"),
        ({"prerequisites": ["spoiled"]}, "prerequisites", "spoiled → spoiled"),
        ({"prerequisites": ["other"]}, "prerequisites", "→"),
        ({"title_en": "about: OTHER!"}, "title_en", "the same title_en as other"),
        ({"url": "https://www.site.test/other/?utm_source=x"}, "url", "the same url as other"),
        ({"id": "else"}, "id", "the file must be called else.json"),
        ({"id": "other"}, "id", "the file must be called other.json"),
        ({"why_en": "Too short."}, "why_en", "30 to 330 characters, and has 10"),
        ({"why_en": SOUND["why_en"].rstrip(".")}, "why_en", "must be a whole sentence"),
        ({"why_zh": SOUND["why_en"]}, "why_zh", "must be Chinese"),
        ({"why_en": "Only $20, which is little for so much of it."}, "why_en", "names a price"),
        ({"why_en": "Its licence is not verified, but it is good."}, "why_en", "leave it out"),
        ({"kind": "paper"}, "idea_en", "a paper says its idea"),
        ({"kind": "paper", "idea_en": "One thing.", "idea_zh": "一。二。"}, "idea_en", "two sentences"),
        ({"idea_en": "One. Two.", "idea_zh": "一。二。"}, "idea_en", "only a paper has"),
        ({"checked": "2099-01"}, "checked", "has not come yet"),
        ({"last_activity": "2026-09"}, "last_activity", "is later than checked"),
    ],
)
def test_what_is_wrong_is_named_with_its_entry_its_field_and_the_remedy(check, folder, changes, field, message):
    folder.entry("other", prerequisites=["spoiled"] if changes.get("prerequisites") == ["other"] else [])
    folder.entry("spoiled", **changes)
    status, answer, _err = check()
    assert status == 1
    assert not answer["sound"]
    found = [
        problem for problem in answer["problems"] if problem["severity"] == "error" and message in problem["message"]
    ]
    assert found, messages(answer)
    assert field in {problem["field"] for problem in found}


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "not JSON"), ("[1]", "one JSON object"), ("[" * 40_000, "not JSON"), ('"' + "x" * 60_000, "larger than")],
)
def test_a_file_that_is_no_entry_is_a_fault_of_the_catalogue(check, folder, text, message):
    folder.entry("other")
    (folder.path / "entries" / "spoiled.json").write_text(text)
    status, answer, _err = check()
    assert status == 1
    assert messages(answer).startswith("error spoiled : the file ")
    assert message in messages(answer)


def test_two_files_with_one_id(check, folder):
    folder.entry("other")
    folder.entry("spoiled", id="other", title_en="Else", title_zh="别的", url="http://site.test/else")
    status, answer, _err = check()
    assert status == 1
    assert "the id other is used 2 times" in messages(answer)


def test_circles_are_told_as_the_way_round_and_once():
    chain = [
        Resource(**(SOUND | {"id": name, "prerequisites": needs}))
        for name, needs in {"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"], "e": []}.items()
    ]
    (found,) = cycles(chain)
    assert found.message.endswith("a → b → c → a")


def test_what_stands_on_the_gone_falls():
    gone = Resource(
        **(SOUND | {"id": "gone", "status": "archived", "status_reason_en": "Old.", "status_reason_zh": "旧。"})
    )
    standing = Resource(
        **(
            SOUND
            | {"id": "standing", "prerequisites": ["gone"], "title_en": "X", "title_zh": "乙", "url": "http://b.test"}
        )
    )
    found = all_problems([gone, standing], [], {}, date(2026, 11, 1))
    assert [str(problem) for problem in found] == ["error: standing: needs gone, which is archived"]


def test_what_was_not_looked_at_for_long_is_a_warning_and_no_fault(check, folder):
    folder.entry("old", status="active", checked="2021-01")
    folder.entry("older", checked="2020-01")
    status, answer, _err = check()
    assert status == 0
    assert answer["warnings"] == 2
    assert "is called active" in messages(answer)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://arxiv.org/abs/1706.03762v7", "http://arxiv.org/pdf/1706.03762.pdf"),
        ("https://github.com/PyTorch/serve/", "https://www.github.com/pytorch/serve.git"),
        ("https://a.test/index.html?b=2&a=1&utm_source=x#part", "http://www.a.test/?a=1&b=2"),
    ],
)
def test_two_spellings_of_one_address_are_one(one, other):
    assert normalised(one) == normalised(other)


def test_two_addresses_are_two():
    assert normalised("https://a.test/b?id=1") != normalised("https://a.test/b?id=2")
    assert normalised("https://a.test/B") != normalised("https://a.test/b")


def test_a_draft_is_judged_among_the_rest_and_alone(check, folder, tmp_path):
    folder.entry("other")
    folder.entry("bad", why_en="No.")
    draft = tmp_path / "draft.json"
    draft.write_text(json.dumps(SOUND | {"id": "draft", "url": "http://site.test/other"}))
    status, answer, _err = check(draft)
    assert (status, answer["entries"]) == (1, 1)
    assert messages(answer) == "error draft url: the same url as other: http://site.test/other"
    draft.write_text(json.dumps(SOUND | {"id": "draft", "prerequisites": ["other"]}))
    assert check(draft)[0] == 0


def test_the_template_says_everything_that_is_missing(check):
    status, answer, _err = check(FOLDER / "TEMPLATE.json", catalogue=FOLDER)
    required = {name for name, field in Resource.model_fields.items() if field.is_required()}
    assert status == 1
    assert {problem["field"] for problem in answer["problems"]} == required
    assert all(len(problem["message"]) > 20 for problem in answer["problems"])


def test_a_filled_template_is_an_entry(check, folder):
    template = json.loads((FOLDER / "TEMPLATE.json").read_text())
    filled = template | {name: value for name, value in SOUND.items() if name in template}
    path = folder.path / "entries" / "sound.json"
    path.write_text(json.dumps(filled))
    assert check()[0] == 0
    assert read_entry(path)[0] is not None


def test_the_schema_for_editors_is_the_schema(capsys):
    kept = json.loads((FOLDER / "entry.schema.json").read_text(encoding="utf-8"))
    assert kept == entry_schema(), "python -m dlcore resources schema > content/resources/entry.schema.json"
    assert main(["resources", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == kept
    assert all("description" in about for name, about in kept["properties"].items() if name != "$schema")


@pytest.mark.parametrize(
    "words",
    [
        ["nothing.json"],
        ["--record"],
        ["--links", "--max-age", "soon"],
        ["--links", "--max-age", "-1"],
        ["--links", "--timeout", "nan"],
        ["--links", "--pause", "1e9"],
        ["--unknown"],
    ],
)
def test_bad_input_is_one_sentence_and_2(check, words):
    status, answer, err = check(*words)
    assert status == 2
    assert answer["error"] == err.strip()
    assert "\n" not in answer["error"]


def test_a_folder_without_a_catalogue_is_bad_input(check, tmp_path):
    assert check(catalogue=tmp_path)[0] == 2
    (tmp_path / "catalogue.json").write_text("{}")
    assert check(catalogue=tmp_path)[0] == 2


def test_the_example_of_a_scheduled_job_runs_a_command_that_exists():
    job = yaml.safe_load((PROJECT / "docs" / "ci" / "resources-check.example.yml").read_text(encoding="utf-8"))
    (line,) = [step["run"] for step in job["jobs"]["check"]["steps"] if "dlcore" in step.get("run", "")]
    words = line.split()
    assert words[:3] == ["python", "-m", "dlcore"]
    options = command_parser().parse_args(words[3:])
    assert options.links
    assert options.report == Path("report")
    assert not (PROJECT / ".github").exists(), "an example lies where it does nothing"


def test_labs_that_lead_nowhere_are_found(check, folder):
    folder.entry("first")
    lab = {"en": "Lab", "zh": "实验", "page": "concepts", "entries": ["first", "nowhere"]}
    (folder.path / "labs.json").write_text(json.dumps({"lab": lab}))
    assert "the lab lab names nowhere" in messages(check()[1])
    (folder.path / "labs.json").write_text(json.dumps({"lab": lab | {"page": "admin"}}))
    assert "labs.json is not as it should be" in messages(check()[1])


def test_every_lab_of_the_project_is_read():
    assert {"steps", "traits", "surface"} <= set(read_labs())
    assert len(read_labs()) >= 19


def test_addresses_are_tried_reported_and_recorded(check, folder, web, tmp_path):
    folder.entry("fine")
    folder.entry("gone", url="http://site.test/status/404")
    folder.entry(
        "kept", url="http://site.test/status/410", archive="https://web.archive.org/web/2020/http://site.test/"
    )
    folder.entry("left", url="http://site.test/moved/301")
    folder.entry("shy", url="http://site.test/status/403")
    status, answer, err = check("--links", "--pause", "0", "--record", "--report", tmp_path / "report")
    assert status == 1
    assert answer["links"]["states"] == {"gone": 2, "moved": 1, "ok": 1, "refused": 1}
    assert answer["errors"] == 1
    assert "error gone url: http://site.test/status/404 is gone (HTTP 404): find its new address" in messages(answer)
    assert "warning kept url" in messages(answer)
    assert "moved for good: http://site.test/new-place" in messages(answer)
    assert "gone: HTTP 404  http://site.test/status/404" in err
    assert json.loads((tmp_path / "report" / "report.json").read_text())["links"] == answer["links"]
    markdown = (tmp_path / "report" / "report.md").read_text()
    assert "| gone | url | http://site.test/status/404 is gone (HTTP 404)" in markdown
    assert "## To put right" in markdown
    records = read_links(folder.path)
    assert records["http://site.test/fine"].state == "ok"
    assert records["http://site.test/status/404"].dead


def test_what_answered_lately_is_not_asked_again_and_what_failed_is(check, folder, web):
    folder.entry("fine")
    folder.entry("gone", url="http://site.test/status/404")
    check("--links", "--pause", "0")
    assert cache.path().is_file()
    web.asked.clear()
    _status, answer, _err = check("--links", "--pause", "0")
    assert {path for _method, path in web.asked} == {"/status/404"}
    assert (answer["links"]["tried"], answer["links"]["from_cache"]) == (1, 1)
    web.asked.clear()
    check("--links", "--pause", "0", "--max-age", "0")
    assert len({path for _method, path in web.asked}) == 2


def test_a_damaged_cache_is_no_cache(check, folder, web):
    folder.entry("fine")
    cache.path().parent.mkdir(parents=True)
    cache.path().write_text('{"http://site.test/fine": {"state": "ok"')
    assert check("--links", "--pause", "0")[0] == 0
    assert json.loads(cache.path().read_text())["http://site.test/fine"]["state"] == "ok"


def test_a_machine_without_a_net_is_told_and_nothing_recorded(check, folder, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    for number in range(3):
        folder.entry(f"entry-{number}")
    status, answer, _err = check("--links", "--pause", "0", "--record")
    assert status == 1
    assert "none of 3 addresses answered" in messages(answer)
    assert not (folder.path / "links.json").exists()


def test_damaged_records_are_bad_input(check, folder, web):
    folder.entry("fine")
    (folder.path / "links.json").write_text("{")
    status, answer, _err = check("--links", "--pause", "0")
    assert status == 2
    assert "links.json is damaged" in answer["error"]


def test_without_the_library_one_sentence_says_how_to_get_it(check, folder, monkeypatch):
    folder.entry("fine")
    monkeypatch.delitem(sys.modules, "dlcore.resources.crawl", raising=False)
    monkeypatch.setitem(sys.modules, "httpx2", None)
    status, answer, _err = check("--links")
    assert status == 2
    assert "pip install" in answer["error"]


def test_who_interrupts_keeps_what_was_found(folder, web, home):
    folder.entry("fine")
    folder.entry("slow", url="http://other.test/slow")
    words = ["resources", "check", "--links", "--pause", "0", "--catalogue", str(folder.path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "dlcore", *words],
        cwd=PROJECT,
        env=os.environ,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # a shell's background jobs have it ignored
    )
    while not {"/fine", "/slow"} <= {path for _method, path in web.asked}:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Interrupted." in err
    assert list(cache.read()) in (["http://site.test/fine"], [])


RECORD = LinkRecord(state="ok", detail="HTTP 200", checked="2026-11-01", since="2026-11-01", how="HEAD")


def test_since_is_kept_while_the_state_is_the_same_and_old_addresses_are_dropped():
    failing = RECORD.model_copy(update={"state": "failing", "archive": "https://web.archive.org/web/1/http://a.test/"})
    later = RECORD.model_copy(update={"state": "failing", "checked": "2026-11-20", "since": "2026-11-20"})
    records = merged({"a": failing, "b": RECORD}, {"a": later}, frozenset("a"))
    assert list(records) == ["a"]
    assert (records["a"].since, records["a"].checked) == ("2026-11-01", "2026-11-20")
    assert records["a"].archive == failing.archive
    assert merged({"a": RECORD}, {"a": later}, frozenset("a"))["a"].since == "2026-11-20"


@pytest.mark.parametrize(
    ("changes", "dead"),
    [
        ({}, False),
        ({"state": "gone"}, True),
        ({"state": "refused"}, False),
        ({"state": "failing"}, False),
        ({"state": "failing", "checked": "2026-11-14"}, False),
        ({"state": "failing", "checked": "2026-11-15"}, True),
        ({"state": "moved", "checked": "2026-12-31"}, False),
    ],
)
def test_what_fails_for_two_weeks_is_dead_as_what_is_gone(changes, dead):
    assert RECORD.model_copy(update=changes).dead is dead


def test_the_copy_that_was_chosen_comes_first_then_the_one_found_then_the_nearest():
    plain = Resource(**SOUND)
    assert archived_copy(plain) == "https://web.archive.org/web/20260801000000/http://site.test/fine"
    found = RECORD.model_copy(update={"archive": "https://web.archive.org/web/2/http://site.test/fine"})
    assert archived_copy(plain, found) == found.archive
    chosen = Resource(**SOUND, archive="https://archive.test/copy")
    assert archived_copy(chosen, found) == "https://archive.test/copy"


def test_records_survive_the_disk(tmp_path):
    write_links(tmp_path, {"https://a.test/": RECORD, "https://b.test/": RECORD.model_copy(update={"state": "gone"})})
    assert dict(read_links(tmp_path)) == {
        "https://a.test/": RECORD,
        "https://b.test/": RECORD.model_copy(update={"state": "gone"}),
    }
    write_links(tmp_path, {})
    assert read_links(tmp_path) == {}
    shutil.rmtree(tmp_path)
    assert read_links(tmp_path) == {}


def test_wording_of_an_entry_as_it_should_be():
    assert not list(wording(Resource(**SOUND)))
