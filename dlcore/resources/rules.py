"""What has to hold of the catalogue beyond its schema: each rule looks at entries and yields what is wrong."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from dlcore.resources.schema import Lab, Resource

Severity = Literal["error", "warning"]
ACTIVE_MONTHS = 18
"""How long a look at something may be ago for it to be called active."""
STALE_MONTHS = 24
"""How long a look at anything may be ago before somebody should look again."""
HAN = re.compile(r"[\u3400-\u9fff]")
_PRICE = re.compile(r"[$€¥￥]|\d+\s*(dollars|euros|元|美元)")
_UNSURE = re.compile(r"not verified|TODO|to be done|placeholder", re.IGNORECASE)
_TRACKERS = re.compile(r"^(utm_\w+|fbclid|gclid|ref|spm)$")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: with which entry and field (empty: with the whole), and what to do about it."""

    severity: Severity
    entry: str
    field: str
    message: str

    def __str__(self) -> str:
        place = f"{self.entry}: " if self.entry else ""
        return f"{self.severity}: {place}{self.message}"


def normalised(url: str) -> str:
    """An address without what makes two spellings of one: scheme, ``www.``, a last slash, trackers, arXiv's versions."""
    parts = urlsplit(url.strip())
    host = (parts.hostname or "").removeprefix("www.").removeprefix("export.")
    path = re.sub(r"/(index\.html?)?$", "", parts.path)
    if host == "arxiv.org":
        path = re.sub(r"(v\d+)?(\.pdf)?$", "", path.replace("/pdf/", "/abs/"))
    if host == "github.com":
        path = path.lower().removesuffix(".git")
    query = urlencode(sorted(pair for pair in parse_qsl(parts.query) if not _TRACKERS.match(pair[0])))
    return f"{host}{path}" + (f"?{query}" if query else "")


def _folded(title: str) -> str:
    return re.sub(r"[\W_]+", "", title).casefold()


def duplicates(resources: Iterable[Resource]) -> Iterator[Problem]:
    """The same id, title or address twice."""
    seen: dict[tuple[str, str], dict[int, Resource]] = defaultdict(dict)
    for position, resource in enumerate(resources):
        for field, value in (
            ("id", resource.id),
            ("title_en", _folded(resource.title_en)),
            ("title_zh", _folded(resource.title_zh)),
            ("url", normalised(resource.url)),
        ):
            seen[field, value][position] = resource
    for (field, _value), same in seen.items():
        if len(same) > 1:
            first, *others = same.values()
            for other in others:
                if field == "id":
                    message = f"the id {first.id} is used {len(same)} times"
                else:
                    message = f"the same {field} as {first.id}: {getattr(other, field)}"
                yield Problem("error", other.id, field, message)


def unresolved(resources: Collection[Resource], start_here: Iterable[str] = ()) -> Iterator[Problem]:
    """Ids that an entry, or the list of those to meet first, names and that are not there."""
    known = {resource.id for resource in resources}
    for resource in resources:
        for field in ("prerequisites", "related", "successor"):
            value = getattr(resource, field)
            for other in (value,) if isinstance(value, str) else value or ():
                if other not in known:
                    yield Problem("error", resource.id, field, f"{field} names {other}, which is not an entry")
                elif other == resource.id and field != "prerequisites":
                    yield Problem("error", resource.id, field, f"{field} names the entry itself")
    for other in start_here:
        if other not in known:
            yield Problem("error", "", "start_here", f"start_here names {other}, which is not an entry")


def lost_labs(labs: Mapping[str, Lab], resources: Iterable[Resource]) -> Iterator[Problem]:
    """Labs that lead to entries which are not there."""
    known = {resource.id for resource in resources}
    for name, lab in labs.items():
        for other in lab.all_entries:
            if other not in known:
                yield Problem("error", "", "labs", f"the lab {name} names {other}, which is not an entry")


def cycles(resources: Iterable[Resource]) -> Iterator[Problem]:
    """Entries whose prerequisites lead back to them, each circle told once, as the way round."""
    needs = {resource.id: resource.prerequisites for resource in resources}
    finished: set[str] = set()

    for start in needs:
        path: list[str] = []
        waiting: list[Iterator[str]] = [iter((start,))]
        while waiting:
            name = next(waiting[-1], None)
            if name is None:
                waiting.pop()
                if path:
                    finished.add(path.pop())
            elif name in path:
                way = " → ".join((*path[path.index(name) :], name))
                yield Problem("error", name, "prerequisites", f"needs itself, by way of its prerequisites: {way}")
            elif name in needs and name not in finished:
                path.append(name)
                waiting.append(iter(needs[name]))


def standing(resources: Iterable[Resource]) -> Iterator[Problem]:
    """Prerequisites and successors that are themselves gone."""
    by_id = {resource.id: resource for resource in resources}
    for resource in by_id.values():
        for other in resource.prerequisites:
            if other in by_id and by_id[other].retired:
                yield Problem("error", resource.id, "prerequisites", f"needs {other}, which is {by_id[other].status}")
        successor = by_id.get(resource.successor or "")
        if successor and successor.retired:
            message = f"its successor {successor.id} is {successor.status} itself"
            yield Problem("error", resource.id, "successor", message)


def wording(resource: Resource) -> Iterator[Problem]:
    """Texts that are not in their language, not whole sentences, too short or long, or that say what nobody checked."""
    for field in ("why", "idea", "status_reason"):
        for language, ends in (("en", ".!?"), ("zh", "。！？")):
            name, text = f"{field}_{language}", resource.told(field, language)
            for fault in _faults(text, language, ends):
                yield Problem("error", resource.id, name, f"{name} {fault}")
    if HAN.search(resource.title_en):
        yield Problem("error", resource.id, "title_en", "title_en must not have Chinese characters in it")
    for field, least, most in (("why_en", 30, 330), ("why_zh", 15, 150)):
        length = len(getattr(resource, field))
        if not least <= length <= most:
            message = f"{field} must have {least} to {most} characters, and has {length}"
            yield Problem("error", resource.id, field, message)


def _faults(text: str, language: str, ends: str) -> Iterator[str]:
    if not text:
        return
    if language == "en" and HAN.search(text):
        yield "must be English, and has Chinese characters in it"
    if language == "zh" and not HAN.search(text):
        yield "must be Chinese"
    if not text.endswith(tuple(ends)):
        yield f"must be a whole sentence and end in one of {ends}"
    if _PRICE.search(text):
        yield "names a price, which nobody will keep true"
    if _UNSURE.search(text):
        yield "says that something is not known; leave it out"


def ideas(resource: Resource) -> Iterator[Problem]:
    """A paper says its idea in two sentences; nothing else has one."""
    if resource.kind != "paper":
        if resource.idea_en:
            yield Problem("error", resource.id, "idea_en", "only a paper has idea_en and idea_zh")
        return
    if not resource.idea_en or not resource.idea_zh:
        yield Problem("error", resource.id, "idea_en", "a paper says its idea, in idea_en and idea_zh")
        return
    for field, ends in (("idea_en", r"[.;!?](?=\s|$)"), ("idea_zh", r"[。！？]")):
        if len(re.findall(ends, getattr(resource, field))) < 2:
            yield Problem("error", resource.id, field, f"{field} must be two sentences")


def _months(month: str) -> int:
    year, number = month.split("-")
    return int(year) * 12 + int(number)


def age(resource: Resource, today: date) -> Iterator[Problem]:
    """Entries that nobody has looked at for too long, and dates that lie ahead."""
    passed = today.year * 12 + today.month - _months(resource.checked)
    if passed < 0:
        yield Problem("error", resource.id, "checked", f"checked is {resource.checked}, which has not come yet")
    elif resource.status == "active" and passed > ACTIVE_MONTHS:
        message = f"is called active, but was last looked at in {resource.checked}: look again, or say maintained"
        yield Problem("warning", resource.id, "checked", message)
    elif not resource.retired and resource.kind != "paper" and passed > STALE_MONTHS:
        yield Problem("warning", resource.id, "checked", f"was last looked at in {resource.checked}: look again")
    if resource.last_activity and _months(resource.last_activity) > _months(resource.checked):
        message = f"last_activity ({resource.last_activity}) is later than checked ({resource.checked})"
        yield Problem("error", resource.id, "last_activity", message)


def broken(resources: Collection[Resource], start_here: Iterable[str] = ()) -> list[Problem]:
    """What a catalogue cannot be used with: ids twice, ids that lead nowhere, circles."""
    twice = [problem for problem in duplicates(resources) if problem.field == "id"]
    nowhere = list(unresolved(resources, start_here))
    return twice + nowhere + ([] if twice or nowhere else list(cycles(resources)))


def all_problems(
    resources: Collection[Resource], start_here: Iterable[str], labs: Mapping[str, Lab], today: date
) -> list[Problem]:
    """What every rule finds, in the order of the rules."""
    found = [*duplicates(resources), *unresolved(resources, start_here), *lost_labs(labs, resources)]
    found += [*cycles(resources), *standing(resources)]
    for resource in resources:
        found += [*wording(resource), *ideas(resource), *age(resource, today)]
    return found
