"""The chapter of generalisation: what a model makes of digits it has not seen, by capacity, time, decay, data, dropout."""

from collections.abc import Callable, Mapping

import numpy as np
import streamlit as st

from dlcore.concepts import generalisation
from dlcore.concepts.generalisation import Experiment, Sweep
from dlcore.messages import N_
from ui import palette
from ui.concepts.controls import Choice, Controls, Slide, Steps, Switch, Values
from ui.concepts.doors import door
from ui.concepts.frame import Frame, Guess, show_frame
from ui.concepts.measured import measured
from ui.concepts.numbers import plain
from ui.concepts.plots import axis, curve
from ui.concepts.prose import sections
from ui.figure import figure
from ui.language import translate as _

_VIEWS = {
    "time": N_("Training time"),
    "capacity": N_("Capacity"),
    "decay": N_("Weight decay"),
    "count": N_("Training images"),
    "dropout": N_("Dropout"),
}
CONTROLS = Controls.of(
    "generalisation",
    "v.",
    Choice(name="view", title=N_("Errors over"), default="time", options=_VIEWS, side_by_side=True),
    Steps(name="count", title=N_("Training images"), default=100, values=(20, 40, 70, 100)),
    Slide(name="width", title=N_("Capacity: features"), default=500, low=20, high=600, step=20),
    Slide(name="noise", title=N_("Wrong labels"), default=0.2, low=0.0, high=0.5, step=0.05),
    Switch(
        name="shifts",
        title=N_("Augmentation"),
        default=False,
        note=N_("Each training image is given twice more, moved by a pixel."),
    ),
    Steps(
        name="decay",
        title=N_("Weight decay λ"),
        default=0.0,
        values=(0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1),
        words={0.0: N_("none")},
    ),
    Slide(name="rate", title=N_("Dropout rate"), default=0.5, low=0.05, high=0.9, step=0.05),
    Slide(name="seed", title=N_("Seed"), default=0, low=0, high=99, step=1),
    trials={
        "early": (N_("Stop in time"), {}),
        "clean": (N_("With true labels"), {"noise": 0.0}),
        "double": (N_("Ever more features"), {"view": "capacity", "noise": 0.0}),
        "tamed": (N_("The same with weight decay"), {"view": "capacity", "noise": 0.0, "decay": 1e-3}),
        "data": (N_("More images"), {"view": "count", "noise": 0.0}),
        "vote": (N_("Many thinned networks"), {"view": "dropout"}),
    },
)
_GUESSES = {"40": N_("the one with 40 features"), "100": N_("the one with 100"), "600": N_("the one with 600")}


def show() -> None:
    """The chapter."""
    values = CONTROLS.restore()
    show_frame(
        Frame(
            chapter="generalisation",
            guess=Guess(
                question=N_(
                    "Three models learn the same 100 digits, labels all true: one has 40 features, one 100, one "
                    "600. Which makes the most mistakes on new digits?"
                ),
                options=_GUESSES,
                answer=_answer,
            ),
            lab=lambda: _lab(values),
            reveal=_reveal,
            numbers=lambda: _numbers(values),
            folds={N_("Who is asked? Validation by chance and by person"): ("groups", _strangers)},
            doors=lambda: _doors(values),
        )
    )


def _strangers() -> None:
    found, text = measured()["strangers"], sections("generalisation")
    count = found["count"]
    st.markdown(text["strangers"].format(people=found["people"], count=f"{count:,}"))
    kinds = {"chance": _("a fifth of the digits, by chance"), "person": _("a fifth of the people")}
    models = {"neighbour": _("Nearest neighbour"), "network": _("The article's network, 3 epochs")}
    rows = [
        {_("Kept back"): title}
        | {name: _("{share} wrong").format(share=f"{found[kind][model] / count:.2%}") for model, name in models.items()}
        for kind, title in kinds.items()
    ]
    st.table(rows, hide_index=True)
    harder = {model: f"{found['person'][model] / found['chance'][model]:.1f}" for model in models}
    st.markdown(text["strangers-seen"].format(**harder))


def _clean() -> Sweep:
    return generalisation.over_capacity(Experiment(count=100), 0.0)


def _answer() -> str:
    found = _clean()
    return max(_GUESSES, key=lambda width: found.test[found.axis.index(float(width))])


def experiment_of(values: Values) -> Experiment:
    """What is learned from."""
    return Experiment(
        count=int(values["count"]),
        label_noise=float(values["noise"]),
        shifts=values["shifts"],
        seed=int(values["seed"]),
    )


def sweep_of(values: Values) -> Sweep:
    """The errors of the view on show, where that is one axis."""
    experiment, width, decay = experiment_of(values), int(values["width"]), float(values["decay"])
    match values["view"]:
        case "capacity":
            return generalisation.over_capacity(experiment, decay)
        case "decay":
            return generalisation.over_decay(experiment, width)
        case "count":
            return generalisation.over_count(experiment, width, decay)
        case _:
            return generalisation.over_time(experiment, width)


_HEEDED: Mapping[str, tuple[str, ...]] = {
    "time": ("count", "width", "noise", "shifts", "seed"),
    "capacity": ("count", "noise", "decay", "shifts", "seed"),
    "decay": ("count", "width", "noise", "shifts", "seed"),
    "count": ("width", "noise", "decay", "shifts", "seed"),
    "dropout": ("count", "width", "noise", "rate", "shifts", "seed"),
}
"""Which settings each view depends on; no other is offered."""


def _lab(values: Values) -> None:
    CONTROLS.draw_trials()
    CONTROLS.draw("view")
    left, right = st.columns([1, 2], gap="medium")
    with left:
        CONTROLS.draw(*_HEEDED[values["view"]])
    with right:
        if values["view"] == "dropout":
            _ensemble(values)
        else:
            _errors(values)


_TOLD: Mapping[str, Callable[[], str]] = {
    "time": lambda: _(
        "Lowest test error after **{best}** updates: {low}. At the end: **{end}**, with {train} on the training images."
    ),
    "capacity": lambda: _(
        "Lowest test error with **{best}** features: {low}. With the most: **{end}**, with {train} on the training images."
    ),
    "decay": lambda: _(
        "Lowest test error at λ = **{best}**: {low}. At the strongest decay: **{end}**, with {train} on the training images."
    ),
    "count": lambda: _(
        "Lowest test error with **{best}** training images: {low}. With the most: **{end}**, with {train} on them."
    ),
}
_AXES: Mapping[str, Callable[[], str]] = {
    "time": lambda: _("Updates made"),
    "capacity": lambda: _("Features"),
    "decay": lambda: _("Weight decay λ"),
    "count": lambda: _("Training images"),
}


def _errors(values: Values) -> None:
    view = values["view"]
    found = sweep_of(values)
    marks = {"mode": "lines+markers"}
    data = [
        curve(found.axis, found.train, _("Training images, as labelled"), palette.TRAIN, **marks),
        curve(found.axis, found.test, _("New images"), palette.TEST, **marks),
    ]
    best = int(np.argmin(found.test))
    layout = {
        "xaxis": axis(_AXES[view](), type="log"),
        "yaxis": axis(_("Share wrong"), tickformat=".0%", range=[-0.02, 1]),
        "hovermode": "x unified",
        "shapes": _threshold(values) if view == "capacity" else [],
    }
    told = _TOLD[view]().format(
        best=plain(found.axis[best], 2),
        low=f"{found.test[best]:.0%}",
        end=f"{found.test[-1]:.0%}",
        train=f"{found.train[-1]:.0%}",
    )
    figure(data, layout, key="concepts-generalisation-errors", height=400, description=told.replace("**", ""))
    st.markdown(told)


def _threshold(values: Values) -> list[dict[str, object]]:
    """As many features as training images."""
    count = values["count"] * (generalisation.COPIES if values["shifts"] else 1)
    line = {"color": palette.NEUTRAL, "dash": "dot"}
    return [{"type": "line", "x0": count, "x1": count, "yref": "paper", "y0": 0, "y1": 1, "line": line}]


def _ensemble(values: Values) -> None:
    found = generalisation.dropout(experiment_of(values), int(values["width"]), float(values["rate"]))
    members = list(range(1, len(found.vote) + 1))
    data = [
        curve(members, found.single, _("One thinned network alone"), palette.NEUTRAL, mode="markers"),
        curve(members, found.vote, _("The mean of so many"), palette.TEST, mode="lines+markers"),
        curve([1, members[-1]], [found.whole] * 2, _("The whole network, nothing dropped"), palette.TRAIN, dash="dash"),
    ]
    layout = {
        "xaxis": axis(_("Thinned networks")),
        "yaxis": axis(_("Share wrong, new images"), tickformat=".0%", rangemode="tozero"),
    }
    told = _(
        "One thinned network alone: **{single}** wrong on average. The mean of {count}: **{vote}**. The whole network in "
        "one pass: **{whole}**."
    ).format(
        single=f"{np.mean(found.single):.1%}",
        count=members[-1],
        vote=f"{found.vote[-1]:.1%}",
        whole=f"{found.whole:.1%}",
    )
    figure(data, layout, key="concepts-generalisation-vote", height=400, description=told.replace("**", ""))
    st.markdown(told)


def _reveal() -> None:
    found = _clean()
    rows = []
    for width in (20, 40, 80, 100, 125, 200, 600):
        place = found.axis.index(float(width))
        rows.append(
            {
                _("Features"): str(width),
                _("Wrong on the 100 training digits"): f"{found.train[place]:.0%}",
                _("Wrong on {count} new ones").format(count=generalisation.TEST_COUNT): f"{found.test[place]:.0%}",
            }
        )
    st.table(rows, hide_index=True)


def _numbers(values: Values) -> None:
    if values["view"] == "dropout":
        found = generalisation.dropout(experiment_of(values), int(values["width"]), float(values["rate"]))
        rows = [
            {_("Thinned networks"): str(count), _("Alone"): f"{single:.1%}", _("The mean of so many"): f"{vote:.1%}"}
            for count, single, vote in zip(range(1, len(found.vote) + 1), found.single, found.vote, strict=True)
        ]
    else:
        sweep = sweep_of(values)
        rows = [
            {
                _AXES[values["view"]](): plain(place, 3),
                _("Training images, as labelled"): f"{train:.1%}",
                _("New images"): f"{test:.1%}",
                _("Squared error, training"): plain(train_squared, 3),
                _("Squared error, new"): plain(test_squared, 3),
            }
            for place, train, test, train_squared, test_squared in zip(
                sweep.axis, sweep.train, sweep.test, sweep.train_squared, sweep.test_squared, strict=True
            )
        ]
    st.caption(
        _("Each share is counted over {count} digits that no training here ever sees; 0.2% is one digit.").format(
            count=generalisation.TEST_COUNT
        )
    )
    st.table(rows, hide_index=True)


_DIGITS = 1437
"""Training images of the digits on the training page."""


def _doors(values: Values) -> None:
    share = max(0.05, round(int(values["count"]) / _DIGITS, 2))
    same = {
        "dataset": "digits",
        "model": "mlp",
        "width": int(values["width"]),
        "epochs": 60,
        "label_noise": f"{values['noise']:.2f}",
        "train_fraction": share,
        "augmentation": "light" if values["shifts"] else "none",
    }
    door(_("Train on as few, as wrongly labelled"), "train", dropout=0, **same)
    door(_("With dropout"), "train", dropout=min(float(values["rate"]), 0.9), **same)
    door(_("Stopped early"), "train", dropout=0, early_stopping=5, **same)
