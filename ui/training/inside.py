"""What happens inside while a network learns: its updates, its classes, its layers. One panel at a time."""

import streamlit as st

from dlcore.runs.directory import Run
from dlcore.runs.history import RunHistory
from dlcore.training.events import Inspected
from ui.class_names import shown_names
from ui.figure import figure
from ui.language import translate as _
from ui.training import inside_figures as figures
from ui.training.figures import confusion_figure
from ui.training.results import confusions_in_words, gallery
from ui.training.state import Watch

_STEP_HEIGHT = 190


def inside_view(watch: Watch) -> None:
    """The choice of a panel, and the panel. Nothing for runs of which only the loss was recorded."""
    run, history = watch.run, watch.history
    if not any(value == value for value in history.steps.gradient_norm[:1]) and run.inspection(0) is None:  # noqa: PLR0124
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(_("**Inside the training**"), width="content")
        panel = st.segmented_control(
            _("What to look at"),
            ["updates", "classes", "layers"],
            key="train.inside",
            default="updates",
            format_func=lambda name: {"updates": _("Each update"), "classes": _("Classes"), "layers": _("Layers")}[
                name
            ],
            label_visibility="collapsed",
            width="content",
        )
    if panel == "updates":
        _updates(history, run.run_id)
    elif panel in ("classes", "layers"):
        inspected = _chosen_epoch(watch)
        if inspected is None:
            st.caption(_("Nothing was recorded after this epoch."))
        elif panel == "classes":
            _classes(history, inspected, run.config.dataset)
        else:
            _layers(run, inspected)


def _updates(history: RunHistory, revision: str) -> None:
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
        figure(
            *make(history, revision=revision),
            key=f"train.inside.{name}",
            height=_STEP_HEIGHT,
            description=figures.in_words(history, name),
        )


def _chosen_epoch(watch: Watch) -> Inspected | None:
    """The inspection of the epoch that the visitor chose, of the newest as long as they did not."""
    last = watch.history.evaluations[-1].epoch if watch.history.evaluations else 0
    key = "train.inside.epoch"
    if last > 0:
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
        return watch.run.inspection(chosen)
    return watch.run.inspection(0)


def _classes(history: RunHistory, inspected: Inspected, dataset: str) -> None:
    started = history.started
    if started is None:
        return
    names = shown_names(started.class_names, dataset)
    left, right = st.columns([1, 1.1], gap="medium")
    with left:
        st.markdown(_("**Accuracy by class**, on validation images"))
        figure(
            *figures.class_figure(inspected, names),
            key="train.inside.classes",
            height=360,
            description=figures.classes_in_words(inspected, names),
        )
    with right:
        st.markdown(_("**Who is taken for whom**, on validation images"))
        figure(
            *confusion_figure(inspected.confusion, names),
            key="train.inside.confusion",
            height=360,
            description=confusions_in_words(inspected.confusion, names),
        )
    if inspected.mistakes:
        st.markdown(_("**Validation images it got wrong**, the most confident first"))
        gallery(inspected.mistakes, names, key="train-inside-mistakes")


def _layers(run: Run, inspected: Inspected) -> None:
    if inspected.rectified:
        st.markdown(_("**Dead units**: neurons or channels whose ReLU gave zero for every image looked at"))
        figure(
            *figures.dead_figure(inspected),
            key="train.inside.dead",
            height=figures.rows_height(len(inspected.rectified)),
            description=figures.dead_in_words(inspected),
        )
    st.markdown(_("**Weights** of each layer: how often which value occurs"))
    figure(
        *figures.weights_figure(inspected, revision=run.run_id),
        key="train.inside.weights",
        height=figures.rows_height(len(inspected.weights)),
        description=_("The distribution of the weights in each layer."),
    )
    if inspected.gradients:
        st.markdown(_("**Gradients** of each layer in the last batch: how often which size occurs"))
        figure(
            *figures.gradients_figure(inspected, revision=run.run_id),
            key="train.inside.gradients",
            height=figures.rows_height(len(inspected.gradients)),
            description=_("The distribution of the sizes of the gradients in each layer."),
        )
