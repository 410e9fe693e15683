"""Any entries side by side: every fact a row, what they share in grey; the choice is in the link."""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from dlcore.resources.schema import Resource
from ui import language
from ui.language import translate as _
from ui.resources import visit
from ui.resources.cards import bold, duration, entry_button, icon_of, name, short_title, title, year
from ui.resources.catalogue import address, all_resources, by_id
from ui.resources.visit import MOST_COMPARED, Visit, key
from ui.shell import plain_text

SUGGESTIONS: Sequence[tuple[str, ...]] = (
    ("pytorch", "keras", "jax"),
    ("d2l-en", "d2l-zh", "goodfellow-dl", "udl-prince"),
    ("cs231n", "lhy-ml", "dl-specialization", "fastai-course"),
    ("onnxruntime", "executorch", "litert", "ncnn"),
)
"""Comparisons that many people want, as ids."""


def compare(state: Visit) -> None:
    """The choice of entries, then the table; without a choice, some that others made."""
    titles = {resource.id: title(resource) for resource in all_resources()}
    st.multiselect(
        _("Entries to compare"),
        list(titles),
        key=key("compare"),
        format_func=titles.__getitem__,
        max_selections=MOST_COMPARED,
        placeholder=_("Type a title; up to {most} of them").format(most=MOST_COMPARED),
    )
    if len(state.compare) < 2:
        st.markdown(_("Choose two or more, or begin with one of these:"))
        with st.container(horizontal=True, gap="small"):
            for number, suggestion in enumerate(SUGGESTIONS):
                st.button(
                    " · ".join(short_title(by_id(identifier)) for identifier in suggestion),
                    key=key(f"suggestion.{number}"),
                    on_click=visit.ask,
                    kwargs={"compare": list(suggestion)},
                )
        return
    chosen = [by_id(identifier) for identifier in state.compare]
    with st.container(key="resources-comparison"):
        st.markdown(table(chosen))
    st.caption(_("In grey: where they are all the same. The link of this page shows the same comparison."))
    with st.container(horizontal=True, gap="small"):
        for resource in chosen:
            entry_button(resource.id, "compare", icon=icon_of(resource))


def rows(spoken: str) -> Mapping[str, Callable[[Resource], str]]:
    """What is compared: the heading of each row, and its cell for an entry, as plain text."""

    def names(facet: str, values: Sequence[str]) -> str:
        return _(", ").join(name(facet, value) for value in values)

    def status(resource: Resource) -> str:
        word = name("status", resource.status) if resource.kind != "paper" else ""
        return " – ".join(filter(None, [word, resource.told("status_reason", spoken)]))

    return {
        _("Kind"): lambda resource: name("kind", resource.kind),
        _("By"): lambda resource: resource.authors,
        _("Year"): year,
        _("Language"): lambda resource: names("speaks", resource.languages),
        _("Level"): lambda resource: name("level", resource.level),
        _("Time"): lambda resource: duration(resource.minutes, exact=resource.minutes_from == "source"),
        _("Cost"): lambda resource: name("cost", resource.cost),
        _("Licence"): lambda resource: resource.license or "",
        _("Topics"): lambda resource: names("topic", resource.topics),
        _("Status"): status,
        _("Last change"): lambda resource: resource.last_activity or "",
        _("Looked at"): lambda resource: resource.checked,
        _("Builds on"): lambda resource: _(", ").join(short_title(by_id(other)) for other in resource.prerequisites),
        _("The idea"): lambda resource: resource.told("idea", spoken),
        _("Worth knowing"): lambda resource: resource.told("why", spoken),
    }


def table(chosen: Sequence[Resource]) -> str:
    """The comparison as a Markdown table; rows that are empty for all of them are left out."""
    head = [f"[{plain_text(title(resource))}](<{address(resource)}>)" for resource in chosen]
    lines = [f"| | {' | '.join(head)} |", "| :-- |" + " :-- |" * len(chosen)]
    for heading, cell in rows(language.current()).items():
        cells = [plain_text(cell(resource)) for resource in chosen]
        if not any(cells):
            continue
        same = len(set(cells)) == 1
        shown = [f":gray[{text}]" if same else text or "–" for text in cells]
        lines.append(f"| {heading if same else bold(heading)} | {' | '.join(shown)} |")
    return "\n".join(lines)
