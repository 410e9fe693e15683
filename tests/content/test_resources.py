"""The catalogue: every entry, the words, and what was built from them."""

import re
from collections import Counter
from collections.abc import Callable

import pytest
from pydantic import ValidationError

from dlcore.resources.catalogue import FOLDER, Catalogue, read_entry
from dlcore.resources.schema import Resource
from ui.resources.catalogue import (
    address,
    all_resources,
    by_id,
    catalogue,
    in_order,
    known,
    labs,
    labs_of,
    link_of,
    needed_by,
    related,
    tried_with,
    vocabulary,
)

HAN = re.compile(r"[\u4e00-\u9fff]")
NAMED_BY_THE_ARTICLE = {
    "pytorch",
    "tensorflow",
    "keras",
    "theano",
    "cntk",
    "coursera-nndl",
    "udacity-dlnd",
    "dl-specialization",
    "goodfellow-dl",
    "d2l-zh",
    "d2l-en",
    "dlwp-chollet",
}


def months(month: str) -> int:
    year, number = month.split("-")
    return int(year) * 12 + int(number)


def for_every_entry(check: Callable[[Resource], None]) -> Callable[[], None]:
    """One test over all entries that names each entry at fault; a test each would cost more than it tests."""

    def test() -> None:
        faults = []
        for entry in all_resources():
            try:
                check(entry)
            except AssertionError as fault:
                faults.append(f"{entry.id}: {fault}")
        assert not faults, "\n".join(faults)

    return test


def test_there_are_more_than_a_hundred_and_all_of_the_article():
    assert len(all_resources()) > 100
    assert {resource.id for resource in all_resources() if resource.in_article} == NAMED_BY_THE_ARTICLE


@for_every_entry
def test_an_entry_speaks_both_languages(entry):
    for field in ("why", "idea", "status_reason"):
        english, chinese = entry.told(field, "en"), entry.told(field, "zh")
        assert bool(english) == bool(chinese)
        if english:
            assert not HAN.search(english)
            assert HAN.search(chinese)
            assert english.endswith((".", "!", "?"))
            assert chinese.endswith(("。", "！", "？"))
    assert not HAN.search(entry.title_en)
    assert 30 <= len(entry.why_en) <= 330
    assert 15 <= len(entry.why_zh) <= 150


@for_every_entry
def test_a_paper_says_its_idea_in_two_sentences(entry):
    if entry.kind == "paper":
        assert len(re.findall(r"[.;!?](?=\s|$)", entry.idea_en)) >= 2
        assert entry.idea_zh.count("。") == 2
    else:
        assert not entry.idea_en


@for_every_entry
def test_an_entry_names_no_price_and_nothing_unverified(entry):
    told = " ".join(
        entry.told(field, language) for field in ("why", "idea", "status_reason") for language in ("en", "zh")
    )
    assert not re.search(r"[$€¥￥]|\d+\s*(dollars|euros|元|美元)", told)
    assert not re.search(r"not verified|TODO|file id|#1\b", told, re.IGNORECASE)
    assert not re.search(r"best ", told.replace(entry.why_en, ""), re.IGNORECASE)


@for_every_entry
def test_what_is_called_active_was_looked_at_within_18_months(entry):
    age = months(catalogue().date) - months(entry.checked)
    assert age >= 0
    if entry.status == "active":
        assert age <= 18


@for_every_entry
def test_what_is_gone_says_why_and_what_to_use(entry):
    if entry.retired:
        assert entry.status_reason_en
        assert entry.status_reason_zh
    if entry.status == "discontinued":
        assert not by_id(entry.successor).retired


@for_every_entry
def test_prerequisites_are_alive_and_come_first(entry):
    order = [resource.id for resource in in_order([entry.id])]
    assert order[-1] == entry.id
    for position, identifier in enumerate(order):
        assert set(by_id(identifier).prerequisites) <= set(order[:position])
    assert not any(by_id(identifier).retired for identifier in entry.prerequisites)


@for_every_entry
def test_links_are_secure_where_the_site_can(entry):
    old = {"mit-6s191", "alexnet-2012", "nielsen-nndl"}  # their addresses as their own pages give them
    assert entry.url.startswith("https://") or entry.id in old
    assert " " not in entry.url


def test_no_link_and_no_title_stands_twice():
    links = Counter(resource.url.rstrip("/") for resource in all_resources())
    titles = Counter(resource.title_en for resource in all_resources())
    assert max(links.values()) == 1
    assert max(titles.values()) == 1


def test_every_topic_has_at_least_two_living_entries():
    topics = Counter(topic for resource in all_resources() if not resource.retired for topic in resource.topics)
    assert set(topics) == set(vocabulary()["topic"])
    assert min(topics.values()) >= 2


def test_every_value_has_a_word_in_both_languages():
    fields = {"kind": "kind", "level": "level", "cost": "cost", "status": "status"}
    for facet, field in fields.items():
        assert {getattr(resource, field) for resource in all_resources()} <= set(vocabulary()[facet])
    for words in vocabulary().values():
        assert all(HAN.search(word.zh) and not HAN.search(word.en) for word in words.values())


@for_every_entry
def test_a_thing_to_try_here_is_a_valid_experiment(entry):
    from dlcore.config import TrainConfig

    if entry.here:
        TrainConfig(**entry.here.query)


def test_every_page_that_teaches_leads_to_entries_and_the_papers_have_doors():
    assert {lab.page for lab in labs().values()} == {"home", "concepts", "train", "draw"}
    chapters = {lab.query.get("chapter") for lab in labs().values()} - {None}
    assert chapters >= {"what", "traits", "depth", "steps", "program", "fields", "trends", "questions"}
    shown = {identifier for lab in labs().values() for identifier in lab.shows}
    doors = [entry for entry in all_resources() if entry.kind == "paper" and (entry.here or entry.id in shown)]
    assert len(doors) >= 10


def test_what_is_set_on_the_training_page_finds_the_entries_about_it():
    assert [entry.id for entry in tried_with("train", {"optimizer": "adam", "dropout": 0.1})] == ["adam-2014"]
    assert tried_with("draw", {"optimizer": "adam"}) == []


@for_every_entry
def test_related_entries_are_others_and_neither_needed_nor_needing(entry):
    beside = related(entry)
    assert entry.id not in {other.id for other in beside}
    assert not {other.id for other in beside} & set(entry.prerequisites)
    assert not {other.id for other in beside} & {other.id for other in needed_by(entry.id)}
    assert len(beside) == len({other.id for other in beside}) <= 4


def test_editions_of_one_book_find_each_other():
    assert "d2l-en" in {other.id for other in related(by_id("d2l-zh"))}
    assert "d2l-zh" in {other.id for other in related(by_id("d2l-en"))}


def test_an_unknown_id_is_unknown():
    assert not known("../../etc/passwd")
    with pytest.raises(KeyError):
        by_id("nothing")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"id": "Not an id"}, "id"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"topics": ["cooking"]}, "topics"),
        ({"prerequisites": ["nowhere"]}, "nowhere"),
        ({"prerequisites": ["second"]}, "needs itself"),
        ({"status": "archived"}, "status_reason"),
        ({"status": "discontinued", "status_reason_en": "Gone.", "status_reason_zh": "没了。"}, "successor"),
        ({"minutes": 10, "minutes_from": None}, "minutes_from"),
        ({"idea_en": "Only one."}, "idea"),
        ({"surprise": 1}, "surprise"),
        ({"id": "second"}, "used 2 times"),
    ],
)
def test_a_faulty_catalogue_is_refused_and_says_what_is_wrong(change, complaint):
    sound = by_id("pytorch").model_dump()
    sound = {**sound, "prerequisites": [], "related": [], "successor": None}
    first, second = {**sound, "id": "first"}, {**sound, "id": "second", "prerequisites": ["first"]}
    whole = {"format": 1, "date": "2026-11", "start_here": [], "resources": [first, second]}
    Catalogue.model_validate(whole)
    with pytest.raises(ValidationError, match=complaint):
        Catalogue.model_validate({**whole, "resources": [{**first, **change}, second]})


def test_a_lab_leads_to_its_entries_and_they_lead_back():
    for lab in labs().values():
        for identifier in lab.all_entries:
            assert lab in labs_of(identifier)
    assert labs()["steps"] == labs_of("backprop-1986")[0], "the lab that shows an idea comes first"
    assert not labs_of("netron")


@for_every_entry
def test_a_file_holds_one_entry_and_is_called_like_it(entry):
    path = FOLDER / "entries" / f"{entry.id}.json"
    assert read_entry(path) == (entry, [])


def test_no_address_was_tried_is_said_as_it_is():
    assert all(address(resource) == resource.url for resource in all_resources() if link_of(resource) is None)
