"""What is seen of a network between epochs: answers on a fixed wall of images, norms by layer, its first filters.

The worker writes it beside the log, in ``watching/`` of the run directory:

    wall.json             the images, which stay the same for the whole run
    glimpses.jsonl        one look a line, append-only; a look at an earlier step voids those after it
    examples-test.json    for each cell of the confusion matrix some images, likewise examples-validation.json

Nothing here is needed to continue a run, and runs of before have none of it. What is read may come from anywhere: it is
checked field by field. Nothing here imports torch.
"""

import base64
import binascii
import math
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dlcore.runs import sealed

WALL_IMAGES = 40
"""So many validation images are on the wall."""
MOST_GLIMPSES = 2000
"""Lines of the log of looks that are read at most."""
_LONGEST_FILE = 32_000_000
_MOST_CLASSES, _MOST_LAYERS = 1000, 200

Split = Literal["validation", "test"]
Share = Annotated[float, Field(ge=0, le=1)]
Norm = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Index = Annotated[int, Field(ge=0, lt=10_000_000)]
Class = Annotated[int, Field(ge=0, lt=_MOST_CLASSES)]
Name = Annotated[str, Field(max_length=200)]
Pixels = Annotated[str, Field(max_length=40_000)]
"""An image, 8 bit, plane by plane and row by row, base64."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


_Kind = TypeVar("_Kind", bound=_Record)


class Picture(_Record):
    """An image on the wall."""

    index: Index
    """Its position in the training set, from which it was held back."""
    label: Class
    pixels: Pixels


class Wall(_Record):
    """The images that are watched, in the order of their classes."""

    images: list[Picture] = Field(max_length=WALL_IMAGES)


class Filters(_Record):
    """The weights of the first layer that sees pixels, one small image a neuron or channel."""

    layer: Name
    shape: tuple[int, int, int, int]
    """Filters, channels, height, width."""
    largest: Norm
    """The absolute value that 127 stands for."""
    values: Annotated[str, Field(max_length=40_000)]
    """Signed bytes, base64."""

    def weights(self) -> list[list[float]]:
        """For each filter its values, plane by plane and row by row, in [-1, 1] of the largest; empty if damaged."""
        count, *rest = self.shape
        size = math.prod(rest)
        try:
            content = base64.b64decode(self.values, validate=True)
        except binascii.Error:
            return []
        if min(self.shape) < 1 or len(content) != count * size:
            return []
        signed = [(byte - 256 if byte > 127 else byte) / 127 for byte in content]
        return [signed[start : start + size] for start in range(0, count * size, size)]


class Glimpse(_Record):
    """One look."""

    step: Index
    epoch: Index
    seconds: Norm
    """Training time."""
    predicted: list[Class] = Field(max_length=WALL_IMAGES)
    """For each image on the wall."""
    confidence: list[Share] = Field(max_length=WALL_IMAGES)
    """Probability of the predicted class."""
    gradient_norms: dict[Name, Norm] = Field(default={}, max_length=_MOST_LAYERS)
    """Of each layer's weights, in the latest update."""
    update_ratios: dict[Name, Norm] = Field(default={}, max_length=_MOST_LAYERS)
    """How far an update of late moved each layer's weights, in their size."""
    active: dict[Name, Share] = Field(default={}, max_length=_MOST_LAYERS)
    """Share of the rectified outputs of a layer that are above zero, over the images on the wall."""
    memory_bytes: Annotated[int, Field(ge=0)] = 0
    """Of the training process, in main memory; 0 where it is not known."""
    filters: Filters | None = None


class Example(_Record):
    """An image and what the network made of it."""

    index: Index
    label: Class
    predicted: Class
    probabilities: list[tuple[Class, Share]] = Field(max_length=5)
    """The classes it held most likely, the likeliest first."""
    pixels: Pixels


class Examples(_Record):
    """Images for the cells of a confusion matrix: the surest of the wrong answers, the least sure of the right ones."""

    split: Split
    epoch: Index
    examples: list[Example] = Field(max_length=5000)

    def of(self, label: int, predicted: int) -> list[Example]:
        """Those in one cell."""
        return [one for one in self.examples if (one.label, one.predicted) == (label, predicted)]


def folder(run_path: Path) -> Path:
    """Where all of it lies."""
    return run_path / "watching"


def wall_path(run_path: Path) -> Path:
    """The file of the images on the wall."""
    return folder(run_path) / "wall.json"


def log_path(run_path: Path) -> Path:
    """The file of looks."""
    return folder(run_path) / "glimpses.jsonl"


def examples_path(run_path: Path, split: Split) -> Path:
    """The file of images for the cells of a confusion matrix."""
    return folder(run_path) / f"examples-{split}.json"


def paths(run_path: Path) -> list[Path]:
    """Every file that may lie there."""
    return [wall_path(run_path), log_path(run_path), *(examples_path(run_path, split) for split in get_args(Split))]


def is_whole(name: str, data: bytes) -> bool:
    """Whether ``data`` is what the file of that name in ``watching/`` holds; a worker that was killed leaves half a last line."""
    if len(data) > _LONGEST_FILE:
        return False
    if name == "glimpses.jsonl":
        return all(_parse(line, Glimpse) is not None for line in data[: data.rfind(b"\n") + 1].splitlines())
    return _parse(data.rstrip(b"\r\n"), Wall if name == "wall.json" else Examples) is not None


def write_line(record: BaseModel) -> bytes:
    """A record as a sealed line."""
    return sealed.seal_line(record.model_dump_json(exclude_defaults=True))


def read_wall(run_path: Path) -> Wall | None:
    """The images on the wall; None where there are none, or they are damaged."""
    return _read(wall_path(run_path), Wall)


def read_examples(run_path: Path, split: Split) -> Examples | None:
    """The images for the cells; None where there are none, or they are damaged."""
    return _read(examples_path(run_path, split), Examples)


def read_glimpses(run_path: Path, offset: int = 0) -> tuple[list[Glimpse], int]:
    """The looks from byte ``offset`` on, and the offset for the next time. Damaged lines are left out."""
    try:
        with log_path(run_path).open("rb") as file:
            file.seek(offset)
            data = file.read(_LONGEST_FILE)
    except OSError:
        return [], offset
    complete = data[: data.rfind(b"\n") + 1]
    found = [look for line in complete.splitlines()[-MOST_GLIMPSES:] if (look := _parse(line, Glimpse)) is not None]
    return found, offset + len(complete)


def merged(before: list[Glimpse], news: list[Glimpse]) -> list[Glimpse]:
    """All looks in the order of their steps: a worker that continued from an earlier step tells them anew."""
    looks = list(before)
    for glimpse in news:
        while looks and looks[-1].step >= glimpse.step:
            looks.pop()
        looks.append(glimpse)
    return looks


def _read(path: Path, kind: type[_Kind]) -> _Kind | None:
    try:
        with path.open("rb") as file:
            return _parse(file.read(_LONGEST_FILE).rstrip(b"\r\n"), kind)
    except OSError:
        return None


def _parse(line: bytes, kind: type[_Kind]) -> _Kind | None:
    try:
        return kind.model_validate_json(sealed.unseal_line(line))
    except (ValidationError, ValueError):
        return None
