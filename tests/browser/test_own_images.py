"""A visitor brings pictures: a zip becomes a dataset, a network learns from it, and Draw asks that network."""

import io
import os
import zipfile

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from tests.browser.test_train import POINTS, told


def pictures() -> bytes:
    dice = np.random.default_rng(0)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, axis in (("lines", 0), ("posts", 1)):
            for number in range(12):
                pixels = dice.integers(0, 40, (30, 40, 3), dtype=np.uint8)
                np.moveaxis(pixels, axis, 0)[5 + number : 9 + number] = 240
                picture = io.BytesIO()
                Image.fromarray(pixels).save(picture, "PNG")
                archive.writestr(f"shapes/{name}/{number}.png", picture.getvalue())
        archive.writestr("shapes/lines/broken.png", b"no picture")
    return file.getvalue()


def shot(page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_a_zip_becomes_a_dataset_a_network_and_an_answer(app_url, page):
    page.goto(f"{app_url}/train?lang=en&dataset=own-images&model=compact-cnn&epochs=1&batch_size=8&threads=1")
    page.wait_for_function(f"{POINTS} > 10", timeout=90_000)  # the page has come to rest
    page.locator("input[type=file]").set_input_files(
        {"name": "shapes.zip", "mimeType": "application/zip", "buffer": pictures()}, timeout=90_000
    )
    page.get_by_role("button", name="Make a dataset of them").click()
    told(page, "24 pictures in 2 classes are ready")
    shot(page, "brought")
    page.get_by_text("1 files were left out").click()
    told(page, "it is no picture of a known kind")
    told(page, "20 images to learn from and 4 to test with")
    page.get_by_text("Look at the images").click()
    strips = page.locator(".data-form-samples img")
    expect(strips).to_have_count(2, timeout=90_000)
    assert strips.evaluate_all("all => all.every(one => one.complete && one.naturalWidth > 300 && one.alt)")
    shot(page, "samples")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**run=*")
    link = page.get_by_role("link", name="Draw with this model").first
    expect(link).to_be_visible(timeout=120_000)
    told(page, "Class by class")
    expect(page.get_by_role("table").get_by_text("posts").first).to_be_visible()
    shot(page, "trained")
    link.click()
    told(page, "This model has learned from Own images and knows nothing but lines, posts")
    shot(page, "drawn")
