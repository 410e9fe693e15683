"""Pictures that somebody brought, kept as datasets; :mod:`dlcore.data.picture_import` makes them.

A set lies in ``images/<id>`` of :func:`~dlcore.home.home`, where the id is made of the content alone:

    set.json                                  size, channels, class names, counts
    train_images.npy, train_labels.npy, …     uint8 (N, C, H, W) and int64 (N,)
    owners/<who>.json                         who brought it, by which name, when, and what was skipped

Nothing here imports torch.
"""

import hashlib
import os
import re
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from dlcore import atomic
from dlcore.home import home
from dlcore.messages import N_, UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZES = (28, 32, 64)
"""Sides that pictures may be brought to, in pixels."""
TEST_SHARE = 0.2
"""Of each class this share of the pictures, at least one, is held out to test and never learned from."""
LEAST_PICTURES = 5
"""A class with fewer different pictures is left out: it could not be learned, held back and tested."""
EVERYONE = "*"
"""The owner of a set that every visitor is offered."""

FORMAT = 1
"""Version of the files of a set."""
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
PARTS = ("train_images", "train_labels", "test_images", "test_labels")
_STALE_SECONDS = 24 * 3600.0
_FREE_BYTES = 500_000_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an import may ask for."""

    pictures: int = 10_000
    classes: int = 100
    file_megabytes: int = 25
    """Of one picture, unpacked."""
    megabytes: int = 500
    """Of all pictures together, unpacked."""
    megapixels: int = 50
    """Of one picture."""
    all_megapixels: int = 8_000
    """Of all pictures together, as they claim; a JPEG that can be read at a reduced size counts as a quarter."""
    kept_megabytes: int = 2_000
    """Of all sets that are kept."""


def limits() -> Limits:
    """The limits in force: the defaults, changed by ``$DLCORE_IMAGES_LIMITS`` such as ``pictures=50000,megabytes=2000``.

    Raises:
        UserError: the variable names no limit, or no positive whole number.
    """
    known = {field.name for field in fields(Limits)}
    changed: dict[str, int] = {}
    for part in filter(None, os.environ.get("DLCORE_IMAGES_LIMITS", "").replace(" ", "").split(",")):
        name, _, value = part.partition("=")
        if name not in known or not (value.isascii() and value.isdigit() and 0 < int(value[:10]) <= 10**9):
            raise UserError(
                N_("DLCORE_IMAGES_LIMITS must be like {example}, of the names {names}; got {value}."),
                example="pictures=50000,megabytes=2000",
                names=", ".join(sorted(known)),
                value=part[:40],
            )
        changed[name] = int(value)
    return replace(Limits(), **changed)


class Description(BaseModel):
    """What ``set.json`` says: all that is known of a set without its pixels."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int
    image_size: int
    channels: int
    class_names: tuple[str, ...]
    train_class_counts: tuple[int, ...]
    test_class_counts: tuple[int, ...]
    light_background: bool
    """Whether the pictures are rather dark things on a light ground, as ink on paper is."""
    held_back: int = 0
    """How many of the training images, the last ones, only validate; 0: each run chooses its own."""


class Skipped(BaseModel):
    """A file that was left out. ``reason`` is an English message, marked for translation."""

    model_config = ConfigDict(frozen=True)

    file: str
    reason: str


class Record(BaseModel):
    """One person's import of a set."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    created: datetime
    skipped_count: int = 0
    skipped: tuple[Skipped, ...] = ()
    """At most the first two hundred."""


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """A set as one person sees it."""

    set_id: str
    description: Description
    record: Record


def keep(kept: ImageSet, arrays: "Mapping[str, NDArray[Any]]", owner: str) -> None:
    """Write a set, and that ``owner`` has brought it. ``arrays`` are the four that :func:`read` gives.

    Raises:
        UserError: it cannot be written.
    """
    try:
        _write_arrays(kept.set_id, kept.description, arrays)
        path = _record_path(kept.set_id, owner)
        path.parent.mkdir(exist_ok=True)
        atomic.write(path, kept.record.model_dump_json(indent=1))
    except OSError as error:
        raise UserError(
            N_("The pictures cannot be kept: {reason}. Make room there, or set DLCORE_HOME to another folder."),
            reason=error.strerror or type(error).__name__,
        ) from error


def check_room(limit: Limits) -> None:
    """Raise :class:`UserError` if the disk or the place for sets is full."""
    existing = next(folder for folder in (home(), *home().parents) if folder.is_dir())
    kept = sum(path.stat().st_size for path in _folder().glob("*/*.npy"))
    if kept > limit.kept_megabytes * 10**6 or shutil.disk_usage(existing).free < _FREE_BYTES:
        raise UserError(N_("There is no room for more pictures on this server. Delete a set that is no longer needed."))


def is_there(set_id: str) -> bool:
    """Whether there is a set with this id."""
    return bool(_ID.fullmatch(set_id)) and (_folder() / set_id / "set.json").is_file()


def describe(set_id: str) -> Description:
    """What is known of a set.

    Raises:
        UserError: there is none with this id, or it is damaged.
    """
    if not set_id:
        raise UserError(N_("Own images need a set: bring a folder or a zip with one folder for each class first."))
    if not is_there(set_id):
        raise UserError(
            N_("There is no set of images called {name}. It may have been deleted, or the link may be incomplete."),
            name=set_id[:40],
        )
    try:
        found = Description.model_validate_json((_folder() / set_id / "set.json").read_bytes())
    except (OSError, ValidationError):
        raise _damaged(set_id) from None
    if found.format > FORMAT:
        raise UserError(N_("The set of images {name} was made by a newer version of this program."), name=set_id)
    return found


def read(set_id: str) -> "tuple[Description, dict[str, NDArray[Any]]]":
    """A set's description, and its images and labels by the names of their files.

    Raises:
        UserError: there is none with this id, or it is damaged.
    """
    import numpy as np  # noqa: PLC0415

    found = describe(set_id)
    try:
        arrays = {part: np.load(_folder() / set_id / f"{part}.npy", allow_pickle=False) for part in PARTS}
    except (OSError, ValueError, EOFError):
        raise _damaged(set_id) from None
    shape = (found.channels, found.image_size, found.image_size)
    for part, counts in (("train", found.train_class_counts), ("test", found.test_class_counts)):
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        fits = images.dtype == np.uint8 and labels.dtype == np.int64 and labels.shape == (len(images),)
        if not fits or images.shape[1:] != shape or Counter(labels.tolist()) != Counter(dict(enumerate(counts))):
            raise _damaged(set_id)
    return found, arrays


def _damaged(set_id: str) -> UserError:
    return UserError(N_("The set of images {name} is damaged. Bring the pictures again."), name=set_id)


def list_sets(owner: str) -> list[ImageSet]:
    """The sets that ``owner`` has brought, and those meant for everyone; newest first."""
    found = []
    for path in sorted(_folder().glob("*/set.json")):
        set_id = path.parent.name
        for who in (owner, EVERYONE):
            try:
                record = Record.model_validate_json(_record_path(set_id, who).read_bytes())
                found.append(ImageSet(set_id=set_id, description=describe(set_id), record=record))
            except (OSError, ValidationError, UserError):
                continue  # not theirs, or damaged, which is said when it is used
            break
    return sorted(found, key=lambda one: one.record.created, reverse=True)


def has(set_id: str, owner: str) -> bool:
    """Whether ``owner`` has brought ``set_id``, and so may take it away."""
    return is_there(set_id) and _record_path(set_id, owner).is_file()


def count_sets() -> int:
    """How many sets are kept here, whoever brought them."""
    return len(list(_folder().glob("*/set.json")))


def remove(set_id: str, owner: str) -> None:
    """Take ``set_id`` from ``owner``; when nobody has it any more it is deleted. Runs that learned from it stay.

    Raises:
        UserError: it cannot be deleted.
    """
    if not is_there(set_id):
        return
    try:
        _record_path(set_id, owner).unlink(missing_ok=True)
        if not any((_folder() / set_id / "owners").glob("*.json")):
            grave = _folder() / f".deleted-{secrets.token_hex(8)}"
            (_folder() / set_id).rename(grave)
            shutil.rmtree(grave, ignore_errors=True)
    except OSError as error:
        raise UserError(
            N_("The set of images {name} cannot be deleted: {reason}."), name=set_id, reason=error.strerror or ""
        ) from error


def _folder() -> Path:
    return home() / "images"


def _record_path(set_id: str, owner: str) -> Path:
    # The token itself is on no disk, so who can read the folder cannot act for its owner.
    who = {"": "shell", EVERYONE: "everyone"}.get(owner) or hashlib.sha256(owner.encode()).hexdigest()[:32]
    return _folder() / set_id / "owners" / f"{who}.json"


def _write_arrays(set_id: str, description: Description, arrays: "Mapping[str, NDArray[Any]]") -> None:
    """Put the set in its place in one move; one that is there already is the same."""
    import numpy as np  # noqa: PLC0415

    _sweep()
    target = _folder() / set_id
    if (target / "set.json").is_file():
        return
    temporary = _folder() / f".import-{secrets.token_hex(8)}"
    temporary.mkdir(parents=True)
    try:
        for part, array in arrays.items():
            with (temporary / f"{part}.npy").open("xb") as file:
                np.save(file, array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
        atomic.write(temporary / "set.json", description.model_dump_json(indent=1))
        (temporary / "owners").mkdir()
        try:
            temporary.rename(target)
        except OSError:
            if not (target / "set.json").is_file():  # else somebody else was quicker with the same pictures
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sweep() -> None:
    """Remove what imports left that were killed long ago."""
    for leftover in _folder().glob(".*-*"):
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(leftover, ignore_errors=True)
