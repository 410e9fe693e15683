"""Whatever a browser, a file or a link may bring: named cases and generated ones, and the doors that they knock at."""

import io
import json
import math
import struct
import zlib
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dlcore.inference import samples
from dlcore.inference.segments import cut
from dlcore.inference.strokes import MAX_POINTS, Stroke, read_canvas
from dlcore.messages import UserError
from ui.drawing import answering, paper, pictures
from ui.drawing.state import DrawPage

Case = tuple[str, Callable[[Any], None], Any]
"""A name, the door, and what is handed in."""

HUGE = 10**5000
DEEP = json.loads("[" * 900 + "]" * 900)
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")


def canvas(value: Any) -> None:
    """What the library's canvas sends, up to the images made of it."""
    _drawn(read_canvas(value))


def written(value: Any) -> None:
    """What the page's own paper sends, up to the images made of it."""
    _drawn(paper.hear(DrawPage(), value).strokes)


def _drawn(strokes: list[Stroke]) -> None:
    if strokes:
        answering.read_strokes(strokes, None)
        cut(strokes, _indifferent)


def _indifferent(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What a network says that finds every class as likely: where to cut, geometry has to say alone."""
    return np.full((len(images), 10), 0.1, np.float32)


def picture(value: bytes) -> None:
    """An uploaded file."""
    given = pictures.read_picture(value)
    answering.read_pictures(given.images, given.naive_image, None)


def pasted(value: Any) -> None:
    """What the clipboard brings."""
    content = pictures.decode_pasted(value)
    if content:
        picture(content)


def link(value: str) -> None:
    """The sample of a link."""
    samples.parse(value)


def knock(case: Case) -> str:
    """``read`` or ``refused``; whatever else is raised is a fault."""
    _, door, value = case
    try:
        door(value)
    except UserError:
        return "refused"
    return "read"


def named() -> Iterator[Case]:
    """The cases that somebody thought of."""
    line = {"type": "Path", "left": 95, "top": 150, "path": [["M", 90, 60], ["L", 100, 240]]}
    for name, value in (
        ("integer of 5,000 digits", HUGE),
        ("not a number", math.nan),
        ("deep nesting", DEEP),
        ("text", "x" * 10**6),
    ):
        yield f"canvas: {name} as coordinate", canvas, {"objects": [line | {"path": [["M", value, 1], ["L", 2, 2]]}]}
        yield f"canvas: {name} as place", canvas, {"objects": [line | {"left": value}]}
        yield f"paper: {name}", written, value
        yield f"paper: {name} as stroke", written, f"0 0 {str(value)[:10_000] if value is not HUGE else '9' * 5000},1"
        yield f"pasted: {name}", pasted, value
    million = [["M", 1, 1]] + [["L", index % 320, index // 3 % 320] for index in range(1_000_000)]
    yield "canvas: a million points", canvas, {"objects": [line | {"path": million}]}
    yield "canvas: a million strokes", canvas, {"objects": [line] * 1_000_000}
    yield "paper: a million points", written, "0 0 " + " ".join(["1,1"] * 1_000_000)
    random = np.random.default_rng(0)
    most = random.integers(0, 3200, (MAX_POINTS, 2))
    yield "paper: the most points, everywhere", written, "0 0 " + " ".join(f"{x},{y}" for x, y in most)
    yield "paper: the most strokes", written, "0 0 " + ";".join(f"{x},{y} {y},{x}" for x, y in most[:400])
    waves = [[f"{round(x + 400 * math.cos(t / 20))},{round(1000 + t / 5)}" for t in range(4900)] for x in (1000, 1600)]
    yield "paper: two digits of 4,900 points each", written, "0 0 " + ";".join(" ".join(wave) for wave in waves)
    for count in (100, 400):
        ticks = ";".join(f"{8 * index},100 {8 * index},2000" for index in range(count))
        yield f"paper: {count} ticks side by side", written, f"0 0 {ticks}"
    yield "picture: 20 kB of PNG that claim 13000×13000", picture, _claims(13_000, 13_000)
    yield "picture: PNG that claims 2³¹ pixels a side", picture, _claims(2**31 - 1, 2**31 - 1)
    photo = _photo(1200, 900)
    yield "picture: truncated JPEG", picture, _encoded(photo, "JPEG")[:4000]
    yield "picture: truncated PNG", picture, _encoded(photo, "PNG")[:3000]
    yield "picture: SVG", picture, b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'
    yield "picture: animated GIF", picture, _animation()
    yield "picture: photo of 100 megapixels", picture, _encoded(_photo(10_000, 10_000), "JPEG")
    yield "picture: photo of 48 megapixels", picture, _encoded(_photo(8_000, 6_000), "JPEG")
    yield (
        "picture: progressive photo of 48 megapixels",
        picture,
        _encoded(_photo(8_000, 6_000), "JPEG", progressive=True),
    )
    yield (
        "picture: progressive photo of 15 megapixels",
        picture,
        _encoded(_photo(5_000, 3_000), "JPEG", progressive=True),
    )
    yield "picture: WebP of 16,000×16,000", picture, _encoded(Image.new("L", (16_000, 16_000)), "WEBP")
    yield "picture: one row of 8 million pixels", picture, _encoded(Image.new("L", (8_000_000, 1)), "PNG")
    yield "picture: one pixel", picture, _encoded(Image.new("L", (1, 1)), "PNG")
    yield "picture: 16 bits", picture, _encoded(Image.fromarray(np.full((40, 40), 40_000, np.uint16)), "PNG")
    yield (
        "picture: EXIF rubbish",
        picture,
        _encoded(photo, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 200),
    )
    yield "picture: 30 MB of noise", picture, bytes(30_000_000)
    yield "picture: nothing", picture, b""
    yield "link: 5,000 digits", link, "digits:test:" + "9" * 5000


def generated(count: int, seed: int = 0) -> Iterator[Case]:
    """``count`` cases made by chance: valid things with something in them replaced."""
    random = Random(seed)
    files = {kind: _encoded(_photo(160, 120), kind) for kind in _FORMATS}
    line = {
        "type": "Path",
        "left": 95,
        "top": 150,
        "scaleX": 1,
        "angle": 0,
        "flipX": False,
        "path": [["M", 90, 60], ["Q", 90, 90, 95, 120], ["L", 100, 240]],
    }
    whole = {"version": "7.4.0", "objects": [line, line], "background": "#fdfcf7"}
    for index in range(count):
        match index % 5:
            case 0:
                yield f"canvas {index}", canvas, mutated(whole, random)
            case 1:
                yield f"paper {index}", written, _damaged_text("1 0 900,600 1000,2400;120,33 44,5 1,0", random)
            case 2 | 3:
                kind = random.choice(_FORMATS)
                yield f"{kind} {index}", picture, _damaged(files[kind], random)
            case 4:
                yield f"link {index}", link, _damaged_text("digits:test:17", random)


def mutated(value: Any, random: Random) -> Any:
    """``value`` with something in it replaced by what no canvas sends."""
    rubbish = [None, True, -1, 1e308, -math.inf, math.nan, HUGE, "", "x" * 1000, [], {}, DEEP, [[]], {"type": "Path"}]
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(sorted(value))
        return value | {key: mutated(value[key], random)}
    if isinstance(value, list) and value and random.random() < 0.9:
        index = random.randrange(len(value))
        return [*value[:index], mutated(value[index], random), *value[index + 1 :]]
    return random.choice(rubbish)


def _damaged_text(text: str, random: Random) -> str:
    for _ in range(random.randint(0, 3)):
        at = random.randrange(len(text) + 1)
        more = random.choice(
            ["", " ", ";", ",", ":", "-1", "9" * random.choice([1, 5, 5000]), "\0", "١", "é", "x", "1e9", "nan"]
        )
        text = text[:at] + more + text[at + random.randint(0, 3) :]
    return text


def _damaged(content: bytes, random: Random) -> bytes:
    data = bytearray(content)
    for _ in range(random.choice([0, 1, 3, 30])):
        data[random.randrange(len(data))] = random.randrange(256)
    return bytes(data[: random.randrange(len(data))] if random.random() < 0.2 else data)


def _photo(width: int, height: int) -> Image.Image:
    image = Image.new("L", (width, height), 230)
    ImageDraw.Draw(image).line(
        [(width // 3, height // 4), (width // 2, height * 3 // 4)], fill=30, width=max(2, width // 20)
    )
    return image


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _animation() -> bytes:
    frames = [_photo(300 + index, 300) for index in range(40)]
    return _encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


def _claims(width: int, height: int) -> bytes:
    """A small PNG whose header claims so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(20_000_000)))
        + chunk(b"IEND", b"")
    )
