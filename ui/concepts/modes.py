"""The chapter of train and eval mode: what dropout and batch norm do to one image, to the accuracy, and what a batch is for."""

import json
from functools import cache, lru_cache

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dlcore.concepts import modes
from dlcore.concepts.modes import SmallNet
from dlcore.messages import N_
from ui import palette
from ui.concepts.controls import Choice, Controls, Slide, Steps, Switch, Values
from ui.concepts.doors import door
from ui.concepts.frame import Frame, Guess, show_frame
from ui.concepts.measured import measured
from ui.concepts.numbers import plain, tex, tex_factor
from ui.concepts.plots import axis, band, curve
from ui.figure import figure
from ui.language import CONTENT
from ui.language import translate as _

_REPEATS = 5
_VIEWS = {"image": N_("One image, again and again"), "test": N_("The whole test"), "noise": N_("What a batch is for")}
CONTROLS = Controls.of(
    "modes",
    "e.",
    Choice(name="view", title=N_("View"), default="image", options=_VIEWS, side_by_side=True),
    Slide(name="image", title=N_("Test image"), default=23, low=0, high=modes.TEST_COUNT - 1, step=1),
    Switch(name="dropping", title=N_("Dropout drops"), default=True),
    Switch(name="statistics", title=N_("Batch norm looks at the batch"), default=True),
    Steps(name="batch", title=N_("Batch size"), default=8, values=(2, 4, 8, 16, 32, 64, 128)),
    trials={
        "train": (N_("Train mode"), {}),
        "eval": (N_("Eval mode"), {"dropping": False, "statistics": False}),
        "dropout": (N_("Only dropout"), {"statistics": False}),
        "norm": (N_("Only batch norm, in pairs"), {"dropping": False, "batch": 2}),
        "test": (N_("The whole test"), {"view": "test"}),
        "noise": (N_("What a batch is for"), {"view": "noise"}),
    },
)
_GUESSES = {
    "none": N_("the same, it is only slower"),
    "point": N_("about a point lower, different each time"),
    "far": N_("more than five points lower"),
}


def show() -> None:
    """The chapter."""
    values = CONTROLS.restore()
    show_frame(
        Frame(
            chapter="modes",
            guess=Guess(
                question=N_(
                    "The article's program tests its network, dropout and all, without model.eval(). What accuracy does "
                    "it report?"
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


def _answer() -> str:
    result = measured()["forgotten_eval"]
    lost = result["eval"] - float(np.mean(result["train"]))
    return "none" if lost < 0.002 else "point" if lost < 0.05 else "far"


@cache
def net() -> SmallNet:
    """The small network, read once."""
    kept = json.loads((CONTENT / "measured" / "small_network.json").read_text(encoding="utf-8"))
    return modes.from_json(kept["tensors"], kept["dropout"])


@lru_cache(maxsize=64)
def answers_of(image: int, batch: int, *, dropping: bool, statistics: bool) -> NDArray[np.float64]:
    """The probabilities that an image gets, asked again and again."""
    return modes.answers(net(), image, dropping=dropping, batch_statistics=statistics, batch_size=batch)


@lru_cache(maxsize=8)
def accuracies_of(*, dropping: bool, statistics: bool) -> dict[int, list[float]]:
    """Test accuracies by batch size, _REPEATS times each."""
    return {
        size: [
            modes.accuracy(net(), dropping=dropping, batch_statistics=statistics, batch_size=size, seed=seed)
            for seed in range(_REPEATS)
        ]
        for size in modes.BATCH_SIZES
    }


def _lab(values: Values) -> None:
    CONTROLS.draw_trials()
    CONTROLS.draw("view")
    if values["view"] == "noise":
        _noise()
        return
    left, right = st.columns([1, 2], gap="medium")
    with left:
        if values["view"] == "image":
            CONTROLS.draw("image")
        CONTROLS.draw("dropping", "statistics")
        if values["view"] == "image" and values["statistics"]:
            CONTROLS.draw("batch")
        if values["view"] == "image":
            _picture(int(values["image"]))
    with right:
        if values["view"] == "image":
            _answers(values)
        else:
            _test(values)


def _picture(place: int) -> None:
    images, labels = modes.held_out()
    trace = {
        "type": "heatmap",
        "z": images[place].reshape(8, 8).round(3).tolist(),
        "colorscale": palette.SEQUENTIAL,
        "showscale": False,
        "hoverinfo": "skip",
    }
    hidden = {"visible": False, "fixedrange": True}
    layout = {
        "xaxis": hidden | {"scaleanchor": "y", "constrain": "domain"},
        "yaxis": hidden | {"autorange": "reversed", "constrain": "domain"},
        "margin": {"l": 0, "r": 0, "t": 4, "b": 4},
    }
    described = _("Test image {place}: a {label}").format(place=place, label=labels[place])
    figure([trace], layout, key="concepts-modes-picture", height=130, description=described)
    st.caption(described)


def _asked(values: Values) -> tuple[NDArray[np.float64], int]:
    _images, labels = modes.held_out()
    place = int(values["image"])
    shares = answers_of(place, int(values["batch"]), dropping=values["dropping"], statistics=values["statistics"])
    return shares, int(labels[place])


def _answers(values: Values) -> None:
    shares, label = _asked(values)
    mine = shares[:, label]
    counts, edges = np.histogram(mine, bins=40, range=(0, 1))
    data = [
        {
            "type": "bar",
            "x": ((edges[:-1] + edges[1:]) / 2).round(4).tolist(),
            "y": counts.tolist(),
            "marker": {"color": palette.TRAIN},
            "hovertemplate": "%{x:.2f}: %{y}<extra></extra>",
        }
    ]
    layout = {
        "xaxis": axis(_("Probability given to the right class"), range=[0, 1], tickformat=".0%"),
        "yaxis": axis(_("Times, of {count}").format(count=len(mine))),
        "bargap": 0.05,
    }
    wrong = float(np.mean(shares.argmax(axis=1) != label))
    told = _(
        "The same image, the same weights, asked {count} times: between **{low}** and **{high}** for the right class; "
        "the answer was wrong in **{wrong}** of the cases."
    ).format(count=len(mine), low=f"{mine.min():.1%}", high=f"{mine.max():.1%}", wrong=f"{wrong:.0%}")
    figure(data, layout, key="concepts-modes-answers", height=330, description=told.replace("**", ""))
    st.markdown(told)


def _test(values: Values) -> None:
    found = accuracies_of(dropping=values["dropping"], statistics=values["statistics"])
    quiet = accuracies_of(dropping=False, statistics=False)[modes.BATCH_SIZES[0]][0]
    sizes = list(found)
    data = [
        band(
            sizes,
            [min(row) for row in found.values()],
            [max(row) for row in found.values()],
            palette.faded(palette.TEST, 0.2),
        ),
        curve(
            sizes, [np.mean(row) for row in found.values()], _("As set at the left"), palette.TEST, mode="lines+markers"
        ),
        curve([sizes[0], sizes[-1]], [quiet] * 2, _("Eval mode"), palette.RIGHT, dash="dash"),
    ]
    layout = {
        "xaxis": axis(_("Batch size"), type="log", tickvals=sizes, ticktext=[str(size) for size in sizes]),
        "yaxis": axis(_("Right, of the test images"), tickformat=".0%"),
    }
    told = _(
        "In pairs **{first}** right, all at once **{last}**; in eval mode **{quiet}**, whatever the batch."
    ).format(first=f"{np.mean(found[sizes[0]]):.1%}", last=f"{np.mean(found[sizes[-1]]):.1%}", quiet=f"{quiet:.1%}")
    figure(data, layout, key="concepts-modes-test", height=330, description=told.replace("**", ""))
    st.markdown(told)


def _noise() -> None:
    found = modes.gradient_noise()
    sizes = list(found)
    data = [
        curve(sizes, list(found.values()), _("Measured"), palette.TRAIN, mode="lines+markers"),
        curve(sizes, [found[1] / size**0.5 for size in sizes], "1/√B", palette.NEUTRAL, dash="dot"),
    ]
    layout = {
        "xaxis": axis(_("Batch size B"), type="log", tickvals=sizes, ticktext=[str(size) for size in sizes]),
        "yaxis": axis(_("Error of the gradient / its length"), type="log", nticks=5),
    }
    told = _(
        "A batch of one is off by **{one}** times the gradient's own length, one of 256 by {many}. Sixteen times the work "
        "makes it four times as exact."
    ).format(one=plain(found[1], 3), many=plain(found[256], 2))
    figure(data, layout, key="concepts-modes-noise", height=330, description=told.replace("**", ""))
    st.markdown(told)


def _reveal() -> None:
    result = measured()["forgotten_eval"]
    tries = result["train"]
    st.markdown(
        _(
            "The article's network after one epoch of MNIST: **{quiet}** in eval mode. Without `model.eval()`: {low} to "
            "{high} in ten tries on the very same weights."
        ).format(quiet=f"{result['eval']:.2%}", low=f"{min(tries):.2%}", high=f"{max(tries):.2%}")
    )


def _numbers(values: Values) -> None:
    small = net()
    images, _labels = modes.held_out()
    place = int(values["image"])
    st.markdown(_("One hidden neuron of this network, and the image above, through batch norm and dropout."))
    neuron = st.slider(_("Neuron"), 1, len(small.w1), 1, key="concepts.modes.neuron") - 1
    z = float(images[place] @ small.w1[neuron] + small.b1[neuron])
    if values["statistics"]:
        random = np.random.default_rng([0, place])
        chosen = random.integers(0, len(images), int(values["batch"]))
        chosen[0] = place
        batch = images[chosen] @ small.w1[neuron] + small.b1[neuron]
        mean, var, whence = float(batch.mean()), float(batch.var()), r"\text{batch}"
    else:
        mean, var = float(small.running_mean[neuron]), float(small.running_var[neuron])
        whence = r"\text{running}"
    normed = (z - mean) / (var + modes.EPSILON) ** 0.5
    shifted = normed * float(small.gamma[neuron]) + float(small.beta[neuron])
    out = max(shifted, 0.0)
    rows = [
        rf"z &= w\cdot x + b = {tex(z)}",
        rf"\hat z &= \frac{{z - \mu_{{{whence}}}}}{{\sqrt{{\sigma^2_{{{whence}}} + \epsilon}}}} \\[4pt] &= \frac{{{tex(z)} - {tex_factor(mean)}}}{{\sqrt{{{tex(var)} + 10^{{-5}}}}}} = {tex(normed)}",
        rf"a &= \operatorname{{ReLU}}(\gamma\hat z + \beta) \\ &= \operatorname{{ReLU}}({tex_factor(float(small.gamma[neuron]))}\cdot{tex_factor(normed)} \\ &\quad + {tex_factor(float(small.beta[neuron]))}) = \mathbf{{{tex(out)}}}",
    ]
    if values["dropping"]:
        rows.append(
            rf"h &= \begin{{cases}} 0 & P = {tex(small.dropout)} \\ a/(1-{tex(small.dropout)}) = {tex(out / (1 - small.dropout))} & P = {tex(1 - small.dropout)} \end{{cases}}"
        )
    else:
        rows.append(rf"h &= a = \mathbf{{{tex(out)}}}")
    st.latex(r"\begin{aligned}" + r"\\[4pt]".join(rows) + r"\end{aligned}")


def _doors() -> None:
    door(
        _("Train with batch norm, in batches of four"),
        "train",
        dataset="digits",
        model="compact-cnn",
        batch_size=4,
        epochs=5,
    )
    door(_("In batches of 128"), "train", dataset="digits", model="compact-cnn", batch_size=128, epochs=5)
