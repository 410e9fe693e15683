"""The resources page as a visitor meets it, without a browser."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from dlcore.resources.links import LinkRecord
from ui.resources import catalogue, compare
from ui.resources.catalogue import all_resources, by_id
from ui.resources.selection import FACETS, SORTS, Selection, select
from ui.resources.visit import PAGE

VIEWS = ["directory", "paths", "today", "frameworks"]
COMPARED = ("pytorch", "keras", "theano")
TOTAL = len(all_resources())


def shown(app: AppTest) -> list[str]:
    """The ids of the cards on the page."""
    keys = [button.key or "" for button in app.button]
    return [key.removeprefix("resources.details.") for key in keys if key.startswith("resources.details.")]


def texts(app: AppTest) -> str:
    return "\n".join(element.value for kind in (app.markdown, app.subheader, app.caption) for element in kind)


@pytest.fixture(params=["en", "zh"])
def language(request) -> str:
    return request.param


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_opens_by_its_link(open_page, language, view):
    app = open_page("resources", language=language, view=view)
    assert not app.error
    assert len(texts(app)) > 500
    assert app.query_params.get("view", ["directory"]) in ([view], view)


def test_the_first_screen_shows_a_page_of_cards_and_offers_more(open_page, language):
    app = open_page("resources", language=language)
    assert shown(app) == [resource.id for resource in select(Selection(), language)[:PAGE]]
    app.button("resources.more").click().run()
    assert len(shown(app)) == 3 * PAGE


def test_a_search_changes_the_cards_and_the_link(open_page, language):
    app = open_page("resources", language=language)
    app.text_input("resources.q").set_value("李宏毅").run()
    assert set(shown(app)) == {"lhy-ml", "leedl-tutorial"}
    assert app.query_params["q"] in ("李宏毅", ["李宏毅"])
    app.button("resources.clear").click().run()
    assert len(shown(app)) == PAGE
    assert "q" not in app.query_params


@pytest.mark.parametrize(
    ("facet", "value"),
    [
        ("kind", "book"),
        ("topic", "medical"),
        ("level", "advanced"),
        ("speaks", "zh"),
        ("cost", "paid"),
        ("status", "archived"),
    ],
)
def test_each_filter_shows_only_what_fits(open_page, facet, value):
    app = open_page("resources")
    app.button_group(f"resources.{facet}").set_value([value]).run()
    expected = select(Selection(**{facet: (value,)}), "en")
    assert shown(app) == [resource.id for resource in expected[:PAGE]]
    assert f"**{len(expected)}** of {TOTAL}" in texts(app)
    assert app.query_params[facet] in (value, [value])


def test_only_what_the_article_names(open_page, language):
    app = open_page("resources", language=language)
    app.toggle("resources.article").set_value(True).run()
    assert sorted(shown(app)) == sorted(resource.id for resource in all_resources() if resource.in_article)


@pytest.mark.parametrize("sort", SORTS)
def test_each_order(open_page, sort):
    app = open_page("resources", language="zh")
    app.selectbox("resources.sort").set_value(sort).run()
    assert shown(app) == [resource.id for resource in select(Selection(sort=sort), "zh")[:PAGE]]


def test_a_link_restores_everything(open_page, language):
    link = {"q": "transformer", "kind": "paper,book", "topic": "nlp", "level": "intermediate", "speaks": "en"}
    link |= {"cost": "free", "sort": "year"}
    app = open_page("resources", language=language, **link)
    chosen = {facet: tuple(link[facet].split(",")) for facet in FACETS if facet in link}
    assert shown(app) == [r.id for r in select(Selection(q="transformer", sort="year", **chosen), language)]
    for name, value in link.items():
        assert app.query_params[name] in (value, [value])
    assert app.text_input("resources.q").value == "transformer"
    assert app.button_group("resources.kind").value == ["paper", "book"]


def test_an_older_link_that_comes_with_a_click_does_not_undo_it(open_page):
    app = open_page("resources", q="transformer")
    app.text_input("resources.q").set_value("").run()
    assert "q" not in app.query_params
    app.query_params["q"] = "transformer"  # the browser has not heard of the new link yet
    app.button_group("resources.kind").set_value(["book"]).run()
    assert app.query_params["kind"] in ("book", ["book"])
    assert "q" not in app.query_params
    app.button("resources.details.goodfellow-dl").click().run()
    del app.query_params["id"]
    app.query_params["kind"] = "book"
    app.button("resources.back").click().run()
    assert shown(app)
    app.query_params.clear()  # now somebody goes back, and clicks on nothing
    app.query_params["lang"] = "en"
    app.query_params["id"] = "goodfellow-dl"
    app.run()
    assert not shown(app)


@pytest.mark.parametrize(
    ("link", "part"),
    [
        ({"kind": "<img src=x>"}, "kind"),
        ({"sort": "../../etc"}, "sort"),
        ({"view": "admin"}, "view"),
        ({"id": "nothing-like-it"}, "nothing-like-it"),
        ({"view": "paths", "hours": "-3"}, "hours"),
        ({"view": "paths", "hours": "00123"}, "hours"),
        ({"view": "paths", "hours": "0001" + 5000 * "9"}, "hours"),
        ({"view": "paths", "goal": "world peace"}, "goal"),
        ({"view": "frameworks", "where": "the moon"}, "where"),
    ],
)
def test_what_a_link_cannot_have_is_refused_kindly_and_forgotten(open_page, link, part):
    app = open_page("resources", language="zh", **link)
    assert len(app.error) == 1
    assert part in app.error[0].value
    app.segmented_control("resources.view").set_value("today").run()
    assert not app.error


def test_an_empty_result_says_what_to_loosen(open_page, language):
    app = open_page("resources", language=language, kind="news", topic="driving")
    assert not shown(app)
    app.button("resources.loosen.kind").click().run()
    assert set(shown(app)) == {"carla", "pilotnet-2016", "nuscenes"}


def test_a_prerequisite_opens_by_a_click_and_the_list_comes_back(open_page, language):
    app = open_page("resources", language=language, q="cs231n")
    app.button("resources.open.first.cs231n.coursera-nndl").click().run()
    assert app.query_params["id"] in ("coursera-nndl", ["coursera-nndl"])
    assert not shown(app)
    assert app.subheader[0].value.endswith(by_id("coursera-nndl").told("title", language).replace("_", r"\_"))
    app.button("resources.back").click().run()
    assert shown(app)[0] == "cs231n"
    assert "id" not in app.query_params


@pytest.mark.parametrize("identifier", ["pytorch", "theano", "mnist", "attention-2017", "distill", "kaggle", "netron"])
def test_one_entry_in_full(open_page, identifier):
    app = open_page("resources", language="zh", id=identifier)
    assert by_id(identifier).why_zh in texts(app)
    assert by_id(identifier).checked in texts(app)


def test_a_paper_has_no_status(open_page):
    app = open_page("resources", id="attention-2017")
    assert "Stable" not in texts(app)


def test_a_path_asks_three_questions_and_counts_what_is_done(open_page, language):
    app = open_page("resources", language=language, view="paths", know="python", goal="first-cnn", hours=4)
    first = [box.key for box in app.checkbox]
    assert first[0] == "resources.done.tf-playground"
    app.checkbox("resources.done.mnist").check().run()
    app.selectbox("resources.know").set_value("trained").run()
    assert len(app.checkbox) < len(first)
    app.selectbox("resources.know").set_value("python").run()
    assert app.checkbox("resources.done.mnist").value
    app.slider("resources.hours").set_value(10).run()
    assert app.query_params["hours"] in ("10", ["10"])


def test_the_chooser_gives_its_reasons(open_page, language):
    app = open_page("resources", language=language, view="frameworks", where="ascend")
    assert "MindSpore" in texts(app)
    app.selectbox("resources.where").set_value("any").run()
    app.selectbox("resources.what").set_value("papers").run()
    assert "Transformers" in texts(app)
    assert "where" not in app.query_params
    app.selectbox("resources.what").set_value("table").run()
    assert "scikit-learn" in texts(app)


def test_a_selection_can_be_taken_home(open_page):
    app = open_page("resources", kind="paper", topic="vision")
    assert {button.key for button in app.get("download_button")} >= {
        "resources.markdown",
        "resources.csv",
        "resources.bibtex",
    }


def test_entries_stand_side_by_side_as_the_link_says(open_page, language):
    app = open_page("resources", language=language, view="compare", compare=",".join(COMPARED))
    (shown_table,) = [element.value for element in app.markdown if element.value.startswith("| |")]
    for identifier in COMPARED:
        resource = by_id(identifier)
        assert resource.url in shown_table
        assert resource.told("why", language)[:30] in shown_table
    assert all(line.count("|") == len(COMPARED) + 2 for line in shown_table.splitlines())
    assert ":gray[" in shown_table, "they are all frameworks"
    assert list(app.multiselect("resources.compare").value) == list(COMPARED)
    app.multiselect("resources.compare").set_value(["mnist", "cifar-10"]).run()
    assert app.query_params["compare"] in ("mnist,cifar-10", ["mnist,cifar-10"])


def test_without_a_choice_some_comparisons_are_offered(open_page, language):
    app = open_page("resources", language=language, view="compare")
    app.button("resources.suggestion.0").click().run()
    assert not app.exception
    assert tuple(app.multiselect("resources.compare").value) == compare.SUGGESTIONS[0]
    assert all(catalogue.known(name) for suggestion in compare.SUGGESTIONS for name in suggestion)


@pytest.mark.parametrize(
    ("link", "left"),
    [
        ("pytorch,<script>,keras", ["pytorch", "keras"]),
        ("pytorch,pytorch", ["pytorch"]),
        ("pytorch,keras,jax,theano,cntk", ["pytorch", "keras", "jax", "theano"]),
        (",".join(f"x{number}" for number in range(1000)), []),
    ],
)
def test_a_hostile_comparison_is_refused_kindly_and_the_rest_kept(open_page, link, left):
    app = open_page("resources", view="compare", compare=link)
    assert list(app.multiselect("resources.compare").value) == left
    assert len(app.error) == (link != "pytorch,pytorch")


def test_every_entry_can_stand_in_a_comparison():
    cells = compare.rows("zh")
    for resource in all_resources():
        assert all(isinstance(cell(resource), str) for cell in cells.values())


def test_cards_are_gathered_for_a_comparison(open_page):
    app = open_page("resources", q="pytorch")
    first, second = shown(app)[:2]
    app.button(f"resources.beside.{first}").click().run()
    assert app.button("resources.compare.open").disabled
    app.button(f"resources.beside.{second}").click().run()
    app.button("resources.compare.open").click().run()
    assert app.query_params["compare"] in (f"{first},{second}", [f"{first},{second}"])
    app.segmented_control("resources.view").set_value("directory").run()
    app.button(f"resources.beside.{first}").click().run()
    app.button("resources.compare.clear").click().run()
    assert "resources.compare.open" not in {button.key for button in app.button}


def test_an_entry_leads_to_the_labs_that_lead_to_it(open_page, language):
    app = open_page("resources", language=language, id="backprop-1986")
    links = [element.proto for element in app.get("page_link")]
    leading = [link for link in links if "chapter=steps" in link.query_string]
    assert len(leading) == 1
    assert catalogue.labs()["steps"].name(language) in leading[0].label
    back = open_page("concepts", language=language, chapter="steps")
    there = [element.proto.query_string for element in back.get("page_link")]
    assert any("id=backprop-1986" in query for query in there)


@pytest.mark.parametrize(
    ("record", "words", "archived"),
    [
        ({"state": "ok", "detail": "HTTP 200"}, "it answers.", False),
        ({"state": "moved", "detail": "moved for good"}, "has moved", False),
        ({"state": "refused", "detail": "HTTP 403"}, "not to programs (HTTP 403)", False),
        ({"state": "failing", "detail": "timed out"}, "no answer since 2026-11-20", False),
        ({"state": "failing", "detail": "timed out", "since": "2026-10-01"}, "no answer since 2026-10-01", True),
        ({"state": "gone", "detail": "HTTP 404"}, "the page is gone (HTTP 404)", True),
    ],
)
def test_a_dead_address_leads_to_its_archived_copy(open_page, monkeypatch, record, words, archived):
    resource = by_id("netron")
    record = LinkRecord(**({"checked": "2026-11-20", "since": "2026-11-20", "how": "GET"} | record))
    monkeypatch.setattr(catalogue, "links", lambda: {resource.url: record})
    app = open_page("resources", id="netron")
    assert words in texts(app)
    copy = f"https://web.archive.org/web/{resource.checked.replace('-', '')}01000000/{resource.url}"
    (opened,) = [element.proto.url for element in app.get("link_button")]
    assert opened == (copy if archived else resource.url)
    assert ("archived copy" in texts(app)) == archived


def test_the_page_says_how_far_it_can_be_trusted(open_page, monkeypatch):
    app = open_page("resources")
    assert "between 2025-10 and 2026-11" in texts(app)
    assert "has not tried their addresses yet" in texts(app)
    record = LinkRecord(state="gone", detail="HTTP 404", checked="2026-11-20", since="2026-11-20", how="GET")
    monkeypatch.setattr(catalogue, "links", lambda: {by_id("netron").url: record})
    assert f"tried 1 of {TOTAL} addresses, last on 2026-11-20; 1 were dead" in texts(open_page("resources"))


@pytest.mark.parametrize(
    ("page", "link", "entry"),
    [
        ("train", {"optimizer": "sgd", "dataset": "digits", "dropout": "0.1"}, "distill-momentum"),
        ("train", {"model": "lenet5"}, "lenet-1998"),
        ("train", {}, "adam-2014"),
        ("draw", {}, "lenet-1998"),
    ],
)
def test_train_and_draw_lead_to_what_fits_them_and_it_leads_back(open_page, page, link, entry):
    ways = [element.proto.query_string for element in open_page(page, **link).get("page_link")]
    assert any(f"id={entry}" in way for way in ways)
    back = [element.proto.page for element in open_page("resources", id=entry).get("page_link")]
    assert any(page in way for way in back)


def test_an_entry_is_ticked_off_where_it_is_read(open_page):
    app = open_page("resources", id="mnist")
    app.checkbox("resources.done.mnist").check().run()
    app.button("resources.back").click().run()
    app.text_input("resources.q").set_value("mnist").run()
    assert "task_alt: Done" in texts(app)
    app.segmented_control("resources.view").set_value("paths").run()
    assert app.checkbox("resources.done.mnist").value
    app.button("resources.progress.forget").click().run()
    assert not app.checkbox("resources.done.mnist").value


def test_a_file_of_progress_is_taken_over_once(open_page, language):
    app = open_page("resources", language=language, view="paths")
    content = json.dumps({"format": 1, "done": ["mnist", "tensorboard", "gone"]}).encode()
    app.file_uploader("resources.progress.file").set_value(("progress.json", content, "application/json")).run()
    assert app.checkbox("resources.done.mnist").value
    assert "2" in app.success[0].value
    app.checkbox("resources.done.mnist").uncheck().run()
    app.slider("resources.hours").set_value(9).run()
    assert not app.checkbox("resources.done.mnist").value
    app.file_uploader("resources.progress.file").set_value(("bad.json", b"[" * 3000, "application/json")).run()
    assert len(app.error) == 1
    assert app.checkbox("resources.done.tensorboard").value
