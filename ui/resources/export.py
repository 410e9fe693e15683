"""A selection of entries to take home: Markdown, CSV, BibTeX."""

import csv
import io
import re
from collections.abc import Iterable

from dlcore.resources.schema import Resource
from ui.resources.catalogue import address, vocabulary

CITED = frozenset({"paper", "book"})
_COLUMNS = (
    "id kind title_en title_zh authors year level minutes cost languages topics status license prerequisites "
    "checked url why_en why_zh"
)
_BIBTEX_SPECIAL = {"\\": r"\textbackslash{}", **{character: f"\\{character}" for character in "&%$#_{}"}}


def to_markdown(resources: Iterable[Resource], language: str, heading: str) -> str:
    """A list by kind, each entry with its link and its reason, in one language."""
    lines = [f"# {heading}"]
    entries = list(resources)
    for kind, word in vocabulary()["kind"].items():
        of_kind = [resource for resource in entries if resource.kind == kind]
        if not of_kind:
            continue
        lines += ["", f"## {word.name(language)}", ""]
        for resource in of_kind:
            year = f" ({resource.year})" if resource.year else ""
            title = re.sub(r"([\[\]])", r"\\\1", resource.told("title", language))
            details = " · ".join(
                vocabulary()[facet][value].name(language)
                for facet, value in (("level", resource.level), ("cost", resource.cost))
            )
            lines.append(f"- [{title}](<{address(resource)}>){year}, {resource.authors}. {details}.")
            texts = (resource.told("status_reason", language), resource.told("why", language))
            lines += [f"  {text}" for text in texts if text]
    return "\n".join(lines) + "\n"


def to_csv(resources: Iterable[Resource]) -> bytes:
    """A table for a spreadsheet, both languages; UTF-8 with the mark that spreadsheets look for."""
    columns = _COLUMNS.split()
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(columns)
    for resource in resources:
        cells = (getattr(resource, column) for column in columns)
        writer.writerow(";".join(cell) if isinstance(cell, tuple) else cell for cell in cells)
    return file.getvalue().encode("utf-8-sig")


def _escaped(text: str) -> str:
    return "".join(_BIBTEX_SPECIAL.get(character, character) for character in text)


def _authors(authors: str) -> str:
    """``A, B et al. (Group)`` as BibTeX writes it: ``A and B and others``."""
    people = re.sub(r"\s*\([^)]*\)", "", authors)
    people, others = re.subn(r"(,| and)? (et al\.?|and others)$", "", people)
    return _escaped(" and ".join(re.split(r", and |, | and ", people)) + (" and others" if others else ""))


def to_bibtex(resources: Iterable[Resource]) -> str:
    """The papers and books among the entries as a bibliography; what is not known is left out, not guessed."""
    records = []
    for resource in resources:
        if resource.kind not in CITED:
            continue
        fields = {"title": f"{{{_escaped(resource.title_en)}}}", "author": _authors(resource.authors)}
        if resource.year and not resource.year_approximate:
            fields["year"] = str(resource.year)
        if found := re.match(r"https://arxiv\.org/abs/([\d.]+)$", resource.url):
            fields |= {"eprint": found[1], "archiveprefix": "arXiv"}
        if found := re.match(r"https://doi\.org/(.+)$", resource.url):
            fields["doi"] = found[1]
        fields["url"] = resource.url
        body = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
        records.append(f"@{'book' if resource.kind == 'book' else 'misc'}{{{resource.id},\n{body}\n}}\n")
    return "\n".join(records)
