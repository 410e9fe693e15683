"""Fetching a dataset from the mirrors that torchvision names, with its checksums.

A file that is being fetched is called ``….part``; it gets its name once it is whole, so a broken download never looks
like a dataset. A download that broke off continues where it stopped.
"""

import gzip
import hashlib
import http.client
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import IO, cast

from filelock import FileLock, Timeout

from dlcore.data import DATASETS
from dlcore.data.availability import FOLDERS, files, raw_folder
from dlcore.data.torchvision_datasets import torchvision_datasets
from dlcore.messages import N_, UserError
from dlcore.training.events import Preparing

_ATTEMPTS = 3
"""Tries of each mirror."""
_PAUSE_SECONDS = 0.5
"""Wait before the second try; twice as long before the third."""
_TIMEOUT_SECONDS = 20.0
_LOCK_SECONDS = 1.0
"""How often a run that waits for another one's download says so."""
_CHUNK_BYTES = 1 << 16
_REPORT_BYTES = 1 << 19
"""A progress event for so many bytes."""
_SLACK = 1.02
"""A server that sends more than this times what the dataset is known to weigh sends something else."""
_UNPACKED_LIMIT_BYTES = 200_000_000
"""No file inside these archives comes near."""

_Failure = OSError | http.client.HTTPException | zlib.error | EOFError | zipfile.BadZipFile | tarfile.TarError
_FAILURES = (OSError, http.client.HTTPException, zlib.error, EOFError, zipfile.BadZipFile, tarfile.TarError)


@dataclass(frozen=True, kw_only=True)
class _Package:
    """One file to fetch, and what is in it."""

    urls: list[str]
    file: str
    """Its name here, while it is needed."""
    md5: str
    targets: tuple[str, ...]
    """The files that come out of it."""
    unpack: Callable[[Path, Path], None]
    """Called with the package and the folder; every target appears whole or not at all."""


def download(name: str) -> Iterator[Preparing]:
    """Fetch, verify and unpack the files of dataset ``name`` that are not there yet, telling the progress.

    Raises:
        UserError: no mirror gave a file with the right checksum, or the folder cannot be written.
    """
    packages = _packages(name)
    folder = raw_folder(name)
    limit_bytes = int(_SLACK * 1e6 * DATASETS[name].download_megabytes)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")  # two runs that want the same data fetch it once
        while not _acquire(lock):
            yield Preparing(stage="downloading", file=DATASETS[name].title)  # so that who waits can still be stopped
        try:
            for package in packages:
                if not all((folder / target).exists() for target in package.targets):
                    packed = folder / package.file
                    if not packed.exists():
                        yield from _fetch_from_any(package.urls, packed, package.md5, limit_bytes)
                    yield Preparing(stage="verifying", file=package.targets[0])
                    package.unpack(packed, folder)
                    packed.unlink()
        finally:
            lock.release()
    except _FAILURES as error:
        raise UserError(
            N_(
                "{dataset} could not be downloaded ({reason}). Train on the small digits, which need no network,"
                " or set DLCORE_DATA to a folder that holds {dataset}."
            ),
            dataset=DATASETS[name].title,
            reason=_reason(error),
        ) from error


def _packages(name: str) -> list[_Package]:
    """What torchvision says of the files of dataset ``name``: addresses, checksums, contents."""
    source = cast(ModuleType, getattr(torchvision_datasets(), FOLDERS[name]))  # a class, read as a bag of names
    if name == "emnist-letters":
        urls = [source.url]
        return [_Package(urls=urls, file="gzip.zip", md5=source.md5, targets=files(name), unpack=_unpack_emnist)]
    if name == "cifar10":
        checksums = dict([*source.train_list, *source.test_list])
        unpack = partial(_unpack_cifar, checksums=checksums)
        urls = [source.url]
        return [_Package(urls=urls, file=source.filename, md5=source.tgz_md5, targets=files(name), unpack=unpack)]
    return [
        _Package(
            urls=[mirror + file for mirror in source.mirrors],
            file=file,
            md5=md5,
            targets=(file.removesuffix(".gz"),),
            unpack=_unpack_gzip,
        )
        for file, md5 in source.resources
    ]


def _acquire(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=_LOCK_SECONDS)
    except Timeout:
        return False
    return True


def _fetch_from_any(urls: list[str], path: Path, md5: str, limit_bytes: int) -> Iterator[Preparing]:
    """Every mirror in turn, each a few times; the last failure if all fail."""
    failure: _Failure = OSError()
    for url in urls:
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE_SECONDS * attempt)
            try:
                yield from _fetch(url, path, md5, limit_bytes)
            except _FAILURES as error:
                failure = error
                if isinstance(error, urllib.error.HTTPError) and error.code in (401, 403, 404, 410):
                    break  # asking again will not help
            else:
                return
    raise failure


def _fetch(url: str, path: Path, md5: str, limit_bytes: int) -> Iterator[Preparing]:
    """One try: continue what is there, and give it its name if the checksum is right."""
    part = path.with_name(path.name + ".part")
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "dlcore", "Range": f"bytes={done}-"})  # noqa: S310
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)  # noqa: S310  # torchvision's own addresses
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and done:
            part.unlink()  # longer than the file, or whole and wrong: start again
        raise
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            done = 0  # the server sends all of it
        length = response.headers.get("Content-Length")
        total = done + int(length) if length and length.isdecimal() else 0
        reported = done
        yield Preparing(stage="downloading", file=path.name, bytes_done=done, bytes_total=total)
        with part.open("ab" if done else "wb") as file:
            while chunk := response.read(_CHUNK_BYTES):
                file.write(chunk)
                done += len(chunk)
                if done > limit_bytes:
                    raise OSError(N_("the server sends something else"))
                if done - reported >= _REPORT_BYTES or done == total:
                    reported = done
                    yield Preparing(stage="downloading", file=path.name, bytes_done=done, bytes_total=total)
    if total and done < total:
        raise OSError(N_("the connection broke off"))
    if _md5(part) != md5:
        part.unlink()
        raise OSError(N_("wrong checksum"))
    part.replace(path)


def _unpack_gzip(packed: Path, folder: Path) -> None:
    with gzip.open(packed, "rb") as source:
        _pour(source, folder / packed.name.removesuffix(".gz"))


def _unpack_emnist(packed: Path, folder: Path) -> None:
    """Of the twenty-four packed files in EMNIST's zip the four of the letters; the rest never touches the disk."""
    with zipfile.ZipFile(packed) as archive:
        for target in files("emnist-letters"):
            try:
                member = archive.open(f"gzip/{target}.gz")
            except KeyError:
                raise OSError(N_("the archive lacks a file")) from None
            with member, gzip.open(member, "rb") as source:
                _pour(source, folder / target)


def _unpack_cifar(packed: Path, folder: Path, *, checksums: Mapping[str, str]) -> None:
    """The six batches in CIFAR-10's archive, each with the checksum that torchvision knows; its links are never followed."""
    with tarfile.open(packed, "r:gz") as archive:
        for target in files("cifar10"):
            try:
                member = archive.getmember(f"cifar-10-batches-py/{target}")
            except KeyError:
                raise OSError(N_("the archive lacks a file")) from None
            source = archive.extractfile(member) if member.isreg() else None
            if source is None:
                raise OSError(N_("the archive lacks a file"))
            with source:
                _pour(source, folder / target, md5=checksums[target])


def _pour(source: IO[bytes] | gzip.GzipFile, target: Path, *, md5: str = "") -> None:
    """Write all that ``source`` gives to ``target``, which appears once it is whole."""
    temporary = target.with_name(target.name + ".part")
    done = 0
    with temporary.open("wb") as file:
        while chunk := source.read(_CHUNK_BYTES):
            done += len(chunk)
            if done > _UNPACKED_LIMIT_BYTES:
                raise OSError(N_("the server sends something else"))
            file.write(chunk)
    if md5 and _md5(temporary) != md5:
        temporary.unlink()
        raise OSError(N_("wrong checksum"))
    temporary.replace(target)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _reason(error: _Failure) -> str:
    """A few words: what the system or the server said."""
    with suppress(AttributeError):
        error = error.reason if isinstance(error.reason, OSError) else error  # type: ignore[union-attr]
    if isinstance(error, urllib.error.HTTPError):
        return f"{error.code} {error.reason}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
