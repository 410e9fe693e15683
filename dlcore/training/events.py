"""What happens in a training run, as typed events. The list below is the loop:

    Preparing*            while data is fetched and read
    Started               once; everything that stays constant
    Inspected(epoch=0)    what the untrained network looks like inside; not in the log, see below
    Evaluated(epoch=0)    the untrained network: its loss is close to ln(classes)
    for each epoch:
        Stepped           after each update
        Inspected         after the last update of the epoch
        Evaluated         right after it
    Tested                once, on the test set, at the end (also of a stopped run)
    Ended                 always last, with the reason

Three more are written by the worker. ``Resumed``: it continues the run from a checkpoint, and whoever reads the log
forgets what came after that checkpoint. ``Steered``: it obeyed a command. ``Paused``: it waits for the next one. ``Inspected`` is large: the worker
writes each to a file of its own, so that a long log stays quick to read. Losses are means per sample, in nats or as the
configuration's ``loss`` says, accuracies lie in [0, 1], times are in seconds.
Read from a log, events are plain data, and reading them needs no torch.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

EndReason = Literal["completed", "stopped", "diverged", "failed"]
Action = Literal["set", "pause", "go", "step", "stop"]
"""What may be asked of a run that lives: other values, a pause, its end, or some updates and a pause."""
SAMPLED_STEPS = 10
"""On a GPU an update is measured every so many steps, the first included: each look makes the processor wait for it."""
SAMPLED_WEIGHTS = 1_024
"""So many weights of a tensor tell how far an update moved it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparing:
    """Data is being made ready. ``bytes_total`` is 0 where it is not known, as in stages that download nothing."""

    kind: ClassVar[str] = "preparing"
    stage: Literal["downloading", "verifying", "reading"]
    file: str = ""
    bytes_done: int = 0
    bytes_total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Training begins. Counts are images; ``device`` and ``threads`` are the ones in use, not the ones asked for."""

    kind: ClassVar[str] = "started"
    class_names: list[str]
    train_count: int
    validation_count: int
    test_count: int
    parameters: int
    steps_per_epoch: int
    epochs: int
    device: str
    threads: int
    versions: dict[str, str]
    """Python, torch and the project's own format version: what a bit-identical repetition needs."""
    mixed_precision: bool = False
    time_budget: float = 0.0
    """Seconds of training after which it ends; 0 if it may take as long as it takes."""


class Later:
    """A number that is worked out when somebody asks for it, or for one like it."""

    __slots__ = ("_tell", "_value")

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell: Callable[[], None] | None = tell
        """Sets the value of this one, and perhaps of others."""
        self._value: float | None = None

    @property
    def value(self) -> float | None:
        """The number; None if it turns out that there is none."""
        if self._tell is not None:
            self._tell()
        return self._value

    @value.setter
    def value(self, value: float | None) -> None:
        self._value, self._tell = value, None

    def __eq__(self, other: object) -> bool:
        return bool(self.value == known(other))

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """One update was made. ``step`` counts from 1, ``epoch`` too; ``loss`` is of this batch, before the update."""

    kind: ClassVar[str] = "stepped"
    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}
    """For whoever checks a log that came from elsewhere: in it nothing is :class:`Later`."""
    step: int
    epoch: int
    loss: float
    learning_rate: float
    images_seen: int
    seconds: float
    """Training time so far, evaluation not counted. With ``images_seen`` it gives the images per second."""
    gradient_norm: float | None = None
    """Euclidean length of the gradient over all parameters, before clipping; None where it was not measured."""
    update_ratio: float | Later | None = None
    """Length of the update over length of the weights, biases left out, as a sample of them tells; None where it was not
    measured, and a number as soon as it is read from a log. Before 2026-11-29 it was exact, and of every tenth step, and
    before 2026-11-30 of all parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """The network in eval mode, on a fixed sample of the training images and on all validation images."""

    kind: ClassVar[str] = "evaluated"
    epoch: int
    step: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """An image that the network got wrong, and how sure it was."""

    index: int
    """Position in the test set, or in the training set for an image held back from it."""
    label: int
    predicted: int
    confidence: float
    """Probability of the predicted class."""
    pixels: str
    """The image, 8-bit grey, row by row, base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How often values fall into bins of equal width from ``low`` to ``high``."""

    layer: str
    low: float
    high: float
    counts: list[int]
    zeros: int = 0
    """Values that are exactly zero, where the logarithm of the others is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectified:
    """What rectifiers (ReLU) let through: a dead unit gave zero for every image that was looked at."""

    layer: str
    """The layer whose output is rectified."""
    units: int
    """Neurons, or channels of a convolution."""
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """The inside of the network after ``epoch``, and what it does on the validation images."""

    kind: ClassVar[str] = "inspected"
    epoch: int
    step: int
    confusion: list[list[int]]
    """Of the validation images; rows are true classes, columns predictions."""
    mistakes: list[Mistake] = field(default_factory=list)
    """The most confident wrong answers on validation images, worst first; at most twelve."""
    rectified: list[Rectified] = field(default_factory=list)
    """Of up to 1,024 validation images; empty where there is no ReLU."""
    weights: list[Histogram] = field(default_factory=list)
    """The weights, layer by layer."""
    gradients: list[Histogram] = field(default_factory=list)
    """Decimal logarithms of the size of the last batch's gradient; empty before the first update."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """The network in eval mode on the whole test set, once, at the end."""

    kind: ClassVar[str] = "tested"
    loss: float
    accuracy: float
    correct: int
    count: int
    confusion: list[list[int]]
    """Rows are true classes, columns predictions."""
    mistakes: list[Mistake] = field(default_factory=list)
    """The most confident wrong answers, worst first; at most twenty."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """The worker continues from the checkpoint taken at ``step``; later ``Stepped`` and ``Evaluated`` events are void."""

    kind: ClassVar[str] = "resumed"
    step: int
    epoch: int
    log_bytes: int | None = None
    """The length of the log when that checkpoint was taken: all that stands between there and here is void. Logs of
    the first format do not say."""
    message: str = ""
    """What a visitor should know of it, as in ``Ended``: that files were found damaged, and what was done about it."""
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steered:
    """The worker obeyed a command after update ``step``: changed values hold from the next update on."""

    kind: ClassVar[str] = "steered"
    step: int
    command: int
    """Its number; a command that is bound to its step again by a worker that continues keeps it."""
    action: Action
    updates: int | None = None
    """With ``step``, how many updates to make before the next pause."""
    learning_rate: float | None = None
    """The new peak: a schedule goes on from where it is, scaled by this."""
    weight_decay: float | None = None
    dropout: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """The worker waits after update ``step``, and trains on when it is told to. While it waits this is the last event."""

    kind: ClassVar[str] = "paused"
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The last event. ``message`` is an English template and ``values`` fills it, see ``dlcore.messages``."""

    kind: ClassVar[str] = "ended"
    reason: EndReason
    weights_sha256: str = ""
    message: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    advice: list[str] = field(default_factory=list)
    """What to try, each a template like ``message``, filled by the same values."""


Event = Preparing | Started | Stepped | Inspected | Evaluated | Tested | Resumed | Steered | Paused | Ended

_KINDS: dict[str, type[Any]] = {
    kind.kind: kind
    for kind in (Preparing, Started, Stepped, Inspected, Evaluated, Tested, Resumed, Steered, Paused, Ended)
}

_PARTS: dict[type[Any], dict[str, type[Any]]] = {
    Tested: {"mistakes": Mistake},
    Inspected: {"mistakes": Mistake, "rectified": Rectified, "weights": Histogram, "gradients": Histogram},
}
"""Fields that hold lists of records of their own."""

# Made once, because a log has many lines.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=asdict)


def known(value: Any) -> Any:
    """``value``, worked out if it was not yet."""
    return value.value if isinstance(value, Later) else value


def to_json(event: Event) -> str:
    """One line of JSON, without the line break. Not a number and infinity are written as Python's json does, ``NaN``;
    what is None, as nothing is unless a field allows it, is left out.
    """
    values = {name: value for name in event.__slots__ if (value := known(getattr(event, name))) is not None}
    return _ENCODER.encode({"kind": event.kind} | values)


def from_json(line: str) -> Event:
    """The event that :func:`to_json` wrote.

    Raises:
        ValueError: the line is no JSON object, its kind is unknown, or a field is missing or unknown.
    """
    values = json.loads(line)
    try:
        kind = _KINDS[values.pop("kind")]
        for name, part in _PARTS.get(kind, {}).items():
            values[name] = [part(**one) for one in values.get(name, [])]
        event: Event = kind(**values)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an event of this version: {line[:80]}") from error
    return event
