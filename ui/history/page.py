"""The Runs page put together: the table, what is compared below it, and how more runs come about."""

from collections.abc import Callable

import streamlit as st

from dlcore.messages import N_, UserError
from dlcore.runs import keeping, queue
from dlcore.runs.damaged import damaged_runs
from dlcore.runs.directory import Run, list_runs, open_run
from dlcore.runs.importing import import_run
from dlcore.runs.overview import overview
from ui.clock import run_again
from ui.history.compare import compare
from ui.history.state import MOST_CHOSEN, RunsPage, enter, opened, read_runs, write_link
from ui.history.sweeps import more_runs
from ui.history.table import KEY, run_table
from ui.language import translate as _
from ui.part import part
from ui.shell import show_error
from ui.training.words import title
from ui.visitor import visitor_token

_TRAIN_PAGE = "pages/train.py"
_LOOK_SECONDS = 3.0
"""Between two looks while any run in the table trains or waits."""
_MOST_PROBLEMS = 5
"""That are told one by one."""
_ACTS = ("open", "pin", "unpin", "edit", "delete")


def runs_page() -> None:
    """Everything below the title."""
    body, tail = st.container(), st.container()
    with tail:  # it shows nothing, and at the end its empty place disturbs nobody
        visitor = visitor_token()
    state = enter(visitor)
    if state.opening:
        run_id, state.opening = state.opening, ""
        st.switch_page(_TRAIN_PAGE, query_params={"run": run_id})
    state.drawn, state.editing_drawn = state.chosen, state.editing
    state.listed = list_runs(visitor)
    with body:
        part(_table)(state)
        _damaged(state)
        _edit(state)
        compare(state)
        more_runs(state)
        _bring(state)
    write_link(state)


def _table(state: RunsPage) -> None:
    """The visitor's runs and those of the command line; looked at again while one of them goes on."""
    if state.chosen != state.drawn or state.opening or state.editing != state.editing_drawn:
        st.rerun()  # the rest of the page has to follow
    if state.problem is not None:
        show_error(state.problem)
    _undo(state)
    runs = list_runs(state.visitor)
    if _newest(runs) != _newest(state.listed) and not state.chosen:
        st.rerun()  # what is below shows them too
    if not runs:
        st.info(_("There is no run yet. Train a network, and it will stand here."), icon=":material/history:")
        st.page_link(_TRAIN_PAGE, label=_("Train"), icon=":material/model_training:")
        if state.going:  # a search that has yet to begin its first run
            run_again(_LOOK_SECONDS, key="runs.clock")
        return
    rows = [overview(run) for run in runs]
    run_table(state, rows, on_choice=lambda: _choose(state), on_act=lambda: _act(state))
    if any(row.live for row in rows) or state.going:
        try:
            queue.advance()
        except UserError as error:
            state.problem = error
        run_again(_LOOK_SECONDS, key="runs.clock")


def _damaged(state: RunsPage) -> None:
    """The visitor's runs that the table cannot show, and why; of those that the link names the comparison tells."""
    problems = [told for run_id, told in damaged_runs(state.visitor).items() if run_id not in state.chosen]
    for problem in problems[:_MOST_PROBLEMS]:
        show_error(problem)
    if len(problems) > _MOST_PROBLEMS:
        st.caption(_("and {count} more").format(count=len(problems) - _MOST_PROBLEMS))


def _choose(state: RunsPage) -> None:
    said = getattr(st.session_state.get(KEY), "chosen", None)
    if isinstance(said, str):
        state.chosen = read_runs(said)


def _act(state: RunsPage) -> None:
    said = getattr(st.session_state.get(KEY), "act", None)
    what, _space, run_id = said.partition(" ") if isinstance(said, str) else ("", "", "")
    if what not in _ACTS:
        return
    state.problem = None
    try:
        run = open_run(run_id)
        if what == "open":
            state.opening = run.run_id
            return
        _check_owner(state, run)
        if what == "delete":
            keeping.delete(run)
            state.deleted = (run.run_id,)
            state.choose(tuple(name for name in state.chosen if name != run.run_id))
        elif what == "edit":
            state.editing = run.run_id
        else:
            keeping.pin(run, pinned=what == "pin")
    except UserError as error:
        state.problem = error


def _check_owner(state: RunsPage, run: Run) -> None:
    if run.owner != state.visitor:
        raise UserError(N_("The run {run_id} belongs to somebody else."), run_id=run.run_id)


def _undo(state: RunsPage) -> None:
    """What was deleted last, and the way back."""
    if not state.deleted:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_("The run was deleted."), width="content")
        st.button(
            _("Undo"),
            icon=":material/undo:",
            type="tertiary",
            key="runs.undo",
            on_click=_bring_back,
            args=(state,),
        )


def _bring_back(state: RunsPage) -> None:
    names, state.deleted = state.deleted, ()
    for name in names:
        _attempt(state, lambda name=name: keeping.restore(name))


def _attempt(state: RunsPage, action: Callable[[], object]) -> bool:
    state.problem = None
    try:
        action()
    except UserError as error:
        state.problem = error
    return state.problem is None


def _bring(state: RunsPage) -> None:
    """A fold that takes in a run from another installation."""
    with st.expander(_("Bring a run from elsewhere"), icon=":material/upload_file:", key="runs.bring"):
        st.caption(
            _("The zip that “Take it home” makes on another installation. It is checked, and becomes a run of yours.")
        )
        file = st.file_uploader(_("The zip of a run"), type=["zip"], key="runs.zip")
        if file is not None and file.file_id != state.imported:
            state.imported = file.file_id
            try:
                with st.spinner(_("Checking every line of it …")):
                    run = import_run(file, owner=state.visitor)
                    keeping.tidy()
            except UserError as error:
                state.import_problem, state.taken_in = error, ""
            else:
                state.import_problem, state.taken_in = None, run.run_id
                state.choose((run.run_id,))
                st.rerun()
        if file is not None and state.import_problem is not None:
            show_error(state.import_problem)
        if file is not None and state.taken_in:
            st.success(_("It is yours now, and ticked in the table."), icon=":material/check:")
            st.page_link(
                _TRAIN_PAGE,
                label=_("Look at it"),
                icon=":material/model_training:",
                query_params={"run": state.taken_in},
            )


def _newest(runs: list[Run]) -> tuple[str, ...]:
    return tuple(run.run_id for run in runs[:MOST_CHOSEN])


def _edit(state: RunsPage) -> None:
    """The dialog about the run whose pencil was pressed; it stays, whatever the page does meanwhile, until it is closed."""
    runs, _problems = opened((state.editing,) if state.editing else ())
    if runs:
        st.dialog(_("What this run is called"), on_dismiss=lambda: _close(state))(_dialog)(state, runs[0])


def _close(state: RunsPage) -> None:
    state.editing = ""


def _dialog(state: RunsPage, run: Run) -> None:
    label = keeping.label(run)
    with st.form("runs.edit", border=False):
        name = st.text_input(
            _("Name"),
            value=label.name,
            max_chars=keeping.NAME_LENGTH,
            placeholder=title(run.config),
            key=f"runs.name.{run.run_id}",
        )
        tags = st.text_input(
            _("Tags, with commas between them"),
            value=", ".join(label.tags),
            max_chars=keeping.MOST_TAGS * (keeping.TAG_LENGTH + 2),
            key=f"runs.tags.{run.run_id}",
        )
        note = st.text_area(
            _("Note"), value=label.note, max_chars=keeping.NOTE_LENGTH, key=f"runs.note.{run.run_id}", height=140
        )
        saved = st.form_submit_button(_("Save"), type="primary")
    if not saved:
        return
    try:
        keeping.rename(run, name)
        keeping.tag(run, tags.replace("，", ",").split(","))
        keeping.annotate(run, note)
    except UserError as error:
        show_error(error)
    else:
        _close(state)
        st.rerun()
