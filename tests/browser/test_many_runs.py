"""Before a run and after many: a learning rate is found and taken over, runs are picked out of lines and judged, a search
is started and stopped, all with the mouse.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from dlcore.config import TrainConfig
from dlcore.runs import directory
from dlcore.runs.worker import work
from tests.browser.conftest import serve

CONFIG = TrainConfig(dataset="digits", model="linear", epochs=1, threads=1)


@pytest.fixture(scope="module")
def own_home(tmp_path_factory):
    """Where nobody else's runs are."""
    return tmp_path_factory.mktemp("many-runs")


@pytest.fixture(scope="module")
def url(own_home):
    with serve(own_home) as address:
        yield address


@pytest.fixture
def visitor(request, own_home, monkeypatch, page: Page) -> str:
    """A visitor with runs of their own: two learning rates with three seeds each."""
    monkeypatch.setenv("DLCORE_HOME", str(own_home))
    token = f"visitor-of-many-runs-{request.node.name[-12:]:-<12}"
    # An empty page has no storage, and says so by an error.
    page.add_init_script(f"if (location.protocol === 'http:') localStorage.setItem('dlcore.visitor', '{token}')")
    for rate in (0.0001, 0.1):
        for seed in range(3):
            work(directory.create(CONFIG.model_copy(update={"learning_rate": rate, "seed": seed}), owner=token))
    return token


def test_a_learning_rate_is_found_and_taken_over(url, page: Page):
    page.goto(f"{url}/train?lang=en&dataset=digits&model=linear&learning_rate=5")
    page.get_by_text("Before you start").click()
    page.get_by_role("button", name="Measure the time and a learning rate").locator("visible=true").click()
    expect(page.get_by_text(re.compile(r"About .+ for the whole run"))).to_be_visible()
    page.wait_for_function("document.querySelector('.st-key-train-before .js-plotly-plot')?.data?.[0].x.length > 50")
    take = page.get_by_role("button", name=re.compile(r"^check Use |^Use ")).locator("visible=true")
    rate = take.inner_text().split()[-1]
    assert 0.0001 < float(rate) < 5
    take.click()
    expect(page.get_by_text("it is what the form says already")).to_be_visible()
    page.wait_for_url(re.compile(rf"[?&]learning_rate={re.escape(rate)}(&|$)"))


@pytest.mark.usefixtures("visitor")
def test_runs_are_picked_out_of_the_lines_and_chance_is_judged(url, page: Page):
    page.goto(f"{url}/runs?lang=en&view=parallel")
    lines, axes = page.locator(".parallel .line"), page.locator(".parallel .axis")
    expect(lines).to_have_count(6)
    expect(axes).to_have_count(3)
    expect(page.locator(".parallel svg")).to_contain_text("Validation accuracy")
    page.locator(".parallel svg").scroll_into_view_if_needed()
    page.get_by_role("combobox", name="Coloured by").click()
    page.get_by_role("option", name="Test loss").click()
    expect(page.locator(".parallel svg")).to_contain_text("Test loss")
    axes.nth(1).scroll_into_view_if_needed()
    box = axes.nth(1).bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2
    page.mouse.move(middle, box["y"] + box["height"] * 0.3)  # of the seeds 0, 1 and 2 the lower two
    page.mouse.down()
    page.mouse.move(middle, box["y"] + box["height"] - 2, steps=3)
    page.mouse.up()
    expect(page.get_by_text("4 of 6 runs")).to_be_visible()
    expect(page.locator(".parallel .faded")).to_have_count(2)
    page.get_by_role("button", name="Tick these in the table").click()
    expect(page.get_by_text("4 runs are ticked")).to_be_visible()
    expect(page.locator(".runs tbody tr.chosen")).to_have_count(4)
    page.get_by_role("radio", name="One against another").click()
    page.wait_for_function("document.querySelector('.js-plotly-plot')?.data?.[0].x.length === 4")
    page.get_by_role("button", name="Untick all").click()
    page.get_by_role("radio", name="Chance or not").click()
    expect(
        page.get_by_text(re.compile(r"Chance alone would do this in 10% of cases|seeds alone do as much in"))
    ).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("Learning rate 0.1")).get_by_role("cell").first).to_have_text("3")


@pytest.mark.usefixtures("visitor")
def test_a_search_makes_ordinary_runs_and_stops_when_it_is_told_to(url, page: Page):
    page.goto(f"{url}/runs?lang=en")
    rows = page.locator(".runs tbody tr")
    expect(rows).to_have_count(6)
    page.get_by_role("radio", name="Search for good settings").click()
    page.get_by_label("Tag of its runs").fill("hunt")
    page.get_by_label("Tag of its runs").press("Enter")
    page.get_by_role("button", name="Start 20 runs").click()
    expect(rows.filter(has_text="hunt").first).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).locator("visible=true").click()
    expect(page.get_by_role("button", name="Go on").locator("visible=true")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Stopped · \d of 20 runs"))).to_be_visible()
    assert rows.filter(has_text="hunt").count() < 20
