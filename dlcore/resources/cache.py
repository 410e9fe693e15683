"""What the link checker found lately, kept in ``$DLCORE_HOME`` so that the next check asks less of the sites."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from dlcore import atomic
from dlcore.home import home
from dlcore.resources.links import LinkRecord

_RECORDS = TypeAdapter(dict[str, LinkRecord])


def path() -> Path:
    """Where it is kept."""
    return home() / "resources" / "links-found.json"


def read() -> dict[str, LinkRecord]:
    """The records by address; none where there are none, or where the file cannot be understood."""
    try:
        return _RECORDS.validate_json(path().read_bytes())
    except (OSError, ValidationError):
        return {}


def fresh(records: Mapping[str, LinkRecord], today: date, days: int) -> dict[str, LinkRecord]:
    """Those that answered well at most ``days`` days ago: what failed is always tried again."""
    return {
        url: record
        for url, record in records.items()
        if record.state in ("ok", "moved") and 0 <= (today - date.fromisoformat(record.checked)).days < days
    }


def write(records: Mapping[str, LinkRecord]) -> None:
    """Keep the records.

    Raises:
        OSError: the folder cannot be written.
    """
    path().parent.mkdir(parents=True, exist_ok=True)
    atomic.write(path(), _RECORDS.dump_json(dict(records), indent=1, exclude_none=True))
