"""Three questions at the end of a lab: choose, be told why. All answered rightly, the chapter is finished.

``content/<language>/concepts-<chapter>-check.md`` holds a section a question: its first line is the question, each list
item an answer, the right one in bold, and what follows the list is the explanation.
"""

import re
from collections.abc import Mapping

import streamlit as st

from ui.concepts.progress import finished
from ui.concepts.prose import sections
from ui.language import translate as _

_ITEM = re.compile(r"^- (.+)$", re.MULTILINE)


def parts(section: str) -> tuple[str, list[str], int, str]:
    """The question, its answers without marks, the place of the right one, and the explanation.

    Raises:
        ValueError: not exactly one answer is in bold.
    """
    answers = _ITEM.findall(section)
    marked = [answer.startswith("**") and answer.endswith("**") for answer in answers]
    if marked.count(True) != 1:
        raise ValueError(f"not exactly one answer in bold: {section[:60]!r}")
    question, explanation = _ITEM.split(section)[0].strip(), _ITEM.split(section)[-1].strip()
    return question, [answer.strip("*") for answer in answers], marked.index(True), explanation


def check(chapter: str) -> None:
    """The questions of a chapter, each with its answer once one was chosen."""
    st.markdown(_("##### Three questions"))
    questions = sections(f"{chapter}-check")
    for name, section in questions.items():
        question, answers, right, explanation = parts(section)
        with st.container(border=True):
            chosen = st.radio(
                question,
                range(len(answers)),
                index=None,
                format_func=answers.__getitem__,
                key=_key(chapter, name),
                on_change=_finish,
                args=(chapter, {each: parts(questions[each])[2] for each in questions}),
            )
            if chosen is not None:
                told = _("**Right.** {why}") if chosen == right else _("**Not quite.** {why}")
                show = st.success if chosen == right else st.info
                show(told.format(why=explanation))


def _key(chapter: str, question: str) -> str:
    return f"concepts.check.{chapter}.{question}"


def _finish(chapter: str, right: Mapping[str, int]) -> None:
    if all(st.session_state.get(_key(chapter, name)) == place for name, place in right.items()):
        finished().add(chapter)
