"""The microscope by mouse and keyboard, and a network taught two symbols, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from dlcore.inference.sources import FOLDER
from tests.browser.test_draw import draw, open_draw, surface

pytestmark = pytest.mark.skipif(
    not (FOLDER / "model.safetensors").is_file(), reason="no bundled model: python -m dlcore train --preset pretrained"
)

STICKS = [[(150 + lean, 60), (160, 150), (165 - lean, 250)] for lean in (-20, -10, 0, 10, 20)]
RINGS = [[(160, 80), (90 - wide, 150), (160, 230), (230 + wide, 150), (162, 82)] for wide in (-15, -8, 0, 8, 15)]


def open_panel(page, title):
    page.get_by_test_id("stButtonGroup").get_by_text(title, exact=True).click()


def number(text):
    return float(text.replace("−", "-"))


def expect_the_same_number(page):
    """What the server worked out is the number that the maps show, as soon as both have the same drawing."""
    for _look in range(100):
        told = page.locator(".microscope .readout").inner_text().rpartition("≈ ")[2]
        most = page.locator(".microscope .high").inner_text()
        text = " ".join(page.locator(".working").all_inner_texts())
        found = re.search(r"PyTorch computed ([−0-9.e]+);", text)
        if found and told and abs(number(found[1]) - number(told)) < number(most) / 60:
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"the maps say {told}, the arithmetic {text[:200]}")


def test_a_pixel_is_pointed_at_and_its_number_worked_out(page, app_url):
    open_draw(page, app_url)
    open_panel(page, "Microscope")
    layers = page.locator(".microscope .strip button")
    expect(layers.first).to_be_visible(timeout=60_000)
    sheet = page.locator(".microscope .sheet")
    for stroke in (RINGS[0], STICKS[0]):
        surface(page).scroll_into_view_if_needed()
        draw(page, [stroke])
        expect_the_same_number(page)  # nothing was pointed at: the maps and the arithmetic choose alike
    layers.nth(5).click()
    expect(page.locator(".working .patch")).not_to_have_count(0)
    area = sheet.bounding_box()
    sheet.click(position={"x": area["width"] / 3, "y": area["height"] / 3})
    channel, row, column = (page.locator(".microscope .place input").nth(place) for place in range(3))
    before = int(column.input_value())
    sheet.press("ArrowRight")
    expect(column).to_have_value(str(before + 1))
    row.fill("0")
    row.press("Enter")
    channel.fill("3")
    channel.press("Enter")
    expect(page.locator(".microscope .readout")).to_have_text(re.compile(rf"channel 3, row 0, column {before + 1}: "))
    expect_the_same_number(page)


def test_two_symbols_are_drawn_learned_and_read(page, app_url):
    open_draw(page, app_url)
    open_panel(page, "Your own symbols")
    names = page.get_by_label("Your symbols, separated by commas")
    names.fill("stick, ring")
    names.press("Enter")
    for symbol, shapes in (("stick", STICKS), ("ring", RINGS)):
        for count, shape in enumerate(shapes):
            keep = page.get_by_role("button", name=f"{symbol} · {count}")
            expect(keep).to_be_visible()
            surface(page).scroll_into_view_if_needed()
            draw(page, [shape])
            expect(keep).to_be_enabled()
            keep.click()
            expect(page.get_by_role("button", name=f"{symbol} · {count + 1}")).to_be_visible()
            expect(page.locator(".answer[data-kind=example]")).to_be_visible()
    page.get_by_role("button", name="Learn them").click()
    expect(page.get_by_text("of the 2 drawings that were held back")).to_be_visible(timeout=90_000)
    page.get_by_role("button", name="Let it answer now").click()
    expect(page.locator(".answer .bars li")).to_have_count(2)
    surface(page).scroll_into_view_if_needed()
    draw(page, [RINGS[1]])
    expect(page.locator(".answer .label")).to_have_text("ring")


def test_a_wrong_answer_is_corrected_and_what_it_cost_is_shown(page, app_url):
    open_draw(page, app_url)
    open_panel(page, "Correct it")
    keep = page.get_by_role("button", name="4 · 0", exact=True)
    expect(keep).to_be_visible()
    surface(page).scroll_into_view_if_needed()
    draw(page, [RINGS[0]])
    expect(page.get_by_text("The answer is 0. What is it really?")).to_be_visible()
    keep.click()
    expect(page.get_by_role("button", name="4 · 1", exact=True)).to_be_visible()
    page.get_by_role("button", name="Fine-tune a copy").click()
    rows = page.locator("table.taught tr")
    expect(rows).to_have_count(3, timeout=90_000)
    expect(rows.nth(1)).to_have_text(re.compile(r"^Your drawings\s*0 / 1\s*1 / 1$"))
    expect(rows.nth(2)).to_have_text(re.compile(r"^Test set\s*\d+\.\d%\s*\d+\.\d%$"))
