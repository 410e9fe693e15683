"""The checkpoints of a run: the two newest, and a manifest of them. Nothing here imports torch.

    checkpoint-000007.safetensors    where to continue from
    checkpoint-000006.safetensors    the one before, should the newest be damaged
    checkpoints.json                 for each its SHA-256, its step, and how far the log of events reached

A checkpoint is written whole, then the manifest, then what is no longer needed is removed; each step is a rename, so a
kill or a full disk between any two of them leaves at least what was there before. Should the manifest be lost, the files
still tell by themselves what they are and whether they are whole. Runs of the first format have one ``checkpoint.safetensors``.
"""

import json
import logging
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from dlcore import atomic
from dlcore.formats import MANIFEST_FORMAT, RECIPE, recipe_of
from dlcore.runs import sealed

KEPT = 2
"""How many checkpoints are kept."""

_NAME = re.compile(r"checkpoint-([0-9]{6,9})\.safetensors", re.ASCII)
_FIRST_FORMAT = "checkpoint.safetensors"
_HEADER_LIMIT = 1_000_000
_LOG = logging.getLogger(__name__)


class Checkpoint(BaseModel):
    """One checkpoint, as the manifest knows it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    file: str
    sha256: str
    """Of the whole file."""
    step: int
    epoch: int
    log_bytes: int
    """The length of the log of events at that moment; what stands behind it is not part of this state."""
    recipe: str
    wall_seconds: float = 0.0
    """Time that workers have spent on the run, all told."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to continue from."""

    path: Path
    known: Checkpoint | None
    """What the manifest says of it, if it says anything."""


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="ignore")

    checkpoints: list[Checkpoint]


@dataclass(frozen=True, slots=True)
class CheckpointStore:
    """The checkpoints in one run directory. Whoever saves must hold the run's lock."""

    folder: Path

    @property
    def manifest_path(self) -> Path:
        """Where the manifest is."""
        return self.folder / "checkpoints.json"

    def exists(self) -> bool:
        """Whether there is something to continue from, whole or not."""
        return self.manifest_path.is_file() or bool(self._files())

    def manifest(self) -> list[Checkpoint]:
        """What the manifest lists, newest first; nothing if there is none.

        Raises:
            ValueError: it is damaged.
            UserError: a newer version wrote it.
            OSError: it cannot be read.
        """
        try:
            data = self.manifest_path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            if atomic.is_lost(error):
                raise ValueError(error) from error
            raise
        content = sealed.unseal(data, file=self.manifest_path.name, known=MANIFEST_FORMAT)
        listed = _Manifest.model_validate(content).checkpoints
        if any(not _NAME.fullmatch(checkpoint.file) and checkpoint.file != _FIRST_FORMAT for checkpoint in listed):
            raise ValueError("a file of another name")
        return listed

    def manifest_is_damaged(self) -> bool:
        """Whether the manifest is not what was written.

        Raises:
            UserError: a newer version wrote it.
            OSError: it cannot be read.
        """
        try:
            self.manifest()
        except ValueError:
            return True
        return False

    def candidates(self) -> list[Candidate]:
        """All files to continue from, the newest first; also those that the manifest lists and that are gone.

        Raises:
            UserError: a newer version wrote the manifest.
            OSError: the manifest cannot be read.
        """
        try:
            known = {checkpoint.file: checkpoint for checkpoint in self.manifest()}
        except ValueError as error:
            _LOG.warning("%s: the manifest of checkpoints is damaged: %s", self.folder.name, error)
            known = {}
        names = sorted({*known, *(path.name for path in self._files())}, key=_number, reverse=True)
        return [Candidate(self.folder / name, known.get(name)) for name in names]

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that the manifest lists; None where there is none, or the manifest is unreadable."""
        try:
            listed = self.manifest()
        except (ValueError, OSError):
            return None
        return listed[0] if listed else None

    def recipe(self) -> str | None:
        """The recipe by which the run was begun; None if there is no checkpoint or it does not say."""
        if (newest := self.newest()) is not None:
            return newest.recipe
        for path in sorted(self._files(), key=lambda path: _number(path.name), reverse=True):
            try:
                return recipe_of(_description(path))
            except (OSError, ValueError, KeyError, TypeError, RecursionError):  # damaged: the worker will say so
                continue
        return None

    def save(self, write: Callable[[Path], str], **about: Any) -> Checkpoint:
        """Keep a new checkpoint: ``write`` puts it at the path it is given, whole or not at all, and returns its SHA-256.

        ``about`` are the remaining fields of :class:`Checkpoint`, but for the recipe.

        Raises:
            OSError: it could not be written; what was there is still there.
        """
        try:
            before = self.manifest()
        except ValueError:
            before = []
        number = 1 + max(
            (_number(name) for name in (*(p.name for p in self._files()), *(c.file for c in before))), default=0
        )
        path = self.folder / f"checkpoint-{number:06d}.safetensors"
        checkpoint = Checkpoint(file=path.name, sha256=write(path), recipe=RECIPE, **about)
        self._list([checkpoint, *before][:KEPT])
        return checkpoint

    def keep_only(self, whole: Checkpoint, *, damaged: Collection[str]) -> None:
        """Forget the files called ``damaged``: ``whole`` is the newest from now on.

        Raises:
            OSError: the manifest cannot be read or written.
        """
        try:
            others = [kept for kept in self.manifest() if kept.file not in (whole.file, *damaged)]
        except ValueError:
            others = []
        older = [kept for kept in others if _number(kept.file) < _number(whole.file)]
        self._list([whole, *older][:KEPT], damaged)

    def bytes_of_newest(self) -> int:
        """The size of the newest file, 0 if there is none."""
        files = sorted(self._files(), key=lambda path: _number(path.name))
        return files[-1].stat().st_size if files else 0

    def _list(self, kept: list[Checkpoint], damaged: Collection[str] = ()) -> None:
        content = {"checkpoints": [checkpoint.model_dump() for checkpoint in kept]}
        atomic.write(self.manifest_path, sealed.seal(content, format_number=MANIFEST_FORMAT))
        self.prune(damaged)

    def prune(self, damaged: Collection[str] = ()) -> None:
        """Remove files that are not needed any more, such as a worker leaves that was killed before it could."""
        try:
            listed = {checkpoint.file for checkpoint in self.manifest()}
        except (ValueError, OSError):
            return
        files = sorted(self._files(), key=lambda path: _number(path.name), reverse=True)
        whole = [path for path in files if path.name not in damaged]
        for path in {*files} - {*whole[:KEPT]}:
            if path.name in listed:
                continue
            try:
                path.unlink(missing_ok=True)
            except OSError as error:  # one file too many harms less than a run that ends for it
                _LOG.warning("%s: %s could not be removed: %s", self.folder.name, path.name, error)

    def _files(self) -> list[Path]:
        return [path for path in self.folder.glob("checkpoint*.safetensors") if _number(path.name) >= 0]


def _number(name: str) -> int:
    """The place of a checkpoint among all that the run ever had; -1 for other files."""
    if name == _FIRST_FORMAT:
        return 0
    matched = _NAME.fullmatch(name)
    return int(matched[1]) if matched else -1


def _description(path: Path) -> dict[str, Any]:
    """What a checkpoint says of itself, unverified, without reading its tensors; see ``dlcore.training.tensor_file``."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > _HEADER_LIMIT:
            raise ValueError(f"header of {length} bytes")
        header = json.loads(file.read(length))
    return dict(json.loads(header["__metadata__"]["dlcore"])["about"])
