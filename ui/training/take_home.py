"""What a finished run becomes outside: a program, a notebook, tables, weights, other tools' files, all of it."""

from functools import partial

import streamlit as st

from dlcore.export import making
from dlcore.export.files import KINDS, content
from dlcore.export.recipe import check_fetchable
from dlcore.messages import UserError
from dlcore.runs.directory import Run
from dlcore.translation import translator
from ui import language
from ui.clock import run_again
from ui.language import translate as _
from ui.part import part
from ui.shell import in_markdown, show_error
from ui.training.state import TrainPage

_ICONS = {
    "script": ":material/code:",
    "notebook": ":material/menu_book:",
    "csv": ":material/table:",
    "weights": ":material/scatter_plot:",
    "card": ":material/badge:",
    "zip": ":material/folder_zip:",
    "onnx": ":material/deployed_code:",
    "tensorboard": ":material/monitoring:",
}
_OF_A_PROGRAM = ("script", "notebook")
_OF_WEIGHTS = ("weights", "card", "onnx")
_LOOK_AGAIN_SECONDS = 0.5


def take_home(state: TrainPage, run: Run) -> None:
    """A fold with a button for each; a file is made when its button is pressed."""
    with st.expander(_("Take it home"), icon=":material/download:", key="train.take_home"):
        refusal = _refusal(run)
        if refusal is not None:
            st.caption(in_markdown(refusal))
        elif run.model_at_hand():
            st.caption(_("The program computes on its own what you saw here, and ends with the same weights."))
        speak = translator(language.current())
        left_out = (_OF_A_PROGRAM if refusal else ()) + (() if run.model_at_hand() else _OF_WEIGHTS)
        offered = [name for name in KINDS if name not in left_out]
        with st.container(horizontal=True, gap="small"):
            for name in offered:
                if KINDS[name].light:
                    _download(run, name, partial(content, run, name, speak))
        part(_made_elsewhere)(state, run, [name for name in offered if not KINDS[name].light])


def _download(run: Run, name: str, data: partial[bytes]) -> None:
    kind = KINDS[name]
    st.download_button(
        _(kind.title),
        data,
        file_name=run.run_id + kind.suffix,
        mime=kind.mime,
        icon=_ICONS[name],
        key=f"train.take_{name}",
        on_click="ignore",
    )


def _made_elsewhere(state: TrainPage, run: Run, names: list[str]) -> None:
    """Files that take torch: asked for, made in a process of its own, then offered like the others."""
    waiting: list[str] = []
    st.caption(_("For other tools; a process of its own makes these, which takes some seconds."))
    with st.container(horizontal=True, gap="small"):
        for name in names:
            key = making.place(run, name).name
            found = making.look_up(run, name)
            if found is None and key in state.making:
                try:
                    found = making.request(run, name)
                except UserError as error:
                    state.making.discard(key)
                    state.not_made[key] = error
            if found is not None:
                state.making.discard(key)
                state.not_made.pop(key, None)
                _download(run, name, partial(found.read_bytes))
                continue
            wanted = key in state.making
            if wanted:
                waiting.append(name)
            st.button(
                _("Making it: {what}…").format(what=_(KINDS[name].title))
                if wanted
                else _("Make it: {what}").format(what=_(KINDS[name].title)),
                icon="spinner" if wanted else _ICONS[name],
                key=f"train.make_{name}",
                disabled=wanted,
                on_click=_ask,
                args=(state, key),
            )
    for name in names:
        if error := state.not_made.get(making.place(run, name).name):
            show_error(error)
    if waiting:
        part(_wait)(run, waiting)


def _ask(state: TrainPage, key: str) -> None:
    state.not_made.pop(key, None)
    state.making.add(key)


def _wait(run: Run, names: list[str]) -> None:
    """Look alone: drawing the buttons beside it anew would cut off a download that one of them has begun."""
    if any(making.is_settled(run, name) for name in names):
        st.rerun()
    run_again(_LOOK_AGAIN_SECONDS, key="train.making")


def _refusal(run: Run) -> UserError | None:
    """Why there is no program for this run, if there is none."""
    try:
        check_fetchable(run.config)
    except UserError as error:
        return error
    return None
