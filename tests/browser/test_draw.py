"""Drawing with a real mouse and a real finger on the real canvas."""

import re

import pytest
from playwright.sync_api import expect

from dlcore.config import TrainConfig
from dlcore.data.pen_strokes import held_out, read_drawings
from dlcore.inference.sources import FOLDER
from dlcore.runs.directory import create
from dlcore.runs.worker import work

pytestmark = pytest.mark.skipif(
    not (FOLDER / "model.safetensors").is_file(), reason="no bundled model: python -m dlcore train --preset pretrained"
)

SEVEN = [
    [(90, 70), (130, 66), (180, 68), (230, 64), (215, 110), (190, 170), (170, 220), (160, 270)],
    [(130, 170), (180, 162), (225, 160)],
]
ZERO = [[(60, 20), (40, 28), (28, 48), (28, 70), (40, 90), (58, 94), (72, 82), (78, 60), (74, 36), (60, 20)]]


OWN, LIBRARY = ".paper canvas", "canvas.upper-canvas"


def open_draw(page, url, language="en", canvas="paper"):
    """The page with the example answered: the network is there."""
    page.goto(f"{url}/draw?lang={language}&canvas={canvas}")
    surface(page).wait_for()
    expect(page.locator(".answer[data-kind=example] .bars li[data-top]")).to_have_count(1, timeout=90_000)


def surface(page):
    """What is drawn on, whichever canvas it is."""
    return page.locator(f"{OWN}, {LIBRARY}")


def draw(page, strokes, *, steps=4):
    """Draw with the mouse as a hand would, in so many ``steps`` between two points, and wait until all is answered."""
    before = strokes_shown(page)
    area = surface(page).bounding_box()
    for (x, y), *points in strokes:
        page.mouse.move(area["x"] + x, area["y"] + y)
        page.mouse.down()
        for next_x, next_y in points:
            page.mouse.move(area["x"] + next_x, area["y"] + next_y, steps=steps)
        page.mouse.up()
    expect_strokes(page, before + len(strokes))


def strokes_shown(page):
    if page.locator(".answer").get_attribute("data-kind") == "example":
        return 0
    return page.locator(".answer .drawing path").get_attribute("d").count("M")


def expect_strokes(page, count):
    expect(page.locator(".answer[data-kind=drawing]")).to_be_visible()
    expect(page.locator(".answer .drawing path")).to_have_attribute("d", re.compile(f"^(M[^M]+){{{count}}}$"))


def settle(page, *, quiet_milliseconds=500):
    """Wait for the answer to the whole drawing: until then the strokes that it shows go on growing."""
    path, shown = page.locator(".answer .drawing path"), ""
    while (now := path.get_attribute("d")) != shown:
        shown = now
        page.wait_for_timeout(quiet_milliseconds)


def ink_on_paper(page):
    """How many dark pixels the visitor sees on the canvas itself."""
    return page.locator(f"{OWN}, canvas.dc-canvas.lower-canvas").evaluate(
        """canvas => {
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
            let count = 0
            for (let index = 0; index < data.length; index += 4) count += data[index + 3] > 128 && data[index] < 100
            return count
        }"""
    )


def places(page):
    found = [page.locator(selector).bounding_box() for selector in (OWN, ".bars", ".tiles", ".seen")]
    return [(box["x"], box["y"], box["width"]) for box in found]


@pytest.mark.parametrize(("language", "sure"), [("en", "The network is sure."), ("zh", "网络很有把握。")])
def test_a_digit_drawn_with_the_mouse_is_read(page, app_url, language, sure):
    open_draw(page, app_url, language)
    still = places(page)
    draw(page, SEVEN)
    expect(page.locator(".answer .label")).to_have_text("7")
    expect(page.locator(".answer .note")).to_have_text(sure)
    expect(page.locator(".answer .bars li")).to_have_count(10)
    expect(page.locator(".answer .bars li[data-top] .name")).to_have_text("7")
    assert places(page) == still  # nothing jumps when the answer comes
    bright = page.locator(".seen canvas").evaluate(
        "canvas => canvas.getContext('2d').getImageData(0, 0, 28, 28).data.filter((v, i) => i % 4 == 0 && v > 128).length"
    )
    assert 40 < bright < 250


@pytest.mark.parametrize("canvas", ["paper", "drawable"])
def test_undo_and_clear(page, app_url, canvas):
    open_draw(page, app_url, canvas=canvas)
    expect(page.locator(".dc-toolbar")).to_be_hidden()  # the page has buttons of its own
    undo, clear = page.get_by_role("button", name="Undo"), page.get_by_role("button", name="Clear")
    expect(undo).to_be_disabled()
    draw(page, SEVEN)
    both = ink_on_paper(page)
    undo.click()
    expect_strokes(page, 1)
    assert 0 < ink_on_paper(page) < both
    draw(page, SEVEN[1:])
    expect_strokes(page, 2)
    clear.click()
    expect(page.locator(".answer[data-kind=example]")).to_be_visible()
    expect(clear).to_be_disabled()
    assert ink_on_paper(page) == 0
    draw(page, SEVEN)
    clear.click()  # once more, to the same emptiness
    expect(page.locator(".answer[data-kind=example]")).to_be_visible()
    assert ink_on_paper(page) == 0


def test_the_answer_comes_while_the_pen_still_moves(page, app_url):
    open_draw(page, app_url)
    area = surface(page).bounding_box()
    page.mouse.move(area["x"] + 90, area["y"] + 70)
    page.mouse.down()
    for x, y in SEVEN[0][1:]:
        page.mouse.move(area["x"] + x, area["y"] + y, steps=4)
    expect_strokes(page, 1)  # the pen is still down
    expect(page.locator(".answer .label")).to_have_text("7")
    page.mouse.up()
    expect(page.locator(".answer .label")).to_have_text("7")


def test_redo_and_the_keyboard(page, app_url):
    open_draw(page, app_url)
    draw(page, SEVEN)
    both = ink_on_paper(page)
    page.keyboard.press("Control+z")
    expect_strokes(page, 1)
    page.get_by_role("button", name="Redo").click()
    expect_strokes(page, 2)
    assert ink_on_paper(page) == both
    surface(page).focus()
    page.keyboard.press("Delete")
    expect(page.locator(".answer[data-kind=example]")).to_be_visible()
    for key in ["ArrowUp"] * 10 + ["Space"] + ["ArrowDown"] * 20 + ["Space"]:
        page.keyboard.press(key)
    expect_strokes(page, 1)
    expect(page.locator(".answer .label")).to_have_text("1")


def test_what_people_drew_is_read(page, app_url, shared_data):
    drawings = list(read_drawings(shared_data / "pen-strokes" / "train.jsonl"))
    judges = held_out({drawing.writer for drawing in drawings})
    open_draw(page, app_url)
    right = 0
    for label in range(10):
        drawing = next(one for one in drawings if one.label == label and one.writer in judges)
        draw(page, [(stroke * 0.6 + 10).tolist() for stroke in drawing.strokes], steps=1)  # as dense as the pen was
        settle(page)
        right += page.locator(".answer .label").inner_text() == str(label)
        page.get_by_role("button", name="Clear").click()
        expect(page.locator(".answer[data-kind=example]")).to_be_visible()
    assert right >= 9


def test_a_small_drawing_in_a_corner_is_read(page, app_url):
    open_draw(page, app_url)
    draw(page, ZERO)
    expect(page.locator(".answer .label")).to_have_text("0")


def test_a_dot_is_not_taken_for_a_digit(page, app_url):
    open_draw(page, app_url)
    surface(page).click(position={"x": 200, "y": 120})
    expect(page.locator(".answer .label")).to_have_text("?")
    expect(page.locator(".answer .note")).to_contain_text("too small")


def test_a_scribble_over_everything_is_not_known_and_answered_with_reserve_if_it_must_be(page, app_url):
    open_draw(page, app_url)
    scribble = [[(x, y) for x in range(10, 312, 12) for y in ((8, 312) if x % 24 == 10 else (312, 8))]]
    draw(page, scribble)
    expect(page.locator(".answer .label")).to_have_text("?")
    expect(page.locator(".answer .note")).to_contain_text("I don't know")
    page.goto(f"{app_url}/draw?lang=en&strictness=0")
    surface(page).wait_for()
    draw(page, scribble)
    expect(page.locator(".answer .note")).to_contain_text("take it lightly")
    expect(page.locator(".answer .label")).to_have_text(re.compile(r"^\d$"))


def test_a_stroke_that_slides_off_the_paper_does_no_harm(page, app_url):
    open_draw(page, app_url)
    draw(page, [[(160, 20), (160, 200), (160, 500)]])
    expect(page.locator(".answer .label")).to_have_text("1")
    expect(page.locator("[data-testid=stAlert]")).to_have_count(0)


def test_the_drawing_outlives_another_language_and_another_page(page, app_url):
    open_draw(page, app_url)
    draw(page, SEVEN)
    page.get_by_text("中文").click()
    expect(page.get_by_role("button", name="清空")).to_be_enabled()
    expect_strokes(page, 2)
    page.get_by_role("link", name="首页").click()
    expect(surface(page)).to_have_count(0)
    page.get_by_role("link", name="手写").first.click()
    surface(page).wait_for()
    expect_strokes(page, 2)
    expect(page.locator(".answer .label")).to_have_text("7")
    page.wait_for_timeout(500)  # the canvas takes the drawing over
    assert ink_on_paper(page) > 1000
    draw(page, [[(20, 20), (40, 40)]])
    expect_strokes(page, 3)


def test_a_finger_draws_right_from_the_corner(new_page, app_url):
    page = new_page(width=390, height=844, dark=True)
    open_draw(page, app_url)
    area = surface(page).bounding_box()
    assert area["x"] >= 0
    assert area["x"] + area["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    touch = page.context.new_cdp_session(page)
    touch.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    way = [(312 - step * 3, 6 + step * 15) for step in range(20)]  # from where the component hides its toolbar
    for index, (x, y) in enumerate(way):
        point = {"x": area["x"] + x, "y": area["y"] + y}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove" if index else "touchStart", "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect_strokes(page, 1)
    expect(page.locator(".answer .label")).to_have_text("1")


def test_a_pixel_tells_its_brightness(page, app_url):
    open_draw(page, app_url)
    remark = page.locator(".answer .seen .remark")
    before = remark.inner_text()
    page.locator(".answer .seen canvas").hover(position={"x": 2, "y": 2})
    expect(remark).to_have_text("Row 1, column 1: brightness 0 of 255")
    page.mouse.move(2, 2)
    expect(remark).to_have_text(before)


def test_a_visitor_who_was_here_before_gets_the_model_of_the_link(page, app_url, app_home, monkeypatch):
    monkeypatch.setenv("DLCORE_HOME", str(app_home))
    visitor = "v" * 32
    run = create(TrainConfig(dataset="digits", model="linear", epochs=1, threads=1), owner=visitor)
    work(run)
    page.add_init_script(f"localStorage.setItem('dlcore.visitor', '{visitor}')")
    for _visit in range(3):  # each time the page runs again as soon as the browser has named its token
        page.goto(f"{app_url}/draw?lang=en&model={run.run_id}")
        page.locator(".answer .bars li[data-top]").wait_for()
        expect(page.get_by_role("combobox", name="Who answers")).to_have_value(re.compile("^Small digits"))
        page.get_by_role("radio", name="中文").click()
        expect(page.get_by_role("combobox", name="由谁来答")).to_have_value(re.compile("^小数字"))
        expect(page).to_have_url(re.compile(f"model={run.run_id}"))
