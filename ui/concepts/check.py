"""Three questions at the end of a lab: choose, be told why; nothing is counted.

``content/<language>/concepts-<chapter>-check.md`` holds a section a question: its first line is the question, each list
item an answer, the right one in bold, and what follows the list is the explanation.
"""

import re

import streamlit as st

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
    for name, section in sections(f"{chapter}-check").items():
        question, answers, right, explanation = parts(section)
        with st.container(border=True):
            chosen = st.radio(
                question,
                range(len(answers)),
                index=None,
                format_func=answers.__getitem__,
                key=f"concepts.check.{chapter}.{name}",
            )
            if chosen is not None:
                told = _("**Right.** {why}") if chosen == right else _("**Not quite.** {why}")
                show = st.success if chosen == right else st.info
                show(told.format(why=explanation))
