"""Photos of one digit: hostile files, light and dark paper, the same framing as drawings."""

import io
import struct
import zlib
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dlcore.inference.photo import image_to_digit, open_image
from dlcore.inference.strokes import read_strokes, strokes_to_image
from dlcore.messages import UserError

SEVEN = [[[90, 70], [230, 64], [160, 270]]]


def drawn(*, paper, ink, size=320, at=(0, 0), scale=1.0):
    image = Image.new("L", (size, size), paper)
    points = [(x * scale + at[0], y * scale + at[1]) for x, y in SEVEN[0]]
    ImageDraw.Draw(image).line(points, fill=ink, width=round(24 * scale), joint="curve")
    return image


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def likeness(first, second):
    first, second = first.astype(float).ravel(), second.astype(float).ravel()
    return first @ second / (np.linalg.norm(first) * np.linalg.norm(second))


def shaded():
    """Dark ink on paper that is half in the shadow."""
    light = np.linspace(250, 120, 320)[None, :] * np.ones((320, 1))
    ink = np.asarray(drawn(paper=0, ink=255), dtype=float) / 255
    return Image.fromarray((light * (1 - 0.7 * ink)).astype(np.uint8))


def transparent():
    image = Image.new("RGBA", (320, 320), (0, 0, 0, 0))
    image.paste((20, 20, 60, 255), mask=drawn(paper=0, ink=255))
    return image


@pytest.mark.parametrize(
    "picture",
    [
        drawn(paper=255, ink=20),
        drawn(paper=0, ink=240),
        drawn(paper=200, ink=90),
        drawn(paper=255, ink=0, size=900, at=(500, 500), scale=0.9),
        drawn(paper=245, ink=30).convert("RGB"),
        shaded(),
        transparent(),
    ],
    ids=["dark on light", "light on dark", "pale", "in a corner", "colour", "shadow", "transparent"],
)
def test_one_digit_is_framed_alike_whatever_the_paper(picture):
    image = image_to_digit(picture)
    assert image.shape == (28, 28)
    assert likeness(image, strokes_to_image(read_strokes(SEVEN))) > 0.85


def test_an_image_as_in_mnist_is_taken_as_it_is():
    image = strokes_to_image(read_strokes(SEVEN))
    assert np.array_equal(image_to_digit(Image.fromarray(image)), image)


@pytest.mark.parametrize("paper", [0, 128, 255])
def test_empty_paper_is_a_black_image(paper):
    assert not image_to_digit(Image.new("L", (200, 300), paper)).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (3000, 2)])
def test_odd_sizes_do_no_harm(size):
    assert image_to_digit(Image.effect_noise(size, 90)).shape == (28, 28)


def test_a_photo_lies_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    turned = drawn(paper=255, ink=0).transpose(Image.Transpose.ROTATE_90)
    upright = open_image(encoded(turned, "JPEG", exif=exif, quality=95))
    assert likeness(image_to_digit(upright), strokes_to_image(read_strokes(SEVEN))) > 0.85


def test_a_large_photo_of_a_phone_is_read():
    photo = open_image(encoded(drawn(paper=255, ink=0, size=6000, scale=18), "JPEG"))
    assert max(photo.size) <= 1024


def claims(width, height):
    """A PNG of a few bytes that says it is huge."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


PNG = encoded(drawn(paper=255, ink=0), "PNG")
JPEG = encoded(drawn(paper=255, ink=0), "JPEG")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        PNG[:200],
        JPEG[: len(JPEG) // 2],
        PNG[:60] + b"\x00" * 40 + PNG[100:],
        claims(6000, 6000),
        claims(13000, 13000),
        claims(60000, 60000),
        claims(0, 5),
        claims(2**31, 1),
        encoded(drawn(paper=255, ink=0), "TIFF"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(data):
    with pytest.raises(UserError):
        open_image(data)


def test_whatever_a_file_holds_is_read_or_refused():
    random = Random(0)
    outcomes = set()
    for _ in range(300):
        data = bytearray(random.choice((PNG, JPEG)))
        for _ in range(random.choice((1, 3, 30))):
            data[random.randrange(len(data))] = random.randrange(256)
        try:
            assert image_to_digit(open_image(bytes(data[: random.choice((len(data), 400))]))).shape == (28, 28)
            outcomes.add("read")
        except UserError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"seven\.png"):
        open_image(tmp_path / "seven.png")
