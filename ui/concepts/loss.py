"""The chapter of the loss: three classes, their logits, what a mistake costs, and how hard each loss pulls."""

import numpy as np
import streamlit as st

from dlcore.concepts import losses
from dlcore.messages import N_
from ui import palette
from ui.concepts.controls import Choice, Controls, Slide, Values
from ui.concepts.doors import door
from ui.concepts.frame import Frame, Guess, show_frame
from ui.concepts.numbers import plain, tex
from ui.concepts.plots import axis, curve, point
from ui.figure import figure
from ui.language import translate as _

_LIMIT = 12.0
_NAMES = {"0": N_("Cat"), "1": N_("Dog"), "2": N_("Fox")}
CONTROLS = Controls.of(
    "loss",
    "l.",
    Slide(name="cat", title=N_("Logit of cat"), default=2.0, low=-_LIMIT, high=_LIMIT, step=0.1),
    Slide(name="dog", title=N_("Logit of dog"), default=0.5, low=-_LIMIT, high=_LIMIT, step=0.1),
    Slide(name="fox", title=N_("Logit of fox"), default=-1.0, low=-_LIMIT, high=_LIMIT, step=0.1),
    Choice(name="right", title=N_("It really is a …"), default="0", options=_NAMES, side_by_side=True),
    Slide(name="temperature", title=N_("Temperature T"), default=1.0, low=0.1, high=10, step=0.1),
    trials={
        "fair": (N_("Right, and fairly sure"), {}),
        "unsure": (N_("No idea"), {"cat": 0.0, "dog": 0.0, "fox": 0.0}),
        "mistake": (N_("Wrong, and sure of it"), {"right": "2", "cat": 9.0, "dog": 0.0, "fox": -1.0}),
        "cold": (N_("Cold: T = 0.2"), {"temperature": 0.2}),
        "hot": (N_("Hot: T = 5"), {"temperature": 5.0}),
    },
)
_MISTAKE = {"right": 2, "logits": (9.0, 0.0, -1.0)}
_GUESSES = {
    "same": N_("about as hard"),
    "ten": N_("some ten times harder"),
    "thousand": N_("thousands of times harder"),
}


def show() -> None:
    """The chapter."""
    values = CONTROLS.restore()
    show_frame(
        Frame(
            chapter="loss",
            guess=Guess(
                question=N_(
                    "It is a fox. The network gives the fox 0.005% and is all but certain of a cat. How much harder does "
                    "cross-entropy pull at the fox's logit than squared error does?"
                ),
                options=_GUESSES,
                answer=_answer,
            ),
            lab=lambda: _lab(values),
            reveal=_reveal,
            numbers=lambda: _numbers(values),
            doors=_doors,
        )
    )


def _pulls() -> tuple[float, float]:
    """How hard cross-entropy and squared error pull at the right logit in the confident mistake."""
    logits, right = np.array(_MISTAKE["logits"]), int(_MISTAKE["right"])  # type: ignore[call-overload]
    return (
        float(-losses.cross_entropy_gradient(logits, right)[right]),
        float(-losses.squared_error_gradient(logits, right)[right]),
    )


def _answer() -> str:
    hard, soft = _pulls()
    return "same" if hard / soft < 3 else "ten" if hard / soft < 100 else "thousand"


def _logits(values: Values) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([values["cat"], values["dog"], values["fox"]], dtype=float)


def _lab(values: Values) -> None:
    CONTROLS.draw_trials()
    left, right = st.columns([1, 2], gap="medium")
    with left:
        CONTROLS.draw("right", "cat", "dog", "fox", "temperature")
    with right:
        _shares(values)
        cost, pull = st.columns(2, gap="small")
        with cost:
            _costs(values)
        with pull:
            _pulled(values)
    _told(values)


def _shares(values: Values) -> None:
    shares = losses.softmax(_logits(values), values["temperature"])
    right = int(values["right"])
    names = [_(name) for name in _NAMES.values()]
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": names,
        "x": [float(f"{share:.6g}") for share in shares],
        "text": [_percent(share) for share in shares],
        "textposition": "auto",
        "marker": {"color": [palette.RIGHT if index == right else palette.NEUTRAL for index in range(3)]},
        "hoverinfo": "skip",
    }
    layout = {
        "xaxis": {"range": [0, 1], "tickformat": ".0%", "fixedrange": True},
        "yaxis": {"autorange": "reversed", "fixedrange": True, "type": "category"},
        "bargap": 0.25,
        "margin": {"t": 4},
    }
    told = ", ".join(f"{name} {_percent(share)}" for name, share in zip(names, shares, strict=True))
    st.markdown(_("**What softmax makes of the logits** · green: what it really is"))
    figure(
        [trace],
        layout,
        key="concepts-loss-shares",
        height=150,
        description=_("Probabilities: {told}").format(told=told),
    )


def _percent(share: float) -> str:
    return (
        f"{share:.1%}"
        if 0.001 <= share <= 0.999 or share in {0.0, 1.0}
        else plain(100 * share, 7 if share > 0.5 else 2) + "%"
    )


def _sweep(
    values: Values,
) -> tuple["np.ndarray[tuple[int], np.dtype[np.float64]]", "np.ndarray[tuple[int, int], np.dtype[np.float64]]"]:
    """The right class's logit from end to end, the others as they are."""
    xs = np.linspace(-_LIMIT, _LIMIT, 241)
    logits = np.repeat(_logits(values)[None], len(xs), axis=0)
    logits[:, int(values["right"])] = xs
    return xs, logits


def _costs(values: Values) -> None:
    xs, logits = _sweep(values)
    right, heat = int(values["right"]), values["temperature"]
    here = float(_logits(values)[right])
    cross, squared = (float(f(_logits(values), right, heat)) for f in (losses.cross_entropy, losses.squared_error))
    data = [
        curve(xs, losses.cross_entropy(logits, right, heat), _("Cross-entropy"), palette.TRAIN),
        curve(xs, losses.squared_error(logits, right, heat), _("Squared error"), palette.VALIDATION),
        point(here, cross, _("Now"), palette.HIGHLIGHT, showlegend=False),
        point(here, squared, _("Now"), palette.HIGHLIGHT, showlegend=False),
    ]
    layout = {"xaxis": axis(_("Logit of the right class")), "yaxis": {"rangemode": "tozero"}}
    description = _(
        "The cost over the right class's logit; now cross-entropy {cross}, squared error {squared}."
    ).format(cross=plain(cross), squared=plain(squared))
    st.markdown(_("**What it costs**"))
    figure(data, layout, key="concepts-loss-costs", height=270, description=description)


def _pulled(values: Values) -> None:
    xs, logits = _sweep(values)
    right, heat = int(values["right"]), values["temperature"]
    ys = [-f(logits, right, heat)[:, right] for f in (losses.cross_entropy_gradient, losses.squared_error_gradient)]
    here = float(_logits(values)[right])
    now = [
        float(-f(_logits(values), right, heat)[right])
        for f in (losses.cross_entropy_gradient, losses.squared_error_gradient)
    ]
    data = [
        curve(xs, ys[0], _("Cross-entropy"), palette.TRAIN, showlegend=False),
        curve(xs, ys[1], _("Squared error"), palette.VALIDATION, showlegend=False),
        *(point(here, value, _("Now"), palette.HIGHLIGHT, showlegend=False) for value in now),
    ]
    layout = {"xaxis": axis(_("Logit of the right class")), "yaxis": {"rangemode": "tozero"}, "margin": {"t": 28}}
    description = _("The pull at the right class's logit; now cross-entropy {cross}, squared error {squared}.").format(
        cross=plain(now[0]), squared=plain(now[1])
    )
    st.markdown(_("**How hard it pulls**: −∂L/∂z of the right class"))
    figure(data, layout, key="concepts-loss-pulls", height=270, description=description)


def _told(values: Values) -> None:
    right, heat = int(values["right"]), values["temperature"]
    cross = float(losses.cross_entropy(_logits(values), right, heat))
    st.markdown(
        _("This answer costs **{cost}** nats: as much as **{count}** right answers given with 90%.").format(
            cost=plain(cross), count=plain(cross / -np.log(0.9), 3)
        )
    )


def _reveal() -> None:
    hard, soft = _pulls()
    logits, right = np.array(_MISTAKE["logits"]), int(_MISTAKE["right"])  # type: ignore[call-overload]
    share = float(losses.softmax(logits)[right])
    st.markdown(
        _(
            "- The fox got {share}%.\n"
            "- Cross-entropy pulls at its logit with **{hard}**, squared error with **{soft}**: {times} times as hard.\n"
            "- The mistake costs as much as {count} right answers given with 90%."
        ).format(
            share=plain(100 * share, 2),
            hard=plain(hard, 3),
            soft=plain(soft, 2),
            times=plain(round(hard / soft), 5),
            count=plain(losses.answers_outweighed(share), 3),
        )
    )


def _numbers(values: Values) -> None:
    right, heat = int(values["right"]), values["temperature"]
    logits = _logits(values)
    shares = losses.softmax(logits, heat)
    powers = np.exp(logits / heat)
    total = float(powers.sum())
    cross, squared = (float(f(logits, right, heat)) for f in (losses.cross_entropy, losses.squared_error))
    letters = ("c", "d", "f")
    rows = [
        rf"e^{{z_{letter}/T}} &= e^{{{tex(logit)}/{tex(heat)}}} = {tex(power)}"
        for letter, logit, power in zip(letters, logits, powers, strict=True)
    ]
    rows.append(rf"\textstyle\sum &= {tex(total)}")
    rows += [
        rf"p_{letter} &= {tex(power)} \,/\, {tex(total)} = \mathbf{{{tex(share)}}}"
        for letter, power, share in zip(letters, powers, shares, strict=True)
    ]
    mine = letters[right]
    rows.append(rf"L_{{\text{{CE}}}} &= -\ln p_{mine} = -\ln {tex(shares[right])} = \mathbf{{{tex(cross)}}}")
    rows.append(
        r"L_{\text{SE}} &= "
        + r" \\ &\;\; + ".join(rf"({tex(share)} - {int(index == right)})^2" for index, share in enumerate(shares))
        + rf" = \mathbf{{{tex(squared)}}}"
    )
    by_cross, by_squared = (
        f(logits, right, heat) for f in (losses.cross_entropy_gradient, losses.squared_error_gradient)
    )
    for index, letter in enumerate(letters):
        rows.append(
            rf"\frac{{\partial L_{{\text{{CE}}}}}}{{\partial z_{letter}}} &= \frac{{p_{letter} - {int(index == right)}}}{{T}}"
            rf" = \mathbf{{{tex(by_cross[index])}}}"
        )
        rows.append(
            rf"\frac{{\partial L_{{\text{{SE}}}}}}{{\partial z_{letter}}} &= \mathbf{{{tex(by_squared[index])}}}"
        )
    st.latex(r"\begin{aligned}" + r"\\[3pt]".join(rows) + r"\end{aligned}")


def _doors() -> None:
    door(_("Train with cross-entropy"), "train", dataset="digits", model="mlp", loss="cross-entropy", epochs=10)
    door(_("The same with squared error"), "train", dataset="digits", model="mlp", loss="mse", epochs=10)
