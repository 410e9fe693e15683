"""The playground in a real browser: it plays both ways, opens numbers, takes points, and fits a phone."""

import re

from playwright.sync_api import Page, expect


def epoch(page: Page) -> int:
    found = re.search(r"Epoch (\d+)", page.locator(".player .now").inner_text())
    assert found
    return int(found[1])


def test_a_visitor_guesses_plays_and_looks_inside(page, app_url):
    page.goto(f"{app_url}/concepts?chapter=depth&lang=en&p.hidden=4")
    player = page.locator(".player")
    expect(player.locator(".tile")).to_have_count(7, timeout=60_000)
    page.wait_for_timeout(1500)
    assert epoch(page) == 0  # it waits for a guess
    page.get_by_role("button", name="95% or more: solved").click()
    expect(page.get_by_text("What came out")).to_be_visible(timeout=30_000)
    expect(player.locator(".now")).to_contain_text(re.compile(r"Epoch [1-9]"), timeout=30_000)
    player.focus()
    page.keyboard.press("End")
    assert epoch(page) == 200
    page.keyboard.press("r")
    expect(player.locator(".now")).to_contain_text(re.compile(r"Epoch 1?\d?\dL"), timeout=30_000)
    page.keyboard.press("Home")
    assert epoch(page) == 0
    page.keyboard.press("ArrowRight")
    assert epoch(page) == 1
    player.locator('.tile[data-id="1.2"]').focus()
    expect(player.locator(".note")).to_contain_text(re.compile(r"Layer 1, neuron 3: h1\.3 = tanh\(.*·x₁.*·x₂"))


def test_a_click_adds_a_point_that_the_link_holds(page, app_url):
    page.goto(f"{app_url}/concepts?chapter=depth&lang=en&p.data=own&p.points=0.5_0.5_1")
    player = page.locator(".player")
    expect(player.locator(".tile")).to_have_count(3, timeout=60_000)
    choice = page.get_by_role("combobox", name="Draw points on the picture")
    choice.click()
    choice.fill("Class 0")
    choice.press("Enter")
    expect(player.locator(".plane.adding")).to_be_visible(timeout=30_000)
    box = player.locator(".plane canvas").bounding_box()
    assert box
    player.locator(".plane canvas").click(position={"x": box["width"] / 4, "y": box["height"] / 4})
    expect(page).to_have_url(re.compile(r"p\.points=0\.5_0\.5_1~-0\.(6|59|61)_0\.(6|59|61)_0"), timeout=30_000)


def test_the_largest_network_fits_a_phone(new_page, app_url):
    page = new_page(width=390, dark=True, language="zh")
    page.goto(f"{app_url}/concepts?chapter=depth&lang=zh&p.hidden=8-8-8-8&p.data=blobs")
    expect(page.locator(".player .tile")).to_have_count(37, timeout=60_000)
    assert (
        page.evaluate(
            "() => { const main = document.querySelector('[data-testid=stMain]'); return main.scrollWidth - main.clientWidth }"
        )
        <= 0
    )
