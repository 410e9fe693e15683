"""One entry on the page: a card in a list, and the words that cards are made of."""

import re

import streamlit as st

from dlcore.resources.schema import Resource
from ui import language
from ui.language import translate as _
from ui.resources import visit
from ui.resources.catalogue import address, by_id, vocabulary
from ui.shell import plain_text

ICONS = {
    "course": "school",
    "book": "menu_book",
    "tutorial": "integration_instructions",
    "explorable": "touch_app",
    "paper": "article",
    "framework": "foundation",
    "library": "package_2",
    "tool": "build",
    "dataset": "database",
    "community": "groups",
    "news": "newspaper",
}
_STATUS = {
    "active": ("green", "bolt"),
    "maintained": ("gray", "check"),
    "archived": ("orange", "ac_unit"),
    "discontinued": ("red", "block"),
}
_LONG = 34


def bold(text: str) -> str:
    """Markdown for a heading in the running text."""
    return f"**{text}**"


def icon_of(resource: Resource) -> str:
    """The icon of the entry's kind."""
    return f":material/{ICONS[resource.kind]}:"


def name(facet: str, value: str) -> str:
    """A word of the vocabulary in the visitor's language."""
    return vocabulary()[facet][value].name(language.current())


def title(resource: Resource) -> str:
    """The entry's title in the visitor's language."""
    return resource.told("title", language.current())


def short_title(resource: Resource) -> str:
    """A title for a button: a paper's own short name, else what stands before the colon of a long title."""
    whole = title(resource)
    if resource.kind == "paper" and (found := re.search(r"[(（]([^()（）]+)[)）]$", whole)):
        return found[1]
    return re.split(r": |：", whole)[0] if len(whole) > _LONG else whole


def duration(minutes: int | None, *, exact: bool = False) -> str:
    """Minutes as people say them; empty where there is no end."""
    if minutes is None:
        return ""
    if minutes < 60:
        text = _("{minutes} min").format(minutes=minutes)
    else:
        hours = minutes / 60
        text = _("{hours} h").format(hours=f"{hours:.1f}".removesuffix(".0") if hours < 10 else round(hours))
    return text if exact else _("about {time}").format(time=text)


def year(resource: Resource) -> str:
    """The year, marked where it is only about right."""
    if resource.year is None:
        return ""
    return _("about {time}").format(time=resource.year) if resource.year_approximate else str(resource.year)


def byline(resource: Resource) -> str:
    """Who and when."""
    return " · ".join(filter(None, [resource.authors, year(resource)]))


def badges(resource: Resource) -> str:
    """The facts of an entry at a glance; a paper is never out of order, so its status is not shown."""
    plain = [
        name("level", resource.level),
        duration(resource.minutes, exact=resource.minutes_from == "source"),
        name("cost", resource.cost),
        " · ".join(name("speaks", spoken) for spoken in resource.languages),
    ]
    shown = [f":violet-badge[{icon_of(resource)} {name('kind', resource.kind)}]"]
    shown += [f":gray-badge[{text}]" for text in plain if text]
    if resource.kind != "paper":
        colour, icon = _STATUS[resource.status]
        shown.append(f":{colour}-badge[:material/{icon}: {name('status', resource.status)}]")
    if resource.in_article:
        shown.append(":blue-badge[:material/bookmark: " + _("In the article") + "]")
    if resource.id in visit.current().done:
        shown.append(":green-badge[:material/task_alt: " + _("Done") + "]")
    return " ".join(shown)


def body(resource: Resource) -> list[str]:
    """The paragraphs on an entry: its other title and by-line, badges, what it came to, the idea, the reason to look at it."""
    spoken = language.current()
    other = resource.told("title", "en" if spoken == "zh" else "zh")
    small = [other, byline(resource)] if other != title(resource) else [byline(resource)]
    paragraphs = ["  \n".join(f":gray[:small[{plain_text(line)}]]" for line in small), badges(resource)]
    if reason := resource.told("status_reason", spoken):
        colour = "red" if resource.status == "discontinued" else "orange"
        paragraphs.append(f":{colour}[:material/info: {reason}]")
    if address(resource) != resource.url:
        paragraphs.append(
            ":orange[:material/history: " + _("The address is dead; this leads to an archived copy.") + "]"
        )
    return paragraphs + [text for field in ("idea", "why") if (text := resource.told(field, spoken))]


def entry_button(identifier: str, place: str, *, icon: str | None = None, label: str = "{title}") -> None:
    """A button with an entry's name that opens it; ``place`` tells apart the same name in two places."""
    st.button(
        label.format(title=short_title(by_id(identifier))),
        key=visit.key(f"open.{place}.{identifier}"),
        type="tertiary",
        icon=icon,
        on_click=visit.open_entry,
        args=(identifier,),
    )


def tick_box(resource: Resource, *, bare: bool = False) -> None:
    """A box to tick an entry off; ``bare``: without a visible label, where its title stands beside it."""
    box, done = visit.key(f"done.{resource.id}"), resource.id in visit.current().done
    if st.session_state.get(box) != done:
        st.session_state[box] = done
    st.checkbox(
        _("Done: {title}").format(title=title(resource)) if bare else _("Done"),
        key=box,
        label_visibility="collapsed" if bare else "visible",
        on_change=visit.tick,
        args=(resource.id,),
        width=24 if bare else "content",
    )


def compare_button(resource: Resource) -> None:
    """Takes an entry into the comparison, or out of it again."""
    chosen = resource.id in visit.current().compare
    st.button(
        _("Compared") if chosen else _("Compare"),
        key=visit.key(f"beside.{resource.id}"),
        type="tertiary",
        icon=":material/check:" if chosen else ":material/compare_arrows:",
        on_click=visit.put_beside,
        args=(resource.id,),
    )


def card(resource: Resource) -> None:
    """An entry in a list."""
    with st.container(border=True, height="stretch", key=f"resources-card-{resource.id}"):
        heading = f"**[{plain_text(title(resource))}]({address(resource)})**"
        st.markdown(heading + "  \n" + "\n\n".join(body(resource)))
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.button(
                _("Details"),
                key=visit.key(f"details.{resource.id}"),
                type="tertiary",
                icon=":material/read_more:",
                on_click=visit.open_entry,
                args=(resource.id,),
            )
            compare_button(resource)
            if resource.successor:
                entry_button(
                    resource.successor,
                    f"instead.{resource.id}",
                    icon=":material/arrow_forward:",
                    label=_("Instead: {title}"),
                )
            for needed in resource.prerequisites:
                entry_button(needed, f"first.{resource.id}", icon=":material/stairs_2:", label=_("First: {title}"))
