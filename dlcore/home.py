"""Where runs, caches and datasets live, by environment variable."""

import os
from pathlib import Path

_PROJECT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """The folder of runs and caches: ``$DLCORE_HOME``, by default ``.dlcore`` beside the app."""
    return Path(os.environ.get("DLCORE_HOME") or _PROJECT / ".dlcore").expanduser().resolve()


def data_root() -> Path:
    """The torchvision root of the datasets: ``$DLCORE_DATA``, by default ``data`` in :func:`home`."""
    configured = os.environ.get("DLCORE_DATA")
    return Path(configured).expanduser().resolve() if configured else home() / "data"
