"""Which framework: three questions, a ranking with reasons, and the table behind it."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from ui import language
from ui.language import translate as _
from ui.resources import visit
from ui.resources.cards import bold, entry_button, icon_of, title
from ui.resources.catalogue import by_id
from ui.resources.frameworks import AVOID, FIRST, MARKS, MEANINGS, WORKS, Need, chooser, rank
from ui.resources.visit import Visit, key

_STYLE = Path(__file__).with_name("choose.css")


def choose(state: Visit) -> None:
    """The questions and what follows from the answers."""
    spoken = language.current()
    questions = chooser().questions
    for column, question in zip(st.columns(len(questions)), questions, strict=True):
        answers = {visit.ANY: _("No matter")}
        answers |= {need.id: need.name(spoken) for need in question.needs}
        with column:
            st.selectbox(
                question.name(spoken),
                list(answers),
                key=key(question.id),
                format_func=answers.__getitem__,
            )
    chosen = [need for question in questions for need in question.needs if state.needs.get(question.id) == need.id]
    answer(chosen, lambda framework: entry_button(framework, "choose", icon=icon_of(by_id(framework))))
    table(chosen)


def answer(chosen: list[Need], way: Callable[[str], None]) -> None:
    """One framework or a few, why, and what works as well; ``way`` draws the way to a framework's entry."""
    spoken = language.current()
    with st.container(border=True, key="resources-answer"):
        rows = next((need for need in chosen if need.id == "table"), None)
        if rows:
            _verdict(["scikit-learn"], [rows], way)
            return
        if not chosen:
            st.markdown(bold(chooser().told("usual", spoken)))
            st.markdown(_("If something does bind you, let the hardware or the code you inherit decide."))
            return
        usable = [place for place in rank(chosen) if place.worst != AVOID]
        if not usable:
            st.markdown(bold(_("No framework does all of that. Drop one of the answers.")))
            return
        best = [place.framework for place in usable if place.points == usable[0].points]
        _verdict(best, chosen, way)
        others = [place for place in usable if place.framework not in best and place.worst >= WORKS]
        if others:
            names = _(", ").join(title(by_id(place.framework)) for place in others)
            st.caption(_("Works as well: {names}").format(names=names))


def _verdict(best: list[str], chosen: list[Need], way: Callable[[str], None]) -> None:
    spoken = language.current()
    st.markdown(bold(_(" or ").join(title(by_id(framework)) for framework in best)))
    for need in chosen:
        reasons = [need.told("because", spoken)]
        for framework in best:
            if means := need.via.get(framework):
                named = {"framework": title(by_id(framework)), "means": means}
                reasons.append(_("{framework} here by way of {means}.").format(**named))
        st.markdown("- " + bold(need.name(spoken)) + _(": ") + " ".join(reasons))
    with st.container(horizontal=True):
        for framework in best:
            way(framework)


def table(chosen: list[Need]) -> None:
    """Every need and how well each framework serves it; those chosen in bold."""
    spoken = language.current()
    needs = [need for question in chooser().questions for need in question.needs if need.id != "table"]
    frameworks = chooser().frameworks
    header = [
        "",
        *(title(by_id(framework)).split(" ")[-1 if framework == "mindspore" else 0] for framework in frameworks),
    ]
    lines = ["| " + " | ".join(header) + " |", "| :-- |" + " :-: |" * len(frameworks)]
    for need in needs:
        cells = [MARKS[need.ratings[framework]] for framework in frameworks]
        cells = [f":green[**{cell}**]" if cell == MARKS[FIRST] else cell for cell in cells]
        label = need.name(spoken)
        lines.append("| " + " | ".join([bold(label) if need in chosen else label, *cells]) + " |")
    st.html(_STYLE)
    with st.container(key="resources-frameworks"):
        st.markdown("\n".join(lines))
    legend = _(", ").join(f"{MARKS[mark]} {_(meaning)}" for mark, meaning in MEANINGS.items())
    st.caption(legend + "  \n" + _("The marks are our judgement; the reasons are facts that you can check."))
