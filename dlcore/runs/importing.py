"""A run from elsewhere: the zip that ``export --to zip`` made on another installation. Nothing in it is trusted.

Sizes are bounded before they are believed, only the names that a run has are taken, every line of the log has to be whole
and of the types that it says, and nothing is written before all of it was read. Nothing here imports torch.
"""

import hashlib
import os
import re
import secrets
import shutil
import string
import zipfile
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import IO, Any, get_args

from pydantic import TypeAdapter, ValidationError

from dlcore import atomic
from dlcore.config import TrainConfig
from dlcore.formats import LABEL_FORMAT, RUN_FORMAT, SUMMARY_FORMAT
from dlcore.messages import N_, UserError, Verbatim
from dlcore.runs import glimpses, keeping, sealed
from dlcore.runs.directory import Run, is_run_id, open_directory, runs_folder
from dlcore.runs.summary import Summary
from dlcore.training.events import Ended, Event, Inspected, Resumed, Started, Tested, from_json

MOST_FILES = 400
MOST_BYTES = 256_000_000
"""Of all files together, unpacked."""
_MOST_CLASSES = 200
_MOST_LINES = 2_000_000
_MOST_JSON_BYTES = 8_000_000
_NAME = re.compile(
    r"config\.json|events\.jsonl|summary\.json|label\.json|model\.safetensors|epochs/[0-9]{4,6}\.json"
    r"|watching/(?:wall\.json|glimpses\.jsonl|examples-(?:test|validation)\.json)"
)
_FORMAT = re.compile(r"[,]?(\.[0-9])?[a-z%]?")


def import_run(file: IO[bytes], *, owner: str = "") -> Run:
    """Take in the run in the zip ``file``; return it as it is kept here, with a name of its own if it was here before.

    Raises:
        UserError: it is no run's zip, too large, damaged, or of a newer version; nothing was kept then.
    """
    run_id, files = _unpack(file)
    created, config = _config(files)
    started = _check_log(files.get("events.jsonl", b""))
    _check_epochs(files, started)
    _check_looks(files, started)
    _check_weights(files)
    label = _label(files)
    target = runs_folder() / run_id
    if target.exists() or (keeping.trash_folder() / run_id).exists():
        target = target.with_name(f"{run_id[:-12]}{secrets.token_hex(6)}")
    folder = runs_folder().with_name("incoming") / target.name
    try:
        (folder / "epochs").mkdir(parents=True)
        glimpses.folder(folder).mkdir()
        for name, data in files.items():
            if name not in ("config.json", "label.json"):
                atomic.write(folder / name, data)
        content = {"created": created, "owner": owner, "config": config.model_dump()}
        atomic.write(folder / "config.json", sealed.seal(content, format_number=RUN_FORMAT))
        atomic.write(folder / "label.json", sealed.seal(label.model_dump(), format_number=LABEL_FORMAT))
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(folder, target)  # noqa: PTH104  # at once, so that no list shows half of it
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UserError(
            N_(
                "The folder of runs cannot be written: {reason}. Make room there, or set DLCORE_HOME to another folder."
            ),
            reason=error.strerror or type(error).__name__,
        ) from error
    return open_directory(target)


def _unpack(file: IO[bytes]) -> tuple[str, dict[str, bytes]]:
    """The run's name and its files, read within the bounds whatever the zip claims of itself."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MOST_FILES:
                raise UserError(N_("This zip cannot be imported: it holds more than {most} files."), most=MOST_FILES)
            run_id = entries[0].filename.partition("/")[0] if entries else ""
            if not is_run_id(run_id) or len(run_id) > 200:
                raise UserError(N_("This zip cannot be imported: it holds no run."))
            files: dict[str, bytes] = {}
            left = MOST_BYTES
            for entry in entries:
                folder, _slash, name = entry.filename.partition("/")
                if folder != run_id or not _NAME.fullmatch(name) or name in files or entry.flag_bits & 1:
                    raise UserError(
                        N_("This zip cannot be imported: {file} is no file of a run."),
                        file=Verbatim(entry.filename[:80]),
                    )
                limit = min(left, MOST_BYTES if name in ("events.jsonl", "model.safetensors") else _MOST_JSON_BYTES)
                with archive.open(entry) as packed:
                    data = packed.read(limit + 1)
                if len(data) > limit:
                    raise UserError(
                        N_("This zip cannot be imported: it is larger than {megabytes} MB unpacked."),
                        megabytes=MOST_BYTES // 1_000_000,
                    )
                left -= len(data)
                files[name] = data
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, RuntimeError) as error:
        raise UserError(N_("This zip cannot be imported: it is damaged.")) from error
    return run_id, files


def _config(files: Mapping[str, bytes]) -> tuple[str, TrainConfig]:
    """When the run was created, and what it was; the summary is checked as well."""
    content = _sealed(files, "config.json", RUN_FORMAT)
    created, values = content.get("created"), content.get("config")
    if not isinstance(created, str) or len(created) > 40 or not isinstance(values, dict):
        raise UserError(N_("This zip cannot be imported: {file} is damaged."), file="config.json")
    if "summary.json" in files:
        try:
            summary = Summary.model_validate(_sealed(files, "summary.json", SUMMARY_FORMAT))
        except ValidationError as error:
            raise UserError(N_("This zip cannot be imported: {file} is damaged."), file="summary.json") from error
        _check_message(summary.message, summary.values)
    try:
        datetime.fromisoformat(created)
    except ValueError as error:
        raise UserError(N_("This zip cannot be imported: {file} is damaged."), file="config.json") from error
    return created, TrainConfig.parse(values, check_data=False)


def _label(files: Mapping[str, bytes]) -> keeping.Label:
    """What its owner said of it, cut to what may be said here."""
    if "label.json" not in files:
        return keeping.Label()
    try:
        said = keeping.Label.model_validate(_sealed(files, "label.json", LABEL_FORMAT))
    except ValidationError as error:
        raise UserError(N_("This zip cannot be imported: {file} is damaged."), file="label.json") from error

    def shown(text: str, most: int) -> str:
        return "".join(letter for letter in text if letter.isprintable() or letter == "\n")[:most]

    tags = tuple(shown(tag, keeping.TAG_LENGTH).replace(",", " ").strip() for tag in said.tags[: keeping.MOST_TAGS])
    return keeping.Label(
        name=shown(said.name, keeping.NAME_LENGTH).replace("\n", " "),
        tags=tuple(tag for tag in dict.fromkeys(tags) if tag),
        note=shown(said.note, keeping.NOTE_LENGTH),
    )


def _check_log(data: bytes) -> Started | None:
    """See to it that each line is an event whose fields are what they should be; return how training started."""
    lines = data.splitlines()
    if len(lines) > _MOST_LINES:
        raise UserError(N_("This zip cannot be imported: {file} is damaged."), file="events.jsonl")
    started: Started | None = None
    for line in lines:
        event = _event(line, "events.jsonl")
        if isinstance(event, Inspected):
            raise UserError(N_("This zip cannot be imported: {file} is damaged."), file="events.jsonl")
        if isinstance(event, Started):
            started = event
            if not 1 <= len(event.class_names) <= _MOST_CLASSES or max(map(len, event.class_names)) > 200:
                raise UserError(N_("This zip cannot be imported: {file} is damaged."), file="events.jsonl")
        _check_content(event, started, "events.jsonl")
    return started


def _check_epochs(files: Mapping[str, bytes], started: Started | None) -> None:
    for name, data in files.items():
        if name.startswith("epochs/"):
            event = _event(data.rstrip(b"\r\n"), name)
            if not isinstance(event, Inspected):
                raise UserError(N_("This zip cannot be imported: {file} is damaged."), file=name)
            _check_content(event, started, name)


def _check_looks(files: Mapping[str, bytes], started: Started | None) -> None:
    """See to it that what was seen between epochs is whole; that it names classes of the run, whoever shows it checks."""
    for name, data in files.items():
        folder, _slash, file = name.rpartition("/")
        if folder == "watching" and (started is None or not glimpses.is_whole(file, data)):
            raise UserError(N_("This zip cannot be imported: {file} is damaged."), file=name)


def _event(line: bytes, file: str) -> Event:
    try:
        text = sealed.unseal_line(line)
        event = from_json(text)
        _adapters()[event.kind].validate_json(text, strict=True)
    except (ValueError, RecursionError) as error:  # a validation error is a value error
        raise UserError(N_("This zip cannot be imported: {file} is damaged."), file=file) from error
    return event


@cache
def _adapters() -> Mapping[str, TypeAdapter[Any]]:
    """By the kind of event, what checks the types of its fields, which reading a log trusts."""
    return {kind.kind: TypeAdapter(kind) for kind in get_args(Event)}


def _check_content(event: Event, started: Started | None, file: str) -> None:
    """What a page counts on: a square matrix of the classes, labels within it, messages that only fill in their values."""
    if isinstance(event, Tested | Inspected):
        classes = len(started.class_names) if started else 0
        square = len(event.confusion) == classes and all(len(row) == classes for row in event.confusion)
        counts = all(count >= 0 for row in event.confusion for count in row)
        inside = all(0 <= m.label < classes and 0 <= m.predicted < classes for m in event.mistakes)
        if not (square and counts and inside):
            raise UserError(N_("This zip cannot be imported: {file} is damaged."), file=file)
    if isinstance(event, Ended | Resumed):
        for message in [event.message, *(event.advice if isinstance(event, Ended) else [])]:
            _check_message(message, event.values)


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
        raise UserError(N_("This zip cannot be imported: {file} is damaged."), file="events.jsonl") from error
    if not plain or len(template) > 2000:
        raise UserError(N_("This zip cannot be imported: {file} is damaged."), file="events.jsonl")


def _check_weights(files: Mapping[str, bytes]) -> None:
    """Hold the weights against the digest that the run noted of them when it ended."""
    weights = files.get("model.safetensors")
    if weights is None:
        return
    noted = ""
    if "summary.json" in files:
        noted = str(_sealed(files, "summary.json", SUMMARY_FORMAT).get("weights_sha256", ""))
    length = int.from_bytes(weights[:8], "little")
    if noted != hashlib.sha256(weights).hexdigest() or length > min(1_000_000, len(weights)):
        raise UserError(N_("This zip cannot be imported: its weights are not those that the run has noted."))


def _sealed(files: Mapping[str, bytes], name: str, known: int) -> dict[str, Any]:
    try:
        return sealed.unseal(files[name], file=name, known=known)
    except (KeyError, ValueError, RecursionError) as error:
        raise UserError(N_("This zip cannot be imported: {file} is damaged."), file=name) from error
