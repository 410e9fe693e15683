"""What a finished run becomes outside: a program, a notebook, tables, weights, all of it."""

from functools import partial

import streamlit as st

from dlcore.export.files import KINDS, content
from dlcore.export.recipe import check_fetchable
from dlcore.messages import UserError
from dlcore.runs.directory import Run
from dlcore.translation import translator
from ui import language
from ui.language import translate as _

_ICONS = {
    "script": ":material/code:",
    "notebook": ":material/menu_book:",
    "csv": ":material/table:",
    "weights": ":material/scatter_plot:",
    "card": ":material/badge:",
    "zip": ":material/folder_zip:",
}


def take_home(run: Run) -> None:
    """A fold with a button for each; a file is made when its button is pressed."""
    with st.expander(_("Take it home"), icon=":material/download:", key="train.take_home"):
        refusal = _refusal(run)
        if refusal is not None:
            st.caption(language.explain(refusal))
        elif run.model_at_hand():
            st.caption(_("The program computes on its own what you saw here, and ends with the same weights."))
        speak = translator(language.current())
        with st.container(horizontal=True, gap="small"):
            for name, icon in _ICONS.items():
                kind = KINDS[name]
                if (name in ("script", "notebook") and refusal) or (
                    name in ("weights", "card") and not run.model_at_hand()
                ):
                    continue
                st.download_button(
                    _(kind.title),
                    partial(content, run, name, speak),
                    file_name=run.run_id + kind.suffix,
                    mime=kind.mime,
                    icon=icon,
                    key=f"train.take_{name}",
                    on_click="ignore",
                )
        command = f"`python -m dlcore export {run.run_id} --to onnx --out model.onnx`"
        st.caption(_("For ONNX and TensorBoard: {command}").format(command=command))


def _refusal(run: Run) -> UserError | None:
    """Why there is no program for this run, if there is none."""
    try:
        check_fetchable(run.config)
    except UserError as error:
        return error
    return None
