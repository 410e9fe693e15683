"""More runs of the same kind: repeated with other seeds, or as a search for good settings; and how a search goes."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from dlcore.config import KNOBS, TrainConfig
from dlcore.knobs import Knob
from dlcore.messages import N_, UserError
from dlcore.runs import keeping
from dlcore.runs.overview import overview
from dlcore.sweeps import plan as plans
from dlcore.sweeps.directory import LIVE, STATUSES, Progress, Sweep, list_sweeps, open_sweep, start
from ui.clock import run_again
from ui.figure import figure
from ui.history.naming import names_of, rounded, series, shown
from ui.history.parallel import parallel
from ui.history.state import RunsPage, opened
from ui.history.sweep_figures import history_figure, importance_figure
from ui.language import explain
from ui.language import translate as _
from ui.part import part
from ui.shell import plain_text, show_error
from ui.training.state import page as train_page
from ui.training.words import duration, title
from ui.visitor import local_time

_LOOK_SECONDS = 2.0
_MOST_OFFERED = 50
_FORM = "form"
_DEFAULT_MOVES = ("learning_rate",)
_MOST_SEEDS = 10
_IN_TITLE = ("dataset", "model", "classes", "own_images")
_KINDS = {"repeat": N_("Repeat with other seeds"), "sweep": N_("Search for good settings")}


def more_runs(state: RunsPage) -> None:
    """Start a repetition or a sweep; below it, how one goes. Nothing before there is anything to start from."""
    if not state.chosen and train_page() is None and not state.listed and not list_sweeps(state.visitor):
        return
    st.subheader(_("More runs"), anchor=False)
    kinds = {one: _(title) for one, title in _KINDS.items()}
    kind = st.segmented_control(
        _("What to start"),
        list(_KINDS),
        default="repeat",
        format_func=lambda one: kinds[one],
        key="runs.kind",
        label_visibility="collapsed",
        required=True,
    )
    base = _base(state)
    plan = _repetition(base) if kind == "repeat" else _search(base)
    if plan is not None:
        st.button(
            _("Start {count} runs").format(count=plan.count),
            type="primary",
            icon=":material/play_arrow:",
            key="runs.sweep.start",
            on_click=_start,
            args=(state, plan),
        )
        st.caption(_("They train one after another, as runs of yours; other visitors take their turns in between."))
    part(_watch)(state)


def _base(state: RunsPage) -> TrainConfig:
    """The configuration around which everything moves: a run's, or that of the form on the Train page."""
    chosen, _problems = opened(state.chosen)
    runs = chosen or state.listed[:_MOST_OFFERED]
    names = dict(zip((run.run_id for run in runs), names_of([overview(run) for run in runs]), strict=True))
    names[_FORM] = _("What the form on the Train page says")
    by_hand = (run.run_id for run in runs if chosen or not run.sweep)
    first = state.base if state.base in names else next(by_hand, next(iter(names)))
    picked = st.selectbox(
        _("Settings of"),
        list(names),
        index=list(names).index(first),
        format_func=lambda one: names[one],  # what is no key, as a label of the other language, has to raise
        key=f"runs.base.{len(names)}.{next(iter(names))}",  # a run that is new takes nobody's choice away
    )
    state.base = picked if picked != first or state.base else ""
    train = train_page()
    config = train.config if train is not None else TrainConfig()
    if picked != _FORM:
        config = next(run.config for run in runs if run.run_id == picked)
    st.caption(_told(config))
    return config


def _told(config: TrainConfig) -> str:
    """What would be trained: what it is, how long, and whatever is not as it is by default."""
    values = config.model_dump()
    always = ("epochs", "learning_rate", "batch_size", "optimizer")
    names = [
        name
        for name, knob in KNOBS.items()
        if name in always or (name not in _IN_TITLE and values[name] != knob.default and knob.applies(values))
    ]
    settings = [
        _("{setting} {value}").format(setting=_(KNOBS[name].title), value=plain_text(shown(name, values[name])[:40]))
        for name in names
    ]
    return " · ".join([title(config), *settings])


def _repetition(base: TrainConfig) -> plans.Plan | None:
    count = int(st.number_input(_("How many seeds, its own included"), 2, _MOST_SEEDS, 5, key="runs.seeds"))
    try:
        return plans.seeds(base, count)
    except UserError as error:
        show_error(error)
        return None


def _search(base: TrainConfig) -> plans.Plan | None:
    values = base.model_dump()
    offered = [name for name in plans.MOVABLE if KNOBS[name].applies(values) and name != "seed"]
    titles = {name: _(KNOBS[name].title) for name in offered}
    moved = st.multiselect(
        _("Settings that move"),
        offered,
        default=[name for name in _DEFAULT_MOVES if name in offered],
        format_func=lambda name: titles[name],
        max_selections=plans.MOST_MOVES,
        key="runs.moved",
    )
    first, second, third = st.columns(3)
    sampler = _one_of(first, "sampler", _("Who chooses"), plans.SAMPLERS)
    pruner = _one_of(second, "pruner", _("Stop the hopeless early"), plans.PRUNERS)
    objective = _one_of(third, "objective", _("Aim"), plans.OBJECTIVES)
    moves = {name: _move(KNOBS[name], values[name], grid=sampler == "grid") for name in moved}
    left, middle, right = st.columns(3)
    try:
        most = min(plans.MOST_RUNS, keeping.bounds().runs_each or plans.MOST_RUNS)
    except UserError as error:  # a setting of the server
        show_error(error)
        return None
    runs = left.number_input(_("Runs at most"), 1, most, min(20, most), key="runs.budget")
    minutes = middle.number_input(_("Minutes at most"), 1, plans.MOST_MINUTES, 60, key="runs.minutes")
    name = right.text_input(_("Tag of its runs"), max_chars=24, key="runs.sweep.name")
    if not moved:
        st.caption(_("Choose at least one setting that moves."))
        return None
    try:
        return plans.Plan.parse(
            {"name": name, "base": values, "moves": moves, "sampler": sampler, "pruner": pruner}
            | {"objective": objective, "runs": int(runs), "minutes": float(minutes)}
        )
    except UserError as error:
        show_error(error)
        return None


def _one_of(column: Any, name: str, label: str, offered: Mapping[str, str]) -> str:
    titles = {one: _(title) for one, title in offered.items()}
    chosen: str = column.selectbox(
        label, list(titles), format_func=lambda one: titles[one], key=f"runs.{name}", filter_mode=None
    )
    return chosen


def _move(knob: Knob, value: Any, *, grid: bool) -> Mapping[str, Any]:
    """How far one setting moves, as the visitor says it."""
    title = _(knob.title)
    if knob.choices is not None:
        choices = {value: _(words) for value, words in knob.choices.items()}
        picked = st.multiselect(
            title,
            list(choices),
            default=list(choices)[:3],
            format_func=lambda one: choices[one],
            key=f"runs.move.{knob.name}",
        )
        return {"choices": picked}
    low, high = _suggested(knob, float(value))
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    first = left.text_input(
        _("{title} from").format(title=title), value=f"{low:g}", max_chars=24, key=f"runs.low.{knob.name}"
    )
    last = middle.text_input(_("to"), value=f"{high:g}", max_chars=24, key=f"runs.high.{knob.name}")
    points = 3
    if grid:
        points = int(right.number_input(_("in steps"), 2, plans.MOST_CHOICES, 3, key=f"runs.points.{knob.name}"))
    else:
        right.caption(_("Allowed: {allowed}").format(allowed=knob.allowed))
    start = _read(first)
    return {
        "low": start,
        "high": _read(last),
        "logarithmic": knob.logarithmic and start is not None and start > 0,
        "points": points,
    }


def _read(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _suggested(knob: Knob, value: float) -> tuple[float, float]:
    """A range around ``value`` that is worth a search: a factor of ten either way, or half of what is allowed."""
    assert knob.minimum is not None
    assert knob.maximum is not None
    if knob.logarithmic:
        middle = value or 0.001
        low, high = (middle / 4, middle * 4) if knob.kind is int else (middle / 10, middle * 10)
    else:
        low, high = 0.5 * value, max(2 * value, value + (knob.step or 1) * 4)
    low, high = max(low, knob.minimum), min(high, knob.maximum)
    if knob.kind is int:
        low, high = max(1.0, round(low)), round(high)
    return float(f"{low:.3g}"), float(f"{high:.3g}")


def _start(state: RunsPage, plan: plans.Plan) -> None:
    def begin() -> None:
        state.sweep = start(plan, owner=state.visitor).sweep_id

    _attempt(state, begin)


def _watch(state: RunsPage) -> None:
    """One sweep or repetition: how it goes, and its runs."""
    if state.chosen != state.drawn:  # some of its runs were picked out of the lines
        st.rerun()
    if state.sweep_problem is not None:
        show_error(state.sweep_problem)
    sweeps = {sweep.sweep_id: sweep for sweep in list_sweeps(state.visitor)[:_MOST_OFFERED]}
    if state.sweep and state.sweep not in sweeps:
        try:
            sweeps = {state.sweep: open_sweep(state.sweep), **sweeps}
        except UserError as error:
            show_error(error)
            state.sweep = ""
    if not sweeps:
        state.going = False
        return
    ids = list(sweeps)
    shown_first = state.sweep if state.sweep in sweeps else ids[0]
    titles = {one: _title(sweep) for one, sweep in sweeps.items()}
    if len(ids) > 1:
        key = f"runs.sweep.{shown_first}"
        picked = st.selectbox(
            _("Repetition or search"),
            ids,
            index=ids.index(shown_first),
            format_func=lambda one: titles[one],
            key=key,
            filter_mode=None,
        )
        if picked != shown_first:
            state.sweep = picked
            st.rerun()
    state.sweep = shown_first
    sweep = sweeps[shown_first]
    status, progress = sweep.status(), sweep.progress()
    if state.going != (status in LIVE):
        state.going = status in LIVE
        st.rerun()  # the table follows it from now on, or has not seen its last runs
    _header(state, sweep, progress, going=status in LIVE)
    _figures(state, sweep, progress)
    if status in LIVE:
        run_again(_LOOK_SECONDS, key="runs.sweep.clock")


def _title(sweep: Sweep) -> str:
    moved = _(", ").join(_(KNOBS[name].title) for name in sweep.plan.moves)
    return f"{local_time(sweep.created)} · {sweep.plan.name or series(sweep.sweep_id)} · {moved}"


def _header(state: RunsPage, sweep: Sweep, progress: Progress, *, going: bool) -> None:
    status = sweep.status()
    done = sum(trial.state != "running" for trial in progress.trials)
    whole = sweep.plan.count
    st.markdown(f"**{plain_text(_title(sweep))}**")
    words = [_(STATUSES[status]), _("{done} of {count} runs").format(done=done, count=whole)]
    spent = duration(progress.spent_seconds)
    if sweep.plan.minutes < plans.MOST_MINUTES:  # repeats have no budget of their own
        spent = _("{time} of {budget}").format(time=spent, budget=duration(60 * sweep.plan.minutes))
    words.append(spent)
    if (best := _best(sweep, progress)) is not None:
        value = f"{best[0]:.2%}" if not sweep.plan.smaller_is_better else f"{best[0]:.4f}"
        words.append(_("best {value}: {settings}").format(value=value, settings=plain_text(best[1])))
    st.progress(min(1.0, done / whole), text=" · ".join(words))
    if progress.message and not (status == "finished" and done >= whole):  # which says it already
        st.caption(
            explain(UserError(progress.message, **progress.message_values), show=lambda value: plain_text(str(value)))
        )
    with st.container(horizontal=True, gap="small"):
        mine = sweep.owner == state.visitor
        if going and mine:
            asked = st.button(_("Stop"), icon=":material/stop:", key="runs.sweep.stop")
            action: Callable[[], object] = sweep.ask_to_stop
        elif mine and status in ("stopped", "interrupted"):
            asked = st.button(_("Go on"), icon=":material/play_arrow:", key="runs.sweep.resume")
            action = sweep.launch
        else:
            asked = False
        if asked:
            _attempt(state, action)
            st.rerun()  # the whole page: the table follows what goes on
        names = tuple(trial.run_id for trial in progress.trials if trial.run_id)
        if names and st.button(_("Compare its runs"), icon=":material/compare_arrows:", key="runs.sweep.compare"):
            state.choose(names)
            st.rerun()
        if mine and not going:
            with st.popover(_("Delete"), icon=":material/delete:", key="runs.sweep.more"):
                st.caption(_("What it found is forgotten for good; its runs stay."))
                label = _("Delete this repetition") if set(sweep.plan.moves) == {"seed"} else _("Delete this search")
                if st.button(label, key="runs.sweep.delete"):
                    _attempt(state, sweep.delete)
                    state.sweep = ""
                    st.rerun()


def _attempt(state: RunsPage, action: Callable[[], object]) -> None:
    state.sweep_problem = None
    try:
        action()
    except UserError as error:
        state.sweep_problem = error


def _best(sweep: Sweep, progress: Progress) -> tuple[float, str] | None:
    complete = [
        (trial.value, trial) for trial in progress.trials if trial.state == "complete" and trial.value is not None
    ]
    if not complete:
        return None
    value, trial = (min if sweep.plan.smaller_is_better else max)(complete, key=lambda pair: pair[0])
    settings = (
        f"{_(KNOBS[name].title)} {rounded(name, setting)}" for name, setting in trial.values.items() if name in KNOBS
    )
    return value, _(", ").join(settings)


def _figures(state: RunsPage, sweep: Sweep, progress: Progress) -> None:
    if not any(trial.value is not None for trial in progress.trials):
        return
    left, right = st.columns([3, 2]) if progress.importance else (st.container(), None)
    with left:
        st.caption(_("Each run in its order; the line is the best so far."))
        figure(
            *history_figure(sweep.plan, progress),
            key="runs.sweep.history",
            height=300,
            description=_("The result of each run of the search, and the best so far."),
        )
    if right is not None:
        with right:
            st.caption(_("How much of the differences each setting explains (PED-ANOVA)."))
            figure(
                *importance_figure(progress),
                key="runs.sweep.importance",
                height=300,
                description=_("A bar for each setting: its importance."),
            )
    runs, _problems = opened(tuple(trial.run_id for trial in progress.trials if trial.run_id))
    if len(runs) > 1 and set(sweep.plan.moves) != {"seed"}:
        rows = [overview(run) for run in runs]
        parallel(
            state,
            rows,
            names_of(rows),
            sweep.plan.objective,
            key="runs.sweep.parallel",
            description=_("A line for each of {count} runs through its settings to its result.").format(
                count=len(rows)
            ),
        )
