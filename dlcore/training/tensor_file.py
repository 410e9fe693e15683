"""Tensors and their description in one file that notices any change: safetensors, no pickle, a SHA-256 inside.

The file is a plain safetensors file. Its metadata has one key, ``dlcore``, holding JSON: ``{"about": …, "sha256": …}``,
where the digest covers the description and every tensor's name, type, shape and bytes. Equal contents give equal files.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as serialize_tensors
from torch import Tensor

from dlcore import atomic
from dlcore.messages import N_, UserError


class DamagedFileError(UserError):
    """The file is missing, or not what was written."""


_KEY = "dlcore"
_HEADER_LIMIT = 1_000_000


def write(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> str:
    """Write ``tensors`` and the JSON-able ``about`` to ``path``, at once or not at all; return the file's SHA-256."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = json.dumps({"about": about, "sha256": _digest(whole, about)}, sort_keys=True)
    data = serialize_tensors(whole, metadata={_KEY: content})
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(path, data)
    return hashlib.sha256(data).hexdigest()


def read(path: Path, *, limit_bytes: int, sha256: str = "") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the description that :func:`write` stored; with ``sha256``, in that very file.

    Raises:
        UserError: the file is larger than ``limit_bytes``.
        DamagedFileError: there is no such file, the disk cannot give it back, or it is not what was written.
        OSError: it cannot be opened now, which says nothing of what it holds.
    """
    try:
        if path.stat().st_size > limit_bytes:
            raise UserError(
                N_("The file {file} is larger than {megabytes} MB, the limit."),
                file=path.name,
                megabytes=limit_bytes // 1_000_000,
            )
        data = path.read_bytes()
    except OSError as error:
        if not atomic.is_lost(error):
            raise
        raise DamagedFileError(
            N_("The file {file} cannot be read: {reason}."), file=path.name, reason=error.strerror
        ) from error
    try:
        if sha256 and hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError("another file")  # noqa: TRY301  # said below, like all other damage
        return _parse(data)
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedFileError(
            N_("The file {file} is damaged, or was changed after it was written. Use another one, or train again."),
            file=path.name,
        ) from error


def _parse(data: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The contents of a file, or one of several exceptions if they are not what was written."""
    length = int.from_bytes(data[:8], "little")
    if length > _HEADER_LIMIT:
        raise ValueError(f"header of {length} bytes")
    stored = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_KEY])
    tensors, about = parse_tensors(data), dict(stored["about"])
    if _digest(tensors, about) != stored["sha256"]:
        raise ValueError("the digest differs")
    return tensors, about


def _digest(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
