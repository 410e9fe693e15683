"""Where pictures come from: a folder, a zip, or the files of a browser, none of them believed before it is bounded."""

import io
import os
import re
import stat
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from dlcore.data.own_images import Limits, Skipped
from dlcore.messages import N_, UserError

_IGNORED = {"__macosx", "thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Entry:
    """A file that may be a picture. ``path`` is relative and harmless: it only names things."""

    path: PurePosixPath
    open: Callable[[], IO[bytes]]


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
