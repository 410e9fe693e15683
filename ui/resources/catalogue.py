"""The resource catalogue for the pages: ``content/resources``, validated once and kept.

Other rooms link to an entry by its id: ``by_id("pytorch")``, or the page ``resources?id=pytorch``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache

from dlcore.resources import catalogue as files
from dlcore.resources.catalogue import FOLDER, Catalogue
from dlcore.resources.links import LinkRecord, archived_copy, read_links
from dlcore.resources.schema import Lab, Resource, Word


def read_json(name: str) -> object:
    """A JSON file of the catalogue's folder."""
    return files.read_json(FOLDER / name)


@cache
def catalogue() -> Catalogue:
    """The validated catalogue."""
    return files.read_catalogue()


@cache
def vocabulary() -> Mapping[str, Mapping[str, Word]]:
    """The words by facet (kind, topic, level, cost, status, speaks) and value."""
    facets = read_json("vocabulary.json")
    assert isinstance(facets, dict)
    return {facet: {value: Word(**word) for value, word in words.items()} for facet, words in facets.items()}


@cache
def labs() -> Mapping[str, Lab]:
    """The places of this dashboard that lead to entries, by id."""
    return files.read_labs()


@cache
def links() -> Mapping[str, LinkRecord]:
    """What the link checker last found, by address."""
    return read_links(FOLDER)


def link_of(resource: Resource) -> LinkRecord | None:
    """What the link checker last found of an entry's address; None if it was never tried."""
    return links().get(resource.url)


def address(resource: Resource) -> str:
    """Where to read an entry: its own address, or an archived copy where that is known to be dead."""
    record = link_of(resource)
    return archived_copy(resource, record) if record and record.dead else resource.url


def labs_of(identifier: str) -> list[Lab]:
    """The places of this dashboard that lead to an entry, those that show its idea first."""
    leading = [lab for lab in labs().values() if identifier in lab.all_entries]
    return sorted(leading, key=lambda lab: identifier not in lab.shows)


def tried_with(page: str, values: Mapping[str, object]) -> list[Resource]:
    """The entries whose experiment on a page of this dashboard is what it is set to: ``values`` by field."""
    return [
        resource
        for resource in all_resources()
        if (here := resource.here)
        and here.page == page
        and all(values.get(name) == value for name, value in here.query.items())
    ]


@cache
def _by_id() -> Mapping[str, Resource]:
    return {resource.id: resource for resource in catalogue().resources}


def all_resources() -> tuple[Resource, ...]:
    """Every entry, by kind and id."""
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
