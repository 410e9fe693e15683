"""Ways out of a chapter: to a page with the experiment set up, and to what to read next."""

from collections.abc import Iterable
from pathlib import Path

import streamlit as st

from dlcore.resources.schema import Resource
from ui import language
from ui.language import translate as _
from ui.resources.catalogue import address, by_id, labs
from ui.shell import plain_text

_STYLE = Path(__file__).with_name("doors.css")
_PAGES = {
    "train": ("pages/train.py", ":material/model_training:"),
    "draw": ("pages/draw.py", ":material/draw:"),
    "resources": ("pages/resources.py", ":material/menu_book:"),
}


def door(label: str, page: str, **query: object) -> None:
    """A link to a page of this dashboard with its settings filled in; the language goes along."""
    path, icon = _PAGES[page]
    values = {name: str(value) for name, value in query.items()} | {"lang": language.current()}
    st.page_link(path, label=label, icon=icon, query_params=values)


def read_next(lab: str, first: Iterable[str] = ()) -> None:
    """What the catalogue has for a lab (its id in ``labs.json``): title, why it is worth the time, the way to its entry.

    ``first``: ids of entries that fit what the visitor has set there; they come first, the others fill up.
    """
    reading = labs()[lab].reading(language.current())
    st.html(_STYLE)
    st.markdown(_("**Read next**"))
    with st.container(gap="xsmall", key=f"read-next-{lab}"):
        for identifier in list(dict.fromkeys((*first, *reading)))[: len(reading)]:
            key = f"read-next-{lab}-{identifier}"
            with st.container(horizontal=True, vertical_alignment="top", gap="small", key=key):
                st.markdown(f"- {_line(by_id(identifier))}", width="stretch")
                query = {"id": identifier, "lang": language.current()}
                st.page_link(
                    _PAGES["resources"][0], label=_("Details"), icon=":material/read_more:", query_params=query
                )


def _line(resource: Resource) -> str:
    spoken = language.current()
    year = f" ({resource.year})" if resource.year and resource.kind in {"paper", "book"} else ""
    why = resource.told("why", spoken).replace("$", r"\$")
    return f"[{plain_text(resource.told('title', spoken))}]({address(resource)}){year} – {why}"
