"""From a folder, a zip or a browser's files to a set of own images, see :mod:`dlcore.data.own_images`.

Whatever comes in is hostile until proven otherwise: nothing is ever written under a name from outside, every size is
bounded before it is believed, and a file that is no picture is skipped and named. Nothing here imports torch.
"""

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

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
from dlcore.data.picture_reading import Budget, Skip, decode, read
from dlcore.data.picture_sources import Entry
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
_TWICE = N_("the same picture is there already")
_CONTRADICTION = N_("the same picture is in another class")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """So many of so many files were looked at."""

    done: int
    total: int
    file: str


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
        entries: the files, as :mod:`dlcore.data.picture_sources` lists them.
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
    budget = Budget(limit.megabytes * 10**6, limit.all_megapixels * 10**6)
    for number, (class_name, entry) in enumerate(_by_class(entries, left_out)):
        yield Progress(done=number, total=len(entries), file=str(entry.path))
        try:
            pixels = decode(read(entry, limit, budget), size, colour, limit, budget)
        except Skip as skip:
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
