"""The chapters of the concepts page, the way between them, and the chapter in the link."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import streamlit as st

from dlcore.messages import N_, UserError
from ui.concepts import link, progress
from ui.concepts.shown import ARRIVED, drawn, initial, shown
from ui.language import translate as _
from ui.shell import show_error


@dataclass(frozen=True)
class Chapter:
    """A chapter: its title, its icon, and ``module:function`` that shows it, imported only when it is opened."""

    title: str
    icon: str
    show: str
    own: tuple[str, ...] = ()
    """Its share of the link, taken away when it is left; a name ending in a dot stands for all that begin with it."""
    lab: bool = False
    """Whether it stands in the frame of a lab and can be finished by its three questions."""


CHAPTERS: Mapping[str, Chapter] = {
    "what": Chapter(N_("What it is"), ":material/lightbulb:", "ui.concepts.what:show"),
    "traits": Chapter(N_("Four traits"), ":material/stacks:", "ui.concepts.traits:show"),
    "depth": Chapter(N_("Depth: the playground"), ":material/hub:", "ui.concepts.playground:show", ("p.",), lab=True),
    "neuron": Chapter(N_("A neuron"), ":material/filter_tilt_shift:", "ui.concepts.neuron:show", ("n.",), lab=True),
    "steps": Chapter(
        N_("Six steps: the lab"),
        ":material/science:",
        "ui.concepts.steps:show",
        ("x", "y", "rate", "hidden", "head", "weights", "seed", "updates", "step", "s."),
        lab=True,
    ),
    "loss": Chapter(N_("Loss"), ":material/target:", "ui.concepts.loss:show", ("l.",), lab=True),
    "descent": Chapter(N_("Descent"), ":material/downhill_skiing:", "ui.concepts.descent:show", ("g.",), lab=True),
    "price": Chapter(N_("Depth's price"), ":material/layers:", "ui.concepts.price:show", ("d.",), lab=True),
    "convolution": Chapter(N_("Convolution"), ":material/grid_on:", "ui.concepts.convolution:show", ("c.",), lab=True),
    "generalisation": Chapter(
        N_("Generalisation"), ":material/school:", "ui.concepts.generalisation:show", ("v.",), lab=True
    ),
    "modes": Chapter(N_("Train and eval"), ":material/toggle_on:", "ui.concepts.modes:show", ("e.",), lab=True),
    "program": Chapter(N_("The program"), ":material/code:", "ui.concepts.program:show"),
    "fields": Chapter(N_("Seven fields"), ":material/public:", "ui.concepts.fields:show", ("f.",), lab=True),
    "trends": Chapter(N_("Five trends"), ":material/trending_up:", "ui.concepts.trends:show"),
    "questions": Chapter(
        N_("Questions"), ":material/help:", "ui.concepts.questions:show", ("question", "q."), lab=True
    ),
}
_STATE = "concepts.chapter"
_FINISHED = ":material/check_circle:"
_STYLE = Path(__file__).with_name("chapters.css")
_WRITTEN = "concepts.written"
_TOP = """
export default ({ data, parentElement }) => {
  const top = parentElement.host ?? parentElement
  if (window.conceptsChapter && window.conceptsChapter !== data.chapter) {
    document.querySelector('[data-testid="stMain"]')?.scrollTo({ top: 0 })
  }
  window.conceptsChapter = data.chapter
  const reveal = (tries) => {
    const bar = document.querySelector(".st-key-concepts-path [role=radiogroup]")
    const open = bar?.querySelector("[aria-checked=true], [kind*=Active]")
    if (open && bar.scrollWidth > bar.clientWidth)
      bar.scrollTo({ left: open.offsetLeft - bar.offsetLeft - (bar.clientWidth - open.clientWidth) / 2 })
    else if (tries) setTimeout(() => reveal(tries - 1), 120) // not drawn yet, or not yet on one line
  }
  reveal(25)
}
"""


def show_chapters() -> None:
    """The bar of chapters, the chapter of the link, and the door to the next one."""
    name = _current()
    link.begin()
    done = progress.finished()
    key = shown("chapter", name, tuple(sorted(done)))
    st.html(_STYLE)
    with st.container(key="concepts-path"):
        st.segmented_control(
            _("Chapter"),
            list(CHAPTERS),
            default=initial("chapter"),
            key=key,
            format_func=lambda name: f"{_FINISHED if name in done else CHAPTERS[name].icon} {_(CHAPTERS[name].title)}",
            required=True,
            label_visibility="collapsed",
            on_change=_choose,
            args=(key,),
        )
    _top()(data={"chapter": name}, key="concepts.top", height=1)
    module, function = CHAPTERS[name].show.split(":")
    show: Callable[[], None] = getattr(import_module(module), function)
    show()
    _way_on(name)
    foreign = [item for other, chapter in CHAPTERS.items() if other != name for item in chapter.own]
    link.write(CHAPTERS[name].own, foreign, {"chapter": name, progress.NAME: progress.written(list(CHAPTERS))})


def _current() -> str:
    """The chapter of the link for those who just came; then the one chosen last.

    The browser may send an older link of ours with its next click, so a link is news only if it was not written lately.
    """
    arrived = st.session_state[ARRIVED] = not drawn("chapter")
    linked = st.query_params.get("chapter")
    if arrived:
        progress.arrive(st.query_params.get(progress.NAME), [name for name, chapter in CHAPTERS.items() if chapter.lab])
    written: deque[str] = st.session_state.setdefault(_WRITTEN, deque(maxlen=3))
    if linked is not None and linked not in CHAPTERS:
        show_error(
            UserError(
                N_("There is no chapter called {name}; the chapters are {names}."),
                name=linked[:40],
                names=", ".join(CHAPTERS),
            )
        )
    elif linked is not None and (arrived or linked not in written):
        st.session_state[_STATE] = linked
    name: str = st.session_state.setdefault(_STATE, next(iter(CHAPTERS)))
    if name not in written:
        written.append(name)
    return name


@cache
def _top() -> Callable[..., Any]:
    component: Callable[..., Any] = st.components.v2.component("concepts_top", js=_TOP, isolate_styles=False)
    return component


def _choose(key: str) -> None:
    open_chapter(st.session_state[key])


def open_chapter(name: str) -> None:
    """Go to another chapter; for callbacks."""
    st.session_state[_STATE] = name


def _way_on(name: str) -> None:
    names = list(CHAPTERS)
    place = names.index(name)
    st.divider()
    labs = [key for key, chapter in CHAPTERS.items() if chapter.lab]
    done = len(progress.finished() & set(labs))
    if done:
        st.caption(
            _(
                "Finished: {done} of {count} labs, each with its three questions answered. The address of this page keeps that."
            ).format(done=done, count=len(labs))
        )
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        for neighbour, template in ((place - 1, _("Before: {chapter}")), (place + 1, _("Next: {chapter}"))):
            if 0 <= neighbour < len(names):
                st.button(
                    template.format(chapter=_(CHAPTERS[names[neighbour]].title)),
                    key=f"concepts.go.{'before' if neighbour < place else 'next'}",
                    icon=":material/arrow_back:" if neighbour < place else ":material/arrow_forward:",
                    type="tertiary" if neighbour < place else "primary",
                    on_click=open_chapter,
                    args=(names[neighbour],),
                )
