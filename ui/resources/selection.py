"""What a visitor asks of the directory: read from a link, applied to the catalogue, written back to a link."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from types import MappingProxyType

from dlcore.messages import N_, UserError
from dlcore.resources.schema import Resource
from ui.resources.catalogue import all_resources, catalogue, vocabulary
from ui.resources.search import fold, search

FACETS = ("kind", "topic", "level", "speaks", "cost", "status")
SORTS: Mapping[str, str] = MappingProxyType(
    {
        "relevance": N_("Recommended"),
        "title": N_("Title"),
        "year": N_("Newest first"),
        "level": N_("Easiest first"),
        "time": N_("Shortest first"),
    },
)
LONGEST_QUERY = 100
_LEVELS = ("beginner", "intermediate", "advanced")
_STANDING = ("active", "maintained", "archived", "discontinued")


@dataclass(frozen=True)
class Selection:
    """A search, the values wanted of each facet (none: all), and an order."""

    q: str = ""
    kind: tuple[str, ...] = ()
    topic: tuple[str, ...] = ()
    level: tuple[str, ...] = ()
    speaks: tuple[str, ...] = ()
    cost: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    article: bool = False
    sort: str = "relevance"

    @property
    def narrowed(self) -> bool:
        """Whether anything but the order was asked for."""
        return replace(self, sort="relevance") != Selection()

    def wanted(self, facet: str) -> tuple[str, ...]:
        """The values wanted of a facet."""
        values: tuple[str, ...] = getattr(self, facet)
        return values


def shortened(text: str, longest: int = 40) -> str:
    """A value from outside, fit to be repeated in a message."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    return plain if len(plain) <= longest else plain[:longest] + "…"


def parse(parameters: Mapping[str, str]) -> tuple[Selection, list[UserError]]:
    """The selection that a link asks for; what it asks and cannot have is left out, with a word on each."""
    refused: list[UserError] = []
    query = " ".join("".join(c if c.isprintable() else " " for c in parameters.get("q", "")).split())
    if len(query) > LONGEST_QUERY:
        message = N_("The search in this link is longer than {limit} characters; only its beginning was used.")
        refused.append(UserError(message, limit=LONGEST_QUERY))
        query = query[:LONGEST_QUERY].rstrip()
    chosen: dict[str, tuple[str, ...]] = {}
    for facet in FACETS:
        allowed = vocabulary()[facet]
        asked = dict.fromkeys(value for value in parameters.get(facet, "").split(",")[:50] if value)
        chosen[facet] = tuple(value for value in asked if value in allowed)
        refused += [_unknown(facet, value, allowed) for value in asked if value not in allowed][:1]
    sort = parameters.get("sort") or "relevance"
    if sort not in SORTS:
        refused.append(_unknown("sort", sort, SORTS))
        sort = "relevance"
    article = parameters.get("article") or "0"
    if article not in {"0", "1"}:
        refused.append(_unknown("article", article, {"0": "", "1": ""}))
    return Selection(q=query, **chosen, article=article == "1", sort=sort), refused


def _unknown(name: str, value: str, allowed: Mapping[str, object]) -> UserError:
    message = N_("The link says {name}={value}, which does not exist and was left out. Possible are: {allowed}.")
    return UserError(message, name=name, value=shortened(value), allowed=", ".join(allowed))


def to_parameters(selection: Selection) -> dict[str, str]:
    """What a link needs to say so that :func:`parse` gives this selection; nothing for what is as usual."""
    parameters = {facet: ",".join(selection.wanted(facet)) for facet in FACETS if selection.wanted(facet)}
    if selection.q:
        parameters["q"] = selection.q
    if selection.article:
        parameters["article"] = "1"
    if selection.sort != "relevance":
        parameters["sort"] = selection.sort
    return parameters


def values(resource: Resource, facet: str) -> tuple[str, ...]:
    """What an entry is under a facet."""
    if facet == "topic":
        return resource.topics
    if facet == "speaks":
        return resource.languages
    value: str = getattr(resource, facet)
    return (value,)


def _fits(resource: Resource, selection: Selection, without: str = "") -> bool:
    """Whether an entry has one of the wanted values of every facet, a facet left aside."""
    if selection.article and without != "article" and not resource.in_article:
        return False
    return all(
        facet == without or not selection.wanted(facet) or set(values(resource, facet)) & set(selection.wanted(facet))
        for facet in FACETS
    )


@lru_cache(maxsize=64)
def _scores(query: str) -> Mapping[str, float]:
    """What a search found; one look at the page asks for it several times."""
    return MappingProxyType(search(query))


def _found(selection: Selection) -> tuple[Resource, ...]:
    if not selection.q:
        return all_resources()
    scores = _scores(selection.q)
    return tuple(resource for resource in all_resources() if resource.id in scores)


def facet_counts(selection: Selection) -> dict[str, Counter[str]]:
    """How many entries each value of each facet would show, all other filters as they are."""
    found = _found(selection)
    return {
        facet: Counter(
            value
            for resource in found
            if _fits(resource, selection, without=facet)
            for value in values(resource, facet)
        )
        for facet in FACETS
    }


def article_count(selection: Selection) -> int:
    """How many entries of the selection the article names."""
    return sum(r.in_article and _fits(r, selection, without="article") for r in _found(selection))


def loosenings(selection: Selection) -> dict[str, int]:
    """For each filter in force, how many entries there would be without it."""
    without = {facet: replace(selection, **{facet: ()}) for facet in FACETS if selection.wanted(facet)}
    if selection.article:
        without["article"] = replace(selection, article=False)
    if selection.q:
        without["q"] = replace(selection, q="")
    return {name: count for name, looser in without.items() if (count := len(select(looser, "en")))}


@cache
def _first_to_meet() -> Mapping[str, int]:
    return {identifier: place for place, identifier in enumerate(catalogue().start_here)}


def _title_key(resource: Resource, language: str) -> tuple[bool, bytes]:
    """Latin by letter; Chinese by the GB 18030 code, which puts the common characters in the order of their sound."""
    title = fold(resource.told("title", language)).strip("《》 ")
    return (not title[:1].isascii(), title.encode("gb18030"))


def _recommended_key(resource: Resource, language: str) -> tuple[object, ...]:
    """Those to meet first, then the visitor's language, then what is alive and easy."""
    return (
        resource.retired,
        resource.id not in _first_to_meet() or language not in resource.languages,
        _first_to_meet().get(resource.id, 0),
        not resource.in_article,
        language not in resource.languages,
        _LEVELS.index(resource.level),
        _STANDING.index(resource.status),
    )


def select(selection: Selection, language: str) -> list[Resource]:
    """The entries that fit, in the wanted order."""
    fitting = [resource for resource in _found(selection) if _fits(resource, selection)]
    scores = _scores(selection.q) if selection.q else {}
    keys: Mapping[str, Callable[[Resource], tuple[object, ...]]] = {
        "relevance": lambda r: (-scores[r.id],) if scores else _recommended_key(r, language),
        "title": lambda r: _title_key(r, language),
        "year": lambda r: (-(r.year or 0),),
        "level": lambda r: (_LEVELS.index(r.level), r.minutes or 10**6),
        "time": lambda r: (r.minutes is None, r.minutes or 0),
    }
    key: Callable[[Resource], tuple[object, ...]] = keys[selection.sort]
    return sorted(fitting, key=key)  # type: ignore[arg-type]
