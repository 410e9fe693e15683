"""Teach it: what both lessons share. Drawings are collected with their labels, a run learns from them, it is used."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import streamlit as st

from dlcore.data.drawings import MOST_CLASSES, MOST_DRAWINGS, Drawing
from dlcore.inference.strokes import strokes_to_image
from dlcore.messages import UserError
from dlcore.runs import queue
from dlcore.runs.directory import Run, open_run
from dlcore.runs.history import RunHistory
from dlcore.runs.status import LIVE, STATUSES
from ui.clock import run_again
from ui.drawing import pictures, state
from ui.drawing.pixels import gallery, picture
from ui.drawing.reading import Reading
from ui.language import explain
from ui.language import translate as _
from ui.part import part
from ui.shell import plain_text, show_error

MOST_ASIDE = MOST_DRAWINGS * MOST_CLASSES
"""Drawings whose names are out of use that a session keeps."""
_MOST_LESSONS = 8
"""Lessons that a session keeps: the symbols, and a correction for each of the models that answered last."""
_KEY = "draw.lessons"
_TRAIN_PAGE = "pages/train.py"
_LOOK_SECONDS = 1.0
_BAR = """
.st-key-draw-keep { position: fixed; left: 0; right: 0; bottom: 0; z-index: 90; padding: .6rem 1.2rem; max-height: 40vh;
  overflow-y: auto; backdrop-filter: blur(14px); background: rgba(124,130,152,.14); border-top: 1px solid rgba(124,130,152,.4); }
[data-testid=stMainBlockContainer] { padding-bottom: 9rem; }
@media (max-width: 640px) {
  .st-key-draw-keep { flex-wrap: nowrap; overflow-x: auto; gap: .4rem; padding: .4rem .6rem; }
  .st-key-draw-keep > * { flex: none; width: auto; }
  .st-key-draw-keep button { min-height: 2.4rem; padding: .2rem .6rem; white-space: nowrap; }
}
"""


@dataclass(slots=True)
class Lesson:
    """What a visitor has collected in this session, and the run that learned from it last."""

    names: tuple[str, ...] = ()
    drawings: list[Drawing] = field(default_factory=list)
    run_id: str = ""
    learned: tuple[Drawing, ...] = ()
    """The drawings that this run was given."""
    aside: list[tuple[str, Drawing]] = field(default_factory=list)
    """Drawings whose names are not among those of now, with these names: they come back when their name does."""

    def count(self, label: int) -> int:
        """How many drawings of one class there are."""
        return sum(drawing.label == label for drawing in self.drawings)

    def rename(self, names: tuple[str, ...]) -> dict[str, str]:
        """Go by these names from now on; return which old name became which new one.

        A name that takes the place of another in the list is the same class, called otherwise. The drawings of a name that
        goes are put aside. Of each name the last :data:`MOST_DRAWINGS` are kept, aside the last :data:`MOST_ASIDE` in all.
        """
        pairs = zip(self.names, names, strict=False)
        changed = {old: new for old, new in pairs if old not in names and new not in self.names}
        told = [*self.aside, *((self.names[one.label], one) for one in self.drawings)]
        told = [(changed.get(name, name), one) for name, one in told]
        self.names, self.drawings, self.aside = names, [], []
        held = Counter[str]()
        for name, one in reversed(told):  # the newest first, where there are more than can be kept
            held[name] += 1
            if held[name] > MOST_DRAWINGS:
                continue
            if name in names:
                self.drawings.insert(0, Drawing(one.image, names.index(name)))
            elif len(self.aside) < MOST_ASIDE:
                self.aside.insert(0, (name, one))
        return changed


def lesson(name: str) -> Lesson:
    """The lesson of this name in this session; it pushes out the one that was not opened for longest."""
    lessons: dict[str, Lesson] = st.session_state.setdefault(_KEY, {})
    lessons[name] = lessons.pop(name, None) or Lesson()
    while len(lessons) > _MOST_LESSONS:
        lessons.pop(next(iter(lessons)))
    return lessons[name]


def collect(reading: Reading, given: Lesson, key: str, *, whole: bool = True) -> None:
    """A button for each class that keeps the drawing on the paper as one of it; below, what was kept.

    Unless the ``whole`` drawing is one example, each of its digits is: it stays for the others, as a picture of several does.
    """

    def keep(label: int) -> None:
        several = reading.parts > 1 and not (whole and reading.strokes)
        image = reading.image if several or not reading.strokes else strokes_to_image(reading.strokes)
        given.drawings.append(Drawing(image, label))
        if several:
            return
        if reading.origin == "picture":
            pictures.take_away(state.page())
        else:
            state.page().fresh_paper()

    def take_back() -> None:
        given.drawings.pop()

    nothing = reading.origin == "example"
    # At the lower edge of the window, wherever the page is scrolled to: paper and buttons are needed in turn.
    st.html(f"<style>{_BAR}</style>")
    with st.container(horizontal=True, key="draw-keep"):
        for label, name in enumerate(given.names):
            st.button(
                f"{plain_text(name)} · {given.count(label)}",
                key=f"{key}.{label}",
                on_click=keep,
                args=(label,),
                disabled=nothing or given.count(label) >= MOST_DRAWINGS,
            )
        st.button(
            _("Take back the last one"),
            key=f"{key}.back",
            icon=":material/undo:",
            on_click=take_back,
            disabled=not given.drawings,
        )
    if nothing:
        st.caption(
            _(
                "Draw on the paper, then say at the lower edge of the window what it is. The paper is cleared for the next one."
            )
        )
    if given.drawings:
        st.html(gallery(*(picture(one.image, escape(given.names[one.label])) for one in given.drawings), width_rem=4))
        st.caption(
            _(
                "Until something learns from them these drawings are nowhere but in this tab's session. What a run learns"
                " from is kept on this server as a set of your own images, which you can delete on the Train page."
            )
        )


def begin(given: Lesson, run: Run) -> None:
    """Note that ``run`` learns from what was collected, and show it."""
    given.run_id, given.learned = run.run_id, tuple(given.drawings)
    st.rerun()


def finished(given: Lesson) -> Run | None:
    """The run of this lesson, once it has a model; until then its progress is shown, or why it has none."""
    if not given.run_id:
        return None
    try:
        run = open_run(given.run_id)
    except UserError as error:
        given.run_id = ""
        show_error(error)
        return None
    if run.status() in LIVE:
        _watch(given.run_id)
        return None
    if run.weights_path is None:
        summary = run.summary()
        reason = UserError(summary.message, **summary.values) if summary is not None and summary.message else None
        st.error(explain(reason) if reason else _(STATUSES[run.status()]), icon=":material/error:")
        return None
    return run


@part
def _watch(run_id: str) -> None:
    try:
        run = open_run(run_id)
        queue.advance()
        status = run.status()
        if status not in LIVE:
            st.rerun()
        history = RunHistory()
        history.append(run.read()[0])
    except UserError as error:  # deleted meanwhile, by its owner or to make room
        show_error(error)
        return
    done = history.latest.step / max(1, history.total_steps) if history.latest and history.started else 0.0
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(1.0, done), text=_(STATUSES[status]))
        if st.button(_("Stop"), key="draw.teach.stop", icon=":material/stop:"):
            queue.stop(run)
    run_again(_LOOK_SECONDS, key="draw.teach.clock")


def use(run: Run, key: str) -> None:
    """What to do with a model that has learned: let it answer, or see, take home and share its run."""

    def choose() -> None:
        state.page().model = run.run_id
        st.session_state["draw.model"] = run.run_id
        state.page().fresh_paper()

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Let it answer now"),
            key=f"{key}.use",
            type="primary",
            icon=":material/draw:",
            on_click=choose,
            disabled=state.page().model == run.run_id,
        )
        st.page_link(
            _TRAIN_PAGE,
            label=_("Its curves, to take home or share"),
            icon=":material/model_training:",
            query_params={"run": run.run_id},
        )


def as_drawings(images: Sequence, labels: Sequence[int]) -> list[Drawing]:
    """Labelled images uint8 (N, 1, 28, 28) as drawings."""
    return [Drawing(image[0], int(label)) for image, label in zip(images, labels, strict=True)]
