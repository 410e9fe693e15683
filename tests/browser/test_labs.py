"""The labs in a real browser: a guess, a lab set by hand, a link that is tidied, progress that stays, a phone."""

import re

from playwright.sync_api import expect

from ui.concepts.chapters import CHAPTERS

LABS = [name for name, chapter in CHAPTERS.items() if chapter.lab]


def test_a_visitor_guesses_sets_a_lab_answers_the_questions_and_goes_on(page, app_url):
    page.goto(f"{app_url}/concepts?chapter=neuron&lang=en&n.w1=3")
    page.get_by_role("button", name="more than half").click()
    expect(page.get_by_text("Right: more than half")).to_be_visible(timeout=30_000)
    page.get_by_role("slider", name="Bias b").press("ArrowRight")
    expect(page).to_have_url(re.compile(r"n\.w1=3.*n\.b=0\.1|n\.b=0\.1.*n\.w1=3"), timeout=30_000)
    plane = page.locator(".neuron-plane")
    plane.locator(".bias").press("Shift+ArrowRight")
    expect(page).to_have_url(re.compile(r"n\.b=1\.1"), timeout=30_000)
    expect(page.get_by_role("slider", name="Bias b")).to_have_attribute("aria-valuetext", "1.1")
    tip = plane.locator(".weights circle")
    tip.scroll_into_view_if_needed()
    tip.drag_to(plane.locator("svg"), target_position={"x": 60, "y": 60}, force=True)
    expect(page).to_have_url(re.compile(r"n\.w1=-"), timeout=30_000)
    for answer in ("It moves, parallel to itself", "Not through its own gradient", "Because a saturated neuron"):
        page.get_by_text(answer).click()
    expect(page).to_have_url(re.compile(r"done=neuron"), timeout=30_000)
    page.get_by_role("button", name=re.compile("^Next: ")).click()
    expect(page.get_by_role("heading", name="How does a network learn?")).to_be_visible(timeout=30_000)
    expect(page).to_have_url(re.compile(r"^((?!n\.).)*chapter=steps((?!n\.).)*$"), timeout=30_000)
    assert "done=neuron" in page.url


def test_a_link_to_what_lies_in_a_fold_brings_it_into_view_and_then_lets_go(page, app_url):
    page.goto(f"{app_url}/concepts?chapter=convolution&lang=en&c.climb=1")
    fold = page.locator("[data-testid=stExpander]", has_text="Inside a trained network")
    expect(fold.get_by_text("Climb to the image")).to_be_in_viewport(timeout=60_000)
    expect(page.get_by_text("Three questions")).to_be_attached(timeout=60_000)
    page.mouse.move(600, 400)
    page.mouse.wheel(0, -20_000)
    expect(page.get_by_role("heading").first).to_be_in_viewport()
    page.get_by_text("Climb to the image").click()
    page.mouse.wheel(0, -20_000)
    expect(page).not_to_have_url(re.compile("climb=1"), timeout=30_000)
    expect(page.get_by_role("heading").first).to_be_in_viewport()


def test_every_lab_fits_a_phone_in_chinese(new_page, app_url):
    page = new_page(width=390, dark=True, language="zh")
    for name in [*LABS, "convolution&c.kernel=gaussian"]:
        page.goto(f"{app_url}/concepts?chapter={name}&lang=zh")
        expect(page.get_by_text("三个问题")).to_be_visible(timeout=60_000)
        expect(page.locator(".stException")).to_have_count(0)
        assert (
            page.evaluate(
                "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth }"
            )
            <= 0
        ), name
        for fold in ("打开任意一个数字", "数学"):  # the former is not everywhere
            for summary in page.locator("summary", has_text=fold).all():
                summary.click()
        expect(page.locator("[data-testid=stExpander] .katex-display").last).to_be_visible()
        wide = page.locator(".katex-display").evaluate_all("all => all.map(one => one.scrollWidth - one.clientWidth)")
        assert max(wide) <= 3, name  # no formula has to be pushed sideways
