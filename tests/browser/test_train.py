"""A visitor trains: points arrive on a chart that stays where it is; reload, watch from elsewhere, stop, resume."""

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

POINTS = "(document.querySelector('.js-plotly-plot')?.data?.[1]?.x?.length ?? 0)"
LATEST = "(document.querySelector('.js-plotly-plot')?.data?.[1]?.x?.at(-1) ?? 0)"  # the count of points is bounded, this is not
RECORDED = "/Recording|录像/.test(document.querySelector('[data-testid=stMain]').innerText)"
WATCH = """() => {
  const node = document.querySelector('.js-plotly-plot')
  const seen = { replaced: 0, blank: 0, frames: 0, updates: 0 }
  Object.assign(window, { node, seen })
  node.on('plotly_afterplot', () => seen.updates++)
  const look = () => {
    seen.frames++
    if (document.querySelector('.js-plotly-plot') !== node) seen.replaced++
    if (!node.querySelector('.scatterlayer path.js-line')?.getAttribute('d')) seen.blank++
    requestAnimationFrame(look)
  }
  look()
}"""
IN_THE_BACKGROUND_AND_BACK = """() => {
  Object.assign(window, { asked: 0, answers: 0 })
  window.addEventListener("news", () => answers++)
  const send = WebSocket.prototype.send
  WebSocket.prototype.send = function (...message) {
    asked++
    return send.apply(this, message)
  }
  for (const state of ["hidden", "visible", "hidden", "visible"]) {
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true })
    document.dispatchEvent(new Event("visibilitychange"))
  }
}"""
SETTINGS = {"dataset": "digits", "model": "linear", "batch_size": 16, "threads": 1, "learning_rate": 0.002}


def start(page: Page, app_url: str, **settings) -> None:
    """Open the page with ``settings`` and press Start; returns once points have arrived."""
    page.goto(f"{app_url}/train?" + urlencode({"lang": "en"} | SETTINGS | settings))
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**run=*")
    wait_for_points(page, 2)


def wait_for_points(page: Page, count: int) -> None:
    """Until the run's own curve is on the chart and has this many points."""
    page.wait_for_function(f"!{RECORDED} && {POINTS} >= {count}", timeout=90_000)


def wait_for_latest(page: Page, latest: float) -> None:
    """Until the run's own curve has come at least this far along the axis."""
    page.wait_for_function(f"!{RECORDED} && {LATEST} >= {latest}", timeout=90_000)


def see_figures(page: Page) -> None:
    """Until every figure is drawn: that happens as the visitor comes near."""
    figures = page.locator(".figure")
    expect(figures.nth(1)).to_be_visible(timeout=30_000)
    for figure in figures.all():
        figure.scroll_into_view_if_needed()
        expect(figure.locator(".main-svg").first).to_be_visible()


def told(page: Page, words: str) -> None:
    """Until the page says this."""
    expect(page.get_by_test_id("stMain").get_by_text(words).first).to_be_visible(timeout=90_000)


def test_one_epoch_from_the_page_to_its_results(app_url, page):
    page.goto(f"{app_url}/train?lang=en")
    expect(page.get_by_text("recorded earlier")).to_be_visible()
    start(page, app_url, epochs=1)
    told(page, "All epochs are done")
    expect(page.get_by_text("Class by class")).to_be_visible()
    expect(page.get_by_text("95% interval").first).to_be_visible()
    pictures = page.locator("[data-testid=stImage] img")
    expect(pictures).to_have_count(20)
    assert pictures.evaluate_all("all => all.every(one => one.complete && one.naturalWidth >= 84)")
    expect(page.get_by_role("link", name="Draw with this model")).to_have_attribute("href", re.compile(r"model=\d{8}-"))
    confusion = page.get_by_label(re.compile("^Confusion matrix"))
    confusion.scroll_into_view_if_needed()
    expect(confusion).to_be_visible()
    settings, table = page.locator(".st-key-train-start").bounding_box(), page.locator(".st-key-train-classes table")
    assert confusion.bounding_box()["x"] > settings["x"] + settings["width"]  # results stand beside the settings
    assert table.bounding_box()["x"] + table.bounding_box()["width"] <= 1280


def test_the_chart_stays_while_points_arrive_and_reload_and_stop_lose_nothing(app_url, page, new_page):
    start(page, app_url, epochs=200, batch_size=1)  # long enough, however fast the machine
    page.evaluate(WATCH)
    area = page.locator(".js-plotly-plot .nsewdrag").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 0.6 * box["height"])  # lower half: the header may cover the upper
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 0.9 * box["height"], steps=5)
    page.mouse.up()
    page.wait_for_function("node._fullLayout.xaxis.autorange === false")
    zoom = page.evaluate("[...node._fullLayout.xaxis.range, ...node._fullLayout.yaxis.range]")
    updates, latest = page.evaluate("seen.updates"), page.evaluate(LATEST)
    page.wait_for_function(f"seen.updates >= {updates + 6} && {LATEST} > {latest}", timeout=90_000)
    assert page.evaluate("[...node._fullLayout.xaxis.range, ...node._fullLayout.yaxis.range]") == zoom
    seen = page.evaluate("seen")
    assert (seen["replaced"], seen["blank"]) == (0, 0)
    assert seen["frames"] > 10

    page.evaluate(IN_THE_BACKGROUND_AND_BACK)
    page.wait_for_function("answers >= 6", timeout=90_000)
    asked, answers = page.evaluate("[asked, answers]")
    assert asked <= answers + 3  # one question at a time, for each of the page's clocks

    link, latest = page.url, page.evaluate(LATEST)
    page.reload()
    wait_for_latest(page, latest)
    assert page.url == link

    other = new_page(language="zh")
    other.goto(link.replace("lang=en", "lang=zh"))
    wait_for_latest(other, latest)
    expect(other.get_by_test_id("stMain").get_by_role("button", name="停止")).to_have_count(0)  # watching, not steering
    wait_for_latest(other, other.evaluate(LATEST) + 1)

    page.get_by_test_id("stMain").get_by_role("button", name="Stop").click()
    told(page, "Stopped in epoch")
    told(other, "此前学到的已保留")
    expect(page.get_by_text("Class by class")).to_be_visible()
    expect(page.get_by_test_id("stMain").get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_test_id("stMain").get_by_role("button", name="Resume").click()
    told(page, "The network is learning")
    page.get_by_test_id("stMain").get_by_role("button", name="Stop").click()
    told(page, "Stopped in epoch")


def test_pause_step_change_and_continue(app_url, page):
    start(page, app_url, epochs=200)
    main = page.get_by_test_id("stMain")
    main.get_by_role("button", name="Pause").click()
    told(page, "It waits for you")
    expect(main.get_by_role("button", name="Continue")).to_be_visible()
    progress = main.get_by_text(re.compile(r"update [\d,]+ of"))
    before = int(re.search(r"update ([\d,]+) of", progress.inner_text()).group(1).replace(",", ""))
    main.get_by_role("button", name="Single step").click()
    told(page, f"update {before + 1:,} of")
    told(page, "It waits for you")
    main.get_by_text("Change while it trains").click()
    main.locator(".st-key-train-steering input, [class*=st-key-train-steer] input").first.fill("0.5")
    main.get_by_role("button", name="Use from the next update on").click()
    told(page, "Learning rate 0.002 → 0.5")
    page.wait_for_function(
        "[...document.querySelectorAll('.js-plotly-plot text')].some(e => e.textContent === 'learning rate 0.5')"
    )
    main.get_by_role("button", name="Continue").click()
    told(page, "The network is learning")
    expect(progress).not_to_have_text(re.compile(f"update {before + 1:,} of"))
    main.get_by_role("button", name="Stop").click()
    told(page, "Stopped in epoch")


def test_the_same_visitor_finds_their_runs_again(app_url, page, new_page):
    start(page, app_url, epochs=1, model="mlp")
    told(page, "All epochs are done")
    page.goto(f"{app_url}/train?lang=en")
    expect(page.get_by_role("button", name="Multilayer perceptron on Small digits")).to_be_visible()
    stranger = new_page()
    stranger.goto(f"{app_url}/train?lang=en")
    expect(stranger.get_by_text("recorded earlier")).to_be_visible()
    expect(stranger.get_by_role("button", name="Multilayer perceptron on Small digits")).to_have_count(0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_phone_sees_everything_without_scrolling_sideways(app_url, new_page, language):
    page = new_page(width=390, height=844, dark=True, language=language)
    page.goto(f"{app_url}/train?lang={language}")
    see_figures(page)
    wide = page.evaluate("""[...document.querySelectorAll('[data-testid=stMain] *')]
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('svg, table, [data-testid=stMarkdownContainer]'))
        .map(e => e.outerHTML.slice(0, 120))""")
    assert not wide


def test_the_theme_is_followed_without_a_new_chart(app_url, page):
    page.goto(f"{app_url}/train?lang=en")
    page.wait_for_function(f"{POINTS} > 10")
    page.evaluate(WATCH)
    ink = "document.querySelector('.js-plotly-plot .xtick text').style.fill"
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{ink} !== '{light}'")
    assert page.evaluate("seen.replaced") == 0


def test_replay_plays_the_recording_from_its_start(app_url, page):
    page.goto(f"{app_url}/train?lang=en")
    page.wait_for_function(f"{POINTS} > 10")
    everything = page.evaluate(POINTS)
    page.evaluate(WATCH)
    page.get_by_role("button", name="Replay").click()
    page.wait_for_function(f"{POINTS} < {everything} / 2")
    page.wait_for_function(f"{POINTS} === {everything}", timeout=60_000)
    assert page.evaluate("seen.replaced") == 0


def test_images_are_watched_confusions_played_and_a_square_opened(app_url, page):
    start(page, app_url, epochs=200, batch_size=4)
    main = page.get_by_test_id("stMain")
    panels = page.locator(".st-key-train-inside")
    panels.get_by_text("Some images").click()
    cells = page.locator(".wall figure")
    expect(cells).to_have_count(40)
    page.evaluate("window.first = document.querySelector('.wall figure')")
    told(page, "of 40 right")
    said = page.evaluate("document.querySelector('.wall').innerText + document.querySelector('.wall').innerHTML")
    page.wait_for_function(
        "before => document.querySelector('.wall').innerText + document.querySelector('.wall').innerHTML !== before",
        arg=said,
        timeout=60_000,
    )
    assert page.evaluate("window.first.isConnected")  # what changes is words and bars
    main.get_by_role("button", name="Stop").click()
    told(page, "Stopped in epoch")
    panels.get_by_text("Classes").click()
    moments = page.locator(".figure .frames:not([hidden])")
    expect(moments).to_have_count(1)
    page.evaluate("window.matrix = document.querySelector('.figure.playable .js-plotly-plot')")
    newest = moments.locator("output").inner_text()
    moments.get_by_role("button").click()
    expect(moments.locator("output")).not_to_have_text(newest)
    expect(moments.locator("output")).to_have_text(newest)  # it plays to its end
    assert page.evaluate("window.matrix.isConnected")
    square = page.locator(".figure.playable .nsewdrag").first
    square.scroll_into_view_if_needed()
    box = square.bounding_box()
    page.mouse.click(box["x"] + 0.05 * box["width"], box["y"] + 0.05 * box["height"])  # zeros called zero
    told(page, "the least sure first")


def test_two_figures_load_plotly_once(app_url, page):
    requests = []
    page.on("request", lambda request: requests.append(request.url) if "/plotly-" in request.url else None)
    page.goto(f"{app_url}/train?lang=en")
    see_figures(page)
    assert len(requests) == 1


def test_a_network_is_built_by_hand_refused_in_place_and_trained(app_url, new_page):
    page = new_page(width=390, height=844)
    page.goto(f"{app_url}/train?lang=en&dataset=digits&model=custom&layers=conv 8 3 / relu&epochs=1&threads=1")
    first = page.locator(".st-key-train-layer-0 button")
    expect(first).to_contain_text("Convolution 3×3 → 8×26×26")
    page.locator(".st-key-train-layer-1 button").click()
    page.get_by_role("combobox", name="Add a layer after the open one").click()
    page.get_by_role("option", name="Max-pooling").click()
    expect(page.locator(".st-key-train-layer-2 button")).to_contain_text("8×13×13")
    window = page.get_by_role("spinbutton", name="Window")
    window.fill("16")
    window.press("Enter")
    expect(page.locator(".st-key-train-layer-2 button")).to_contain_text("8×1×1")
    first.click()
    kernel = page.get_by_role("spinbutton", name="Kernel")
    kernel.fill("11")
    kernel.press("Enter")
    expect(first).to_contain_text("8×18×18")
    stride = page.get_by_role("spinbutton", name="Stride")
    stride.fill("2")
    stride.press("Enter")
    expect(page.get_by_text("Layer 3, maxpool 16, looks through a window")).to_be_visible()
    expect(page.get_by_role("button", name="Start training")).to_be_disabled()
    wide = page.evaluate("""[...document.querySelectorAll('[data-testid=stMain] *')]
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('svg, [data-testid=stMarkdownContainer]'))
        .map(e => e.outerHTML.slice(0, 120))""")
    assert not wide
    page.get_by_role("button", name="Back to the last network that fitted").click()
    expect(page.get_by_role("button", name="Start training")).to_be_enabled()
    page.get_by_text("Layer by layer", exact=True).click()
    expect(page.locator("table.architecture")).to_contain_text("maxpool1 → 8×1×1")
    page.get_by_role("button", name="Start training").click()
    told(page, "All epochs are done")
    expect(page.get_by_role("link", name="Draw with this model")).to_be_visible()
    page.locator(".train-jump").click()
    expect(page.get_by_role("button", name="Start training")).to_be_in_viewport()
