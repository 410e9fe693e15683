"""The chapter of depth: a network to build by hand, its recorded training to play, and what there is to find out."""

import streamlit as st

from dlcore.concepts.playground_program import program_of
from dlcore.messages import N_, UserError
from ui.concepts import link
from ui.concepts.doors import door
from ui.concepts.frame import Frame, show_frame
from ui.concepts.player import player
from ui.concepts.playground_outcome import tell_outcome
from ui.concepts.playground_settings import settings
from ui.concepts.playground_state import GUESSES, PARAMETERS, STATE, TRIALS, Playground, from_query, to_query
from ui.concepts.prose import sections
from ui.concepts.shown import ARRIVED
from ui.language import translate as _
from ui.shell import show_error

_PLAYER = "concepts.depth.player"


def show() -> None:
    """The chapter; each ready experiment has a guess of its own, so the lab asks it itself."""
    lab = _restore()
    show_frame(
        Frame(
            chapter="depth",
            lab=lambda: _lab(lab),
            folds={N_("PyTorch code that reproduces the picture"): ("code", lambda: _program(lab))},
            doors=lambda: _doors(lab),
        )
    )


def _lab(lab: Playground) -> None:
    """The ready experiments, the guess, the player with its settings, and what came out."""
    text = sections("depth")
    _trials(lab)
    if lab.trial:
        st.markdown(text[f"{lab.trial}-question"])
    _guess(lab)
    player(
        lab.experiment,
        playing=lab.shown,
        adding=lab.adding,
        veiled=not lab.shown,
        key=_PLAYER,
        on_points=_drawn,
    )
    settings(lab)
    if lab.shown:
        tell_outcome(lab, text)


def _program(lab: Playground) -> None:
    st.markdown(sections("depth")["program"])
    st.code(program_of(lab.experiment), language="python")


def _doors(lab: Playground) -> None:
    door(
        _("Train a deep network on digits"),
        "train",
        dataset="digits",
        model="mlp",
        depth=max(len(lab.experiment.hidden), 1),
        epochs=10,
        seed=lab.experiment.seed,
    )


def _restore() -> Playground:
    """The playground of the link where the link is news, else the one remembered."""
    linked = {name: st.query_params[name] for name in PARAMETERS if name in st.query_params}
    lab: Playground | None = st.session_state.get(STATE)
    news = st.session_state.get(ARRIVED) or (lab is not None and linked not in lab.written)
    if lab is None or (linked and news):
        lab = lab or Playground()
        try:
            lab.change(from_query(linked), ask=True)
            lab.shown = lab.shown or lab.trial is None
        except UserError as error:
            show_error(error)
        lab.written.append(linked)
        st.session_state[STATE] = lab
    wanted = to_query(lab.experiment)
    if wanted not in lab.written:
        lab.written.append(wanted)
    link.put(wanted)
    return lab


def _try(name: str) -> None:
    lab: Playground = st.session_state[STATE]
    lab.change(TRIALS[name][1], ask=True)


def _tell(guess: str) -> None:
    lab: Playground = st.session_state[STATE]
    lab.guess, lab.shown = guess, True


def _drawn() -> None:
    """Points of the visitor's own, drawn on the plane; what the browser sends is not trusted."""
    lab: Playground = st.session_state[STATE]
    try:
        lab.add_points(getattr(st.session_state.get(_PLAYER), "points", None))
    except UserError:
        return  # not on the plane: no visitor's hand sends this


def _trials(lab: Playground) -> None:
    st.markdown(_("**Try these in turn**, or set everything yourself below."))
    with st.container(horizontal=True, gap="small"):
        for name, (title, _experiment) in TRIALS.items():
            st.button(
                _(title),
                key=f"concepts.depth.trial.{name}",
                on_click=_try,
                args=(name,),
                type="primary" if name == lab.trial else "secondary",
            )


def _guess(lab: Playground) -> None:
    if lab.shown:
        return
    question = _("Guess first: after {epochs} epochs, what share of the test points will be right?")
    st.markdown(question.format(epochs=lab.experiment.epochs))
    with st.container(horizontal=True):
        for value, title in GUESSES.items():
            st.button(_(title), key=f"concepts.depth.guess.{value}", on_click=_tell, args=(value,))
        st.button(_("Just show me"), key="concepts.depth.show", on_click=_tell, args=("",), type="tertiary")
