"""The seven fields in a real browser: something is turned, a game is played, on a phone."""

from playwright.sync_api import Page, expect


def test_a_game_is_played_by_keyboard_on_a_phone_and_its_link_holds_it(app_url, new_page):
    page: Page = new_page(width=390, height=844, language="zh", dark=True)
    page.goto(f"{app_url}/concepts?lang=zh&chapter=fields&f.field=games&f.games=10000")
    board = page.locator(".st-key-concepts-board")
    board.get_by_role("button", name="5", exact=True).press("Enter")
    for mark in ("X", "O"):
        expect(board.get_by_role("button", name=mark, exact=True)).to_have_count(1)
    page.wait_for_url("**f.moves=4*")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_fields_are_changed_and_a_guess_is_answered(app_url, page):
    page.goto(f"{app_url}/concepts?lang=en&chapter=fields")
    page.get_by_role("radio", name="Finance").click()
    page.wait_for_url("**f.field=finance*")
    page.get_by_role("button", name="Like a coin").click()
    expect(page.get_by_text("Right: Like a coin.")).to_be_visible()
    expect(page.get_by_role("img", name="A price and the forecasts of it")).to_be_visible()
