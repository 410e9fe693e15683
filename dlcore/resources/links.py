"""What is known of an entry's address: whether it answers, since when it does not, and what to open instead."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, TypeAdapter

from dlcore import atomic
from dlcore.resources.schema import Content, Day, Link, Resource, Text

State = Literal["ok", "moved", "gone", "refused", "failing"]
"""``ok``: it answers; ``moved``: for good, to ``final``; ``gone``: the site says that it is not there (404, 410);
``refused``: it answers, but not to programs (401, 403 and their like); ``failing``: anything else, which may pass."""
PATIENCE = timedelta(days=14)
"""How long an address may fail before its archived copy is opened instead."""


class LinkRecord(Content):
    """What was found at an address: on which day, by which method, and since when it has been so."""

    state: State
    detail: Text = Field(description="HTTP 404, timed out after 20 s, ...")
    checked: Day
    since: Day
    how: Literal["HEAD", "GET"]
    final: str | None = None
    archive: Link | None = None

    @property
    def dead(self) -> bool:
        """Whether to lead visitors elsewhere."""
        if self.state == "gone":
            return True
        lasted = date.fromisoformat(self.checked) - date.fromisoformat(self.since)
        return self.state == "failing" and lasted >= PATIENCE


def archived_copy(resource: Resource, record: LinkRecord | None = None) -> str:
    """Where to read an entry whose address is dead: the copy that was chosen, else found, else the nearest one.

    The Internet Archive leads ``/web/<time>/<address>`` to the copy nearest in time: that is when somebody last looked.
    """
    if resource.archive:
        return resource.archive
    if record and record.archive:
        return record.archive
    return f"https://web.archive.org/web/{resource.checked.replace('-', '')}01000000/{resource.url}"


class _File(Content):
    format: Literal[1]
    links: dict[str, LinkRecord]


def read_links(folder: Path) -> Mapping[str, LinkRecord]:
    """The records of ``links.json`` by address; none where nothing was ever checked.

    Raises:
        ValidationError: the file is damaged.
    """
    path = folder / "links.json"
    if not path.is_file():
        return {}
    return TypeAdapter(_File).validate_json(path.read_bytes()).links


def write_links(folder: Path, records: Mapping[str, LinkRecord]) -> None:
    """Keep the records in ``links.json``, one line an address, so that a change is a line of a diff."""
    lines = [
        f"  {json.dumps(url)}: {json.dumps(record.model_dump(exclude_none=True), ensure_ascii=False)}"
        for url, record in sorted(records.items())
    ]
    inner = ("\n" + ",\n".join(lines) + "\n ") if lines else ""
    atomic.write(folder / "links.json", f'{{\n "format": 1,\n "links": {{{inner}}}\n}}\n')


def merged(
    before: Mapping[str, LinkRecord], now: Mapping[str, LinkRecord], current: frozenset[str]
) -> dict[str, LinkRecord]:
    """The records after a check: new ones over old ones, ``since`` kept where the state is the same, old addresses dropped."""
    records = {url: record for url, record in before.items() if url in current}
    for url, record in now.items():
        old = records.get(url)
        same = old is not None and old.state == record.state
        update = {"since": old.since} if old and same else {}
        if old and same and old.archive and not record.archive:
            update["archive"] = old.archive
        records[url] = record.model_copy(update=update)
    return records
