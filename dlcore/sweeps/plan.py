"""What a sweep is to do: which settings move and how far, who chooses, and how much it may cost. Nothing here imports torch
or Optuna.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from dlcore.config import KNOBS, TrainConfig
from dlcore.messages import N_, UserError

Value = int | float | str

SAMPLERS: Mapping[str, str] = {
    "tpe": N_("TPE: learns from the runs so far"),
    "random": N_("Random"),
    "grid": N_("Grid: every combination"),
}
"""Sources: J. Bergstra et al., "Algorithms for Hyper-Parameter Optimization", 2011 (TPE); J. Bergstra and Y. Bengio,
"Random Search for Hyper-Parameter Optimization", 2012."""
PRUNERS: Mapping[str, str] = {
    "none": N_("Let every run finish"),
    "median": N_("Median: stop what is worse than half of the others"),
    "hyperband": N_("Hyperband: many short runs, few long ones"),
}
OBJECTIVES: Mapping[str, str] = {
    "validation_accuracy": N_("Highest validation accuracy"),
    "validation_loss": N_("Lowest validation loss"),
}
"""Never the test: whatever is chosen by it is not judged by it any more."""
MOVABLE: tuple[str, ...] = tuple(
    name
    for name, knob in KNOBS.items()
    if name not in ("dataset", "own_images", "classes", "layers", "device", "precision", "threads", "time_budget")
    and (knob.choices is not None or knob.kind is not str)
)
"""The settings that may move: those of the learning, not of the data or the machine."""
MOST_RUNS = 200
MOST_MINUTES = 7 * 24 * 60
MOST_MOVES = 8
MOST_CHOICES = 20
_GRID_POINTS = 3


class Move(BaseModel):
    """How far one setting moves: from ``low`` to ``high``, or among ``choices``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float | None = Field(default=None, allow_inf_nan=False)
    high: float | None = Field(default=None, allow_inf_nan=False)
    logarithmic: bool = False
    choices: tuple[Value, ...] = ()
    points: int = Field(default=_GRID_POINTS, ge=2, le=MOST_CHOICES)
    """Values of a range in a grid."""


class Plan(BaseModel):
    """All that a sweep is asked to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="", max_length=40)
    base: dict[str, Any]
    """The configuration around which the settings move."""
    moves: dict[str, Move]
    sampler: str = "tpe"
    pruner: str = "none"
    objective: str = "validation_accuracy"
    runs: int = Field(default=20, ge=1, le=MOST_RUNS)
    minutes: float = Field(default=60.0, gt=0, le=MOST_MINUTES, allow_inf_nan=False)
    """Of this sweep's own time, waiting in the queue included."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """Of the sampler."""

    @field_validator("name")
    @classmethod
    def _one_line(cls, name: str) -> str:
        return " ".join(name.replace(",", " ").split())

    @model_validator(mode="after")
    def _check(self) -> Self:
        for value, known in ((self.sampler, SAMPLERS), (self.pruner, PRUNERS), (self.objective, OBJECTIVES)):
            if value not in known:
                raise UserError(
                    N_("A sweep's choice must be one of {allowed}; got {value}."),
                    allowed=", ".join(known),
                    value=value[:40],
                )
        if not 1 <= len(self.moves) <= MOST_MOVES:
            raise UserError(
                N_("A sweep moves 1 to {most} settings; these are {count}."), most=MOST_MOVES, count=len(self.moves)
            )
        base = TrainConfig.parse(self.base, check_data=False)
        for name, move in self.moves.items():
            _check_move(name, move, base)
        if self.sampler == "grid" and (count := self.grid_size()) > MOST_RUNS:
            raise UserError(
                N_("This grid has {count:,} combinations; at most {most} can be tried. Move fewer settings."),
                count=count,
                most=MOST_RUNS,
            )
        return self

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "Plan":
        """A plan from untrusted values.

        Raises:
            UserError: naming what does not fit.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise UserError(
                N_("The sweep's plan does not fit at {place}: {reason}."),
                place=".".join(map(str, first["loc"]))[:80] or "plan",
                reason=first["msg"][:200],
            ) from None

    @property
    def config(self) -> TrainConfig:
        """The configuration around which the settings move."""
        return TrainConfig.parse(self.base, check_data=False)

    @property
    def smaller_is_better(self) -> bool:
        """Whether the objective is a loss."""
        return self.objective == "validation_loss"

    @property
    def count(self) -> int:
        """How many runs it makes at most."""
        return min(self.runs, self.grid_size()) if self.sampler == "grid" else self.runs

    def with_values(self, values: Mapping[str, Value]) -> TrainConfig:
        """The configuration of a trial.

        Raises:
            UserError: the values do not go together.
        """
        return TrainConfig.parse(self.config.model_dump() | dict(values))

    def grid(self) -> list[dict[str, Value]]:
        """Every combination, the last setting moving fastest."""
        columns = [grid_values(name, move) for name, move in self.moves.items()]
        return [dict(zip(self.moves, values, strict=True)) for values in product(*columns)]

    def grid_size(self) -> int:
        """How many combinations there are."""
        size = 1
        for name, move in self.moves.items():
            size *= len(grid_values(name, move))
        return size


def grid_values(name: str, move: Move) -> list[Value]:
    """The values of one setting in a grid: the choices, or points evenly apart, by factors where it is logarithmic."""
    if move.choices or move.low is None or move.high is None:
        return list(move.choices)
    steps = [place / (move.points - 1) for place in range(move.points)]
    if move.logarithmic:
        values = [move.low * (move.high / move.low) ** step for step in steps]
    else:
        values = [move.low + (move.high - move.low) * step for step in steps]
    values[-1] = move.high
    if KNOBS[name].kind is int:
        return list(dict.fromkeys(round(value) for value in values))
    return [float(f"{value:.6g}") for value in values]


def read_move(name: str, text: str) -> Move:
    """A move as a command line says it: ``0.0001..0.1``, ``16..256/5`` with the points of a grid, or ``sgd,adam``.

    Raises:
        UserError: it is neither.
    """
    range_text, _slash, points = text.partition("/")
    low, dots, high = range_text.partition("..")
    try:
        if dots:
            knob = KNOBS.get(name)
            wide = bool(knob and knob.logarithmic and float(low) > 0)
            count = int(points) if points else _GRID_POINTS
            return Move(low=float(low), high=float(high), logarithmic=wide, points=count)
        return Move(choices=tuple(_read(name, word.strip()) for word in text.split(",") if word.strip()))
    except (ValueError, ValidationError):
        raise UserError(
            N_("{name} moves as {example_range} or as {example_choices}; got {value}."),
            name=name[:40],
            example_range="0.0001..0.1",
            example_choices="16,64,256",
            value=text[:60],
        ) from None


def seeds(config: TrainConfig, count: int) -> Plan:
    """The plan that repeats ``config`` with ``count`` seeds, its own first."""
    chosen = tuple(config.seed + number for number in range(count))
    return Plan.parse(
        {"base": config.model_dump(), "moves": {"seed": {"choices": chosen}}, "sampler": "grid", "runs": count}
        | {"minutes": MOST_MINUTES}
    )


def _read(name: str, word: str) -> Value:
    kind = KNOBS[name].kind if name in KNOBS else str
    value: Value = kind(word)
    return value


def _check_move(name: str, move: Move, base: TrainConfig) -> None:
    if name not in MOVABLE:
        raise UserError(
            N_("{name} cannot move in a sweep; these can: {names}."), name=name[:40], names=", ".join(MOVABLE)
        )
    knob = KNOBS[name]
    values: Sequence[Value] = move.choices
    if not values:
        if knob.choices is not None or move.low is None or move.high is None or not move.low < move.high:
            raise UserError(N_("{title} needs a range whose end is above its beginning."), title=knob.title)
        if move.logarithmic and move.low <= 0:
            raise UserError(N_("{title} can move by factors only if its range begins above 0."), title=knob.title)
        values = (knob.kind(move.low), knob.kind(move.high))
    if len(values) > MOST_CHOICES or len(set(values)) != len(values):
        raise UserError(
            N_("{title} can move among up to {most} values, each once."), title=knob.title, most=MOST_CHOICES
        )
    for value in values:
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(N_("{title} needs finite values."), title=knob.title)
        TrainConfig.parse({**_of_same_kind(base), name: value}, check_data=False)


def _of_same_kind(base: TrainConfig) -> dict[str, Any]:
    """What tells whether a value fits by itself: the schema's ranges, not the network of the base."""
    return {"dataset": base.dataset, "own_images": base.own_images}
