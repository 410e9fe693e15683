"""Files that are either the old ones or the new ones, never half of each."""

import os
import secrets
from pathlib import Path


def write(path: Path, content: str | bytes) -> None:
    """Replace ``path`` by ``content``, text as UTF-8, in one move: a temporary file in the same folder, fsynced, renamed.

    Raises:
        OSError: the disk is full or the folder is not writable; the old file is untouched then.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, on systems where a folder can be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
