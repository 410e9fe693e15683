"""Where a training of the lab leads: a guess first, then the loss over the updates, to be wound back and forth."""

from collections.abc import Mapping

import streamlit as st

from dlcore.concepts.six_steps import bounces, outcome
from dlcore.messages import N_
from ui import palette
from ui.concepts.lab_state import PREVIEW, STATE, TRIALS, Lab
from ui.concepts.numbers import plain
from ui.concepts.prose import sections
from ui.concepts.shown import initial, shown
from ui.figure import figure
from ui.language import translate as _

GUESSES: Mapping[str, str] = {
    "solved": N_("below 0.01: learned"),
    "lower": N_("lower, but not there yet"),
    "unchanged": N_("the same, within 1%"),
    "higher": N_("higher, or beyond all bounds"),
}


def _guess(value: str) -> None:
    lab: Lab = st.session_state[STATE]
    lab.guess, lab.guessed = value, True


def course(lab: Lab) -> None:
    """The loss over the updates, behind a guess."""
    st.markdown(_("##### Where does it lead?"))
    if not lab.guessed:
        st.markdown(_("Guess first: after {count} updates from this start, the loss will be …").format(count=PREVIEW))
        with st.container(horizontal=True):
            for value, title in GUESSES.items():
                st.button(_(title), key=f"concepts.steps.guess.{value}", on_click=_guess, args=(value,))
            st.button(_("Just show me"), key="concepts.steps.show", on_click=_guess, args=("",), type="tertiary")
        return
    preview = lab.preview()
    answer = outcome(preview)
    if lab.guess:
        right = lab.guess == answer
        message = _("Right: the loss is {answer}.") if right else _("Not this time. The loss is {answer}.")
        show = st.success if right else st.info
        show(message.format(answer=_(GUESSES[answer])), icon=":material/check:" if right else ":material/lightbulb:")
    _loss_chart(lab)
    lessons = sections("lab")
    for name, (_title, experiment) in TRIALS.items():
        if lab.experiment == experiment:
            st.markdown(lessons[name])
            return
    rises = bounces(preview)
    if rises:
        st.markdown(
            _("In the first {count} updates the loss rose {rises} times.").format(
                count=len(preview.losses) - 1, rises=rises
            )
        )


def _loss_chart(lab: Lab) -> None:
    trajectory = lab.trajectory()
    count = max(len(lab.preview().losses), lab.finished + 1)
    losses = [max(loss, 1e-32) for loss in trajectory.losses[:count]]
    done = lab.finished
    steps = list(range(len(losses)))
    data = [
        {
            "type": "scatter",
            "x": steps[done:],
            "y": losses[done:],
            "mode": "lines",
            "line": {"color": palette.NEUTRAL, "width": 2, "dash": "dot"},
            "name": _("Still to come"),
        },
        {
            "type": "scatter",
            "x": steps[: done + 1],
            "y": losses[: done + 1],
            "mode": "lines",
            "line": {"color": palette.TRAIN, "width": 3},
            "name": _("Made so far"),
        },
        {
            "type": "scatter",
            "x": [done],
            "y": [losses[min(done, len(losses) - 1)]],
            "mode": "markers",
            "marker": {"color": palette.HIGHLIGHT, "size": 12},
            "name": _("You are here"),
            "cliponaxis": False,
        },
    ]
    layout = {
        "xaxis": {"title": {"text": _("Updates made")}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": _("Loss")}, "type": "log", "exponentformat": "power", "dtick": 1}
        if _spans_decades(losses)
        else {"title": {"text": _("Loss")}, "rangemode": "tozero"},
        "uirevision": str(lab.experiment),
    }
    description = _("The loss over the updates: from {first} at the start to {last} after {count} updates.").format(
        first=plain(losses[0]), last=plain(losses[-1]), count=len(losses) - 1
    )
    figure(data, layout, key="concepts-loss", height=300, description=description)
    last = len(losses) - 1
    if last > 0:
        key = shown("position", done, last)
        label = _("Wind back and forth: updates made")
        st.slider(label, 0, last, initial("position"), key=key, on_change=_wind, args=(key,))


def _wind(key: str) -> None:
    lab: Lab = st.session_state[STATE]
    lab.go_to(st.session_state[key])


def _spans_decades(losses: list[float]) -> bool:
    return max(losses) > 1000 * max(min(losses), 1e-32)
