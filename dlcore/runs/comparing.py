"""Several runs side by side: what differs in their settings, which are repeats, which are worth their price. Torch-free."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dlcore.config import KNOBS, TrainConfig
from dlcore.messages import N_
from dlcore.runs.overview import Overview, steered

Value = int | float | str


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number by which runs are compared."""

    title: str
    smaller_is_better: bool = False
    share: bool = False
    """Whether it lies in [0, 1] and is shown in per cent."""
    logarithmic: bool = False
    unit: str = ""


METRICS: Mapping[str, Metric] = {
    "test_accuracy": Metric(title=N_("Test accuracy"), share=True),
    "validation_accuracy": Metric(title=N_("Validation accuracy"), share=True),
    "test_loss": Metric(title=N_("Test loss"), smaller_is_better=True),
    "validation_loss": Metric(title=N_("Validation loss"), smaller_is_better=True),
    "parameters": Metric(title=N_("Parameters"), smaller_is_better=True, logarithmic=True),
    "train_seconds": Metric(title=N_("Training time"), smaller_is_better=True, logarithmic=True, unit=N_("seconds")),
}
"""By the names of the fields of :class:`~dlcore.runs.overview.Overview`."""


def measured(row: Overview, metric: str) -> float | None:
    """The finite value of a metric; None where there is none."""
    value = getattr(row, metric)
    return float(value) if value is not None and math.isfinite(value) else None


def differences(configs: Sequence[TrainConfig]) -> dict[str, list[Value | None]]:
    """The settings in which ``configs`` differ, in the order of the form, with the value of each configuration; None
    where the setting does not matter there.
    """
    dumped = [config.model_dump() for config in configs]
    columns: dict[str, list[Value | None]] = {}
    for name, knob in KNOBS.items():
        column: list[Value | None] = [values[name] if knob.applies(values) else None for values in dumped]
        if len(set(column)) > 1:
            columns[name] = column
    return columns


def repeatable(row: Overview) -> bool:
    """Whether its settings and its seed tell all of a run: it was trained to its end, and nobody changed it meanwhile."""
    return row.status == "completed" and not steered(row.run)


def repeats(rows: Iterable[Overview]) -> list[list[Overview]]:
    """The runs in groups that differ in nothing but the seed, in the order of their first.

    A seed stands in a group once, by its first run: computed twice, it is no new draw, and would feign an interval of no
    width. Runs that are not :func:`repeatable` are left out.
    """
    groups: dict[TrainConfig, dict[int, Overview]] = {}
    for row in rows:
        if repeatable(row):
            config = row.run.config
            groups.setdefault(config.model_copy(update={"seed": 0}), {}).setdefault(config.seed, row)
    return [list(group.values()) for group in groups.values()]


def gathered(rows: Iterable[Overview]) -> list[list[Overview]]:
    """The :func:`repeats`, and each run that is none by itself, in the order of their first."""
    rows = list(rows)
    firsts = {group[0].run.run_id: group for group in repeats(rows)}
    groups = [firsts.get(row.run.run_id, [] if repeatable(row) else [row]) for row in rows]
    return [group for group in groups if group]


def front(points: Sequence[tuple[float, float] | None], *, smaller_x: bool, smaller_y: bool) -> list[int]:
    """The places of the points that no other beats: at least as good in both and better in one. By x, best first.

    ``smaller_x`` and ``smaller_y`` say which way is better; None is no point. Equal points are all kept.
    """
    signs = (1 if smaller_x else -1, 1 if smaller_y else -1)
    costs = {
        place: (signs[0] * point[0], signs[1] * point[1]) for place, point in enumerate(points) if point is not None
    }
    kept: list[int] = []
    best, last = math.inf, (math.inf, math.inf)
    for place in sorted(costs, key=lambda one: costs[one]):
        cost = costs[place]
        if cost[1] < best or cost == last:
            kept.append(place)
            best, last = cost[1], cost
    return kept
