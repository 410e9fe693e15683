"""Pictures that somebody brought: every mode and size, what is no picture, and what wants to do harm."""

import io
import json
import os
import stat
import struct
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import torch
from PIL import Image

from dlcore.cli import main
from dlcore.config import TrainConfig
from dlcore.data import own_images, picture_import, picture_reading, picture_sources
from dlcore.data.availability import available
from dlcore.data.loading import load
from dlcore.data.own_images import EVERYONE, Limits
from dlcore.data.picture_reading import convert
from dlcore.messages import UserError
from dlcore.runs.directory import create, open_run
from dlcore.runs.worker import work


def png(colour, size=(20, 20), mode="RGB", **options) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, "PNG", **options)
    return file.getvalue()


def noise(seed, size=(20, 20)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def pictures(classes=("cat", "dog"), each=6) -> dict[str, bytes]:
    return {
        f"{name}/{number}.png": noise(100 * index + number)
        for index, name in enumerate(classes)
        for number in range(each)
    }


def zipped(files: dict[str, bytes]) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    file.seek(0)
    return file


def bring(source, *, size=28, colour=False, name="pets", owner="me", limit=None):
    """Import a zip, a folder or a mapping of names to contents."""
    limit = limit or Limits()
    if isinstance(source, dict):
        source = zipped(source)
    listing = picture_sources.from_folder if isinstance(source, Path) and source.is_dir() else picture_sources.from_zip
    with listing(source, limit) as (entries, skipped):
        steps = picture_import.import_pictures(
            entries, size=size, colour=colour, name=name, owner=owner, limit=limit, skipped=skipped
        )
        told = []
        while True:
            try:
                told.append(next(steps))
            except StopIteration as done:
                assert [step.done for step in told] == sorted(step.done for step in told)
                return done.value


def reasons(found):
    return {one.file: one.reason for one in found.record.skipped}


# Conversion


@pytest.mark.parametrize("size", own_images.SIZES)
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F", "I;16"])
def test_every_mode_and_shape_becomes_a_square(mode, colour, size):
    value = 255 if mode == "1" else 200
    for shape in ((40, 10), (7, 31), (1, 300), (1, 1)):
        image = Image.new("I;16", shape, 200 * 257) if mode == "I;16" else Image.new("L", shape, value).convert(mode)
        pixels = convert(image, size, colour=colour)
        assert (pixels.shape, pixels.dtype) == ((3 if colour else 1, size, size), np.uint8)
        assert abs(int(pixels[:, size // 2, size // 2].astype(int).mean()) - value) <= 3


def test_sixteen_bits_are_scaled_and_not_cut():
    ramp = Image.fromarray(np.linspace(0, 65535, 28 * 28).reshape(28, 28).astype(np.uint16))
    pixels = convert(ramp, 28, colour=False)
    assert pixels.min() == 0
    assert pixels.max() == 255
    assert 120 < pixels.mean() < 135
    assert len(np.unique(pixels)) > 200


def test_what_is_transparent_lies_on_white_and_a_palette_keeps_its_hole():
    image = Image.new("RGBA", (28, 28), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (8, 8, 20, 20))
    pixels = convert(image, 28, colour=True)
    assert pixels[:, 0, 0].tolist() == [255, 255, 255]
    assert pixels[:, 14, 14].tolist() == [0, 0, 255]
    file = io.BytesIO()
    image.quantize(4).save(file, "PNG", transparency=int(image.quantize(4).getpixel((0, 0))))
    pixels = convert(Image.open(file), 28, colour=False)
    assert pixels[0, 0, 0] == 255
    assert pixels[0, 14, 14] < 60


def test_a_camera_held_upright_is_turned_back():
    image = Image.new("RGB", (40, 20), "black")
    image.paste("white", (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif, quality=95)
    pixels = convert(Image.open(file), 32, colour=False)[0]
    assert pixels[:12].mean() > 100  # white came to lie above
    assert pixels[20:, 12:20].mean() < 20


def test_aspect_is_kept_and_the_border_fills_the_rest():
    image = Image.new("RGB", (56, 28), (10, 200, 30))
    image.paste((255, 255, 255), (21, 7, 35, 21))
    pixels = convert(image, 28, colour=True)
    assert (pixels[:, 0, 0] == [10, 200, 30]).all()
    white = pixels[0] > 200
    assert white.any(0).sum() == pytest.approx(7, abs=1)
    assert white.any(1).sum() == pytest.approx(7, abs=1)


# Sets


def test_a_zip_becomes_a_dataset_with_a_test_set_of_its_own():
    found = bring(pictures(("dog", "cat", "10", "9"), each=10), name="my | pets")
    assert found.description.class_names == ("9", "10", "cat", "dog")
    assert found.record.name == "my pets"
    assert found.description.train_class_counts == (8, 8, 8, 8)
    assert found.description.test_class_counts == (2, 2, 2, 2)
    assert available("own-images", own_images=found.set_id)
    dataset = load("own-images", own_images=found.set_id)
    assert dataset.train_images.shape == (32, 1, 28, 28)
    assert dataset.class_names == found.description.class_names
    assert torch.bincount(dataset.test_labels).tolist() == [2, 2, 2, 2]
    train = {image.numpy().tobytes() for image in dataset.train_images}
    assert not train & {image.numpy().tobytes() for image in dataset.test_images}
    colour = load("own-images", own_images=bring(pictures(), size=64, colour=True).set_id)
    assert colour.train_images.shape == (10, 3, 64, 64)


def test_the_id_and_the_split_follow_from_the_content_alone(tmp_path):
    files = pictures()
    first = bring(files)
    renamed = {f"all/{name.replace('.png', ' copy.png')}": files[name] for name in reversed(files)}
    for name, content in renamed.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    again = bring(tmp_path, name="other", owner="you")
    assert again.set_id == first.set_id
    assert bring(files, colour=True).set_id != first.set_id
    assert bring(files | {"cat/new.png": noise(999)}).set_id != first.set_id


def test_each_visitor_sees_their_own_and_those_for_everyone():
    mine, yours = bring(pictures(), owner="me"), bring(pictures(("a", "b")), owner="you", name="letters")
    both = bring(pictures(), owner="you", name="the same")
    assert both.set_id == mine.set_id
    assert [one.record.name for one in own_images.list_sets("me")] == ["pets"]
    assert {one.record.name for one in own_images.list_sets("you")} == {"letters", "the same"}
    assert own_images.list_sets("stranger") == own_images.list_sets("") == []
    bring(pictures(("x", "y")), owner=EVERYONE, name="shared")
    assert [one.record.name for one in own_images.list_sets("stranger")] == ["shared"]
    own_images.remove(mine.set_id, "me")
    assert own_images.list_sets("me")[0].record.name == "shared"
    assert own_images.is_there(mine.set_id)  # the other one still has it
    own_images.remove(mine.set_id, "you")
    assert not own_images.is_there(mine.set_id)
    own_images.remove(yours.set_id, "stranger")  # who has it not, cannot take it
    assert own_images.is_there(yours.set_id)
    own_images.remove("../../etc", "me")


def test_no_token_is_written_down(home):
    bring(pictures(), owner="a-very-secret-token")
    written = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"a-very-secret-token" not in written


def test_what_is_no_picture_is_skipped_and_named():
    files = pictures() | {
        "cat/broken.png": noise(50)[:200],
        "cat/text.jpg": b"no picture at all",
        "dog/empty.png": b"",
        "dog/twice.png": pictures()["dog/0.png"],
        "dog/cat.png": noise(51),
        "cat/dog.png": noise(51),
        "at the top.png": noise(52),
        "rare/1.png": noise(53),
        "README.txt": b"hello",
        "__MACOSX/cat/._0.png": b"x",
        "cat/.DS_Store": b"x",
    }
    found = bring(files)
    assert found.description.class_names == ("cat", "dog")
    told = reasons(found)
    assert told == {
        "README.txt": "it lies in no folder of a class",
        "at the top.png": "it lies in no folder of a class",
        "cat/broken.png": "it is damaged",
        "cat/text.jpg": "it is no picture of a known kind",
        "dog/empty.png": "it is no picture of a known kind",
        "dog/twice.png": "the same picture is there already",
        "dog/cat.png": "the same picture is in another class",
        "cat/dog.png": "the same picture is in another class",
        "rare/": "the class has fewer than five different pictures",
    }
    assert found.record.skipped_count == len(told)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "at least 2 classes"),
        (pictures(("cat",)), "at least 2 classes"),
        (pictures(each=3), "fewer than five different"),
        ({f"{n}.png": noise(n) for n in range(9)}, "no folder of a class"),
    ],
)
def test_too_little_is_refused_with_the_rule(files, told, home):
    with pytest.raises(UserError, match=told):
        bring(files)
    assert not list(home.rglob("*.npy"))


# Hostile zips


def test_paths_out_of_the_zip_links_and_passwords_are_left_out(tmp_path):
    file = zipped(pictures() | {"../../evil.png": noise(1), "/abs/evil.png": noise(2), "C:\\evil\\x.png": noise(3)})
    with zipfile.ZipFile(file, "a") as archive:
        link = zipfile.ZipInfo("cat/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        locked = zipfile.ZipInfo("cat/locked.png")
        archive.writestr(locked, noise(4))
    data = bytearray(file.getvalue())
    at = data.rfind(b"cat/locked.png") - 46
    data[at + 8] |= 1
    (tmp_path / "pets.zip").write_bytes(data)
    told = reasons(bring(tmp_path / "pets.zip"))
    assert told["../../evil.png"] == told["/abs/evil.png"] == told["C:/evil/x.png"] == "its path leads out of the zip"
    assert told["cat/link.png"] == "it is a link, not a file"
    assert told["cat/locked.png"] == "it is locked by a password"
    assert sorted(path.name for path in tmp_path.rglob("*.png")) == []


def test_a_link_in_a_folder_is_not_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    folder = tmp_path / "pets"
    for name, content in pictures().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (secret / "key.png").write_bytes(noise(7))
    (folder / "cat" / "key.png").symlink_to(secret / "key.png")
    (folder / "other").symlink_to(secret)
    found = bring(folder)
    assert reasons(found) == {"cat/key.png": "it is a link, not a file", "other": "it is a link, not a file"}
    assert found.description.class_names == ("cat", "dog")


def test_a_bomb_is_stopped_before_it_is_unpacked(monkeypatch):
    bomb = {"cat/bomb.png": bytes(30_000_000), "dog/bomb.png": png(0, (3000, 3000), "L")}
    limit = Limits(file_megabytes=1, megapixels=5)
    told = reasons(bring(pictures() | bomb, limit=limit))
    assert told["cat/bomb.png"] == "the file is too large"
    assert told["dog/bomb.png"] == "it has too many pixels"


def claiming(kind, width, height) -> bytes:
    """A small file whose header promises ``width`` × ``height`` pixels that are not there."""
    sides = struct.pack(">II", width, height)
    if kind == "png":
        whole = png(0, (8, 8), "L")
        header = b"IHDR" + sides + whole[24:29]
        return whole[:12] + header + struct.pack(">I", zlib.crc32(header)) + whole[33:]
    if kind == "bmp":
        file = io.BytesIO()
        Image.new("L", (8, 8)).save(file, "BMP")
        return file.getvalue()[:18] + struct.pack("<II", width, height) + file.getvalue()[26:]
    if kind == "ppm":
        return f"P5 {width} {height} 255\n".encode() + bytes(64)
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, {"jpeg": "JPEG", "gif": "GIF"}[kind])
    whole, short = file.getvalue(), struct.pack("<HH" if kind == "gif" else ">HH", height, width)
    if kind == "gif":
        return whole[:6] + struct.pack("<HH", width, height) + whole[10:]
    at = whole.index(b"\xff\xc0") + 5
    return whole[:at] + short + whole[at + 4 :]


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "ppm"])
@pytest.mark.parametrize("side", [8_000, 20_000])
def test_what_claims_too_many_pixels_is_not_decoded(kind, side, monkeypatch):
    def decode(*_args, **_options):
        raise AssertionError("it was decoded")

    bring(pictures())
    with monkeypatch.context() as patched:
        patched.setattr(picture_reading, "convert", decode)
        budget = picture_reading.Budget(10**9, 10**9)
        with pytest.raises(picture_reading.Skip, match="too many pixels"):
            picture_reading.decode(claiming(kind, side, side), 28, False, Limits(), budget)
    assert budget.pixels_left == 10**9
    assert reasons(bring(pictures() | {f"cat/huge.{kind}": claiming(kind, side, side)})) == {
        f"cat/huge.{kind}": "it has too many pixels"
    }


def jpeg(side, *, progressive=False) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(file, "JPEG", progressive=progressive)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "cost"),
    [
        (noise(1, (300, 200)), 300 * 200),
        (jpeg(100), 100 * 100),
        (jpeg(1600), 1600 * 1600 // 4),  # read at an eighth
        (jpeg(1600, progressive=True), 1600 * 1600),  # which helps these little
        (noise(2, (300, 200))[:5000], 300 * 200),  # damaged, but it had to be tried
    ],
)
def test_pixels_are_paid_for_as_they_are_decoded(content, cost):
    budget = picture_reading.Budget(10**9, 10**9)
    with suppress(picture_reading.Skip):
        picture_reading.decode(content, 28, False, Limits(), budget)
    assert 10**9 - budget.pixels_left == cost
    budget = picture_reading.Budget(10**9, cost - 1)
    with pytest.raises(picture_reading.Skip, match="as much as a set may hold"):
        picture_reading.decode(content, 28, False, Limits(), budget)


def test_what_is_refused_was_read_all_the_same_and_is_paid_for():
    entry = picture_sources.Entry(PurePosixPath("cat/x.png"), lambda: io.BytesIO(bytes(3_000_000)))
    budget = picture_reading.Budget(2_500_000, 10**9)
    for left in (1_499_999, 499_998):
        with pytest.raises(picture_reading.Skip, match="too large"):
            picture_reading.read(entry, Limits(file_megabytes=1), budget)
        assert budget.bytes_left == left
    for _ in range(2):
        with pytest.raises(picture_reading.Skip, match=r"too large|as much as"):
            picture_reading.read(entry, Limits(file_megabytes=1), budget)
    assert budget.bytes_left < 0


def test_a_file_that_breaks_off_is_paid_for_up_to_there():
    class Breaking(io.BytesIO):
        def read(self, size=-1, /):
            if self.tell() >= 2_000_000:
                raise zipfile.BadZipFile("CRC")
            return super().read(size)

    budget = picture_reading.Budget(10**9, 10**9)
    with pytest.raises(picture_reading.Skip, match="damaged"):
        picture_reading.read(
            picture_sources.Entry(PurePosixPath("cat/x.png"), lambda: Breaking(bytes(3_000_000))), Limits(), budget
        )
    assert budget.bytes_left <= 10**9 - 2_000_000


@pytest.mark.parametrize("limit", [{"megabytes": 1}, {"all_megapixels": 1}])
def test_all_together_may_not_be_too_much(limit):
    large = {f"cat/large{n}.png": noise(n, (500, 500)) for n in range(9)}
    found = bring(pictures() | large, limit=Limits(**limit))
    assert "the pictures before it were as much as a set may hold" in reasons(
        found
    ).values() or "the file is too large" in (reasons(found).values())


def test_too_many_files_are_refused_before_any_is_read():
    with pytest.raises(UserError, match="may hold 5 files, this one has 12"):
        bring(pictures(), limit=Limits(pictures=5))
    with pytest.raises(UserError, match="lists more"):
        bring({f"cat/{n}": b"" for n in range(100)}, limit=Limits(pictures=1))
    with pytest.raises(UserError, match="2 classes, this one has 3"):
        bring(pictures(("a", "b", "c")), limit=Limits(classes=2))


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip at all" * 100, b"PK\x05\x06" + b"\0" * 5])
def test_what_is_no_zip_is_one_sentence(data):
    with pytest.raises(UserError, match="no zip file"):
        bring(io.BytesIO(data))


def test_a_zip_with_flipped_bits_never_ends_in_a_fault():
    whole = zipped(pictures(each=5)).getvalue()
    dice = np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(whole)
        for place in dice.integers(0, len(data), 20):
            data[place] ^= 1 << int(dice.integers(8))
        try:
            bring(io.BytesIO(bytes(data)))
        except UserError:
            continue


def test_names_in_other_writings_are_read():
    file = zipped(pictures(("cat", "dog")))
    data = file.getvalue()
    data = data.replace(b"cat/", "狗".encode("gbk") + b"x/")[: len(data)]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = {picture_sources._name_of(member).split("/")[0] for member in archive.infolist()}
    assert names == {"狗x", "dog"}


def test_files_from_a_browser_keep_their_folders():
    named = [(f"pets/{name}", io.BytesIO(content)) for name, content in pictures().items()]
    with picture_sources.from_files([*named, ("../../x/y.png", io.BytesIO(b"x"))], Limits()) as (entries, skipped):
        assert not skipped
        assert {entry.path.parts[0] for entry in entries} == {"pets", "x"}
        assert all(isinstance(entry.path, PurePosixPath) and ".." not in entry.path.parts for entry in entries)


# Limits, room, damage


def test_limits_are_settings(monkeypatch):
    monkeypatch.setenv("DLCORE_IMAGES_LIMITS", "pictures=7, megabytes=3")
    assert (own_images.limits().pictures, own_images.limits().megabytes) == (7, 3)
    for wrong in ("pictures=-1", "pictures=many", "files=3", "pictures"):
        monkeypatch.setenv("DLCORE_IMAGES_LIMITS", wrong)
        with pytest.raises(UserError, match="DLCORE_IMAGES_LIMITS"):
            own_images.limits()


def test_when_there_is_no_room_nothing_is_begun(monkeypatch):
    bring(pictures())
    with pytest.raises(UserError, match="no room"):
        bring(pictures(("x", "y")), limit=Limits(kept_megabytes=0))
    monkeypatch.setattr(own_images, "_FREE_BYTES", 1 << 62)
    with pytest.raises(UserError, match="no room"):
        bring(pictures(("x", "y")))


def test_a_full_disk_leaves_nothing_half(monkeypatch, home):
    def refuse(*_args, **_options):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(np, "save", refuse)
    with pytest.raises(UserError, match="No space left"):
        bring(pictures())
    assert list((home / "images").iterdir()) == []


@pytest.mark.parametrize("file", ["train_images.npy", "test_labels.npy", "set.json"])
def test_a_damaged_set_is_one_sentence(file, home):
    found = bring(pictures())
    path = home / "images" / found.set_id / file
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="is damaged"):
        load("own-images", own_images=found.set_id)


def test_pickles_are_never_opened(home):
    found = bring(pictures())
    path = home / "images" / found.set_id / "train_images.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="is damaged"):
        load("own-images", own_images=found.set_id)


# Through the configuration, a run and the command line


def test_a_configuration_names_a_set_that_exists():
    found = bring(pictures())
    config = TrainConfig.parse({"dataset": "own-images", "own_images": found.set_id})
    assert config.data().class_names == ("cat", "dog")
    with pytest.raises(UserError, match="bring a folder or a zip"):
        TrainConfig.parse({"dataset": "own-images"})
    for wrong in ("0" * 32, "../../../etc", "x"):
        with pytest.raises(UserError, match="no set of images called"):
            TrainConfig.parse({"dataset": "own-images", "own_images": wrong})
    assert TrainConfig.parse({"dataset": "own-images"}, check_data=False).own_images == ""


def test_a_run_learns_from_own_images_and_opens_when_they_are_gone():
    dark = {
        f"{name}/{n}.png": png((30 * n if name == "red" else 5, 0, 30 * n), (9, 9))
        for name in ("red", "blue")
        for n in range(8)
    }
    found = bring(dark, size=32, colour=True)
    config = {"dataset": "own-images", "own_images": found.set_id, "model": "compact-cnn", "epochs": 1, "threads": 1}
    run = create(TrainConfig.parse(config))
    assert work(run).reason == "completed"
    own_images.remove(found.set_id, "me")
    assert open_run(run.run_id).status() == "completed"
    again = create(run.config)
    ended = work(again)
    assert (ended.reason, "no set of images" in ended.message) == ("failed", True)


def test_the_command_line_imports_lists_and_trains(tmp_path, capsys):
    folder = tmp_path / "pets"
    for name, content in pictures().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "cat" / "bad.png").write_bytes(b"bad")
    assert main(["images", str(folder), "--size", "32", "--colour", "--json"]) == 0
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert (answer["name"], answer["class_names"], answer["image_size"], answer["channels"]) == (
        "pets",
        ["cat", "dog"],
        32,
        3,
    )
    assert (answer["train_class_counts"], answer["test_class_counts"], answer["skipped_count"]) == ([5, 5], [1, 1], 1)
    assert "cat/bad.png: it is no picture" in err
    assert main(["images", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sets"][0]["id"] == answer["id"]
    train = [
        "train",
        "--dataset",
        "own-images",
        "--own-images",
        answer["id"],
        "--model",
        "compact-cnn",
        "--epochs",
        "1",
    ]
    assert main([*train, "--threads", "1", "--json"]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert main(["predict", "--model-from", trained["run_id"], str(folder / "cat" / "0.png"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"][0]["class_name"] in ("cat", "dog")
    strokes = tmp_path / "drawing.jsonl"
    strokes.write_text('{"strokes": [[[1, 2], [30, 40]]]}')
    assert main(["strokes", "--model-from", trained["run_id"], str(strokes), "--json"]) == 0
    capsys.readouterr()
    assert main(["images", str(folder), "--size", "30", "--json"]) == 2
    assert "28, 32, 64" in json.loads(capsys.readouterr().out)["error"]
    assert main(["images", str(tmp_path / "nowhere"), "--json"]) == 2


def test_a_zip_whose_directory_would_fill_the_memory_is_refused_unread(tmp_path):
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 1 << 31, 0, 0)
    with pytest.raises(UserError, match="lists more"):
        bring(io.BytesIO(bytes(1000) + end))
