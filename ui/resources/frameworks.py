"""Which framework: answers to three questions become a ranking, each place with its reasons."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from dlcore.messages import N_
from dlcore.resources.schema import Content, Named
from ui.resources.catalogue import read_json

FIRST, WORKS, WITH_REASON, AVOID = 3, 2, 1, 0
MARKS: Mapping[int, str] = {FIRST: "◎", WORKS: "○", WITH_REASON: "△", AVOID: "✕"}
MEANINGS: Mapping[int, str] = {
    FIRST: N_("first choice"),
    WORKS: N_("works"),
    WITH_REASON: N_("only with a reason"),
    AVOID: N_("avoid"),
}


class Need(Named):
    """A thing that a project may need: how well each framework serves it (0 to 3), by what means, and why."""

    id: str
    ratings: dict[str, int]
    because_en: str
    because_zh: str
    via: dict[str, str]


class Question(Named):
    """One question and the needs that may answer it."""

    id: str
    needs: tuple[Need, ...]


class Chooser(Content):
    """The frameworks (ids of catalogue entries, in the order of preference), the questions, the usual advice."""

    frameworks: tuple[str, ...]
    questions: tuple[Question, ...]
    usual_en: str
    usual_zh: str


@dataclass(frozen=True)
class Place:
    """A framework's place in the ranking: its points and its worst mark among the needs."""

    framework: str
    points: int
    worst: int


@cache
def chooser() -> Chooser:
    """The validated table."""
    return Chooser.model_validate(read_json("frameworks.json"))


def rank(needs: Iterable[Need]) -> list[Place]:
    """The frameworks, best first: one that a need rules out comes last, ties keep the usual preference."""
    wanted = list(needs)
    places = [
        Place(
            framework,
            points=sum(need.ratings[framework] for need in wanted),
            worst=min((need.ratings[framework] for need in wanted), default=WORKS),
        )
        for framework in chooser().frameworks
    ]
    return sorted(places, key=lambda place: (place.worst == AVOID, -place.points))
