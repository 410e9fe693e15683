"""The frame of a chapter with a lab: question, guess, lab, reveal, numbers, mathematics, check, and ways on.

The words of a chapter stand in ``content/<language>/concepts-<chapter>.md``, in the sections ``intro`` (the question),
``reveal`` (what there was to find out) and ``mathematics``; the check in ``concepts-<chapter>-check.md``; what to read
next in ``content/resources/labs.json`` under the chapter's name. A chapter gives the rest as functions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import streamlit as st

from dlcore.messages import N_
from ui.arrival import bring_into_view
from ui.concepts.check import check
from ui.concepts.doors import read_next
from ui.concepts.prose import sections
from ui.language import translate as _

Draw = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What a visitor is asked before the reveal.

    Texts are English, marked with ``N_``. ``answer`` computes the name of the right option: it is never written down.
    """

    question: str
    options: Mapping[str, str]
    answer: Callable[[], str]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A chapter as its frame shows it, from top to bottom."""

    chapter: str
    part: str = ""
    """What of the chapter is on show, where it has several parts, each with a guess and words of its own: the sections
    are then called ``<part>``, ``<part>-reveal`` and ``<part>-mathematics``."""
    reading: str = ""
    """The lab of the catalogue whose entries to read next, if it is not called like the chapter."""
    lab: Draw
    doors: Draw
    """Links to other pages with this experiment set up; see :func:`ui.concepts.doors.door`."""
    guess: Guess | None = None
    reveal: Draw | None = None
    """What is shown after the guess, above the section ``reveal``."""
    numbers: Draw | None = None
    """Any number of the lab opened, as the sum it is; shown in a fold."""
    onward: str = N_("**Now with a real network**")
    """What stands above the doors."""
    folds: Mapping[str, tuple[str, Draw]] = field(default_factory=dict)
    """More folds after the mathematics, with their icons, by their titles (English, marked with ``N_``)."""
    opened: bool = False
    """Whether they are open at first, and the first of them in view, as a link asks for it."""

    @property
    def place(self) -> str:
        """The name of what is on show, for keys."""
        return f"{self.chapter}.{self.part}" if self.part else self.chapter

    def section(self, name: str) -> str:
        """What a section of the words is called."""
        return f"{self.part}-{name}" if self.part else name


def show_frame(frame: Frame) -> None:
    """The whole chapter."""
    text = sections(frame.chapter)
    st.markdown(text[frame.part or "intro"])
    if frame.guess:
        ask(frame.place, frame.guess)
    with st.container(border=True):
        frame.lab()
    if frame.guess:
        tell(frame.place, frame.guess, text[frame.section("reveal")], frame.reveal)
    if frame.numbers:
        with st.expander(_("Open any number"), icon=":material/search:", key=f"concepts.{frame.chapter}.numbers"):
            frame.numbers()
    if (mathematics := frame.section("mathematics")) in text:
        with st.expander(_("The mathematics"), icon=":material/function:", key=f"concepts.{frame.chapter}.mathematics"):
            st.markdown(text[mathematics])
    for place, (title, (icon, draw)) in enumerate(frame.folds.items()):
        key = f"concepts.{frame.chapter}.fold.{title}"
        with st.expander(_(title), frame.opened, icon=f":material/{icon}:", key=key):
            draw()
            if frame.opened and not place:
                bring_into_view(f"concepts.{frame.chapter}.arrival")
    check(frame.chapter)
    st.markdown(_(frame.onward))
    with st.container(horizontal=True):
        frame.doors()
    read_next(frame.reading or frame.chapter)


def _guesses() -> dict[str, str]:
    """What was guessed, by place; an empty text where somebody would rather see than guess."""
    made: dict[str, str] = st.session_state.setdefault("concepts.guesses", {})
    return made


def _guessed(place: str) -> str | None:
    return _guesses().get(place)


def _take(place: str, guess: str) -> None:
    _guesses()[place] = guess


def ask(place: str, guess: Guess) -> None:
    """The question with a button an answer, as long as none was given."""
    if _guessed(place) is not None:
        return
    st.markdown(_("**Guess first.**") + " " + _(guess.question))
    with st.container(horizontal=True):
        for name, title in guess.options.items():
            key = f"concepts.{place}.guess.{name}"
            st.button(_(title), key=key, on_click=_take, args=(place, name))
        key = f"concepts.{place}.show"
        st.button(_("Just show me"), key=key, on_click=_take, args=(place, ""), type="tertiary")


def tell(place: str, guess: Guess, words: str, reveal: Draw | None = None) -> None:
    """What came out, once somebody has guessed or would rather see: the answer, ``reveal``, the words."""
    made = _guessed(place)
    if made is None:
        return
    st.markdown(_("##### What came out"))
    answer = guess.answer()
    verdict(made, answer, guess.options)
    if not made:
        st.markdown(_(guess.question) + f" **{_(guess.options[answer])}**")
    if reveal:
        reveal()
    st.markdown(words)


def verdict(made: str, answer: str, options: Mapping[str, str]) -> None:
    """Whether a guess was right, and what would have been; nothing where none was made."""
    if not made:
        return
    right = made == answer
    message = _("Right: {answer}.") if right else _("Not this time. It is: {answer}.")
    show = st.success if right else st.info
    show(message.format(answer=_(options[answer])), icon=":material/check:" if right else ":material/lightbulb:")
