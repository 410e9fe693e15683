"""What a component of ours is sent: one text of JSON.

Given a mapping with lists in it, Streamlit looks whether one of them is a table, and imports pandas and pyarrow to find
out: 85 MB in a server that shows no table. A mapping of plain texts is taken as it is. The component's JavaScript
begins with ``JSON.parse(data.json)``.
"""

import json
from dataclasses import dataclass
from typing import Any


def packed(payload: Any) -> dict[str, str]:
    """``payload``, which JSON must be able to say, as a component's ``data``."""
    return {"json": json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))}


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one component is sent, in the language that it was made in."""

    payload: dict[str, str]
    key: str

    @property
    def json(self) -> str:
        """The text itself."""
        return self.payload["json"]
