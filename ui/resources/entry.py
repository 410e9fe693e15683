"""One entry in full: what it needs, what it opens, what is like it, and how we know."""

import streamlit as st

from dlcore.resources.schema import Resource
from ui import language
from ui.language import translate as _
from ui.resources import visit
from ui.resources.cards import body, bold, compare_button, duration, entry_button, icon_of, name, tick_box, title
from ui.resources.catalogue import address, by_id, catalogue, in_order, labs_of, link_of, needed_by, related
from ui.resources.paths import paths
from ui.resources.visit import key
from ui.shell import plain_text

_PAGES = {
    "home": ("pages/home.py", ":material/home:"),
    "concepts": ("pages/concepts.py", ":material/school:"),
    "train": ("pages/train.py", ":material/model_training:"),
    "draw": ("pages/draw.py", ":material/draw:"),
}
_SOFTWARE = frozenset({"framework", "library", "tool"})


def show_entry(identifier: str) -> None:
    """The whole of what the catalogue knows of an entry."""
    resource = by_id(identifier)
    st.button(
        _("Back to the directory"),
        key=key("back"),
        type="tertiary",
        icon=":material/arrow_back:",
        on_click=visit.close_entry,
    )
    with st.container(border=True, key="resources-entry"):
        st.subheader(f"{icon_of(resource)} {plain_text(title(resource))}", anchor=False)
        st.markdown("\n\n".join(body(resource)))
        with st.container(horizontal=True, vertical_alignment="center"):
            dead = address(resource) != resource.url
            label = _("Open the archived copy") if dead else _("Open")
            st.link_button(label, address(resource), icon=":material/open_in_new:", type="primary")
            _try_here(resource)
            compare_button(resource)
            tick_box(resource)
        st.markdown(_facts(resource))
    _labs(resource)
    _connections(resource)


def _try_here(resource: Resource) -> None:
    if resource.here:
        query = {field: str(value) for field, value in resource.here.query.items()}
        st.page_link(
            _PAGES[resource.here.page][0],
            label=_("Try it here"),
            icon=_PAGES[resource.here.page][1],
            query_params={"lang": language.current(), **query},
        )


def _facts(resource: Resource) -> str:
    """How we know: dates, sources, licence."""
    how = {
        "repository": _("its own repository was read"),
        "announcement": _("its makers' announcements were read"),
        "citation": _("its bibliographic record was compared"),
        "list": _("a kept list of libraries was read"),
        "report": _("what others report of it was read"),
    }
    lines = [_("Topics: {topics}").format(topics=_(", ").join(name("topic", topic) for topic in resource.topics))]
    if resource.license and resource.kind in _SOFTWARE:
        lines.append(_("Licence of the software: {license}").format(license=resource.license))
    if resource.minutes_from == "estimate":
        lines.append(_("The time is our estimate."))
    checked = _("Last looked at in {month}: {how}.").format(month=resource.checked, how=how[resource.checked_how])
    if resource.last_activity:
        checked += " " + _("Last change seen: {month}.").format(month=resource.last_activity)
    lines.append(checked)
    lines.append(_address_facts(resource))
    lines.append(_("Catalogue of {month}.").format(month=catalogue().date))
    return "  \n".join(f":gray[:small[{line}]]" for line in lines)


def _address_facts(resource: Resource) -> str:
    """What the link checker found, and when."""
    record = link_of(resource)
    if record is None:
        return _("Address: not tried by the link checker yet.")
    found = {
        "ok": _("Address: tried on {day}, it answers."),
        "moved": _("Address: tried on {day}, it has moved and leads on."),
        "gone": _("Address: tried on {day}, the page is gone ({detail})."),
        "refused": _("Address: tried on {day}, it answers, but not to programs ({detail})."),
        "failing": _("Address: tried on {day}, no answer since {since} ({detail})."),
    }[record.state]
    return found.format(day=record.checked, since=record.since, detail=plain_text(record.detail))


def _labs(resource: Resource) -> None:
    """The ways from an entry back into this dashboard."""
    leading = labs_of(resource.id)
    if not leading:
        return
    spoken = language.current()
    st.markdown(bold(_("In this lab")))
    with st.container(horizontal=True, gap="small", key="resources-labs"):
        for lab in leading:
            template = _("See it: {lab}") if resource.id in lab.shows else "{lab}"
            page, icon = _PAGES[lab.page]
            label, query = template.format(lab=lab.name(spoken)), {**lab.query, "lang": spoken}
            st.page_link(page, label=label, icon=icon, query_params=query, width="content")


def _connections(resource: Resource) -> None:
    before, after, beside = st.columns(3)
    with before:
        _before(resource)
    with after:
        _after(resource)
    with beside:
        st.markdown(bold(_("Beside it")))
        for other in related(resource):
            entry_button(other.id, "beside", icon=icon_of(other))


def _before(resource: Resource) -> None:
    if resource.retired:
        st.markdown(bold(_("What to use instead")))
        if resource.successor:
            entry_button(resource.successor, "instead", icon=icon_of(by_id(resource.successor)))
        else:
            st.caption(_("Nothing takes its place; it can still be read."))
    needed = in_order([resource.id])[:-1]
    if needed or not resource.retired:
        st.markdown(bold(_("What it builds on")))
    for other in needed:
        entry_button(other.id, "before", icon=icon_of(other))
    if needed:
        total = duration(sum(other.minutes or 0 for other in needed))
        st.caption(_("In this order; all of it takes {time}.").format(time=total))
    elif not resource.retired:
        st.caption(_("Nothing: you can start with it."))


def _after(resource: Resource) -> None:
    st.markdown(bold(_("What it leads to")))
    after = needed_by(resource.id)
    ways = [path for path in paths().values() if any(step.id == resource.id for step in path.steps)]
    for other in after[:8]:
        entry_button(other.id, "after", icon=icon_of(other))
    for path in ways:
        st.button(
            _("Path: {title}").format(title=path.told("title", language.current())),
            key=key(f"path.{path.id}"),
            type="tertiary",
            icon=":material/route:",
            on_click=visit.ask,
            kwargs={"view": "paths", "goal": path.id},
        )
    if not after and not ways:
        st.caption(_("Nothing."))
