"""A visitor finds a run among many, names it, compares two, deletes one and brings it back, all with the mouse."""

import re

from playwright.sync_api import Page, expect

from dlcore.config import TrainConfig
from dlcore.runs import directory
from dlcore.runs.worker import work
from tests.browser.conftest import serve

VISITOR = "a-visitor-of-the-test-0001"
CONFIG = TrainConfig(dataset="digits", model="linear", epochs=2, threads=1)


def test_runs_are_found_named_compared_deleted_and_brought_back(tmp_path, page: Page, monkeypatch):
    monkeypatch.setenv("DLCORE_HOME", str(tmp_path))
    for rate in (0.001, 0.01, 0.1):
        work(directory.create(CONFIG.model_copy(update={"learning_rate": rate}), owner=VISITOR))
    # An empty page has no storage, and says so by an error.
    page.add_init_script(f"if (location.protocol === 'http:') localStorage.setItem('dlcore.visitor', '{VISITOR}')")
    with serve(tmp_path) as url:
        page.goto(f"{url}/runs?lang=en")
        rows = page.locator(".runs tbody tr")
        expect(rows).to_have_count(3)
        page.get_by_role("button", name="Learning rate").click()
        expect(rows.first).to_contain_text("0.001")
        page.get_by_role("searchbox").fill("learning_rate=0.01")
        expect(rows).to_have_count(1)
        page.get_by_role("button", name="Name, tags, note").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill("the <b>second</b>")
        dialog.get_by_label("Tags").fill("week 3, homework")
        dialog.get_by_role("button", name="Save").click()
        expect(rows.get_by_role("link", name="the <b>second</b>")).to_be_visible()
        page.get_by_role("searchbox").fill("homework")
        expect(rows).to_have_count(1)
        page.get_by_role("searchbox").fill("")
        rows.nth(0).get_by_role("checkbox").check()
        rows.nth(1).get_by_role("checkbox").check()
        page.wait_for_url(re.compile(r"runs=[^&,]+(,|%2C)[^&,]+$"))
        expect(page.get_by_text("2 runs are ticked")).to_be_visible()
        page.wait_for_function("document.querySelector('.js-plotly-plot')?.data?.length === 2")
        page.get_by_role("radio", name="Settings that differ").click()
        expect(page.get_by_role("row").filter(has_text="Learning rate").last).to_contain_text("0.01")
        for name, title in (("中文", "训练记录"), ("English", "Runs"), ("中文", "训练记录"), ("English", "Runs")):
            page.get_by_role("radio", name=name).click()  # labels of what is chosen are of a language
            expect(page.locator("h1")).to_have_text(title)
            expect(page.locator(".st-key-runs-zip, .st-key-runs-bring").first).to_be_visible()
        link = page.url
        rows.filter(has_text="second").get_by_role("button", name="Delete").click()
        expect(rows).to_have_count(2)
        page.get_by_role("button", name="Undo").click()
        expect(rows).to_have_count(3)
        page.goto(link)
        expect(page.get_by_text("2 runs are ticked")).to_be_visible()
        rows.filter(has_text="second").get_by_role("link").click()
        page.wait_for_url("**/train?**run=*")
        expect(page.locator("h1")).to_have_text("Train")
        expect(page.get_by_text("Class by class")).to_be_visible()
        expect(page.get_by_test_id("stException")).to_have_count(0)
        page.goto("about:blank")  # the server goes next, with parts of the page still on their way
