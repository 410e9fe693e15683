"""What the article says and what is true today."""

from functools import cache

import streamlit as st
from pydantic import TypeAdapter

from dlcore.resources.schema import Content
from ui import language
from ui.language import translate as _
from ui.resources.cards import entry_button, icon_of
from ui.resources.catalogue import by_id, read_json


class Correction(Content):
    """A sentence of the article (``correction``) or of older texts in general, and what holds today."""

    id: str
    correction: bool
    since: str | None
    entries: tuple[str, ...]
    claim_en: str
    claim_zh: str
    today_en: str
    today_zh: str


@cache
def corrections() -> tuple[Correction, ...]:
    """All corrections, the article's first."""
    return TypeAdapter(tuple[Correction, ...]).validate_python(read_json("corrections.json"))


def today() -> None:
    """The corrections in two groups."""
    st.markdown(
        _(
            "This dashboard grew out of an article. Where time has moved on, we say so here, "
            "each with the entries that it touches."
        )
    )
    st.subheader(_("What the article says"), anchor=False)
    _table([item for item in corrections() if item.correction], _("The article"))
    st.subheader(_("What you will meet if you follow older texts"), anchor=False)
    _table([item for item in corrections() if not item.correction], _("Older texts"))


def _labelled(colour: str, label: str, text: str) -> str:
    return f":{colour}[:small[{label}]]  \n{text}"


def _table(items: list[Correction], source: str) -> None:
    spoken = language.current()
    for item in items:
        with st.container(border=True, key=f"resources-correction-{item.id}"):
            then, now = st.columns([2, 3])
            with then:
                st.markdown(_labelled("gray", source, item.told("claim", spoken)))
            with now:
                since = _("Today, since {month}").format(month=item.since) if item.since else _("Today")
                st.markdown(_labelled("green", since, item.told("today", spoken)))
                with st.container(horizontal=True, gap="small"):
                    for name in item.entries:
                        entry_button(name, f"today.{item.id}", icon=icon_of(by_id(name)))
