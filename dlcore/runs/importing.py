"""A run from elsewhere: the zip that ``export --to zip`` made on another installation. Nothing in it is trusted.

Sizes are bounded before they are believed, only the names that a run has are taken, every line of the log has to be whole
and of the types and the ranges that it may have, and nothing becomes a run before all of it was checked. What is unpacked
goes to the disk piece by piece and is read back file by file, so that a zip costs a server little memory, whatever is in
it. Nothing here imports torch.
"""

import hashlib
import math
import os
import re
import secrets
import shutil
import string
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import IO, Any, get_args

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from dlcore import atomic
from dlcore.config import TrainConfig
from dlcore.formats import LABEL_FORMAT, RUN_FORMAT, SUMMARY_FORMAT
from dlcore.messages import N_, UserError, Verbatim
from dlcore.runs import glimpses, keeping, queue, sealed
from dlcore.runs.directory import Run, is_run_id, list_runs, open_directory, runs_folder
from dlcore.runs.inside import can_be_drawn
from dlcore.runs.summary import Summary
from dlcore.training.events import (
    Ended,
    Evaluated,
    Event,
    Inspected,
    Resumed,
    Started,
    Steered,
    Stepped,
    Tested,
    from_json,
)

MOST_FILES = 400
MOST_BYTES = 256_000_000
"""Of all files together, unpacked."""
MOST_LOG_BYTES = 32_000_000
MOST_JSON_BYTES = 64_000_000
"""Of all files together but the log and the weights."""
_MOST_FILE_BYTES = 8_000_000
"""Of each of them: so much is in memory at once."""
_MOST_LINE_BYTES = 2_000_000
_MOST_LINES = 200_000
_MOST_CLASSES = 200
_PIECE = 1 << 18
_NAME = re.compile(
    r"config\.json|events\.jsonl|summary\.json|label\.json|model\.safetensors|epochs/[0-9]{4,6}\.json"
    r"|watching/(?:wall\.json|glimpses\.jsonl|examples-(?:test|validation)\.json)"
)
_FORMAT = re.compile(r"[,]?(\.[0-9])?[a-z%]?")

_MOST_COUNT = 2**53
"""Of anything that is counted: a browser knows no larger whole number."""
_MOST_SECONDS = 1e9
_MAY_BE_NO_NUMBER = frozenset({"loss", "train_loss", "validation_loss", "gradient_norm", "update_ratio"})
"""What a run that diverges measures; pages leave such points out."""
_SHARES = frozenset({"accuracy", "train_accuracy", "validation_accuracy", "confidence"})


def import_run(file: IO[bytes], *, owner: str = "") -> Run:
    """Take in the run in the zip ``file``; return it as it is kept here, with a name of its own if it was here before.

    Raises:
        UserError: it is no run's zip, too large, damaged, or of a newer version, another one is being imported, or there
            is no room; nothing was kept then.
    """
    try:
        with _alone() as folder:
            _check_place(owner)
            run_id = _unpack(file, folder)
            created, config = _config(folder)
            _check_summary(folder)
            started = _check_log(folder / "events.jsonl")
            _check_epochs(folder, started)
            _check_looks(folder, started)
            _check_weights(folder)
            label = _label(folder)
            content = {"created": created.isoformat(), "owner": owner, "config": config.model_dump()}
            content["imported"] = datetime.now(UTC).isoformat()
            atomic.write(folder / "config.json", sealed.seal(content, format_number=RUN_FORMAT))
            atomic.write(folder / "label.json", sealed.seal(label.model_dump(), format_number=LABEL_FORMAT))
            target = runs_folder() / run_id
            if target.exists() or (keeping.trash_folder() / run_id).exists():
                target = target.with_name(f"{run_id[:-12]}{secrets.token_hex(6)}")
            os.rename(folder, target)  # noqa: PTH104  # at once, so that no list shows half of it
    except OSError as error:
        raise UserError(
            N_(
                "The folder of runs cannot be written: {reason}. Make room there, or set DLCORE_HOME to another folder."
            ),
            reason=error.strerror or type(error).__name__,
        ) from error
    return open_directory(target)


@contextmanager
def _alone() -> Iterator[Path]:
    """A new folder to unpack into, for one import at a time; whatever is left there in the end, or was before, goes."""
    incoming = keeping.incoming_folder()
    incoming.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(incoming.with_name("incoming.lock"), thread_local=False).acquire(timeout=0):
            for left in incoming.iterdir():
                if left.is_dir():  # by an import that was killed
                    shutil.rmtree(left, ignore_errors=True)
            folder = incoming / secrets.token_hex(8)
            for part in (folder, folder / "epochs", glimpses.folder(folder)):
                part.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except Timeout:
        raise UserError(N_("Another run is being imported just now. Try again in a moment.")) from None


def _check_place(owner: str) -> None:
    """Refuse what would have to go again at once, because all that its owner may keep is pinned."""
    most = keeping.bounds().runs_each
    if owner and most and sum(run.owner == owner and keeping.label(run).pinned for run in list_runs(owner)) >= most:
        raise UserError(N_("All {most} runs that are kept for you are pinned. Unpin or delete one first."), most=most)


def _unpack(file: IO[bytes], folder: Path) -> str:
    """Write the zip's files to ``folder``, within the bounds whatever the zip claims of itself; return the run's name."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MOST_FILES:
                raise UserError(N_("This zip cannot be imported: it holds more than {most} files."), most=MOST_FILES)
            # What an entry says of its size is the most that zipfile gives of it.
            queue.check_disk(min(sum(entry.file_size for entry in entries), MOST_BYTES) // 1_000_000)
            run_id = entries[0].filename.partition("/")[0] if entries else ""
            if not is_run_id(run_id) or len(run_id) > 200:
                raise UserError(N_("This zip cannot be imported: it holds no run."))
            left, left_for_json = MOST_BYTES, MOST_JSON_BYTES
            for entry in entries:
                inside, _slash, name = entry.filename.partition("/")
                known = inside == run_id and _NAME.fullmatch(name) and not entry.flag_bits & 1
                if not known or (folder / name).exists():
                    raise UserError(
                        N_("This zip cannot be imported: {file} is no file of a run."),
                        file=Verbatim(entry.filename[:80]),
                    )
                limit = left
                if name == "events.jsonl":
                    limit = min(left, MOST_LOG_BYTES)
                elif name != "model.safetensors":
                    limit = min(left, left_for_json, _MOST_FILE_BYTES)
                with archive.open(entry) as packed:
                    taken = _pour(packed, folder / name, limit)
                left -= taken
                if name not in ("events.jsonl", "model.safetensors"):
                    left_for_json -= taken
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, RuntimeError, zlib.error) as error:
        raise UserError(N_("This zip cannot be imported: it is damaged.")) from error
    return run_id


def _pour(packed: IO[bytes], path: Path, limit: int) -> int:
    """Write what is ``packed`` to ``path``, no more than ``limit`` bytes; return how many they were."""
    taken = 0
    with path.open("xb") as target:
        while piece := packed.read(_PIECE):
            taken += len(piece)
            if taken > limit:
                raise UserError(
                    N_("This zip cannot be imported: {file} is larger than {megabytes} MB unpacked."),
                    file=path.name,
                    megabytes=math.ceil(limit / 1_000_000),
                )
            target.write(piece)
        target.flush()
        os.fsync(target.fileno())
    return taken


def _damaged(file: str) -> UserError:
    return UserError(N_("This zip cannot be imported: {file} is damaged."), file=file)


def _config(folder: Path) -> tuple[datetime, TrainConfig]:
    """When the run was created, and what it was."""
    content = _sealed(folder, "config.json", RUN_FORMAT)
    said, values = content.get("created"), content.get("config")
    try:
        created = datetime.fromisoformat(str(said)[:40])
    except ValueError as error:
        raise _damaged("config.json") from error
    created = created if created.tzinfo else created.replace(tzinfo=UTC)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    if not isinstance(values, dict) or not 2000 <= created.year < 2200 or created > tomorrow:
        raise _damaged("config.json")
    return created, TrainConfig.parse(values, check_data=False)


def _check_summary(folder: Path) -> None:
    if not (folder / "summary.json").exists():
        return
    try:
        summary = Summary.model_validate(_sealed(folder, "summary.json", SUMMARY_FORMAT))
    except ValidationError as error:
        raise _damaged("summary.json") from error
    _check_message(summary.message, summary.values)
    counts = (summary.epoch, summary.step, summary.images_seen)
    fits = all(0 <= count <= _MOST_COUNT for count in counts) and 0 <= summary.train_seconds <= _MOST_SECONDS
    if not fits or not 0 <= (summary.test_accuracy or 0.0) <= 1 or len(summary.weights_sha256) > 64:
        raise _damaged("summary.json")


def _label(folder: Path) -> keeping.Label:
    """What its owner said of it, cut to what may be said here."""
    if not (folder / "label.json").exists():
        return keeping.Label()
    try:
        said = keeping.Label.model_validate(_sealed(folder, "label.json", LABEL_FORMAT))
    except ValidationError as error:
        raise _damaged("label.json") from error

    def shown(text: str, most: int) -> str:
        return "".join(letter for letter in text if letter.isprintable() or letter == "\n")[:most]

    tags = tuple(shown(tag, keeping.TAG_LENGTH).replace(",", " ").strip() for tag in said.tags[: keeping.MOST_TAGS])
    return keeping.Label(
        name=shown(said.name, keeping.NAME_LENGTH).replace("\n", " "),
        tags=tuple(tag for tag in dict.fromkeys(tags) if tag),
        note=shown(said.note, keeping.NOTE_LENGTH),
    )


def _check_log(path: Path) -> Started | None:
    """See to it that each line is an event whose fields are what they should be; return how training started.

    A last line without its end is none, as wherever a log is read: a worker was killed while it wrote.
    """
    started: Started | None = None
    for line in _lines(path):
        event = _event(line, path.name)
        if isinstance(event, Started):
            if started is not None and event.class_names != started.class_names:
                raise _damaged(path.name)  # what was measured before would be read by other names
            started = event
        if isinstance(event, Inspected) or (started is None and isinstance(event, Stepped | Evaluated | Tested)):
            raise _damaged(path.name)
        _check_content(event, started, path.name)
    return started


def _lines(path: Path) -> Iterator[bytes]:
    if not path.exists():
        return
    count = 0
    with path.open("rb") as file:
        while (line := file.readline(_MOST_LINE_BYTES)).endswith(b"\n"):
            count += 1
            if count > _MOST_LINES:
                raise UserError(
                    N_("This zip cannot be imported: {file} has more than {most:,} lines."),
                    file=path.name,
                    most=_MOST_LINES,
                )
            yield line.rstrip(b"\r\n")
    if len(line) == _MOST_LINE_BYTES:
        raise _damaged(path.name)


def _check_epochs(folder: Path, started: Started | None) -> None:
    for path in (folder / "epochs").iterdir():
        event = _event(path.read_bytes().rstrip(b"\r\n"), path.name)
        if not isinstance(event, Inspected) or started is None:
            raise _damaged(path.name)
        _check_content(event, started, path.name)


def _check_looks(folder: Path, started: Started | None) -> None:
    """See to it that what was seen between epochs is whole; that it names classes of the run, whoever shows it checks."""
    for path in glimpses.folder(folder).iterdir():
        if started is None or not glimpses.is_whole(path.name, path.read_bytes()):
            raise _damaged(path.name)


def _event(line: bytes, file: str) -> Event:
    try:
        text = sealed.unseal_line(line)
        event = from_json(text)
        _adapters()[event.kind].validate_json(text, strict=True)
    except (ValueError, RecursionError) as error:  # a validation error is a value error
        raise _damaged(file) from error
    return event


@cache
def _adapters() -> Mapping[str, TypeAdapter[Any]]:
    """By the kind of event, what checks the types of its fields, which reading a log trusts."""
    return {kind.kind: TypeAdapter(kind) for kind in get_args(Event)}


def _check_content(event: Event, started: Started | None, file: str) -> None:
    """What a page counts on: numbers that can be, a square matrix of the classes, labels within it, messages that only
    fill in their values.
    """
    fits = _numbers_fit(event)
    match event:
        case Started():
            fits = fits and event.steps_per_epoch >= 1 and 1 <= len(event.class_names) <= _MOST_CLASSES
            fits = fits and max(map(len, event.class_names)) <= 200 and len(event.versions) <= 100
        case Tested() | Inspected():
            classes = len(started.class_names) if started else 0
            fits = fits and len(event.confusion) == classes and all(len(row) == classes for row in event.confusion)
            fits = fits and all(0 <= count <= _MOST_COUNT for row in event.confusion for count in row)
            fits = fits and all(max(one.label, one.predicted) < classes for one in event.mistakes)
            if isinstance(event, Tested):
                fits = fits and event.count >= 1 and event.correct <= event.count
            else:
                fits = fits and can_be_drawn(event)
        case Steered():
            fits = fits and (
                event.action != "set" or (event.learning_rate, event.weight_decay, event.dropout) != (None,) * 3
            )
        case Ended() | Resumed():
            for message in [event.message, *(event.advice if isinstance(event, Ended) else [])]:
                _check_message(message, event.values)
    if not fits:
        raise _damaged(file)


def _numbers_fit(record: Any) -> bool:
    """Whether every number of an event, and of the records in it, is one that could have been measured or counted."""
    for name in (field.name for field in fields(record)):
        value = getattr(record, name)
        if isinstance(value, float):
            least, most = (
                (0.0, 1.0) if name in _SHARES else (0.0, _MOST_SECONDS) if name == "seconds" else (-1e300, 1e300)
            )
            if name not in _MAY_BE_NO_NUMBER and not least <= value <= most:
                return False
        elif isinstance(value, int) and not isinstance(value, bool):
            if not (-_MOST_COUNT if name in ("low", "high") else 0) <= value <= _MOST_COUNT:
                return False
        elif isinstance(value, list) and not all(_numbers_fit(one) for one in value if is_dataclass(one)):
            return False
    return True


def _check_message(template: str, values: Mapping[str, Any]) -> None:
    """Refuse a template that does more than to fill in plain values: one from outside could ask for anything."""
    try:
        parts = list(string.Formatter().parse(template))
        plain = all(
            field is None
            or (field.isidentifier() and field in values and not conversion and _FORMAT.fullmatch(spec or ""))
            for _text, field, spec, conversion in parts
        )
        plain = plain and all(
            isinstance(value, str | int | float | bool | None) and len(str(value)) <= 500 for value in values.values()
        )
        if plain:
            template.format(**values)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise _damaged("events.jsonl") from error
    if not plain or len(template) > 2000:
        raise _damaged("events.jsonl")


def _check_weights(folder: Path) -> None:
    """Hold the weights against the digest that the run noted of them when it ended."""
    path = folder / "model.safetensors"
    if not path.exists():
        return
    noted = ""
    if (folder / "summary.json").exists():
        noted = str(_sealed(folder, "summary.json", SUMMARY_FORMAT).get("weights_sha256", ""))
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if noted != digest or length > min(1_000_000, path.stat().st_size):
        raise UserError(N_("This zip cannot be imported: its weights are not those that the run has noted."))


def _sealed(folder: Path, name: str, known: int) -> dict[str, Any]:
    try:
        return sealed.unseal((folder / name).read_bytes(), file=name, known=known)
    except (FileNotFoundError, ValueError, RecursionError) as error:
        raise _damaged(name) from error
