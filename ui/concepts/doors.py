"""Ways out of a chapter: to a page with the experiment set up, and to what to read next."""

import streamlit as st

from ui import language
from ui.language import translate as _
from ui.resources.catalogue import Resource, by_id

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


def read_next(*identifiers: str) -> None:
    """A short list from the catalogue: title, and why it is worth the time."""
    lines = [_line(by_id(identifier)) for identifier in identifiers]
    st.markdown(_("**Read next**") + "\n\n" + "\n".join(f"- {line}" for line in lines))


def _line(resource: Resource) -> str:
    spoken = language.current()
    title = resource.told("title", spoken).replace("[", "(").replace("]", ")").replace("$", r"\$")
    year = f" ({resource.year})" if resource.year and resource.kind in {"paper", "book"} else ""
    why = resource.told("why", spoken).replace("$", r"\$")
    return f"[{title}]({resource.url}){year} – {why}"
