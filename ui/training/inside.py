"""What happens inside while a network learns: its updates, its classes, its layers. One panel at a time, none at first."""

from collections.abc import Callable

import streamlit as st

from dlcore.training.events import Inspected
from ui.class_names import shown_names
from ui.figure import Packed, prepared, show
from ui.language import current
from ui.language import translate as _
from ui.training import inside_figures as figures
from ui.training.figures import Figure, classes_height, confusion_figure
from ui.training.results import confusions_in_words, gallery
from ui.training.state import Watch

_STEP_HEIGHT = 190


def inside_view(watch: Watch) -> None:
    """The choice of a panel, and the panel. Nothing for runs of which only the loss was recorded."""
    feed, history = watch.feed, watch.history
    if not any(value == value for value in history.steps.gradient_norm[:1]) and feed.inspection(0) is None:  # noqa: PLR0124
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(_("**Look inside** the training"), width="content")
        panel = st.segmented_control(
            _("What to look at"),
            ["updates", "classes", "layers"],
            key="train.inside",
            format_func=lambda name: {"updates": _("Each update"), "classes": _("Classes"), "layers": _("Layers")}[
                name
            ],
            label_visibility="collapsed",
            width="content",
        )
    if panel == "updates":
        _updates(watch)
    elif panel in ("classes", "layers"):
        epoch = _chosen_epoch(watch)
        inspected = feed.inspection(epoch)
        if inspected is None:
            st.caption(_("Nothing was recorded after this epoch."))
        elif panel == "classes":
            _classes(watch, inspected)
        else:
            _layers(watch, inspected)


def _updates(watch: Watch) -> None:
    history, revision = watch.history, watch.run.run_id
    for name, title, make in (
        ("gradient", _("**Gradient norm**: how steep the loss is where the network stands"), figures.gradient_figure),
        (
            "ratio",
            _("**Update ratio**: how far an update moves the weights, measured by their size"),
            figures.ratio_figure,
        ),
        ("speed", _("**Speed**: images learned from in a second, evaluation not counted"), figures.speed_figure),
    ):
        st.markdown(title)
        packed = prepared(
            lambda make=make: make(history, revision=revision),
            key=f"train.inside.{name}",
            height=_STEP_HEIGHT,
            description=lambda name=name: figures.in_words(history, name),
        )
        show(watch.feed.kept((name, current()), packed))


def _chosen_epoch(watch: Watch) -> int:
    """The epoch that the visitor chose, the newest as long as they did not."""
    last = watch.history.evaluations[-1].epoch if watch.history.evaluations else 0
    key = f"train.inside.epoch.{last}"  # a slider that got longer would stay at the value it had first
    if last == 0:
        return 0
    chosen = last if watch.epoch is None else min(watch.epoch, last)

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
    inspected: Inspected,
    name: str,
    make: Callable[[], Figure],
    *,
    height: int,
    description: Callable[[], str],
) -> None:
    """A figure of what was seen after one epoch."""
    key = f"train.inside.{name}"
    version = watch.feed.inspection_version(inspected.epoch)
    packed: Callable[[], Packed] = prepared(make, key=key, height=height, description=description)
    show(watch.feed.kept((name, current()), packed, version=version))


def _classes(watch: Watch, inspected: Inspected) -> None:
    started = watch.history.started
    if started is None:
        return
    names = shown_names(started.class_names, watch.run.config.dataset)
    left, right = st.columns([1, 1.1], gap="medium")
    with left:
        st.markdown(_("**Accuracy by class**, on validation images"))
        _show(
            watch,
            inspected,
            "classes",
            lambda: figures.class_figure(inspected, names),
            height=classes_height(names, 360),
            description=lambda: figures.classes_in_words(inspected, names),
        )
    with right:
        st.markdown(_("**Who is taken for whom**, on validation images"))
        _show(
            watch,
            inspected,
            "confusion",
            lambda: confusion_figure(inspected.confusion, names),
            height=classes_height(names, 360),
            description=lambda: confusions_in_words(inspected.confusion, names),
        )
    if inspected.mistakes:
        st.markdown(_("**Validation images it got wrong**, the most confident first"))
        alt = _("A validation image of {label}, taken for {predicted}")
        gallery(inspected.mistakes, names, alt=alt, key="train-inside-mistakes")


def _layers(watch: Watch, inspected: Inspected) -> None:
    revision = watch.run.run_id
    if inspected.rectified:
        st.markdown(_("**Dead units**: neurons or channels whose ReLU gave zero for every image looked at"))
        _show(
            watch,
            inspected,
            "dead",
            lambda: figures.dead_figure(inspected),
            height=figures.rows_height(len(inspected.rectified)),
            description=lambda: figures.dead_in_words(inspected),
        )
    st.markdown(_("**Weights** of each layer: how often which value occurs"))
    _show(
        watch,
        inspected,
        "weights",
        lambda: figures.weights_figure(inspected, revision=revision),
        height=figures.rows_height(len(inspected.weights)),
        description=lambda: _("The distribution of the weights in each layer."),
    )
    if inspected.gradients:
        st.markdown(_("**Gradients** of each layer in the last batch: how often which size occurs"))
        if not any(any(one.counts) for one in inspected.gradients):
            st.caption(_("All of them are exactly zero: nothing that the network computes can move its weights."))
            return
        _show(
            watch,
            inspected,
            "gradients",
            lambda: figures.gradients_figure(inspected, revision=revision),
            height=figures.rows_height(len(inspected.gradients)),
            description=lambda: _("The distribution of the sizes of the gradients in each layer."),
        )
