"""Links, filters, exports, learning paths, corrections, the framework chooser: all without a page."""

import csv
import io
import json
import re
from itertools import pairwise
from math import ceil

import pytest
from pybtex.database import parse_string

from dlcore.messages import UserError
from ui.resources.catalogue import all_resources, by_id, known
from ui.resources.export import to_bibtex, to_csv, to_markdown
from ui.resources.frameworks import AVOID, MARKS, chooser, rank
from ui.resources.paths import backgrounds, paths, plan, to_dot
from ui.resources.progress import LARGEST_FILE, from_file, read_kept, to_file
from ui.resources.selection import (
    FACETS,
    LONGEST_QUERY,
    Selection,
    facet_counts,
    loosenings,
    parse,
    select,
    to_parameters,
)
from ui.resources.today import corrections

EVERYTHING = Selection()
FULL = Selection(
    "注意力 & +", ("paper",), ("nlp", "theory"), ("advanced",), ("en",), ("free",), ("active",), True, "year"
)


@pytest.mark.parametrize("selection", [EVERYTHING, FULL, Selection(q="a,b=c"), Selection(sort="time")])
def test_a_selection_survives_its_link(selection):
    assert parse(to_parameters(selection)) == (selection, [])


@pytest.mark.parametrize(
    "link",
    [
        {"kind": "virus"},
        {"topic": "nlp,<script>alert(1)</script>"},
        {"level": "../../etc/passwd"},
        {"sort": "DROP TABLE"},
        {"article": "yes"},
        {"q": "x" * 100_000},
        {"status": "," * 10_000 + "odd"},
        {"cost": "\x00"},
    ],
)
def test_a_hostile_link_is_refused_with_a_word_and_the_rest_kept(link):
    selection, refused = parse({"speaks": "zh", **link})
    assert selection.speaks == ("zh",)
    assert len(selection.q) <= LONGEST_QUERY
    assert len(refused) == (0 if "," * 100 in "".join(link.values()) else 1)
    for error in refused:
        assert len(str(error)) < 500
        assert "\x00" not in str(error)


@pytest.mark.parametrize("facet", FACETS)
@pytest.mark.parametrize(
    "selection", [EVERYTHING, Selection(q="transformer"), Selection(level=("beginner",), article=True)]
)
def test_a_count_is_what_choosing_the_value_would_show(facet, selection):
    from dataclasses import replace

    counts = facet_counts(selection)[facet]
    for value, count in counts.items():
        assert len(select(replace(selection, **{facet: (value,)}), "en")) == count > 0


def test_orders_are_what_they_say():
    shown = [resource.year for resource in select(Selection(sort="year"), "en") if resource.year]
    assert all(newer >= older for newer, older in pairwise(shown))
    times = [resource.minutes for resource in select(Selection(sort="time"), "en") if resource.minutes]
    assert times == sorted(times)
    levels = ["beginner", "intermediate", "advanced"]
    shown_levels = [levels.index(resource.level) for resource in select(Selection(sort="level"), "en")]
    assert shown_levels == sorted(shown_levels)
    titles = [resource.title_en.lower() for resource in select(Selection(sort="title"), "en")]
    assert titles[0].startswith(("3", "a"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_without_a_question_the_first_is_alive_easy_and_in_the_visitors_language(language):
    first = select(EVERYTHING, language)[:8]
    assert all(language in resource.languages and not resource.retired for resource in first)
    assert first[0].level == "beginner"


def test_an_empty_result_says_what_stands_in_the_way():
    impossible = Selection(kind=("news",), topic=("driving",))
    assert not select(impossible, "en")
    assert loosenings(impossible) == {
        "kind": len(select(Selection(topic=("driving",)), "en")),
        "topic": len(select(Selection(kind=("news",)), "en")),
    }


def test_csv_holds_every_entry_in_both_languages():
    rows = list(csv.DictReader(io.StringIO(to_csv(all_resources()).decode("utf-8-sig"))))
    assert [row["id"] for row in rows] == [resource.id for resource in all_resources()]
    assert all(row["why_en"] and row["why_zh"] and row["url"] for row in rows)
    assert not any(row["title_en"].startswith(("=", "+", "-", "@")) for row in rows)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_markdown_holds_every_link(language):
    text = to_markdown(all_resources(), language, "Heading")
    assert all(f"(<{resource.url}>)" in text for resource in all_resources())
    assert text.startswith("# Heading\n")


def test_another_program_reads_the_bibliography():
    parsed = parse_string(to_bibtex(all_resources()), "bibtex").entries
    expected = {resource.id: resource for resource in all_resources() if resource.kind in {"paper", "book"}}
    assert set(parsed) == set(expected)
    for identifier, entry in parsed.items():
        resource = expected[identifier]
        assert entry.type == ("book" if resource.kind == "book" else "misc")
        assert entry.fields["url"] == resource.url
        assert entry.persons["author"]
        assert entry.fields["title"].strip("{}").replace("\\", "") == resource.title_en
        assert entry.fields.get("year") in {str(resource.year), None}
    people = [" ".join(person.last_names) for person in parsed["resnet-2015"].persons["author"]]
    assert people == ["He", "Zhang", "Ren", "Sun"]
    assert [str(person) for person in parsed["attention-2017"].persons["author"]][-1] == "others"
    assert parsed["adam-2014"].fields["eprint"] == "1412.6980"
    assert parsed["lenet-1998"].fields["doi"] == "10.1109/5.726791"


def test_bibtex_holds_the_papers_and_books_and_is_well_formed():
    text = to_bibtex(all_resources())
    expected = [resource for resource in all_resources() if resource.kind in {"paper", "book"}]
    assert re.findall(r"^@(?:misc|book)\{([^,]+),$", text, re.MULTILINE) == [resource.id for resource in expected]
    depth = 0
    for character in re.sub(r"\\[{}]", "", text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert 0 <= depth <= 3
    assert depth == 0
    assert "author = {Ashish Vaswani and others}" in text
    assert "author = {Diederik Kingma and Jimmy Ba}" in text
    assert "eprint = {1706.03762}" in text
    assert "doi = {10.1109/5.726791}" in text
    assert not re.search(r"(?<!\\)[&%#]", re.sub(r"url = .*", "", text))


@pytest.mark.parametrize("background", backgrounds().values(), ids=lambda background: background.id)
@pytest.mark.parametrize("path", paths().values(), ids=lambda path: path.id)
def test_a_plan_puts_everything_after_what_it_needs(path, background):
    fitted = plan(path, background)
    met = {*background.known, *path.covers}
    for stop in fitted.stops:
        assert set(stop.resource.prerequisites) <= met
        assert stop.resource.id not in met
        assert stop.resource.status != "discontinued"
        met.add(stop.resource.id)
    assert {step.id for step in path.steps} <= met
    assert fitted.hours() > 0
    assert fitted.hours({stop.resource.id for stop in fitted.stops}) == 0


def test_who_knows_more_has_less_to_do():
    for path in paths().values():
        hours = [plan(path, background).hours() for background in backgrounds().values()]
        assert hours == sorted(hours, reverse=True)


def test_the_chinese_path_can_be_walked_in_chinese():
    fitted = plan(paths()["chinese"], backgrounds()["new"])
    english_only = [stop.resource.id for stop in fitted.stops if "zh" not in stop.resource.languages]
    assert set(english_only) <= {"pytorch", "attention-2017"}  # a tool and a paper to read, no English course


def test_the_two_weekends_are_two_weekends():
    assert 12 <= plan(paths()["first-cnn"], backgrounds()["python"]).hours() <= 20


def test_the_picture_of_a_plan_quotes_its_titles():
    fitted = plan(paths()["first-cnn"], backgrounds()["new"])
    titles = {stop.resource.id: 'say "\\x"' for stop in fitted.stops}
    drawing = to_dot(fitted, {"mnist"}, titles)
    assert drawing.count("->") == sum(len(set(stop.resource.prerequisites) & set(titles)) for stop in fitted.stops)
    assert drawing.count("{") == drawing.count("}")
    assert "\"say 'x'\"" in drawing


@pytest.mark.parametrize(
    "kept", ["", "[]", "{", "null", "3", '{"a": 1}', '["<script>"]', "[" * 5000, 7, None, '[["mnist"]]']
)
def test_what_a_browser_remembers_is_hostile_until_proven_otherwise(kept):
    assert read_kept(kept) == set()


def test_what_a_browser_remembers_is_taken_over():
    assert read_kept('["mnist", "pytorch", "nothing"]') == {"mnist", "pytorch"}


def test_progress_comes_back_from_its_file():
    assert from_file(to_file({"mnist", "pytorch"}).encode()) == ({"mnist", "pytorch"}, 0)
    everything = {resource.id for resource in all_resources()}
    assert len(to_file(everything)) < LARGEST_FILE / 4
    assert from_file(b"\xef\xbb\xbf" + to_file(everything).encode()) == (everything, 0)


def test_what_a_file_names_and_the_directory_does_not_have_is_counted_and_left_out():
    content = json.dumps({"format": 1, "done": ["mnist", "mnist", "../../etc/passwd", "gone"]}).encode()
    assert from_file(content) == ({"mnist"}, 2)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b'["mnist"]',
        b'{"format": 2, "done": ["mnist"]}',
        b'{"format": 1, "done": "mnist"}',
        b'{"format": 1, "done": [["mnist"]]}',
        b'{"format": 1, "done": [1]}',
        b"[" * 10_000,
        b'{"format": 1, "done": [' + b'"mnist",' * 10_000 + b'"mnist"]}',
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_a_file_from_outside_is_refused_with_a_word(content):
    with pytest.raises(UserError) as refused:
        from_file(content)
    assert len(str(refused.value)) < 200


def test_each_stop_has_its_weeks_one_after_the_other():
    fitted = plan(paths()["first-cnn"], backgrounds()["python"])
    weeks = fitted.weeks(4)
    assert list(weeks) == [stop.resource.id for stop in fitted.stops if stop.minutes]
    assert next(iter(weeks.values()))[0] == 1
    assert all(first <= last for first, last in weeks.values())
    assert all(first >= last - 1 for (_f, last), (first, _l) in pairwise(weeks.values()))
    assert [*weeks.values()][-1][1] == ceil(fitted.hours() / 4)
    assert max(last for _first, last in fitted.weeks(40).values()) == 1
    assert "mnist" not in fitted.weeks(4, {"mnist"})


def test_corrections_speak_both_languages_and_name_entries():
    assert sum(item.correction for item in corrections()) >= 6
    for item in corrections():
        assert all(known(name) for name in item.entries)
        for field in ("claim", "today"):
            assert re.search(r"[\u4e00-\u9fff]", item.told(field, "zh"))
            assert not re.search(r"[\u4e00-\u9fff]", item.told(field, "en"))
    told = " ".join(item.today_en for item in corrections())
    assert "JAX, TensorFlow or PyTorch" in told


def test_the_framework_table_is_complete_and_rates_within_its_marks():
    frameworks = set(chooser().frameworks)
    assert all(by_id(framework).status == "active" for framework in frameworks)
    for question in chooser().questions:
        for need in question.needs:
            assert set(need.ratings) == frameworks
            assert set(need.ratings.values()) <= set(MARKS)
            assert set(need.via) <= frameworks


@pytest.mark.parametrize(
    ("answers", "best"),
    [
        ({"papers"}, "pytorch"),
        ({"first"}, "keras"),
        ({"existing"}, "tensorflow"),
        ({"tpu"}, "jax"),
        ({"ascend", "chinese"}, "paddlepaddle"),
        ({"phone", "papers"}, "pytorch"),
        (set(), "pytorch"),
    ],
)
def test_the_chooser_answers_as_the_table_says(answers, best):
    needs = [need for question in chooser().questions for need in question.needs if need.id in answers]
    assert rank(needs)[0].framework == best


def test_what_a_need_rules_out_comes_last():
    needs = [need for question in chooser().questions for need in question.needs if need.id in {"ascend", "existing"}]
    assert rank(needs)[0].framework == "pytorch"  # the only one that no answer rules out
    assert all(place.worst == AVOID for place in rank(needs)[1:])
