"""Before a run: a guess of what it will reach, how long it will take, and a learning rate found by a range test."""

import streamlit as st

from dlcore import rehearsal
from dlcore.messages import UserError
from dlcore.rehearsal import Rehearsal, estimated_seconds
from ui.clock import run_again
from ui.figure import figure
from ui.language import translate as _
from ui.palette import HIGHLIGHT, TRAIN
from ui.part import part
from ui.shell import show_error
from ui.training.figures import POWERS, Figure
from ui.training.runs import start_run
from ui.training.state import TrainPage
from ui.training.words import duration

_LOOK_AGAIN_SECONDS = 0.5


def before_a_run(state: TrainPage) -> None:
    """The fold with all three; nothing is measured before it is asked for."""
    fold = st.expander(_("Before you start"), icon=":material/psychology_alt:", key="train.before", on_change="rerun")
    if not fold.open:
        return
    with fold:
        _guess(state)
        _rehearse(state)


def start_with_guess(state: TrainPage) -> None:
    """As :func:`~ui.training.runs.start_run`, and remember what the visitor guessed of that run."""
    before = state.run_id
    start_run(state)
    if state.run_id != before and state.guess is not None:
        state.guesses[state.run_id] = state.guess


def _guess(state: TrainPage) -> None:
    key = "train.guess"
    st.session_state[key] = state.guess

    def choose() -> None:
        state.guess = st.session_state[key]

    st.number_input(
        _("Guess first: what test accuracy will it reach? (%)"),
        min_value=0.0,
        max_value=100.0,
        step=1.0,
        format="%g",
        key=key,
        placeholder=_("Your guess"),
        help=_("Whoever has guessed looks closer. It stands beside the answer when the run is over."),
        on_change=choose,
    )


def _rehearse(state: TrainPage) -> None:
    config = state.config
    found = rehearsal.look_up(config)
    if found is None and state.rehearsing != rehearsal.place(config).name:
        st.button(
            _("Measure the time and a learning rate"),
            icon=":material/timer:",
            key="train.rehearse",
            width="stretch",
            help=_(
                "A second of training, then a hundred updates at rising learning rates. The network is thrown away."
            ),
            on_click=_ask,
            args=(state,),
        )
        return
    if found is None:
        try:
            found = rehearsal.request(config)
        except UserError as error:
            state.rehearsing = ""
            show_error(error)
            return
    if found is None:
        part(_wait)(state)
        return
    _time(state, found)
    _rates(state, found)


def _ask(state: TrainPage) -> None:
    state.rehearsing = rehearsal.place(state.config).name


def _wait(state: TrainPage) -> None:
    if rehearsal.is_settled(state.config):
        st.rerun()
    st.caption(_("Measuring, in a process of its own: ten seconds or so…"))
    run_again(_LOOK_AGAIN_SECONDS, key="train.rehearsing")


def _time(state: TrainPage, found: Rehearsal) -> None:
    try:
        seconds = estimated_seconds(state.config, found)
    except UserError as error:  # own images that are gone
        show_error(error)
        return
    st.markdown(_("**About {time}** for the whole run.").format(time=duration(seconds)))
    st.caption(
        _(
            "Measured here: {updates:,} updates in {seconds:.1f} s, {speed:,.0f} images a second (threads: {threads}); {judged:,.0f} a second when judging. Other work on the machine makes it longer."
        ).format(
            updates=found.updates,
            seconds=found.seconds,
            speed=found.images_per_second,
            threads=found.threads,
            judged=found.judged_per_second,
        )
    )


def _rates(state: TrainPage, found: Rehearsal) -> None:
    if len(found.rates) < 2 or len(found.rates) != len(found.losses):
        return
    st.markdown(_("**Learning rate range test**: the loss while the rate rises"))
    figure(
        *range_figure(found, state.config.learning_rate), key="train.range", height=220, description=_in_words(found)
    )
    if found.suggested is None:
        st.caption(_("The loss did not fall clearly at any rate: there is nothing to suggest."))
        return
    st.caption(_("Where the loss falls most steeply updates get on fastest; where it rises they overshoot."))
    if found.suggested == state.config.learning_rate:
        st.caption(
            _("**{rate:g}** is suggested (the line), and it is what the form says already.").format(
                rate=found.suggested
            )
        )
        return
    st.caption(
        _("Dashed: **{rate:g}**, which is suggested. Dotted: {chosen:g}, as the form says.").format(
            rate=found.suggested, chosen=state.config.learning_rate
        )
    )
    if st.button(
        _("Use {rate:g}").format(rate=found.suggested),
        icon=":material/check:",
        key="train.use_rate",
        width="stretch",
        on_click=_use,
        args=(state, found.suggested),
    ):
        st.rerun()


def _use(state: TrainPage, rate: float) -> None:
    state.config, state.refusals = state.config.model_copy(update={"learning_rate": rate}), ()


def _in_words(found: Rehearsal) -> str:
    if found.suggested is None:
        return _("Loss against learning rate; it does not fall clearly.")
    return _("Loss against learning rate; it falls most steeply at about {rate:g}.").format(rate=found.suggested)


def range_figure(found: Rehearsal, chosen: float) -> Figure:
    """The smoothed loss against the rate, with the suggested rate and the one in the form."""
    top = 1.15 * max(found.losses[: max(2, len(found.losses) // 3)])
    trace = {
        "type": "scatter",
        "mode": "lines",
        "x": found.rates,
        "y": found.losses,
        "line": {"color": TRAIN, "width": 2},
        "hovertemplate": _("at {rate}: a loss of {loss}").format(rate="%{x:.1e}", loss="%{y:.3f}") + "<extra></extra>",
    }
    shapes = [
        {
            "type": "line",
            "yref": "paper",
            "x0": rate,
            "x1": rate,
            "y0": 0,
            "y1": 1,
            "line": {"color": colour, "width": 1.5, "dash": dash},
        }
        for rate, colour, dash in ((chosen, TRAIN, "dot"), (found.suggested, HIGHLIGHT, "dash"))
        if rate
    ]
    layout = {
        "xaxis": POWERS | {"title": {"text": _("Learning rate")}, "dtick": 2},
        "yaxis": {"title": {"text": _("Loss")}, "range": [0, top]},
        "shapes": shapes,
        "showlegend": False,
        "margin": {"t": 8},
        "uirevision": "range",
    }
    return [trace], layout
