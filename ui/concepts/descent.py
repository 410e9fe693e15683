"""The chapter of gradient descent: a map with the ways of five optimizers, the race, and the sweep over rates."""

from functools import lru_cache

import numpy as np
import streamlit as st

from dlcore.concepts import descent
from dlcore.concepts.descent import NAMES, OPTIMIZERS, SWEEP, Race
from dlcore.concepts.surfaces import STEEP, TITLES, curvatures, surface
from dlcore.messages import N_
from ui import palette
from ui.concepts.controls import Choice, Controls, Slide, Steps, Switch, Values
from ui.concepts.doors import door
from ui.concepts.frame import Frame, Guess, show_frame
from ui.concepts.numbers import plain, tex, tex_factor
from ui.concepts.plots import axis, band, curve, heatmap, numbers, point
from ui.figure import figure
from ui.language import translate as _

_COLOURS = dict(
    zip(NAMES, (palette.NEUTRAL, palette.TRAIN, palette.POSITIVE, palette.VALIDATION, palette.NEGATIVE), strict=True)
)
_CELLS = 60
_FASTER_THAN_ALLOWED = 0.11
"""The rate of the guess; the ravine's curvature allows 0.1."""
CONTROLS = Controls.of(
    "descent",
    "g.",
    Choice(name="surface", title=N_("Loss surface"), default="ravine", options=TITLES),
    Switch(
        name="own",
        title=N_("Each at its own best rate"),
        default=True,
        note=N_("Found by the sweep below, for as many steps. Off: all at the same rate."),
    ),
    Steps(
        name="rate",
        title=N_("Learning rate for all"),
        default=0.01,
        values=(0.0003, 0.001, 0.003, 0.01, 0.03, 0.05, 0.09, 0.11, 0.3, 1),
    ),
    Slide(name="momentum", title=N_("Momentum β"), default=0.9, low=0.0, high=0.99, step=0.01),
    Steps(name="steps", title=N_("Steps"), default=100, values=(25, 50, 100, 200)),
    Switch(
        name="noisy",
        title=N_("Mini-batches"),
        default=False,
        note=N_("Each step sees a noisy gradient; all racers see the same one."),
    ),
    Steps(name="seeds", title=N_("Seeds"), default=5, values=(1, 3, 5, 8)),
    trials={
        "ravine": (N_("A fair race in the ravine"), {}),
        "far": (N_("Too far: one rate for all"), {"own": False, "rate": 0.11, "steps": 25}),
        "valley": (N_("Rosenbrock's bent valley"), {"surface": "rosenbrock", "steps": 200}),
        "saddle": (N_("Stuck on a saddle?"), {"surface": "saddle", "own": False, "rate": 0.03, "steps": 200}),
        "noise": (N_("With mini-batches"), {"noisy": True}),
        "network": (N_("A real network"), {"surface": "network", "noisy": True}),
    },
)
_GUESSES = {
    "sooner": N_("it arrives sooner than with 0.09"),
    "bounces": N_("it bounces, but comes to rest"),
    "diverges": N_("every bounce is higher than the last"),
}


def show() -> None:
    """The chapter."""
    values = CONTROLS.restore()
    show_frame(
        Frame(
            chapter="descent",
            guess=Guess(
                question=N_("In the ravine plain gradient descent is fast at the rate 0.09. What does it do at 0.11?"),
                options=_GUESSES,
                answer=_answer,
            ),
            lab=lambda: _lab(values),
            reveal=_reveal,
            numbers=lambda: _numbers(values),
            doors=lambda: _doors(values),
        )
    )


def _answer() -> str:
    fast, slower = (raced("ravine", _same(rate), 100, 0.0, 1, noisy=False) for rate in (_FASTER_THAN_ALLOWED, 0.09))
    losses = fast.losses[:, 0, 0]
    if not losses[-1] < losses[0]:
        return "diverges"
    return "sooner" if losses[-1] < slower.final("sgd") else "bounces"


def _same(rate: float) -> tuple[tuple[str, float], ...]:
    return tuple((name, rate) for name in NAMES)


@lru_cache(maxsize=64)
def raced(
    name: str, rates: tuple[tuple[str, float], ...], steps: int, momentum: float, seeds: int, *, noisy: bool
) -> Race:
    """A race, run once for all who look at it."""
    return descent.race(name, dict(rates), steps=steps, momentum=momentum, noisy=noisy, seeds=seeds)


def rates_of(values: Values) -> dict[str, float]:
    """The learning rate of each optimizer."""
    if not values["own"]:
        return dict.fromkeys(NAMES, values["rate"])
    return descent.best_rates(
        values["surface"], steps=values["steps"], momentum=values["momentum"], noisy=values["noisy"]
    )


def race_of(values: Values) -> Race:
    """The race of these settings."""
    return raced(
        values["surface"],
        tuple(rates_of(values).items()),
        int(values["steps"]),
        float(values["momentum"]),
        int(values["seeds"]),
        noisy=values["noisy"],
    )


@lru_cache(maxsize=8)
def _map(name: str) -> tuple[list[float], list[float], "np.ndarray[tuple[int, int], np.dtype[np.float64]]"]:
    left, right, bottom, top = surface(name).box
    xs, ys = np.linspace(left, right, _CELLS), np.linspace(bottom, top, _CELLS)
    x, y = np.meshgrid(xs, ys)
    heights = np.log10(surface(name).value(np.stack([x, y], axis=-1)) + 1e-3)
    return [float(v) for v in xs.round(4)], [float(v) for v in ys.round(4)], heights


def _lab(values: Values) -> None:
    CONTROLS.draw_trials()
    left, right = st.columns([1, 2.2], gap="medium")
    with left:
        CONTROLS.draw("surface", "own", *(() if values["own"] else ("rate",)), "momentum", "steps", "noisy")
        if values["noisy"]:
            CONTROLS.draw("seeds")
    race = race_of(values)
    with right:
        _ways(values, race)
    losses, rates = st.columns(2, gap="medium")
    with losses:
        _losses(race)
    with rates:
        _sweep(values)
    _told(values, race)


def _ways(values: Values, race: Race) -> None:
    name = values["surface"]
    found = surface(name)
    xs, ys, heights = _map(name)
    ground = heatmap(heights, x=xs, y=ys, colorscale=_GROUND, hoverinfo="skip")
    lines = {
        "type": "contour",
        "z": ground["z"],
        "x": xs,
        "y": ys,
        "ncontours": 14,
        "contours": {"coloring": "none"},
        "showlegend": False,
        "line": {"color": palette.faded(palette.NEUTRAL, 0.45), "width": 1},
        "showscale": False,
        "hoverinfo": "skip",
    }
    left, right, bottom, top = found.box
    data = [ground, lines]
    for index, optimizer in enumerate(NAMES):
        way = race.places[:, index, 0]
        data.append(
            curve(way[:, 0], way[:, 1], _(OPTIMIZERS[optimizer]), _COLOURS[optimizer], width=2, mode="lines+markers")
            | {"marker": {"size": 4}, "hovertemplate": "%{x:.3g}, %{y:.3g}"}
        )
    data.append(point(*found.start, _("Start"), palette.HIGHLIGHT, showlegend=False))
    data += [
        point(*low, _("Lowest"), palette.RIGHT, showlegend=False, marker={"symbol": "star", "size": 14})
        for low in found.lowest
    ]
    titles = (_("weight 1"), _("weight 2"))
    if name == "network":
        titles = (_("distance in weight space"), _("at a right angle to it"))
    layout = {
        "xaxis": axis(titles[0], range=[left, right]),
        "yaxis": axis(titles[1], range=[bottom, top]),
        "uirevision": name,
        "legend": {"font": {"size": 11}},
    }
    description = " ".join(
        _("{optimizer} ends at a loss of {loss}.").format(
            optimizer=_(OPTIMIZERS[optimizer]), loss=plain(race.final(optimizer), 3)
        )
        for optimizer in NAMES
    )
    st.markdown(_("**The map and the ways down** · dark: a low loss · star: lowest"))
    figure(data, layout, key="concepts-descent-map", height=420, description=description)


_GROUND = [[0.0, palette.faded(palette.TRAIN, 0.55)], [1.0, palette.faded(palette.TRAIN, 0.02)]]


def _losses(race: Race) -> None:
    steps = list(range(len(race.losses)))
    data, ends = [], []
    for index, optimizer in enumerate(NAMES):
        losses = np.where(np.isnan(race.losses[:, index]), np.inf, race.losses[:, index])
        middle = np.median(losses, axis=1)
        if losses.shape[1] > 1:
            low, high = losses.min(axis=1), losses.max(axis=1)
            whole = np.isfinite(high)
            seen = [step for step in steps if whole[step]]
            data.append(
                band(seen, np.maximum(low[whole], 1e-12), high[whole], palette.faded(_COLOURS[optimizer], 0.15))
            )
        ends.append(f"{_(OPTIMIZERS[optimizer])} {plain(float(middle[-1]), 2)}")
        shown = np.where(np.isfinite(middle), np.maximum(middle, 1e-12), np.nan)
        data.append(curve(steps, shown, _(OPTIMIZERS[optimizer]), _COLOURS[optimizer], width=2, showlegend=False))
    layout = {"xaxis": axis(_("Updates made")), "yaxis": axis(_("Loss"), type="log", nticks=6)}
    described = _("The loss over {count} steps, one line an optimizer. At the end: {ends}.").format(
        count=len(steps) - 1, ends=_(", ").join(ends)
    )
    st.markdown(_("**The race** · the median; the band holds all seeds"))
    figure(data, layout, key="concepts-descent-losses", height=300, description=described)


def _sweep(values: Values) -> None:
    tried = descent.sweep(values["surface"], steps=values["steps"], momentum=values["momentum"], noisy=values["noisy"])
    data = []
    for optimizer in NAMES:
        finals = [max(loss, 1e-12) for loss in tried[optimizer]]
        data.append(curve(SWEEP, finals, _(OPTIMIZERS[optimizer]), _COLOURS[optimizer], width=2, showlegend=False))
    rates = rates_of(values)
    limit = _limit(values["surface"])
    shapes = limit and [
        {
            "type": "line",
            "x0": limit,
            "x1": limit,
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "line": {"color": palette.NEUTRAL, "dash": "dot"},
        }
    ]
    layout = {
        "xaxis": axis(_("Learning rate"), type="log"),
        "yaxis": axis(_("Loss at the end"), type="log", nticks=6),
        "shapes": shapes or [],
    }
    described = _("The loss at the end for each of {count} learning rates. Best: {best}.").format(
        count=len(SWEEP),
        best=", ".join(f"{_(OPTIMIZERS[optimizer])} {plain(rate, 2)}" for optimizer, rate in rates.items()),
    )
    st.markdown(_("**The sweep** · a line that stops has diverged · dotted: 2/λ"))
    figure(data, layout, key="concepts-descent-sweep", height=300, description=described)


def _limit(name: str) -> float | None:
    """The rate beyond which a plain step from the start climbs; ``None`` where the surface bends down there."""
    steepest = curvatures(name)[1]
    return 2 / steepest if steepest > 1e-6 else None


def _told(values: Values, race: Race) -> None:
    order = sorted(NAMES, key=race.final)
    rates = race.rates
    st.markdown(
        " · ".join(
            _("**{place}.** {optimizer} {loss} (rate {rate})").format(
                place=place,
                optimizer=_(OPTIMIZERS[optimizer]),
                loss=plain(race.final(optimizer), 2),
                rate=plain(rates[optimizer], 2),
            )
            for place, optimizer in enumerate(order, 1)
        )
    )
    low, high = curvatures(values["surface"])
    limit = _limit(values["surface"])
    if limit:
        text = _(
            "Curvature at the start: from {low} to **{high}** (λ). A plain step overshoots so far that it climbs once "
            "the rate passes 2/λ = **{limit}**."
        ).format(low=plain(low, 3), high=plain(high, 3), limit=plain(limit, 3))
    else:
        text = _(
            "At the start the surface bends down on all sides ({low} to {high}): no rate is too large there."
        ).format(low=plain(low, 3), high=plain(high, 3))
    lost = [(optimizer, race.diverged(optimizer)) for optimizer in NAMES]
    for optimizer, step in lost:
        if step is not None:
            text += " " + _("{optimizer} was lost beyond all bounds at step {step}.").format(
                optimizer=_(OPTIMIZERS[optimizer]), step=step
            )
    st.markdown(text)


def _reveal() -> None:
    race = raced("ravine", _same(_FASTER_THAN_ALLOWED), 25, 0.0, 1, noisy=False)
    distances = numbers(race.places[:6, 0, 0] @ STEEP, 3)
    st.markdown(
        _(
            "The first distances from the valley floor at the rate 0.11, to the one side and to the other: {distances}. "
            "Each is −1.2 times the one before."
        ).format(distances=", ".join(plain(distance, 3) for distance in distances if distance is not None))
    )


def _numbers(values: Values) -> None:
    rates = rates_of(values)
    left, right = st.columns(2)
    with left:
        optimizer = st.selectbox(
            _("Optimizer"),
            list(NAMES),
            index=len(NAMES) - 1,
            key="concepts.descent.opened",
            format_func={name: _(title) for name, title in OPTIMIZERS.items()}.__getitem__,
        )
    count = int(values["steps"])
    with right:
        step = st.slider(_("Update number"), 1, count, 1, key=f"concepts.descent.step.{count}")
    opened = descent.open_step(values["surface"], optimizer, rates[optimizer], momentum=values["momentum"], step=step)
    if opened is None:
        st.markdown(_("This run had diverged before that step."))
        return
    st.caption(_("The first weight, without mini-batches."))
    w, g, delta = (float(part[0]) for part in (opened.before, opened.gradient, opened.delta))
    m0, m1 = float(opened.memory_before.first[0]), float(opened.memory.first[0])
    v0, v1 = float(opened.memory_before.second[0]), float(opened.memory.second[0])
    eta, beta = tex_factor(rates[optimizer]), tex_factor(values["momentum"])
    rows = [rf"g &= \partial L/\partial w_1 = \mathbf{{{tex(g)}}}"]
    match optimizer:
        case "sgd":
            rows.append(rf"\Delta w &= -\eta g \\ &= -{eta}\cdot{tex_factor(g)} \\ &= \mathbf{{{tex(delta)}}}")
        case "momentum" | "nesterov":
            rows.append(
                rf"m &\leftarrow \beta m + g \\ &= {beta}\cdot{tex_factor(m0)} + {tex_factor(g)} \\ &= \mathbf{{{tex(m1)}}}"
            )
            if optimizer == "momentum":
                rows.append(rf"\Delta w &= -\eta m \\ &= -{eta}\cdot{tex_factor(m1)} \\ &= \mathbf{{{tex(delta)}}}")
            else:
                rows.append(
                    rf"\Delta w &= -\eta\,(g + \beta m) \\ &= -{eta}\,\bigl({tex(g)} + {beta}\cdot{tex_factor(m1)}\bigr) \\ &= \mathbf{{{tex(delta)}}}"
                )
        case "rmsprop":
            rows.append(
                rf"v &\leftarrow 0.99\,v + 0.01\,g^2 \\ &= 0.99\cdot{tex_factor(v0)} \\ &\quad + 0.01\cdot{tex_factor(g)}^2 \\ &= \mathbf{{{tex(v1)}}}"
            )
            rows.append(
                rf"\Delta w &= -\eta\,g/(\sqrt v + \epsilon) \\ &= -{eta}\cdot{tex_factor(g)}/{tex(v1**0.5)} \\ &= \mathbf{{{tex(delta)}}}"
            )
        case _:
            m_hat, v_hat = m1 / (1 - 0.9**step), v1 / (1 - 0.999**step)
            rows.append(
                rf"m &\leftarrow 0.9\,m + 0.1\,g \\ &= 0.9\cdot{tex_factor(m0)} + 0.1\cdot{tex_factor(g)} \\ &= \mathbf{{{tex(m1)}}}"
            )
            rows.append(
                rf"v &\leftarrow 0.999\,v + 0.001\,g^2 \\ &= 0.999\cdot{tex_factor(v0)} \\ &\quad + 0.001\cdot{tex_factor(g)}^2 \\ &= \mathbf{{{tex(v1)}}}"
            )
            rows.append(
                rf"\hat m &= m/(1-0.9^{{{step}}}) = {tex(m_hat)}\\[4pt] \hat v &= v/(1-0.999^{{{step}}}) = {tex(v_hat)}"
            )
            rows.append(
                rf"\Delta w &= -\eta\,\hat m/(\sqrt{{\hat v}} + \epsilon) \\ &= -{eta}\cdot{tex_factor(m_hat)}/{tex(v_hat**0.5)} \\ &= \mathbf{{{tex(delta)}}}"
            )
    rows.append(rf"w_1 &\leftarrow {tex(w)} + {tex_factor(delta)} = \mathbf{{{tex(w + delta)}}}")
    rows.append(rf"L &: {tex(opened.loss_before)} \to \mathbf{{{tex(opened.loss_after)}}}")
    st.latex(r"\begin{aligned}" + r"\\[4pt]".join(rows) + r"\end{aligned}")


def _doors(values: Values) -> None:
    settings = {"dataset": "digits", "model": "mlp", "epochs": 10}
    beta = f"{values['momentum']:.2f}"
    door(_("Train with plain SGD"), "train", optimizer="sgd", momentum=0, learning_rate=0.1, **settings)
    door(
        _("With momentum {beta}").format(beta=beta),
        "train",
        optimizer="sgd",
        momentum=beta,
        learning_rate=0.1,
        **settings,
    )
    door(_("With Adam"), "train", optimizer="adam", learning_rate=0.001, **settings)
    door(_("Plain SGD, too far"), "train", optimizer="sgd", momentum=0, learning_rate=5, **settings)
