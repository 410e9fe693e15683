"""What is below the table: the chosen runs side by side, in one of several ways, each of them in the link."""

from collections.abc import Callable, Mapping

import streamlit as st

from dlcore.config import KNOBS
from dlcore.messages import N_
from dlcore.runs.comparing import METRICS, differences, gathered, measured
from dlcore.runs.overview import Overview, overview
from dlcore.runs.status import LIVE
from ui.clock import run_again
from ui.figure import figure
from ui.history.compare_figures import front_figure, metric_title, scatter_figure
from ui.history.curves import AXES, CURVES, MOST_DRAWN, curves_figure, lines_of
from ui.history.naming import names_of, shown
from ui.history.parallel import parallel, varied_settings
from ui.history.repeats import repeats_view
from ui.history.state import MOST_CHOSEN, RunsPage, opened
from ui.history.tables import Line, table
from ui.language import translate as _
from ui.part import part
from ui.shell import show_error

_LOOK_SECONDS = 3.0
_VIEWS: Mapping[str, str] = {
    "curves": N_("Curves"),
    "settings": N_("Settings that differ"),
    "parallel": N_("All settings at once"),
    "scatter": N_("One against another"),
    "front": N_("Best trade-offs"),
    "repeats": N_("Chance or not"),
}


def compare(state: RunsPage) -> None:
    """The chosen runs, or if none is chosen, what can be seen of all of them together."""
    runs, problems = opened(state.chosen)
    whole = not runs
    if whole:
        runs = state.listed[:MOST_CHOSEN]
    if len(runs) < 1:
        return
    st.subheader(_("Compare"), anchor=False)
    for problem in problems:
        show_error(problem)
    rows = [overview(run) for run in runs]
    names = names_of(rows)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if whole:
            newest = (
                _("No run is ticked in the table: this is the only one.")
                if len(rows) == 1
                else _("No run is ticked in the table: these are the newest {count}.")
            )
            st.caption(newest.format(count=len(rows)))
        else:
            ticked = (
                _("One run is ticked in the table.") if len(rows) == 1 else _("{count} runs are ticked in the table.")
            )
            st.caption(ticked.format(count=len(rows)), width="content")
            st.button(_("Untick all"), type="tertiary", key="runs.clear", on_click=state.choose, args=((),))
    view = _pick(state, "view", _("How to compare"), _VIEWS, "curves", segmented=True)
    shown_as: dict[str, Callable[[RunsPage, list[Overview], list[str]], None]] = {
        "curves": _curves,
        "settings": _settings,
        "parallel": _parallel,
        "scatter": _scatter,
        "front": _front,
        "repeats": repeats_view,
    }
    shown_as[view](state, rows, names)


def _pick(
    state: RunsPage, name: str, label: str, offered: Mapping[str, str], default: str, *, segmented: bool = False
) -> str:
    """A choice that is kept in the link under ``name``, where that is not the default."""
    options = list(offered)
    titles = {one: _(title) for one, title in offered.items()}
    asked = state.view.get(name, "")
    first = asked if asked in options else default if default in options else options[0]
    if segmented:
        chosen = st.segmented_control(
            label,
            options,
            default=first,
            format_func=lambda one: titles[one],
            key=f"runs.{name}",
            label_visibility="collapsed",
            required=True,
        )
    else:
        chosen = st.selectbox(
            label,
            options,
            index=options.index(first),
            format_func=lambda one: titles[one],
            key=f"runs.{name}.{'-'.join(options)[:200]}",
            filter_mode=None,
        )
    chosen = chosen if chosen in options else first
    state.view[name] = "" if chosen == default else chosen
    return chosen


def _curves(state: RunsPage, rows: list[Overview], names: list[str]) -> None:
    left, middle, right = st.columns([2, 1.4, 2], vertical_alignment="bottom")
    with left:
        curve = _pick(state, "metric", _("Curve"), CURVES, "validation_accuracy")
    with middle:
        axis = _pick(state, "axis", _("Against"), AXES, "epoch")
    groups = [[row] for row in rows]
    repeated = gathered(rows)
    with right:
        together = len(repeated) < len(rows) and st.toggle(
            _("Repeats as mean and 95% band"), value=True, key="runs.together"
        )
        logarithmic = not curve.endswith("accuracy") and st.toggle(_("Logarithmic"), key="runs.log")
    if together:
        groups, names = repeated, names_of([group[0] for group in repeated], seeds=False)
    if len(groups) > MOST_DRAWN:
        st.caption(_("The first {most} of {count}; tick fewer to choose.").format(most=MOST_DRAWN, count=len(groups)))
        groups, names = groups[:MOST_DRAWN], names[:MOST_DRAWN]
    part(_over_each_other)(groups, names, curve=curve, axis=axis, logarithmic=logarithmic)


def _over_each_other(
    groups: list[list[Overview]], names: list[str], *, curve: str, axis: str, logarithmic: bool
) -> None:
    """The curves; looked at again while one of the runs goes on."""
    # Asked before they are read, so that the last look is at whole curves.
    going = any(row.run.status() in LIVE for group in groups for row in group)
    lines = lines_of(groups, names, curve)
    if any(line.points for line in lines):
        figure(
            *curves_figure(lines, curve=curve, axis=axis, logarithmic=logarithmic, revision=f"{curve} {axis}"),
            key="runs.curves",
            height=440 + 18 * max(0, len(lines) - 4),  # on a phone each takes a line of the legend
            description=_("{curve} of {count} runs.").format(curve=_(CURVES[curve]), count=len(lines)),
        )
    else:
        st.caption(_("Nothing was measured yet."))
    if going:
        run_again(_LOOK_SECONDS, key="runs.curves.clock")


def _settings(_state: RunsPage, rows: list[Overview], names: list[str]) -> None:
    if len(rows) < 2:
        st.caption(_("Tick at least two runs."))
        return
    if len(rows) > MOST_DRAWN:
        st.caption(_("The first {most} of {count}; tick fewer to choose.").format(most=MOST_DRAWN, count=len(rows)))
        rows, names = rows[:MOST_DRAWN], names[:MOST_DRAWN]
    columns = differences([row.run.config for row in rows])
    lines = [
        Line(_(KNOBS[name].title), [_trimmed(shown(name, value)) for value in values])
        for name, values in columns.items()
    ]
    if not columns:
        st.caption(_("Their settings are all the same."))
    for name, metric in METRICS.items():
        found = [measured(row, name) for row in rows]
        known = [value for value in found if value is not None]
        if not known:
            continue
        best = (min if metric.smaller_is_better else max)(known)
        places = [place for place, value in enumerate(found) if value == best]
        cells = [_result(value, share=metric.share) for value in found]
        lines.append(Line(metric_title(name), cells, found=True, best=places if 2 * len(places) <= len(known) else ()))
    table("", names, lines)


def _parallel(state: RunsPage, rows: list[Overview], names: list[str]) -> None:
    if not varied_settings(rows):
        st.caption(_("It takes two runs whose settings differ."))
        return
    metric = _pick(state, "y", _("Coloured by"), _titles(), "validation_accuracy")
    parallel(
        state,
        rows,
        names,
        metric,
        key="runs.parallel",
        description=_("A line for each of {count} runs through its settings to its result.").format(count=len(rows)),
    )
    st.caption(
        _("Each line is a run; indigo ones did best, amber ones worst. Settings that do not differ are left out.")
    )


def _scatter(state: RunsPage, rows: list[Overview], names: list[str]) -> None:
    settings = {name: KNOBS[name].title for name, _column in varied_settings(rows)}
    offered = (settings or {"learning_rate": KNOBS["learning_rate"].title}) | _titles()
    left, right = st.columns(2)
    with left:
        x = _pick(state, "x", _("Across"), offered, next(iter(offered)))
    with right:
        y = _pick(state, "y", _("Upwards"), _titles(), "validation_accuracy")
    figure(
        *scatter_figure(rows, names, x, y, revision="scatter"),
        key="runs.scatter",
        height=420,
        description=_("{y} against {x}, a point for each run.").format(y=_(offered[y]), x=_(offered[x])),
    )


def _front(state: RunsPage, rows: list[Overview], names: list[str]) -> None:
    prices = {name: METRICS[name].title for name in ("parameters", "train_seconds")}
    left, right = st.columns(2)
    with left:
        x = _pick(state, "x", _("Price"), prices, "parameters")
    with right:
        y = _pick(state, "y", _("Gain"), {name: METRICS[name].title for name in list(METRICS)[:2]}, "test_accuracy")
    figure(
        *front_figure(rows, names, x, y, revision="front"),
        key="runs.front",
        height=420,
        description=_("{y} against {x}; the runs that no other beats in both are joined.").format(
            y=_(METRICS[y].title), x=_(METRICS[x].title)
        ),
    )
    st.caption(_("A run on the line is beaten by none: whoever is better costs more, whoever costs less is worse."))


def _titles() -> dict[str, str]:
    return {name: metric.title for name, metric in METRICS.items()}


def _result(value: float | None, *, share: bool) -> str:
    if value is None:
        return "–"
    return f"{value:.2%}" if share else f"{value:,.4g}" if value < 10_000 else f"{value:,.0f}"


def _trimmed(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
