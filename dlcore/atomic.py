"""Files that are either the old ones or the new ones, never half of each."""

import errno
import os
import re
import secrets
import time
from pathlib import Path

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def write(path: Path, content: str | bytes) -> None:
    """Replace ``path`` by ``content``, text as UTF-8, in one move: a temporary file in the same folder, fsynced, renamed.

    Raises:
        OSError: the disk is full or broken, or the folder is not writable; the old file is untouched then, unless only
            the folder could not be synced: then the new one is in place.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        _fill(temporary, content.encode() if isinstance(content, str) else content)
        os.replace(temporary, path)  # noqa: PTH105  # all the steps that can fail stand side by side, as calls of os
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def sweep(folder: Path, *, age_seconds: float) -> None:
    """Remove temporary files that a killed writer left in ``folder`` at least ``age_seconds`` ago."""
    try:
        paths = [path for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name)]
    except FileNotFoundError:
        return
    for path in paths:
        try:
            if time.time() - path.stat().st_mtime >= age_seconds:
                path.unlink()
        except FileNotFoundError:  # its writer lives, and has just renamed it
            continue


def _fill(path: Path, data: bytes) -> None:
    descriptor = os.open(path, _FLAGS, 0o666)
    try:
        rest = memoryview(data)
        while rest:  # a disk about to be full takes a part first, then refuses
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, on systems where a folder can be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_lost(error: OSError) -> bool:
    """Whether ``error`` says that a file is gone, or that the disk cannot give it back; others say nothing of the file."""
    return isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError) or error.errno == errno.EIO
