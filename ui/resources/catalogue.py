"""The resource catalogue: ``content/resources.json`` and its words, validated once and kept.

Other rooms link to an entry by its id: ``by_id("pytorch")``, or the page ``resources?id=pytorch``.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

CONTENT = Path(__file__).resolve().parents[2] / "content"

Kind = Literal[
    "framework",
    "library",
    "tool",
    "course",
    "book",
    "tutorial",
    "paper",
    "dataset",
    "explorable",
    "community",
    "news",
]
Level = Literal["beginner", "intermediate", "advanced"]
Cost = Literal["free", "freemium", "paid"]
Status = Literal["active", "maintained", "archived", "discontinued"]
Spoken = Literal["en", "zh", "ja"]
Topic = Literal[
    "basics",
    "theory",
    "optimization",
    "vision",
    "nlp",
    "speech",
    "multimodal",
    "generative",
    "games",
    "medical",
    "finance",
    "driving",
    "interpretability",
    "security",
    "privacy",
    "lightweight",
    "deployment",
    "mlops",
]
How = Literal["repository", "announcement", "citation", "list", "report"]
RETIRED: frozenset[Status] = frozenset({"archived", "discontinued"})

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Month = Annotated[str, StringConstraints(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]
Link = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.-]+\.[a-z]{2,}(/[^\s<>\"'`]*)?$")]


class Content(BaseModel):
    """Content as it was written: unchanging, nothing unknown in it, texts in both languages as ``<field>_<language>``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def told(self, field: str, language: str) -> str:
        """A text of this content in a language, ``why`` for instance; empty if there is none."""
        return getattr(self, f"{field}_{language}") or ""


class Named(Content):
    """Something with a name in both languages."""

    en: Text
    zh: Text

    def name(self, language: str) -> str:
        """The name in a language."""
        return self.zh if language == "zh" else self.en


class Here(Content):
    """Where in this dashboard an entry can be tried: a page and the experiment in its link."""

    page: Literal["train", "draw", "concepts"]
    query: dict[str, str | int | float]


class Resource(Content):
    """One entry of the directory.

    ``license`` is an SPDX name; of a course or a book it is that of the code or text repository, not of the videos.
    ``minutes`` is for doing it once; ``minutes_from`` says whether a source names it or it was estimated.
    ``checked`` is when somebody last looked, ``checked_how`` at what, ``evidence`` where exactly.
    ``last_activity`` is the last change seen in the entry's own repository.
    """

    id: Identifier
    kind: Kind
    title_en: Text
    title_zh: Text
    authors: Text
    year: int | None = Field(ge=1940, le=2100)
    year_approximate: bool = False
    url: Link
    languages: tuple[Spoken, ...] = Field(min_length=1)
    level: Level
    cost: Cost
    license: Text | None = None
    topics: tuple[Topic, ...] = Field(min_length=1)
    prerequisites: tuple[Identifier, ...] = ()
    related: tuple[Identifier, ...] = ()
    minutes: int | None = Field(default=None, gt=0)
    minutes_from: Literal["source", "estimate"] | None = None
    status: Status
    status_reason_en: Text | None = None
    status_reason_zh: Text | None = None
    successor: Identifier | None = None
    last_activity: Month | None = None
    checked: Month
    checked_how: How
    in_article: bool = False
    aliases: tuple[Text, ...] = ()
    idea_en: Text | None = None
    idea_zh: Text | None = None
    why_en: Text
    why_zh: Text
    evidence: Text
    here: Here | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.status in RETIRED and not (self.status_reason_en and self.status_reason_zh):
            raise ValueError(f"{self.id} is {self.status}: say why in status_reason_en and status_reason_zh")
        if self.status == "discontinued" and not self.successor:
            raise ValueError(f"{self.id} is discontinued: name a successor")
        if (self.idea_en is None) != (self.idea_zh is None):
            raise ValueError(f"{self.id}: idea_en and idea_zh belong together")
        if (self.minutes is None) != (self.minutes_from is None):
            raise ValueError(f"{self.id}: minutes need minutes_from, and the other way round")
        return self

    @property
    def retired(self) -> bool:
        """Whether the entry is kept as a warning or for reading only."""
        return self.status in RETIRED


class Word(Named):
    """A word of a vocabulary, and what people type for it."""

    aliases: tuple[Text, ...] = ()


class Catalogue(Content):
    """All entries, the month they were put together, and those to meet first."""

    format: Literal[1]
    date: Month
    start_here: tuple[Identifier, ...]
    resources: tuple[Resource, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        counts = Counter(resource.id for resource in self.resources)
        problems = [f"the id {name} is used {count} times" for name, count in counts.items() if count > 1]
        for resource in self.resources:
            named = (*resource.prerequisites, *resource.related, *filter(None, [resource.successor]))
            problems += [
                f"{resource.id} names {other}, which is not an entry" for other in named if other not in counts
            ]
        problems += [
            f"start_here names {other}, which is not an entry" for other in self.start_here if other not in counts
        ]
        if not problems:
            problems += [f"{name} needs itself, by way of its prerequisites" for name in _in_a_cycle(self.resources)]
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _in_a_cycle(resources: Iterable[Resource]) -> list[str]:
    """The ids whose prerequisites lead back to them: what is left when everything that can be learned has been."""
    waiting = {resource.id: set(resource.prerequisites) for resource in resources}
    while ready := {name for name, needs in waiting.items() if not needs & waiting.keys()}:
        waiting = {name: needs for name, needs in waiting.items() if name not in ready}
    return sorted(waiting)


def read_json(name: str) -> object:
    """A JSON file of ``content/``."""
    return json.loads((CONTENT / name).read_text(encoding="utf-8"))


@cache
def catalogue() -> Catalogue:
    """The validated catalogue."""
    return Catalogue.model_validate(read_json("resources.json"))


@cache
def vocabulary() -> Mapping[str, Mapping[str, Word]]:
    """The words by facet (kind, topic, level, cost, status, speaks) and value."""
    facets = read_json("resources-vocabulary.json")
    assert isinstance(facets, dict)
    return {facet: {value: Word(**word) for value, word in words.items()} for facet, words in facets.items()}


@cache
def _by_id() -> Mapping[str, Resource]:
    return {resource.id: resource for resource in catalogue().resources}


def all_resources() -> tuple[Resource, ...]:
    """Every entry, in the order of the file."""
    return catalogue().resources


def by_id(identifier: str) -> Resource:
    """The entry of that id; KeyError if there is none."""
    return _by_id()[identifier]


def known(identifier: str) -> bool:
    """Whether there is an entry of that id."""
    return identifier in _by_id()


def in_order(identifiers: Iterable[str]) -> list[Resource]:
    """The entries and everything that they need, each after its prerequisites, otherwise as given."""
    ordered: dict[str, Resource] = {}

    def visit(identifier: str) -> None:
        if identifier not in ordered:
            for prerequisite in by_id(identifier).prerequisites:
                visit(prerequisite)
            ordered[identifier] = by_id(identifier)

    for identifier in identifiers:
        visit(identifier)
    return list(ordered.values())


def needed_by(identifier: str) -> list[Resource]:
    """The entries that name this one as a prerequisite."""
    return [resource for resource in all_resources() if identifier in resource.prerequisites]


def related(resource: Resource, count: int = 4) -> list[Resource]:
    """What to look at beside an entry: what it names, what names it, then the nearest by topic, kind and level."""
    topics = Counter(topic for other in all_resources() for topic in other.topics)

    def nearness(other: Resource) -> float:
        if other.id == resource.id or other.id in resource.prerequisites or resource.id in other.prerequisites:
            return 0.0
        if other.id in resource.related or resource.id in other.related:
            return 100.0
        if other.retired:
            return 0.0
        shared = sum(1 / topics[topic] for topic in set(resource.topics) & set(other.topics))
        either = sum(1 / topics[topic] for topic in set(resource.topics) | set(other.topics))
        return shared / either * (1 + 0.5 * (other.kind == resource.kind) + 0.2 * (other.level == resource.level))

    ranked = sorted(all_resources(), key=nearness, reverse=True)
    return [other for other in ranked[:count] if nearness(other) > 0]
