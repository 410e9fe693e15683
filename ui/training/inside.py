"""What happens inside a network while it learns: what it says of some images, its updates, its classes, its layers.

One panel at a time: what nobody looks at is not made.
"""

from collections.abc import Callable

import streamlit as st

from dlcore.training.events import Inspected
from ui.class_names import shown_names
from ui.figure import Frame, Packed, prepared
from ui.language import current
from ui.language import translate as _
from ui.training import inside_figures as figures
from ui.training import readings
from ui.training.cells import cell_images, choose_cell
from ui.training.confusion_figures import classes_figure, classes_height
from ui.training.figures import Axis, Figure
from ui.training.filters import filters_view
from ui.training.readings import explained
from ui.training.results import confusions_in_words, gallery
from ui.training.state import Watch
from ui.training.wall import wall_view

_STEP_HEIGHT = 190
_LAYER_HEIGHT = 260


def inside_view(watch: Watch, axis: Axis = "step") -> None:
    """The choice of a panel, and the panel. Nothing for runs of which only the loss was recorded."""
    feed, history = watch.feed, watch.history
    measured = any(value == value for value in history.steps.gradient_norm[:1])  # noqa: PLR0124  # not a number
    if not measured and feed.inspection(0) is None:
        return
    panels = {
        "wall": _("Some images"),
        "updates": _("Each update"),
        "classes": _("Classes"),
        "layers": _("Layers"),
    }
    if feed.wall is None:
        del panels["wall"]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(_("**Look inside** the training"), width="content")
        panel = st.segmented_control(
            _("What to look at"),
            ["wall", "updates", "classes", "layers"] if "wall" in panels else ["updates", "classes", "layers"],
            key="train.inside",
            format_func=lambda name: panels.get(name, name),
            label_visibility="collapsed",
            width="content",
        )
    if panel == "wall":
        explained(
            _("**Forty validation images**: what the network says of each, now"), "wall", lambda: readings.wall(watch)
        )
        wall_view(watch)
    elif panel == "updates":
        _updates(watch, axis)
    elif panel == "classes":
        _classes(watch)
    elif panel == "layers":
        _layers(watch, axis)


def _updates(watch: Watch, axis: Axis) -> None:
    revision = f"{watch.run.run_id} {axis}"
    for name, title, make in (
        ("rate", _("**Learning rate**: how far each update may go"), figures.rate_figure),
        ("gradient", _("**Gradient norm**: how steep the loss is where the network stands"), figures.gradient_figure),
        (
            "ratio",
            _("**Update ratio**: how far an update moves the weights, measured by their size"),
            figures.ratio_figure,
        ),
        ("speed", _("**Speed**: images learned from in a second, evaluation not counted"), figures.speed_figure),
    ):
        explained(title, name, lambda name=name: readings.UPDATES[name](watch))
        packed = prepared(
            lambda make=make: make(watch.history, revision=revision, axis=axis),
            key=f"train.inside.{name}",
            height=_STEP_HEIGHT,
            description=lambda name=name: figures.in_words(watch.history, name),
        )
        watch.moving.figure(lambda name=name, packed=packed: watch.feed.kept((name, axis, current()), packed))


def _epoch_shown(watch: Watch) -> int:
    """The epoch that the visitor chose, the newest as long as they did not."""
    last = watch.history.evaluations[-1].epoch if watch.history.evaluations else 0
    return last if watch.epoch is None else min(watch.epoch, last)


def _choose_epoch(watch: Watch) -> int:
    """Let the visitor choose an epoch; returns the one to show."""
    last = watch.history.evaluations[-1].epoch if watch.history.evaluations else 0
    key = f"train.inside.epoch.{last}"  # a slider that got longer would stay at the value it had first
    if last == 0:
        return 0
    chosen = _epoch_shown(watch)

    def choose() -> None:
        entered = st.session_state[key]
        watch.epoch = None if entered == last else entered

    st.session_state[key] = chosen
    st.select_slider(
        _("After epoch"),
        list(range(last + 1)),
        key=key,
        format_func=lambda epoch: _("untrained") if epoch == 0 else str(epoch),
        on_change=choose,
    )
    return chosen


def _show(
    watch: Watch,
    name: str,
    make: Callable[[Inspected], Figure],
    *,
    height: Callable[[Inspected], int],
    description: Callable[[Inspected], str],
    otherwise: Inspected,
) -> None:
    """A figure of what was seen after the epoch shown; of ``otherwise`` where that cannot be read."""

    def packed() -> Packed:
        seen = watch.feed.inspection(_epoch_shown(watch)) or otherwise
        pack = prepared(
            lambda: make(seen),
            key=f"train.inside.{name}",
            height=height(seen),
            description=lambda: description(seen),
        )
        return watch.feed.kept((name, current()), pack, version=watch.feed.inspection_version(seen.epoch))

    watch.moving.figure(packed)


def _classes(watch: Watch) -> None:
    started, course = watch.history.started, watch.feed.course()
    if started is None or not course:
        st.caption(_nothing_known(watch, watch.history.evaluations[-1].epoch if watch.history.evaluations else 0))
        return
    names = shown_names(started.class_names, watch.run.config.dataset)
    newest = course[-1]
    key = "train.inside.confusion"
    explained(
        _("**Who is taken for whom**, on validation images, and how many of each class are right"),
        "classes",
        lambda: readings.classes(newest, names),
    )
    untrained, after = _("untrained"), _("epoch {epoch}")

    def make() -> Packed:
        course = watch.feed.course()

        def frames() -> list[Frame]:
            return [
                Frame(
                    label=untrained if seen.epoch == 0 else after.format(epoch=seen.epoch),
                    data=classes_figure(seen.confusion, names)[0],
                )
                for seen in course
            ]

        pack = prepared(
            lambda: classes_figure(course[-1].confusion, names),
            key=key,
            height=classes_height(names, 420),
            description=lambda: confusions_in_words(course[-1].confusion, names),
            frames=frames,
            on_point=lambda: choose_cell(watch, key, len(names), split="validation"),
        )
        version = watch.feed.inspection_version(course[-1].epoch)
        return watch.feed.kept(("classes", current(), id(watch)), pack, version=version)

    watch.moving.figure(make)
    cell_images(watch, newest.confusion, names, split="validation")
    if newest.mistakes:
        st.markdown(_("**Validation images it got wrong**, the most confident first"))
        alt = _("A validation image of {label}, taken for {predicted}")
        gallery(newest.mistakes, names, alt=alt, key="train-inside-mistakes")


def _nothing_known(watch: Watch, epoch: int) -> str:
    if watch.run.inspection_path(epoch).exists():
        return _("What was recorded after this epoch is damaged.")
    return _("Nothing was recorded after this epoch.")


def _layers(watch: Watch, axis: Axis) -> None:
    _between_epochs(watch, axis)
    _over_time(watch)
    epoch = _choose_epoch(watch)
    inspected = watch.feed.inspection(epoch)
    if inspected is None:
        st.caption(_nothing_known(watch, epoch))
        return
    revision = watch.run.run_id
    if inspected.rectified:
        explained(
            _("**Dead units**: neurons or channels whose ReLU gave zero for every image looked at"),
            "dead",
            lambda: readings.dead(inspected),
        )
        _show(
            watch,
            "dead",
            figures.dead_figure,
            height=lambda seen: figures.rows_height(len(seen.rectified)),
            description=figures.dead_in_words,
            otherwise=inspected,
        )
    explained(
        _("**Weights** of each layer: how often which value occurs"), "weights", lambda: readings.weights(inspected)
    )
    _show(
        watch,
        "weights",
        lambda seen: figures.weights_figure(seen, revision=revision),
        height=lambda seen: figures.rows_height(len(seen.weights)),
        description=lambda _seen: _("The distribution of the weights in each layer."),
        otherwise=inspected,
    )
    if inspected.gradients:
        explained(
            _("**Gradients** of each layer in the last batch: how often which size occurs"),
            "gradients",
            lambda: readings.gradients(inspected),
        )
        if not any(any(one.counts) for one in inspected.gradients):
            st.caption(_("All of them are exactly zero: nothing that the network computes can move its weights."))
            return
        _show(
            watch,
            "gradients",
            lambda seen: figures.gradients_figure(seen, revision=revision),
            height=lambda seen: figures.rows_height(len(seen.gradients)),
            description=lambda _seen: _("The distribution of the sizes of the gradients in each layer."),
            otherwise=inspected,
        )


def _between_epochs(watch: Watch, axis: Axis) -> None:
    """What the looks between epochs saw of the layers: filters, norms, ratios, activity."""
    looks = watch.feed.glimpses
    if not looks:
        return
    filters_view(watch)
    for name, title, values, unit, share in (
        (
            "norms",
            _("**Gradient norm by layer**: where learning happens"),
            lambda look: look.gradient_norms,
            _("Norm"),
            False,
        ),
        (
            "ratios",
            _("**Update ratio by layer**: how far updates move each layer, measured by its size"),
            lambda look: look.update_ratios,
            _("Ratio"),
            False,
        ),
        (
            "active",
            _("**Activity**: how many outputs of a layer's ReLU are above zero"),
            lambda look: look.active,
            _("Share of outputs"),
            True,
        ),
    ):
        if not any(values(look) for look in looks):
            continue
        explained(title, name, lambda name=name: readings.LAYERS[name](looks))
        packed = prepared(
            lambda values=values, unit=unit, share=share: figures.layers_figure(
                watch.history,
                watch.feed.glimpses,
                values,
                unit,
                revision=f"{watch.run.run_id} {axis}",
                axis=axis,
                share=share,
            ),
            key=f"train.inside.{name}",
            height=_LAYER_HEIGHT,
            description=lambda name=name: readings.LAYERS[name](watch.feed.glimpses, name=str),
        )
        watch.moving.figure(lambda name=name, packed=packed: watch.feed.kept((name, axis, current()), packed))


def _over_time(watch: Watch) -> None:
    """How the weights of one layer, and their gradients, spread from epoch to epoch."""
    course = watch.feed.course()
    layers = [one.layer for one in course[-1].weights] if course else []
    if len(course) < 2 or not layers:
        return
    title, controls = st.container(), st.container(horizontal=True, vertical_alignment="center")
    with controls:
        layer = st.selectbox(
            _("Layer"), layers, key="train.inside.layer", label_visibility="collapsed", width=220, filter_mode=None
        )
        what = st.segmented_control(
            _("What to look at"),
            ["weights", "gradients"],
            default="weights",
            required=True,
            key="train.inside.what",
            format_func=lambda name: {"weights": _("Weights"), "gradients": _("Gradients")}[name],
            label_visibility="collapsed",
            width="content",
        )
    with title:
        explained(
            _("**Weights over time**: how the values of a layer spread, epoch by epoch"),
            "over_time",
            lambda: readings.over_time(course, layer, gradients=what == "gradients"),
        )
    if not figures.over_time_figure(course, layer, gradients=what == "gradients")[0]:
        return

    def make() -> Packed:
        course = watch.feed.course()
        pack = prepared(
            lambda: figures.over_time_figure(course, layer, gradients=what == "gradients"),
            key="train.inside.over_time",
            height=_LAYER_HEIGHT,
            description=lambda: readings.over_time(course, layer, gradients=what == "gradients", name=str),
        )
        version = watch.feed.inspection_version(course[-1].epoch), layer, what
        return watch.feed.kept(("over time", current()), pack, version=version)

    watch.moving.figure(make)
