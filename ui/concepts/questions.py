"""The chapter of questions and answers; the choice of a framework by one's needs, with its reasons and its sums."""

from collections.abc import Callable
from importlib import import_module

import streamlit as st

from dlcore.messages import N_
from ui.concepts import link
from ui.concepts.chapters import open_chapter
from ui.concepts.check import check
from ui.concepts.controls import Controls, Free
from ui.concepts.doors import door, read_next
from ui.concepts.frame import Guess, ask, tell
from ui.concepts.prose import heading_and_body, sections
from ui.concepts.shown import initial, shown
from ui.language import current
from ui.language import translate as _
from ui.resources.catalogue import by_id
from ui.resources.choose import answer, table
from ui.resources.frameworks import AVOID, MARKS, Need, chooser, rank
from ui.resources.visit import ANY

_KEY = "concepts.question"


def _one_of(allowed: frozenset[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError("no such need")
        return text

    return read


CONTROLS = Controls.of(
    "questions",
    "q.",
    *(
        Free(
            name=question.id,
            title="",
            default=ANY,
            reader=_one_of(frozenset({ANY, *(need.id for need in question.needs)})),
            writer=str,
        )
        for question in chooser().questions
    ),
)


def _ruled_out() -> str:
    """The one of the guess that the table marks as to avoid on Windows itself."""
    need = next(need for question in chooser().questions for need in question.needs if need.id == "windows-gpu")
    (name,) = (name for name in GUESS.options if need.ratings[name] == AVOID)
    return name


GUESS = Guess(
    question=N_("A laptop with Windows and an NVIDIA card: which of these cannot use the card there, without WSL2?"),
    options={"pytorch": "PyTorch", "keras": "Keras", "tensorflow": "TensorFlow"},
    answer=_ruled_out,
)


_OTHER = {"intro", "framework-after", "framework-reveal", "mathematics"}
"""Sections that are no question."""


def show() -> None:
    """One question open at a time, the one of the link first."""
    text = sections("questions")
    chosen: list[Need] = []
    st.markdown(text["intro"])
    names = [name for name in text if name not in _OTHER]
    linked = st.query_params.get("question")
    needs = any(name.startswith(CONTROLS.prefix) for name in st.query_params)
    opened = linked if linked in names else "framework" if needs else names[0]
    if linked in names:
        link.put({"question": linked})
    for name in names:
        heading, body = heading_and_body(text[name])
        with st.expander(heading, expanded=name == opened, key=f"{_KEY}.{name}"):
            st.markdown(body)
            match name:
                case "framework":
                    ask("questions", GUESS)
                    chosen = _frameworks()
                    tell("questions", GUESS, text["framework-reveal"])
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
    with st.expander(_("Open any number"), icon=":material/search:", key="concepts.questions.numbers"):
        _sums(chosen)
    with st.expander(_("The mathematics"), icon=":material/function:", key="concepts.questions.mathematics"):
        st.markdown(text["mathematics"])
        if chosen:
            st.markdown(_("With your answers, the first in the ranking:"))
            st.latex(_first_in_the_ranking(chosen))
    check("questions")
    read_next("questions")


def _to_lab() -> None:
    """Open the lab with steps that are too long; the lab's module, and torch with it, is loaded only now."""
    lab_state = import_module("ui.concepts.lab_state")
    lab = lab_state.Lab()
    lab.change(lab_state.TRIALS["too-far"][1])
    st.session_state[lab_state.STATE] = lab
    open_chapter("steps")


def _needs() -> list[Need]:
    """The questions of the chooser with their answers as chosen; what is chosen stands in the link."""
    values, chosen, spoken = CONTROLS.restore(), [], current()
    for column, question in zip(st.columns(len(chooser().questions)), chooser().questions, strict=True):
        needs = {need.id: need for need in question.needs}
        said = {ANY: _("No matter")} | {need.id: need.name(spoken) for need in question.needs}
        key = shown(f"questions.{question.id}", values[question.id])
        first = list(said).index(str(initial(f"questions.{question.id}")))
        with column:
            st.selectbox(
                question.name(spoken),
                list(said),
                first,
                key=key,
                format_func=said.__getitem__,
                on_change=_choose,
                args=(question.id, key),
            )
        if values[question.id] in needs:
            chosen.append(needs[values[question.id]])
    return chosen


def _choose(question: str, key: str) -> None:
    CONTROLS.set(**{question: st.session_state[key]})


def _way(framework: str) -> None:
    door(_named(framework), "resources", id=framework)


def _frameworks() -> list[Need]:
    chosen = _needs()
    answer(chosen, _way)
    table(chosen)
    door(_("Open it in the directory, beside the entries"), "resources", view="frameworks")
    return chosen


def _named(framework: str) -> str:
    return by_id(framework).told("title", current())


def _sums(chosen: list[Need]) -> None:
    """Each framework's points as the sum of its marks, in the order of the ranking."""
    if not chosen:
        st.markdown(_("There is nothing to add up yet: say in the chooser above what binds you."))
        return
    st.markdown(_("The marks of your answers, in the order of the questions, and their sum:"))
    lines = ["| " + " | ".join((_("Framework"), _("Points"), _("Weakest mark"))) + " |", "| :-- | :-- | :-: |"]
    for place in rank(chosen):
        marks = " + ".join(str(need.ratings[place.framework]) for need in chosen)
        points = f"{marks} = **{place.points}**" if len(chosen) > 1 else f"**{place.points}**"
        weakest = _("{mark} ruled out").format(mark=MARKS[AVOID]) if place.worst == AVOID else MARKS[place.worst]
        lines.append(f"| {_named(place.framework)} | {points} | {weakest} |")
    st.markdown("\n".join(lines))
    if any(need.id == "table" for need in chosen):
        st.caption(_("You have a table of numbers, so scikit-learn is named before any of these."))


def _first_in_the_ranking(chosen: list[Need]) -> str:
    """The two formulas of the mathematics with the numbers of the first place."""
    first = rank(chosen)[0]
    marks = [str(need.ratings[first.framework]) for need in chosen]
    name = rf"\text{{{_named(first.framework)}}}"
    return (
        rf"\begin{{aligned}} s_{{{name}}} &= {' + '.join(marks)} = \mathbf{{{first.points}}} \\[4pt]"
        rf" w_{{{name}}} &= \min({', '.join(marks)}) = \mathbf{{{first.worst}}} \end{{aligned}}"
    )
