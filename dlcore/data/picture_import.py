"""From a folder, a zip or a browser's files to a set of own images, see :mod:`dlcore.data.own_images`.

Whatever comes in is hostile until proven otherwise: nothing is ever written under a name from outside, every size is
bounded before it is believed, and a file that is no picture is skipped and named. Nothing here imports torch.
"""

import hashlib
import io
import json
import os
import re
import stat
import struct
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from dlcore.data.own_images import (
    FORMAT,
    LEAST_PICTURES,
    PARTS,
    SIZES,
    TEST_SHARE,
    Description,
    ImageSet,
    Limits,
    Record,
    Skipped,
    check_room,
    keep,
)
from dlcore.messages import N_, UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LONGEST_CLASS_NAME = 40
_LONGEST_NAME = 60
_REMEMBERED = 200
"""Most skipped files that are named one by one."""
_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".ppm"}
"""Of files that are meant as pictures; whether they are is seen when they are read."""
_IGNORED = {"__macosx", "thumbs.db", "desktop.ini"}
_TWICE = N_("the same picture is there already")
_CONTRADICTION = N_("the same picture is in another class")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """So many of so many files were looked at."""

    done: int
    total: int
    file: str


@dataclass(frozen=True)
class Entry:
    """A file that may be a picture. ``path`` is relative and harmless: it only names things."""

    path: PurePosixPath
    open: Callable[[], IO[bytes]]


# Where pictures come from


@contextmanager
def from_folder(folder: Path, limit: Limits) -> Iterator[tuple[list[Entry], list[Skipped]]]:
    """The files below ``folder``, and those left out at once; links are not followed.

    Raises:
        UserError: it is no folder, or holds too many files.
    """
    if not folder.is_dir():
        raise UserError(N_("There is no folder or zip file {file}."), file=folder.name[:100])
    entries: list[Entry] = []
    skipped: list[Skipped] = []
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(place, name)
            shown = PurePosixPath(path.relative_to(folder).as_posix())
            if _is_ignored(shown):
                continue
            if path.is_symlink() or not path.is_file():
                skipped.append(Skipped(file=str(shown), reason=N_("it is a link, not a file")))
                continue
            entries.append(Entry(shown, partial(_open, path)))
        for name in list(folders):
            if Path(place, name).is_symlink():
                shown = PurePosixPath(Path(place, name).relative_to(folder).as_posix())
                skipped.append(Skipped(file=str(shown), reason=N_("it is a link, not a file")))
        _check_count(len(entries) + len(skipped), limit)
    yield entries, skipped


@contextmanager
def from_zip(file: Path | BinaryIO, limit: Limits) -> Iterator[tuple[list[Entry], list[Skipped]]]:
    """The files in a zip, and those left out at once; nothing is unpacked to the disk.

    Raises:
        UserError: it is no zip, or its directory is too long.
    """
    try:
        _check_directory(file, limit)
        archive = zipfile.ZipFile(file)
    except (OSError, zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, UnicodeError):
        raise UserError(N_("This is no zip file that can be read.")) from None
    with archive:
        entries: list[Entry] = []
        skipped: list[Skipped] = []
        for member in archive.infolist():
            if member.is_dir():
                continue
            path = PurePosixPath(_name_of(member).replace("\\", "/"))
            if _is_ignored(path):
                continue
            kind = stat.S_IFMT(member.external_attr >> 16)
            if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", str(path)):
                reason = N_("its path leads out of the zip")
            elif kind not in (0, stat.S_IFREG):
                reason = N_("it is a link, not a file")
            elif member.flag_bits & 1:
                reason = N_("it is locked by a password")
            else:
                entries.append(Entry(path, partial(archive.open, member)))
                continue
            skipped.append(Skipped(file=str(path), reason=reason))
        _check_count(len(entries) + len(skipped), limit)
        yield entries, skipped


@contextmanager
def from_files(named: Iterable[tuple[str, BinaryIO]], limit: Limits) -> Iterator[tuple[list[Entry], list[Skipped]]]:
    """Files at hand with the paths they had, as a browser sends a folder."""
    entries = []
    for name, file in named:
        path = PurePosixPath(
            *(part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", ".."))
        )
        if not _is_ignored(path):
            entries.append(Entry(path, partial(_again, file)))
    _check_count(len(entries), limit)
    yield entries, []


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _again(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return io.BytesIO(file.read())


def _is_ignored(path: PurePosixPath) -> bool:
    """Whether a system left it there, not a person."""
    return not path.parts or any(
        (part.startswith(".") and part != "..") or part.casefold() in _IGNORED for part in path.parts
    )


def _check_count(count: int, limit: Limits) -> None:
    if count > limit.pictures:
        raise UserError(
            N_("A set may hold {limit:,} files, this one has {count:,}. Bring fewer."),
            limit=limit.pictures,
            count=count,
        )


def _check_directory(file: Path | BinaryIO, limit: Limits) -> None:
    """Refuse a zip whose directory would fill the memory before anybody could count its entries."""
    with file.open("rb") if isinstance(file, Path) else nullcontext(file) as source:
        size = source.seek(0, os.SEEK_END)
        source.seek(max(0, size - 66_000))
        tail = source.read()
        source.seek(0)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0:
        raise ValueError("no end of a directory")
    directory_bytes = struct.unpack_from("<I", tail, end + 12)[0]
    large = tail.rfind(b"PK\x06\x06", 0, end)
    if large >= 0:
        directory_bytes = max(directory_bytes, struct.unpack_from("<Q", tail, large + 40)[0])
    if directory_bytes > 400 * limit.pictures and not (large >= 0 and directory_bytes == 0xFFFFFFFF):
        raise UserError(N_("A set may hold {limit:,} files, this zip lists more. Bring fewer."), limit=limit.pictures)


def _name_of(member: zipfile.ZipInfo) -> str:
    """The name of a member; one that does not say how it is written is taken for UTF-8, else for Chinese Windows."""
    if member.flag_bits & 0x800:
        return member.filename
    with suppress(UnicodeError):
        raw = member.filename.encode("cp437")
        for encoding in ("utf-8", "gbk"):
            with suppress(UnicodeError):
                return raw.decode(encoding)
    return member.filename


# From files to a set


def import_pictures(
    entries: Sequence[Entry],
    *,
    size: int,
    colour: bool,
    name: str,
    owner: str,
    limit: Limits,
    skipped: Sequence[Skipped] = (),
) -> Generator[Progress, None, ImageSet]:
    """Make a set of the pictures among ``entries`` and keep it, telling the progress.

    The class of a picture is the first folder of its path; a folder around all of them is looked through. Pictures that
    come out the same are kept once, so that none is learned from and tested with. The test pictures are chosen by their
    content: the same pictures are split the same way by whomever they are brought.

    Args:
        entries: the files, as :func:`from_folder`, :func:`from_zip` and :func:`from_files` list them.
        size: one of :data:`SIZES`.
        colour: whether to keep the colours; else the pictures become grey.
        name: what the owner calls the set.
        owner: a visitor's token; empty for the shell, :data:`EVERYONE` for all visitors.
        limit: what is too much.
        skipped: files that were left out before.

    Raises:
        UserError: fewer than two classes are left, a limit is exceeded, or the set cannot be written.
    """
    if size not in SIZES:
        raise UserError(
            N_("The size must be one of {allowed}; got {value}."), allowed=", ".join(map(str, SIZES)), value=size
        )
    check_room(limit)
    left_out = list(skipped)
    pictures: dict[str, tuple[str, NDArray[np.uint8]]] = {}
    places: dict[str, PurePosixPath] = {}
    conflicts: set[str] = set()
    budget = _Budget(limit.megabytes * 10**6, limit.all_megapixels * 10**6)
    for number, (class_name, entry) in enumerate(_by_class(entries, left_out)):
        yield Progress(done=number, total=len(entries), file=str(entry.path))
        try:
            pixels = _decode(_read(entry, limit, budget), size, colour, limit, budget)
        except _Skip as skip:
            left_out.append(Skipped(file=_shown(entry.path), reason=str(skip)))
            continue
        digest = hashlib.blake2b(pixels.tobytes(), digest_size=16).hexdigest()
        if digest not in pictures:
            pictures[digest], places[digest] = (class_name, pixels), entry.path
        elif pictures[digest][0] == class_name:
            left_out.append(Skipped(file=_shown(entry.path), reason=_TWICE))
        else:
            left_out.append(Skipped(file=_shown(entry.path), reason=_CONTRADICTION))
            conflicts.add(digest)
    for digest in conflicts:  # which of its classes is right nobody knows
        del pictures[digest]
        left_out.append(Skipped(file=_shown(places[digest]), reason=_CONTRADICTION))
    yield Progress(done=len(entries), total=len(entries), file="")
    return _set_of(pictures, size, colour, name, owner, limit, left_out)


def convert(image: Any, size: int, *, colour: bool) -> "NDArray[np.uint8]":
    """A PIL image of any size and mode as uint8 (C, size, size), C being 3 in colour and 1 in grey.

    The picture is turned as its camera says, laid on white where it is transparent, scaled whole with its aspect kept,
    and what is left of the square takes the colour that its border has in the middle of all its values.
    """
    import numpy as np  # noqa: PLC0415  # no page that only lists sets needs them
    from PIL import Image, ImageOps  # noqa: PLC0415

    image = _eight_bit(ImageOps.exif_transpose(image) or image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB" if colour else "L")
    factor = size / max(image.size)
    width, height = (max(1, round(side * factor)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    x_HWC = np.asarray(image, dtype=np.uint8).reshape(height, width, -1)
    border = np.concatenate([x_HWC[0], x_HWC[-1], x_HWC[:, 0], x_HWC[:, -1]])
    square = np.empty((size, size, x_HWC.shape[2]), np.uint8)
    square[:] = np.median(border, axis=0).astype(np.uint8)
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = x_HWC
    return np.ascontiguousarray(square.transpose(2, 0, 1))


def _eight_bit(image: Any) -> Any:
    """Pictures of 16 bits, of integers or of numbers as grey ones of 8 bits."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    if not image.mode.startswith(("I", "F")):
        return image
    values = np.nan_to_num(np.asarray(image).astype(np.float64))
    if image.mode == "F":
        values = values * 255 if values.max() <= 1 else values
    elif image.mode.startswith("I;16") or values.max() > 255:
        values = values / 257
    grey = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return Image.fromarray(grey)


class _Skip(Exception):  # noqa: N818  # no error: one file of many is left out
    """Why a file is left out, in words."""


@dataclass
class _Budget:
    """What an import may still cost. Work is paid for before it is done, so what turns out damaged is not free."""

    bytes_left: int
    pixels_left: int


_PIECE = 1 << 20
_FULL = N_("the pictures before it were as much as a set may hold")
_CHEAPER = 4
"""A JPEG that is read at a reduced size counts as this part of its pixels. Measured on pictures of 16 and 49 megapixels, it
takes 20 to 40 % of the time of reading all of it, and 5 % of that of a PNG of the same size."""


def _read(entry: Entry, limit: Limits, budget: _Budget) -> bytes:
    """The content of a file, paid for by what was read of it, even where that is of no use."""
    if budget.bytes_left <= 0 or budget.pixels_left <= 0:
        raise _Skip(_FULL)
    most = min(budget.bytes_left, limit.file_megabytes * 10**6)
    content = bytearray()
    try:
        with entry.open() as file:
            while piece := file.read(min(_PIECE, most + 1 - len(content))):
                content += piece
                budget.bytes_left -= len(piece)
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, RuntimeError, NotImplementedError, zipfile.LargeZipFile):
        raise _Skip(N_("it is damaged")) from None
    except Exception as error:
        if type(error).__module__ in ("zlib", "_lzma", "_bz2", "lzma"):
            raise _Skip(N_("it is damaged")) from None
        raise
    if len(content) > most:
        raise _Skip(N_("the file is too large"))
    return bytes(content)


def _decode(content: bytes, size: int, colour: bool, limit: Limits, budget: _Budget) -> "NDArray[np.uint8]":
    """The converted picture. It is paid for by the pixels that it claims, before any of them is decoded."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415

    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")) as image:
            if image.width * image.height > limit.megapixels * 10**6:
                raise _Skip(N_("it has too many pixels"))
            claimed = image.width * image.height
            image.draft("RGB" if colour else "L", (4 * size, 4 * size))  # a JPEG can be read smaller, which is quicker
            decoded = image.width * image.height
            if decoded < claimed and "progressive" not in image.info:  # those are unpacked whole all the same
                claimed = max(decoded, claimed // _CHEAPER)
            if claimed > budget.pixels_left:
                raise _Skip(_FULL)
            budget.pixels_left -= claimed
            return convert(image, size, colour=colour)
    except UnidentifiedImageError:
        raise _Skip(N_("it is no picture of a known kind")) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        raise _Skip(N_("it has too many pixels")) from None
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, EOFError, struct.error, OverflowError):
        raise _Skip(N_("it is damaged")) from None


def _by_class(entries: Sequence[Entry], left_out: list[Skipped]) -> list[tuple[str, Entry]]:
    """Each file with the name of its class: the first folder, below any folder that is around all files."""
    depth = 0
    pictures = [entry.path.parts for entry in entries if entry.path.suffix.casefold() in _SUFFIXES]
    while pictures and all(len(path) > depth + 2 and path[depth] == pictures[0][depth] for path in pictures):
        depth += 1
    found = []
    for entry in entries:
        path = entry.path.parts
        name = _clean(path[depth], _LONGEST_CLASS_NAME) if len(path) > depth + 1 else ""
        if name:
            found.append((name, entry))
        else:
            left_out.append(Skipped(file=_shown(entry.path), reason=N_("it lies in no folder of a class")))
    return found


def _clean(text: str, longest: int) -> str:
    """``text`` in one line, without what would end a name in a list of names."""
    readable = "".join(" " if unicodedata.category(letter)[0] in "CZ" or letter in ",|" else letter for letter in text)
    return " ".join(unicodedata.normalize("NFC", readable).split())[:longest].strip()


def _shown(path: PurePosixPath) -> str:
    return _clean(str(path), 200)


def _set_of(
    pictures: "Mapping[str, tuple[str, NDArray[np.uint8]]]",
    size: int,
    colour: bool,
    name: str,
    owner: str,
    limit: Limits,
    left_out: list[Skipped],
) -> ImageSet:
    """Split the pictures, describe the set and keep it."""
    import numpy as np  # noqa: PLC0415

    counts = Counter(class_name for class_name, _pixels in pictures.values())
    for class_name, count in counts.items():
        if count < LEAST_PICTURES:
            left_out.append(
                Skipped(file=f"{class_name}/", reason=N_("the class has fewer than five different pictures"))
            )
    class_names = tuple(sorted((name for name, count in counts.items() if count >= LEAST_PICTURES), key=_natural))
    if len(class_names) < 2:
        raise _too_few(len(class_names), left_out)
    if len(class_names) > limit.classes:
        raise UserError(
            N_("A set may have {limit} classes, this one has {count}."), limit=limit.classes, count=len(class_names)
        )
    # In the order of the content, so that the files' names and the order they came in change nothing.
    by_class: dict[str, list[str]] = {class_name: [] for class_name in class_names}
    for digest in sorted(pictures):
        if (class_name := pictures[digest][0]) in by_class:
            by_class[class_name].append(digest)
    testing = {
        digest for digests in by_class.values() for digest in digests[: max(1, round(TEST_SHARE * len(digests)))]
    }
    chosen = sorted(digest for digests in by_class.values() for digest in digests)
    parts = [[d for d in chosen if d not in testing], [d for d in chosen if d in testing]]
    images = [np.stack([pictures[digest][1] for digest in part]) for part in parts]
    labels = [np.array([class_names.index(pictures[d][0]) for d in part], dtype=np.int64) for part in parts]
    train_counts, test_counts = (tuple(np.bincount(part, minlength=len(class_names)).tolist()) for part in labels)
    frame = np.concatenate([images[0][:, :, [0, -1], :].ravel(), images[0][:, :, :, [0, -1]].ravel()])
    description = Description(
        format=FORMAT,
        image_size=size,
        channels=3 if colour else 1,
        class_names=class_names,
        train_class_counts=train_counts,
        test_class_counts=test_counts,
        light_background=bool(frame.mean() > 127),
    )
    about = json.dumps([FORMAT, size, colour, class_names, [[pictures[d][0], d] for d in chosen]])
    set_id = hashlib.sha256(about.encode()).hexdigest()[:32]
    record = Record(
        name=_clean(name, _LONGEST_NAME) or ", ".join(class_names)[:_LONGEST_NAME],
        created=datetime.now(UTC).replace(microsecond=0),
        skipped_count=len(left_out),
        skipped=tuple(left_out[:_REMEMBERED]),
    )
    arrays: dict[str, NDArray[Any]] = dict(zip(PARTS, (images[0], labels[0], images[1], labels[1]), strict=True))
    kept = ImageSet(set_id=set_id, description=description, record=record)
    keep(kept, arrays, owner)
    return kept


def _too_few(count: int, left_out: Sequence[Skipped]) -> UserError:
    if left_out:
        return UserError(
            N_(
                "Of the files {count} classes with at least {least} pictures each are left, and at least 2 are needed:"
                " one folder for each class. For example {file} was left out: {reason}."
            ),
            count=count,
            least=LEAST_PICTURES,
            file=left_out[0].file,
            reason=left_out[0].reason,
        )
    return UserError(
        N_("There must be at least 2 classes with at least {least} pictures each: one folder for each class."),
        least=LEAST_PICTURES,
    )


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Sorts ``class 2`` before ``class 10``."""
    return [
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name) if part
    ]
