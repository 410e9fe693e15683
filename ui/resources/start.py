"""Where to start: three questions, an ordered path with reasons and weeks, ticked off as one goes."""

from math import ceil

import streamlit as st

from ui import language
from ui.language import translate as _
from ui.resources import visit
from ui.resources.cards import duration, entry_button, icon_of, name, short_title, tick_box, title
from ui.resources.catalogue import address
from ui.resources.paths import Plan, Stop, backgrounds, paths, plan, to_dot
from ui.resources.progress import take_along
from ui.resources.visit import Visit, key
from ui.shell import plain_text


def start(state: Visit) -> None:
    """The questions, then the path that answers them."""
    spoken = language.current()
    columns = st.columns([3, 4, 3])
    with columns[0]:
        st.selectbox(
            _("What do you know?"),
            list(backgrounds()),
            key=key("know"),
            format_func={item.id: item.name(spoken) for item in backgrounds().values()}.__getitem__,
        )
    with columns[1]:
        st.selectbox(
            _("What do you want?"),
            list(paths()),
            key=key("goal"),
            format_func={path.id: path.told("goal", spoken) for path in paths().values()}.__getitem__,
        )
    with columns[2]:
        st.slider(_("Hours a week"), 1, visit.MOST_HOURS, key=key("hours"))
    path = paths()[state.goal]
    fitted = plan(path, backgrounds()[state.know])
    _heading(state, fitted)
    weeks = fitted.weeks(state.hours, state.done)
    for number, stop in enumerate(fitted.stops, start=1):
        _stop(number, stop, weeks.get(stop.resource.id))
    if fitted.left_out:
        known = ", ".join(plain_text(short_title(resource)) for resource in fitted.left_out)
        st.caption(_("Left out, since you know it: {titles}.").format(titles=known))
    _picture(state, fitted)
    take_along(state)


def _heading(state: Visit, fitted: Plan) -> None:
    spoken = language.current()
    path = paths()[state.goal]
    st.subheader(path.told("title", spoken), anchor=False)
    st.markdown(path.told("lead", spoken))
    done = [stop for stop in fitted.stops if stop.resource.id in state.done]
    left = fitted.hours(state.done)
    if len(done) == len(fitted.stops):
        template = _("All {count} steps done. Pick a next path.")
    elif done:
        template = _(
            "{done} of {count} steps done, about {hours} h left. At {pace} h a week you finish in week {weeks}."
        )
    else:
        template = _("{count} steps, about {hours} h. At {pace} h a week you finish in week {weeks}.")
    numbers = {"count": len(fitted.stops), "hours": left, "pace": state.hours, "weeks": ceil(left / state.hours)}
    st.progress(len(done) / len(fitted.stops), text=template.format(done=len(done), **numbers))


def _when(weeks: tuple[int, int]) -> str:
    first, last = weeks
    if first == last:
        return _("week {number}").format(number=first)
    return _("weeks {first} to {last}").format(first=first, last=last)


def _stop(number: int, stop: Stop, weeks: tuple[int, int] | None) -> None:
    resource, spoken = stop.resource, language.current()
    facts = [
        f"{icon_of(resource)} {name('kind', resource.kind)}",
        duration(stop.minutes or None, exact=resource.minutes_from == "source"),
        " · ".join(name("speaks", item) for item in resource.languages),
    ]
    if weeks:
        facts.insert(0, f":material/calendar_month: {_when(weeks)}")
    if resource.cost != "free":
        facts.append(name("cost", resource.cost))
    if stop.step:
        reason = stop.step.told("reason", spoken)
    elif stop.needed_for:
        titles = _(", ").join(plain_text(short_title(other)) for other in stop.needed_for)
        reason = _("Put in because these need it: {titles}.").format(titles=titles)
    else:
        reason = _("To warm up.")
    with st.container(horizontal=True, vertical_alignment="top", gap="small", key=f"resources-stop-{resource.id}"):
        tick_box(resource, bare=True)
        with st.container(gap=None):
            heading = f"**{number}. [{plain_text(title(resource))}]({address(resource)})**"
            st.markdown(f"{heading}  \n{reason}  \n:gray[:small[{'　'.join(filter(None, facts))}]]")
        entry_button(resource.id, "stop", icon=":material/read_more:", label=_("Details"))


def _picture(state: Visit, fitted: Plan) -> None:
    with st.expander(_("What builds on what"), icon=":material/account_tree:", key="resources-picture"):
        titles = {stop.resource.id: short_title(stop.resource) for stop in fitted.stops}
        st.graphviz_chart(
            to_dot(fitted, state.done, titles),
            alt=_("The steps of the path; an arrow leads from what is needed to what needs it."),
        )
