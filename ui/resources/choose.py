"""Which framework: three questions, a ranking with reasons, and the table behind it."""

import streamlit as st

from ui import language
from ui.language import translate as _
from ui.resources.cards import entry_button, title
from ui.resources.catalogue import by_id
from ui.resources.frameworks import AVOID, FIRST, MARKS, Need, chooser, rank
from ui.resources.visit import Visit, key


def choose(state: Visit) -> None:
    """The questions and what follows from the answers."""
    spoken = language.current()
    questions = chooser().questions
    for column, question in zip(st.columns(len(questions)), questions, strict=True):
        needs = {need.id: need for need in question.needs}
        with column:
            st.selectbox(
                question.zh if spoken == "zh" else question.en,
                [None, *needs],
                key=key(question.id),
                format_func=lambda item, needs=needs: needs[item].text("", spoken) if item else _("No matter"),
            )
    chosen = [need for question in questions for need in question.needs if state.needs.get(question.id) == need.id]
    _answer(chosen)
    _table(chosen)


def _marks() -> dict[int, str]:
    return {3: _("first choice"), 2: _("works"), 1: _("only with a reason"), 0: _("avoid")}


def _answer(chosen: list[Need]) -> None:
    spoken = language.current()
    with st.container(border=True, key="resources-answer"):
        if any(need.id == "table" for need in chosen):
            st.markdown(f"**{title(by_id('scikit-learn'))}**")
            st.markdown(next(need for need in chosen if need.id == "table").text("because", spoken))
            entry_button("scikit-learn", "choose", icon=":material/package_2:")
            return
        if not chosen:
            st.markdown(f"**{chooser().usual_zh if spoken == 'zh' else chooser().usual_en}**")
            st.markdown(_("If something does bind you, let the hardware or the code you inherit decide."))
        else:
            places = rank(chosen)
            usable = [place for place in places if place.worst != AVOID]
            if not usable:
                st.markdown(f"**{_('No framework does all of that. Drop one of the answers.')}**")
            else:
                best = [place for place in usable if place.points == usable[0].points]
                names = _(" or ").join(title(by_id(place.framework)) for place in best)
                st.markdown(f"**{names}**")
                for need in chosen:
                    via = [
                        _("{framework} by way of {means}").format(framework=title(by_id(place.framework)), means=means)
                        for place in best
                        if (means := need.via.get(place.framework))
                    ]
                    st.markdown(
                        f"- {need.text('', spoken)}: {need.text('because', spoken)}"
                        + (f" ({_('; ').join(via)})" if via else "")
                    )
            others = [place for place in usable if place.points < usable[0].points and place.worst > 1]
            if others:
                names = _(", ").join(title(by_id(place.framework)) for place in others)
                st.caption(_("Works as well: {names}").format(names=names))
        with st.container(horizontal=True):
            for place in rank(chosen)[:3]:
                entry_button(place.framework, "choose", icon=":material/foundation:")


def _table(chosen: list[Need]) -> None:
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
        label = need.text("", spoken)
        lines.append("| " + " | ".join([f"**{label}**" if need in chosen else label, *cells]) + " |")
    with st.container(key="resources-frameworks"):
        st.markdown("\n".join(lines))
    legend = _(", ").join(f"{MARKS[mark]} {words}" for mark, words in _marks().items())
    st.caption(f"{legend}{_('. ')}" + _("The marks are our judgement; the reasons are facts that you can check."))
