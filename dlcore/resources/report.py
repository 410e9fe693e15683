"""The outcome of a check: as an object for programs, as Markdown for an issue or a job's summary, as lines for a shell."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from dlcore.resources.links import LinkRecord, archived_copy
from dlcore.resources.rules import Problem
from dlcore.resources.schema import Resource

_ONLINE = 3
"""How many addresses must have been tried before their common silence is told as this machine's."""


@dataclass(frozen=True)
class Report:
    """What was looked at and found; ``links`` is by entry, None where no address was to be tried."""

    today: date
    entries: int
    problems: Sequence[Problem]
    links: Mapping[str, tuple[Resource, LinkRecord]] | None = None
    from_cache: int = 0
    written: Sequence[str] = field(default=())

    def count(self, severity: str) -> int:
        """How many problems of a severity there are."""
        return sum(problem.severity == severity for problem in self.problems)

    @property
    def sound(self) -> bool:
        """Whether nothing has to be put right."""
        return not self.count("error")

    @property
    def states(self) -> dict[str, int]:
        """How many addresses are in each state."""
        return dict(sorted(Counter(record.state for _resource, record in (self.links or {}).values()).items()))


def link_problems(links: Iterable[tuple[Resource, LinkRecord]]) -> list[Problem]:
    """What the records of the addresses ask somebody to do."""
    looked = list(links)
    if len(looked) >= _ONLINE and all(record.state == "failing" for _resource, record in looked):
        reason = looked[0][1].detail
        return [
            Problem("error", "", "url", f"none of {len(looked)} addresses answered ({reason}): is this machine online?")
        ]
    return [problem for resource, record in looked for problem in _about(resource, record)]


def _about(resource: Resource, record: LinkRecord) -> list[Problem]:
    url, name = resource.url, resource.id
    match record.state:
        case "ok":
            return []
        case "moved":
            return [Problem("warning", name, "url", f"{url} {record.detail}: {record.final}")]
        case "refused":
            return [Problem("warning", name, "url", f"{url} answers {record.detail} to programs: look at it yourself")]
    told = f"{url} is gone ({record.detail})" if record.state == "gone" else f"{url}: {record.detail}"
    if record.dead and not resource.archive:
        remedy = f"find its new address, or set archive, for instance to {archived_copy(resource, record)}"
        return [Problem("error", name, "url", f"{told}: {remedy}")]
    return [Problem("warning", name, "url", told)]


def as_object(report: Report) -> dict[str, Any]:
    """The report for programs."""
    answer: dict[str, Any] = {
        "sound": report.sound,
        "date": report.today.isoformat(),
        "entries": report.entries,
        "errors": report.count("error"),
        "warnings": report.count("warning"),
        "problems": [asdict(problem) for problem in report.problems],
        "links": None,
    }
    if report.links is not None:
        answer["links"] = {
            "tried": len(report.links) - report.from_cache,
            "from_cache": report.from_cache,
            "states": report.states,
            "found": [
                {"entry": name, "url": resource.url, **record.model_dump()}
                for name, (resource, record) in sorted(report.links.items())
            ],
        }
    return answer


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def as_markdown(report: Report) -> str:
    """The report for people: what to do first, then how the addresses stand."""
    lines = [f"# The resource catalogue on {report.today.isoformat()}", "", summary(report), ""]
    for severity, heading in (("error", "To put right"), ("warning", "To look at")):
        found = [problem for problem in report.problems if problem.severity == severity]
        if found:
            lines += [f"## {heading}", "", "| entry | field | what |", "| --- | --- | --- |"]
            lines += [f"| {_cell(p.entry)} | {_cell(p.field)} | {_cell(p.message)} |" for p in found]
            lines.append("")
    if report.links:
        lines += ["## Addresses", "", "| state | count |", "| --- | --- |"]
        lines += [f"| {state} | {count} |" for state, count in report.states.items()]
        lines.append("")
        odd = {name: pair for name, pair in sorted(report.links.items()) if pair[1].state != "ok"}
        if odd:
            lines += ["| entry | state | since | how | what |", "| --- | --- | --- | --- | --- |"]
            lines += [
                f"| [{name}](<{resource.url}>) | {record.state} | {record.since} | {record.how} | {_cell(record.detail)} |"
                for name, (resource, record) in odd.items()
            ]
            lines.append("")
    return "\n".join(lines)


def summary(report: Report) -> str:
    """The report in a line."""
    links = ""
    if report.links is not None:
        cached = f", {report.from_cache} of them found lately and not asked again" if report.from_cache else ""
        states = ", ".join(f"{count} {state}" for state, count in report.states.items())
        links = f" {len(report.links)} addresses{cached}: {states}."
    errors, warnings = report.count("error"), report.count("warning")
    entries = "1 entry" if report.entries == 1 else f"{report.entries} entries"
    return f"{entries}, {errors} to put right, {warnings} to look at.{links}"


def as_text(report: Report) -> str:
    """The report for a shell."""
    return "\n".join([*map(str, report.problems), *(f"wrote {name}" for name in report.written), summary(report)])
