"""The chapter of questions and answers; the choice of a framework with its whole table."""

from importlib import import_module

import streamlit as st

from ui.concepts.chapters import open_chapter
from ui.concepts.doors import door, read_next
from ui.concepts.prose import heading_and_body, sections
from ui.language import current
from ui.language import translate as _
from ui.resources.catalogue import by_id
from ui.resources.frameworks import MARKS, MEANINGS, chooser

_KEY = "concepts.question"


def show() -> None:
    """One question open at a time, the one of the link first."""
    text = sections("questions")
    st.markdown(text["intro"])
    names = [name for name in text if name not in {"intro", "framework-after"}]
    linked = st.query_params.get("question")
    opened = linked if linked in names else names[0]
    for name in names:
        heading, body = heading_and_body(text[name])
        with st.expander(heading, expanded=name == opened, key=f"{_KEY}.{name}"):
            st.markdown(body)
            match name:
                case "framework":
                    _frameworks()
                    st.markdown(text["framework-after"])
                case "images":
                    read_next("question-images")
                case "rate":
                    st.button(
                        _("See it happen in the lab"),
                        key="concepts.to-lab",
                        icon=":material/science:",
                        on_click=_to_lab,
                    )
                    door(_("Try a rate that is too large"), "train", dataset="digits", model="mlp", learning_rate=0.3)
                    read_next("question-rate")
                case "gpu":
                    door(_("Train the quick recipe on this machine"), "train", dataset="digits", model="compact-cnn")
                case "trust":
                    door(_("Draw something that is no digit"), "draw")


def _to_lab() -> None:
    """Open the lab with steps that are too long; the lab's module, and torch with it, is loaded only now."""
    lab_state = import_module("ui.concepts.lab_state")
    lab = lab_state.Lab()
    lab.change(lab_state.TRIALS["too-far"][1])
    st.session_state[lab_state.STATE] = lab
    open_chapter("steps")


def _frameworks() -> None:
    spoken = current()
    table = chooser()
    needs = [need for question in table.questions for need in question.needs if need.id != "table"]
    names = [by_id(name).told("title", spoken) for name in table.frameworks]
    said = {need.id: need.name(spoken) for need in needs}
    st.table(
        [
            {_("The project needs"): said[need.id]}
            | {title: MARKS[need.ratings[name]] for title, name in zip(names, table.frameworks, strict=True)}
            for need in needs
        ],
        hide_index=True,
    )
    st.caption(" · ".join(f"{MARKS[mark]} {_(meaning)}" for mark, meaning in MEANINGS.items()))
    st.markdown("\n".join(f"- **{said[need.id]}** – {need.told('because', spoken)}" for need in needs))
    door(_("Answer three questions and get a ranking"), "resources", view="frameworks")
