"""Where to start: ready-made paths through the catalogue, fitted to what somebody knows already."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil

from dlcore.resources.schema import Content, Named, Resource
from ui.resources.catalogue import by_id, read_json


class Background(Named):
    """What somebody knows: what to meet first, and what to leave out."""

    id: str
    first: tuple[str, ...]
    known: tuple[str, ...]


class Step(Content):
    """One entry of a path, why it stands there, and its minutes if not all of it is meant."""

    id: str
    reason_en: str
    reason_zh: str
    minutes: int | None = None


class LearningPath(Content):
    """An ordered way to a goal. ``covers``: prerequisites that its own steps teach; ``speaks``: a language it keeps to."""

    id: str
    title_en: str
    title_zh: str
    goal_en: str
    goal_zh: str
    lead_en: str
    lead_zh: str
    speaks: str | None
    covers: tuple[str, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Stop:
    """One entry of a plan: an own ``step`` of the path, or something that the entries ``needed_for`` ask for."""

    resource: Resource
    step: Step | None
    needed_for: tuple[Resource, ...]

    @property
    def minutes(self) -> int:
        """The minutes it takes here; 0 where it has no end, as a community has none."""
        return (self.step and self.step.minutes) or self.resource.minutes or 0


@dataclass(frozen=True)
class Plan:
    """The stops in an order in which each comes after its prerequisites, and what was left out as known."""

    stops: tuple[Stop, ...]
    left_out: tuple[Resource, ...]

    def hours(self, done: Collection[str] = ()) -> int:
        """The hours that remain, rounded up."""
        return ceil(sum(stop.minutes for stop in self.stops if stop.resource.id not in done) / 60)

    def weeks(self, hours_a_week: int, done: Collection[str] = ()) -> dict[str, tuple[int, int]]:
        """The first and the last week of each stop that is left and takes time, by id; the first week is 1."""
        found: dict[str, tuple[int, int]] = {}
        pace, before = hours_a_week * 60, 0
        for stop in self.stops:
            if stop.resource.id in done or not stop.minutes:
                continue
            after = before + stop.minutes
            found[stop.resource.id] = (before // pace + 1, ceil(after / pace))
            before = after
        return found


@cache
def backgrounds() -> Mapping[str, Background]:
    """What one may know, by id, from least to most."""
    content = read_json("paths.json")
    assert isinstance(content, dict)
    return {item["id"]: Background(**item) for item in content["backgrounds"]}


@cache
def paths() -> Mapping[str, LearningPath]:
    """The paths by id."""
    content = read_json("paths.json")
    assert isinstance(content, dict)
    return {item["id"]: LearningPath(**item) for item in content["paths"]}


def plan(path: LearningPath, background: Background) -> Plan:
    """The path for somebody: warmed up, with what its steps need put before them, without what is known."""
    skipped = {*background.known, *path.covers}
    steps = {step.id: step for step in path.steps}
    warm_up = [name for name in background.first if path.speaks in (None, *by_id(name).languages)]
    ordered: list[str] = []

    def visit(name: str) -> None:
        if name in ordered or name in skipped:
            return
        for prerequisite in by_id(name).prerequisites:
            visit(prerequisite)
        ordered.append(name)

    for name in (*warm_up, *steps):
        visit(name)
    stops = tuple(
        Stop(
            resource=by_id(name),
            step=steps.get(name),
            needed_for=tuple(by_id(other) for other in ordered if name in by_id(other).prerequisites),
        )
        for name in ordered
    )
    return Plan(stops, tuple(by_id(name) for name in steps if name in background.known))


def to_dot(plan: Plan, done: Collection[str], titles: Mapping[str, str]) -> str:
    """The plan's prerequisites as a Graphviz drawing: an arrow leads from what is needed to what needs it."""
    names = {stop.resource.id for stop in plan.stops}
    lines = [
        'digraph { rankdir="LR"; bgcolor="transparent"; nodesep=0.15; ranksep=0.35;',
        'node [shape="box" style="rounded,filled" fontname="sans-serif" fontsize=11 height=0.3 margin="0.2,0.05"];',
        'node [color="#8b8fa8" fillcolor="#eceefb" fontcolor="#1c1f33"];',
        'edge [color="#8b8fa8" arrowsize=0.6];',
    ]
    for stop in plan.stops:
        name = stop.resource.id
        title = titles[name].replace("\\", "").replace('"', "'")
        fill = ' fillcolor="#bfe6cf"' if name in done else ""
        lines.append(f'"{name}" [label="{title}"{fill}];')
        lines += [f'"{needed}" -> "{name}";' for needed in stop.resource.prerequisites if needed in names]
    return "\n".join([*lines, "}"])
