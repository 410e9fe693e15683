"""``config.json`` of a run: what was asked, by whom, when. Nothing here imports torch."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from dlcore.formats import RUN_FORMAT
from dlcore.runs import sealed


class ConfigFile(BaseModel):
    """The content of ``config.json``."""

    model_config = ConfigDict(extra="ignore")

    created: datetime
    owner: str = ""
    config: dict[str, Any]
    sweep: str = ""
    imported: datetime | None = None

    @field_validator("created", "imported")
    @classmethod
    def _in_this_age(cls, moment: datetime | None) -> datetime | None:
        """Whatever a clock or a stranger says, a page has to be able to tell it in the visitor's zone."""
        if moment is None:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if not 1970 < moment.year < 2200:
            raise ValueError("no time of this age")
        return moment


def read(folder: Path) -> ConfigFile:
    """What the file in ``folder`` says.

    Raises:
        OSError: it is missing, or cannot be read.
        ValueError: it is damaged.
        UserError: it is of a newer version than this program reads.
    """
    data = (folder / "config.json").read_bytes()
    return ConfigFile.model_validate(sealed.unseal(data, file=folder.name[:100], known=RUN_FORMAT))
