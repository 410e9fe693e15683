"""Resources in a real browser: find, filter, follow a link, tick off."""

import re

import pytest
from playwright.sync_api import Page, expect

CARDS = "[class*=st-key-resources-card-]"
SPOKEN = {
    "en": {
        "query": "transfomer",
        "book": "Book",
        "topic": "Topic",
        "vision": "Computer vision",
        "start": "Where to start",
    },
    "zh": {"query": "注意力", "book": "书籍", "topic": "主题", "vision": "计算机视觉", "start": "从哪里开始"},
}


def settled(page: Page) -> None:
    page.wait_for_function("document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_searching_and_filtering_change_the_cards_and_the_link(app_url, new_page, language):
    words = SPOKEN[language]
    page: Page = new_page(language=language)
    page.goto(f"{app_url}/resources?lang={language}")
    expect(page.locator(CARDS)).to_have_count(12)

    page.get_by_role("searchbox").press_sequentially(words["query"], delay=40)
    expect(page.locator(".st-key-resources-card-attention-2017").first).to_be_visible()
    page.wait_for_url("**q=*")
    settled(page)
    expect(page.get_by_role("searchbox")).to_have_value(words["query"])

    page.get_by_role("searchbox").fill("")
    page.get_by_role("button", name=re.compile(f"^{words['book']} ")).click()
    page.wait_for_url(re.compile("kind=book"))
    expect(page.locator(".st-key-resources-card-goodfellow-dl").first).to_be_visible()
    expect(page.locator(".st-key-resources-card-pytorch")).to_have_count(0)

    page.get_by_role("button", name=re.compile(f"^{words['topic']}")).click()
    page.get_by_role("button", name=re.compile(f"^{words['vision']} ")).click()
    page.wait_for_url(re.compile("topic=vision"))
    expect(page.locator(CARDS)).to_have_count(5)

    page.reload()
    expect(page.locator(CARDS)).to_have_count(5)
    assert "kind=book" in page.url
    assert "topic=vision" in page.url


def test_an_entry_opens_and_the_way_back_leads_to_the_list(app_url, page):
    page.goto(f"{app_url}/resources?lang=en&q=cs231n")
    page.get_by_role("button", name="First: Neural Networks and Deep Learning").first.click()
    page.wait_for_url(re.compile("id=coursera-nndl"))
    expect(page.locator("h3")).to_contain_text("Neural Networks and Deep Learning")
    page.get_by_role("radio", name="中文").click()
    expect(page.locator("h3")).to_contain_text("神经网络与深度学习")
    assert "id=coursera-nndl" in page.url
    page.go_back()
    page.go_back()
    expect(page.locator(".st-key-resources-card-cs231n").first).to_be_visible()
    page.locator(".st-key-resources-card-cs231n button").first.click()
    page.wait_for_url(re.compile("id=cs231n"))
    page.get_by_role("button", name=re.compile("返回目录|Back to the directory")).click()
    expect(page.locator(".st-key-resources-card-cs231n").first).to_be_visible()


def test_a_link_brings_no_links_and_no_pictures_of_its_own(app_url, page):
    foreign = "https://elsewhere.example"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.startswith(foreign) else None)
    page.goto(f"{app_url}/resources?lang=en&id={foreign}/a@b.example")
    expect(page.get_by_test_id("stAlert")).to_contain_text("There is no entry")
    expect(page.get_by_test_id("stAlert").locator("a")).to_have_count(0)
    page.goto(f"{app_url}/resources?lang=en&kind=book&q=![x]({foreign}/x.png)")
    expect(page.get_by_role("button", name=f"Without the search “![x]({foreign[:6]}")).to_be_visible()
    assert not asked


def test_what_is_ticked_off_is_remembered_by_the_browser(app_url, page):
    page.goto(f"{app_url}/resources?lang=en&view=paths&goal=first-cnn&know=python&hours=4")
    expect(page.get_by_text("11 steps")).to_be_visible()
    settled(page)
    page.locator(".st-key-resources-stop-mnist label").first.click()
    expect(page.get_by_text("1 of 11 steps done")).to_be_visible()
    page.wait_for_function("(localStorage.getItem('dlcore.resources.done') || '').includes('mnist')")
    page.reload()
    expect(page.get_by_text("1 of 11 steps done")).to_be_visible()
    expect(page.locator(".st-key-resources-stop-mnist input")).to_be_checked()
    expect(page.get_by_role("combobox", name="What do you know?")).to_have_value("I can program in Python")


def test_from_a_search_by_a_filter_to_an_entry_that_is_ticked_off(app_url, page):
    page.goto(f"{app_url}/resources?lang=en")
    page.get_by_role("searchbox").press_sequentially("backpropagation", delay=40)
    page.wait_for_url("**q=*")
    page.get_by_role("button", name=re.compile("^Paper ")).click()
    page.wait_for_url(re.compile("kind=paper"))
    page.locator(".st-key-resources-card-backprop-1986 button", has_text="Details").first.click()
    page.wait_for_url(re.compile("id=backprop-1986"))
    page.locator(".st-key-resources-entry label", has_text="Done").click()
    page.wait_for_function("(localStorage.getItem('dlcore.resources.done') || '').includes('backprop-1986')")
    page.get_by_role("link", name="See it: The lab of the six steps").click()
    page.wait_for_url(re.compile("/concepts.*chapter=steps"))
    # By the keyboard: a click waits until the page stands still, and this one fills up below.
    page.locator(".st-key-read-next-steps").get_by_role("link", name="Details").first.press("Enter")
    page.wait_for_url(re.compile("/resources.*id=backprop-1986"))
    expect(page.locator(".st-key-resources-entry input[type=checkbox]")).to_be_checked()


def test_what_is_unticked_at_once_stays_unticked(app_url, page):
    page.goto(f"{app_url}/resources?lang=en&id=mnist")
    box = page.locator(".st-key-resources-entry input[type=checkbox]")
    label = page.locator(".st-key-resources-entry label", has_text="Done")
    label.click()
    page.wait_for_function("(localStorage.getItem('dlcore.resources.done') || '').includes('mnist')")
    settled(page)
    label.click()
    page.wait_for_function("localStorage.getItem('dlcore.resources.done') === '[]'")
    settled(page)
    expect(box).not_to_be_checked()


def test_entries_are_gathered_and_compared_and_the_link_shows_the_same(app_url, new_page):
    page: Page = new_page()
    page.goto(f"{app_url}/resources?lang=en&kind=framework")
    for name in ("pytorch", "keras"):
        page.locator(f".st-key-resources-card-{name} button", has_text="Compare").click()
        expect(page.locator(f".st-key-resources-card-{name} button", has_text="Compared")).to_be_visible()
    page.get_by_role("button", name="Side by side").click()
    page.wait_for_url(re.compile("view=compare.*compare=pytorch"))
    columns = page.locator(".st-key-resources-comparison th a")
    expect(columns).to_have_text(["PyTorch", "Keras 3"])
    other: Page = new_page(language="zh")
    other.goto(page.url.replace("lang=en", "lang=zh"))
    expect(other.locator(".st-key-resources-comparison th a")).to_have_text(["PyTorch", "Keras 3"])
    expect(other.locator(".st-key-resources-comparison")).to_contain_text("难度")


def test_progress_travels_to_another_browser_as_a_file(app_url, new_page, tmp_path):
    page: Page = new_page()
    link = f"{app_url}/resources?lang=en&view=paths&goal=first-cnn&know=python&hours=4"
    page.goto(link)
    page.locator(".st-key-resources-stop-mnist label").first.click()
    expect(page.get_by_text("1 of 11 steps done")).to_be_visible()
    page.get_by_text("Your progress: 1 done").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a file").click()
    file = tmp_path / "progress.json"
    download.value.save_as(file)
    other: Page = new_page()
    other.goto(link)
    other.get_by_text("Your progress: 0 done").click()
    other.locator("input[type=file]").set_input_files(file)
    expect(other.get_by_text("1 of 11 steps done")).to_be_visible()
    other.wait_for_function("(localStorage.getItem('dlcore.resources.done') || '').includes('mnist')")
    (tmp_path / "bad.json").write_text("{}")
    other.locator("input[type=file]").set_input_files(tmp_path / "bad.json")
    expect(other.get_by_text("This is no file of progress")).to_be_visible()


@pytest.mark.parametrize(
    "view", ["directory", "paths", "today", "frameworks", "compare", "compare&compare=pytorch,keras,theano,jax"]
)
def test_every_view_fits_a_phone(app_url, new_page, view):
    page: Page = new_page(width=390, height=844, language="zh", dark=True)
    page.goto(f"{app_url}/resources?lang=zh&view={view}")
    expect(page.get_by_role("radio", checked=True).nth(1)).to_be_visible()
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
