"""The concepts page in a real browser: the lab moves, formulas are drawn, nothing spills over on a phone."""

import re

from playwright.sync_api import Page, expect


def overflow(page: Page) -> int:
    return page.evaluate(
        "() => { const main = document.querySelector('[data-testid=stMain]'); return main.scrollWidth - main.clientWidth }"
    )


def press_step(page: Page, arriving: int) -> None:
    page.get_by_role("button", name="Step", exact=True).click()
    expect(page.locator(".network svg")).to_have_attribute(
        "aria-label", f"The network with its numbers, step {arriving}", timeout=30_000
    )


def test_a_visitor_steps_through_the_lab_and_goes_on(page, app_url):
    page.goto(f"{app_url}/concepts?chapter=steps&lang=en")
    network = page.locator(".network svg")
    prediction = network.locator('[data-id="p"] .value')
    expect(prediction).to_have_text("?", timeout=60_000)
    press_step(page, 2)
    expect(prediction).to_have_text("0.5315")
    press_step(page, 3)
    press_step(page, 4)
    expect(network.locator('[data-id="v1"] .edge-text')).to_have_text("∂ −0.128")
    expect(page.get_by_text("+0.0404211454").first).to_be_visible()
    press_step(page, 5)
    expect(network.locator('[data-id="v1"] .edge-text')).to_have_text("−0.7 → −0.636")
    network.locator('[data-id="v1"]').focus()
    expect(page.locator(".network .note")).to_contain_text("v₁ ← v₁ − η · ∂L/∂v₁ = −0.7 − 0.5 · (−0.1283) = −0.6359")
    expect(page).to_have_url(re.compile("step=5"), timeout=30_000)
    assert page.locator(".katex").count() > 5
    assert page.locator(".katex-error").count() == 0
    for _click in range(3):  # faster than the server answers
        page.get_by_role("button", name="Run 10 rounds").click(no_wait_after=True)
    # Streamlit may take two quick clicks for one, but none may throw the lab back.
    expect(page.get_by_text(re.compile("updates made: [123]1$"))).to_be_visible(timeout=30_000)
    page.wait_for_timeout(1500)
    expect(page.get_by_text(re.compile("updates made: [123]1$"))).to_be_visible()
    expect(page.get_by_label("Input x₁")).to_have_value("1")
    page.get_by_role("radio", name="The program").or_(page.get_by_role("button", name="The program")).first.click()
    row = page.locator(".annotated .row", has_text="model.eval()").first
    expect(row).to_contain_text("fault put right", timeout=30_000)
    expect(page).to_have_url(re.compile("chapter=program"), timeout=30_000)


def test_the_chapters_fit_a_phone_in_chinese(new_page, app_url):
    page = new_page(width=390, height=844, dark=True, language="zh")
    for chapter, sign in (("steps", "网络是怎样学习的"), ("program", "七十行"), ("questions", "大家最后都会问什么")):
        page.goto(f"{app_url}/concepts?chapter={chapter}&lang=zh")
        expect(page.get_by_role("heading", name=sign)).to_be_visible(timeout=60_000)
        expect(page.get_by_role("button", name="上一章")).to_be_visible(timeout=60_000)
        assert overflow(page) <= 0
        assert page.locator(".katex-error").count() == 0
