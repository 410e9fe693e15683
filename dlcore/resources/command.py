"""``python -m dlcore resources``: is the catalogue whole, and do its addresses still answer?"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dlcore import atomic
from dlcore.messages import UserError
from dlcore.resources import cache
from dlcore.resources.catalogue import FOLDER, entry_files, read_entry, read_head, read_labs
from dlcore.resources.links import LinkRecord, merged, read_links, write_links
from dlcore.resources.report import Report, as_markdown, as_object, as_text, link_problems
from dlcore.resources.rules import Problem, all_problems
from dlcore.resources.schema import Lab, Resource


def check(options: argparse.Namespace) -> tuple[bool, dict[str, Any], str]:
    """Whether all is well, the report for programs, and the report for people.

    Raises:
        UserError: an option or a file that cannot be used.
        OSError: something cannot be written.
    """
    if options.record and not options.links:
        raise UserError("--record keeps what --links finds; give both.")
    days = int(_number(options.max_age, "--max-age", "days", 0, 365))
    timeout = _number(options.timeout, "--timeout", "seconds", 0.1, 300)
    pause = _number(options.pause, "--pause", "seconds", 0, 60)
    folder = options.catalogue or FOLDER
    today = datetime.now(UTC).date()
    looked_at, resources, problems = _read(folder, options.files)
    labs, lab_problems = _labs(folder)
    head = read_head(folder)
    found = problems + lab_problems + all_problems(resources, head.start_here, labs, today)
    if options.files:
        found = [problem for problem in found if problem.entry in looked_at]
    report = Report(today, len(looked_at), found)
    if options.links:
        chosen = [resource for resource in resources if resource.id in looked_at]
        records, from_cache = _links(chosen, today, days, timeout, pause)
        before = _kept(folder)
        whole = merged(before, records, frozenset(resource.url for resource in resources))
        links = {resource.id: (resource, whole[resource.url]) for resource in chosen}
        link_faults = link_problems(links.values())
        report = Report(today, len(looked_at), [*found, *link_faults], links, from_cache)
        offline = any(not problem.entry for problem in link_faults)
        if options.record and not offline:
            write_links(folder, whole)
            report = _with_written(report, folder / "links.json")
    if options.report:
        options.report.mkdir(parents=True, exist_ok=True)
        atomic.write(options.report / "report.json", json.dumps(as_object(report), indent=1, ensure_ascii=False) + "\n")
        atomic.write(options.report / "report.md", as_markdown(report))
        report = _with_written(report, options.report / "report.json", options.report / "report.md")
    return report.sound, as_object(report), as_text(report)


def _with_written(report: Report, *paths: Path) -> Report:
    names = (*report.written, *map(str, paths))
    return Report(report.today, report.entries, report.problems, report.links, report.from_cache, names)


def _number(text: str, option: str, unit: str, least: float, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise UserError(
            "{option} must be {least:g} to {most:g} {unit}, got {value}.",
            option=option,
            least=least,
            most=most,
            unit=unit,
            value=text[:40],
        )
    return value


def _read(folder: Path, files: list[Path]) -> tuple[set[str], tuple[Resource, ...], list[Problem]]:
    """The ids that are looked at, all entries that can be used, and what is wrong with files.

    A file that is looked at stands in for the catalogue's own entry of that id, so that a draft is judged among the rest.
    """
    resources: dict[str, Resource] = {}
    problems: list[Problem] = []
    looked_at: set[str] = set()
    given = {file.resolve() for file in files}
    for path in (*(file for file in entry_files(folder) if file.resolve() not in given), *files):
        try:
            resource, faults = read_entry(path)
        except OSError as error:
            reason = error.strerror or str(error)
            raise UserError("The file {file} cannot be read: {reason}.", file=path, reason=reason) from None
        if not files or path in files:
            looked_at.add(resource.id if resource else path.stem)
            problems += faults
        if resource:
            # A second file of the same id is kept beside the first, so that the rules see both.
            resources[f"{resource.id} {path}" if path not in files and resource.id in resources else resource.id] = (
                resource
            )
    return looked_at, tuple(resources.values()), problems


def _labs(folder: Path) -> tuple[dict[str, Lab], list[Problem]]:
    try:
        return read_labs(folder), []
    except FileNotFoundError:
        return {}, []
    except (ValidationError, ValueError) as error:
        return {}, [
            Problem("error", "", "labs", f"labs.json is not as it should be: {' '.join(str(error).split())[:300]}")
        ]


def _kept(folder: Path) -> dict[str, LinkRecord]:
    try:
        return dict(read_links(folder))
    except ValueError as error:
        raise UserError(
            "{file} is damaged, delete it or take it back from git: {reason}",
            file=folder / "links.json",
            reason=" ".join(str(error).split())[:200],
        ) from None


def _links(
    resources: list[Resource], today: Any, days: int, timeout: float, pause: float
) -> tuple[dict[str, LinkRecord], int]:
    """What is at the entries' addresses, and how many of them were found lately and not asked."""
    try:
        from dlcore.resources.crawl import Manners, look_at_all  # noqa: PLC0415  # httpx2 is not needed for anything else
    except ModuleNotFoundError as error:
        if error.name != "httpx2":
            raise
        raise UserError("Trying addresses needs httpx2: pip install -r requirements-dev.txt") from None
    known = cache.read()
    lately = cache.fresh(known, today, days)
    records = {resource.url: lately[resource.url] for resource in resources if resource.url in lately}
    wanted = {resource.url: resource.checked for resource in resources if resource.url not in records}
    from_cache = len(records)
    number = 0

    def tell(url: str, record: LinkRecord) -> None:
        nonlocal number
        number += 1
        known[url] = records[url] = record
        if record.state != "ok" or number % 20 == 0:
            print(f"{number}/{len(wanted)}  {record.state}: {record.detail}  {url}", file=sys.stderr, flush=True)

    try:
        look_at_all(wanted, today=today, manners=Manners(timeout_seconds=timeout, host_pause_seconds=pause), tell=tell)
    finally:
        cache.write(known)  # also when interrupted: what was asked need not be asked again
    return records, from_cache
