"""Fetching a dataset from the mirrors that torchvision names, with its checksums.

A file that is being fetched is called ``….part``; it gets its name once it is whole, so a broken download never looks
like a dataset. A download that broke off continues where it stopped.
"""

import gzip
import hashlib
import http.client
import shutil
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from dlcore.data import DATASETS
from dlcore.data.availability import FOLDERS, raw_folder
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
_LIMIT_BYTES = 200_000_000
"""No file of these datasets comes near; a server that sends more is not the one meant."""

_Failure = OSError | http.client.HTTPException | zlib.error | EOFError
_FAILURES = (OSError, http.client.HTTPException, zlib.error, EOFError)


def download(name: str) -> Iterator[Preparing]:
    """Fetch, verify and unpack the files of dataset ``name`` that are not there yet, telling the progress.

    Raises:
        UserError: no mirror gave a file with the right checksum, or the folder cannot be written.
    """
    source = getattr(torchvision_datasets(), FOLDERS[name])
    folder = raw_folder(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")  # two runs that want the same data fetch it once
        while not _acquire(lock):
            yield Preparing(stage="downloading", file=DATASETS[name].title)  # so that who waits can still be stopped
        try:
            for file, md5 in source.resources:
                target = folder / file.removesuffix(".gz")
                if not target.exists():
                    yield from _fetch_from_any([mirror + file for mirror in source.mirrors], folder / file, md5)
                    yield Preparing(stage="verifying", file=target.name)
                    _unpack(folder / file, target)
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


def _acquire(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=_LOCK_SECONDS)
    except Timeout:
        return False
    return True


def _fetch_from_any(urls: list[str], path: Path, md5: str) -> Iterator[Preparing]:
    """Every mirror in turn, each a few times; the last failure if all fail."""
    failure: _Failure = OSError()
    for url in urls:
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE_SECONDS * attempt)
            try:
                yield from _fetch(url, path, md5)
            except _FAILURES as error:
                failure = error
                if isinstance(error, urllib.error.HTTPError) and error.code in (401, 403, 404, 410):
                    break  # asking again will not help
            else:
                return
    raise failure


def _fetch(url: str, path: Path, md5: str) -> Iterator[Preparing]:
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
                if done > _LIMIT_BYTES:
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


def _unpack(packed: Path, target: Path) -> None:
    temporary = target.with_name(target.name + ".part")
    with gzip.open(packed, "rb") as source, temporary.open("wb") as file:
        shutil.copyfileobj(source, file)
    temporary.replace(target)
    packed.unlink()


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
