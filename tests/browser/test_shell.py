import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import serve

PAGES = ["", "concepts", "train", "runs", "draw", "resources"]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_by_its_link_and_fits_a_phone(app_url, new_page, path):
    page: Page = new_page(width=390, height=844)
    page.goto(f"{app_url}/{path}?lang=en")
    expect(page.locator("h1").first).to_be_visible()
    page.wait_for_function("document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0


def test_language_follows_the_browser_then_the_choice_then_the_link(app_url, new_page):
    chinese: Page = new_page(language="zh")
    chinese.goto(app_url)
    expect(chinese.get_by_role("link", name="训练").first).to_be_visible()

    english: Page = new_page()
    english.goto(app_url)
    expect(english.get_by_role("link", name="Train").first).to_be_visible()
    english.get_by_role("radio", name="中文").click()
    expect(english.get_by_role("link", name="训练").first).to_be_visible()
    english.wait_for_url("**lang=zh**")
    english.get_by_role("link", name="训练").first.click()
    expect(english.locator("h1")).to_have_text("训练")
    english.wait_for_url("**/train?**lang=zh**")
    english.reload()
    expect(english.locator("h1")).to_have_text("训练")


def test_an_unknown_language_in_the_link_is_not_obeyed(app_url, page):
    page.goto(f"{app_url}/?lang=../../etc")
    expect(page.get_by_role("link", name="Train").first).to_be_visible()


def test_the_first_link_opened_after_a_start_is_a_whole_page(tmp_path, page):
    with serve(tmp_path) as url:
        page.goto(f"{url}/train?lang=zh")
        expect(page.get_by_role("radio", name="中文")).to_be_visible()
        expect(page.locator("h1")).to_have_text("训练")
        expect(page.get_by_role("link", name="资源").first).to_be_visible()
