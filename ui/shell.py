"""What surrounds every page: its configuration, the navigation, the language switch, the title, the errors."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from dlcore.messages import UserError
from ui import language
from ui.language import LANGUAGES
from ui.language import translate as _

_MARKS = re.compile(r"[\\`*\[\]<>$~#|]|(?<![^\W_])_|_(?![^\W_])")
_LINKS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
_STYLE = Path(__file__).with_name("shell.css")
_DOCUMENT = {"en": "en", "zh": "zh-CN"}
_SPEECH = "export default ({ data }) => { document.documentElement.lang = data.language }"


def configure() -> None:
    """Set the browser tab and the layout; must be the first call of a run."""
    st.set_page_config(page_title=_("Deep learning by doing"), page_icon=":material/neurology:", layout="wide")


def pages() -> list["st.Page"]:
    """The pages in the order of a visit."""
    return [
        st.Page("pages/home.py", title=_("Home"), icon=":material/home:", default=True),
        st.Page("pages/concepts.py", title=_("Concepts"), icon=":material/school:", url_path="concepts"),
        st.Page("pages/train.py", title=_("Train"), icon=":material/model_training:", url_path="train"),
        st.Page("pages/runs.py", title=_("Runs"), icon=":material/compare_arrows:", url_path="runs"),
        st.Page("pages/draw.py", title=_("Draw"), icon=":material/draw:", url_path="draw"),
        st.Page("pages/resources.py", title=_("Resources"), icon=":material/menu_book:", url_path="resources"),
    ]


def language_switch() -> None:
    """The two languages side by side, in the header; the choice is kept in the URL."""
    st.html(_STYLE)
    # The default must stay the same for a visit: set through the session it can be lost before the browser has drawn it.
    first = st.session_state.setdefault("shell.first_language", language.current())
    with st.container(key="shell-header"):
        st.segmented_control(
            _("Language"),
            list(LANGUAGES),
            default=first,
            key="shell.language",
            format_func=lambda code: LANGUAGES[code],
            label_visibility="collapsed",
            required=True,
        )
    st.query_params["lang"] = language.current()
    _speech()(data={"language": _DOCUMENT[language.current()]}, key="shell.speech", height=1)


@cache
def _speech() -> Callable[..., Any]:
    """Streamlit calls every page English: screen readers would read Chinese with an English voice."""
    component: Callable[..., Any] = st.components.v2.component("page_speech", js=_SPEECH, isolate_styles=False)
    return component


def _through_the_router() -> None:
    """Go back to the router if this page was run without it.

    A folder ``pages`` makes Streamlit run a page's file by itself until some run has called ``st.navigation``:
    the first link opened after a start of the server would show a page without its language and its neighbours.
    """
    if "shell.language" not in st.session_state:
        st.navigation(pages(), position="top")
        st.rerun()


def page_title(title: str, lead: str) -> None:
    """The heading of a page and one line on what it is for; to be called before anything else on the page."""
    _through_the_router()
    st.title(title, anchor=False)
    st.markdown(lead)


def show_error(error: UserError) -> None:
    """What went wrong, why, and what to do, in the visitor's language; values from outside stay plain text."""
    st.error(in_markdown(error), icon=":material/error:")


def in_markdown(error: UserError) -> str:
    """The message in the visitor's language, as Markdown in which values from outside are plain text."""
    return language.explain(error, show=plain_value)


def plain_value(value: object) -> object:
    """A value as it may stand in Markdown: text with nothing in it read as Markdown, a number as it is."""
    return plain_text(value) if isinstance(value, str) else value


def plain_text(text: str) -> str:
    """Markdown that shows ``text`` as it is: no formula, no picture, and no link, not even of an address in it."""
    return _LINKS.sub("\N{WORD JOINER}", _MARKS.sub(r"\\\g<0>", text))
