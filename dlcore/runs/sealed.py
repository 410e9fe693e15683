"""Small files and log lines that notice any change: JSON with a digest of what it says. Nothing here imports torch.

A file carries ``format`` and ``sha256``, the digest of everything else in it; the first format had no digest. A line
of the log ends with ``"crc32"``; lines of the first format do not.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlcore import formats

_MARK, _TAIL = b',"crc32":"', b'"}'
_SEAL = len(_MARK) + 8 + len(_TAIL)


def seal(content: Mapping[str, Any], *, format_number: int) -> str:
    """``content`` as the text of a sealed file, of format 2 or later."""
    whole = {"format": format_number, **content}
    return json.dumps(whole | {"sha256": _digest(whole)}, ensure_ascii=False, indent=1)


def unseal(data: bytes, *, file: str, known: int) -> dict[str, Any]:
    """What :func:`seal` was given, or what a file of the first format holds.

    Raises:
        ValueError: it is not what was written.
        UserError: its format is newer than ``known``.
    """
    content = json.loads(data)
    if not isinstance(content, dict):
        raise ValueError("no object")  # noqa: TRY004  # a fault of the data, like all others here
    digest = content.pop("sha256", None)
    number = formats.check(file, content.get("format", 1), known)
    if (number > 1 or digest is not None) and digest != _digest(content):
        raise ValueError("the digest differs")
    return content


def seal_line(line: str) -> bytes:
    """One JSON object on a line, with its check sum and the line break."""
    body = line.encode()[:-1]
    return b"%b%b%08x%b\n" % (body, _MARK, zlib.crc32(body), _TAIL)


def unseal_line(line: bytes) -> str:
    """The JSON object that :func:`seal_line` was given, from its line without the line break.

    Raises:
        ValueError: the check sum differs, or the line is no UTF-8.
    """
    if line[-_SEAL : 8 - _SEAL + 2] == _MARK:
        body = line[:-_SEAL]
        if line[-_SEAL + len(_MARK) :] != b"%08x%b" % (zlib.crc32(body), _TAIL):
            raise ValueError("the check sum differs")
        return body.decode() + "}"
    return line.decode()


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def cut_torn_line(path: Path) -> None:
    """Cut off what a writer that was killed left half-written at the end of a file of lines, if there is such a file.

    Raises:
        OSError: the file cannot be read or changed.
    """
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return
    with file:
        size = end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - 65_536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            file.truncate(end)
