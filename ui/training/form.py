"""The form of an experiment, derived from the schema: one widget a knob, its words, range and unit from there.

``TrainPage.config`` is the truth and always valid. Each widget mirrors one field of it; an edit that the schema does
not accept is refused with the reason, and the widget goes back to what it was.
"""

import math
from collections.abc import Sequence

import streamlit as st

from dlcore.config import KNOBS, TrainConfig
from dlcore.config.choices import GROUPS
from dlcore.data import DATASETS, OWN_IMAGES
from dlcore.data.availability import available
from dlcore.data.split import split_counts
from dlcore.knobs import Knob
from dlcore.messages import UserError
from dlcore.models import MODELS
from dlcore.presets import PRESETS
from dlcore.runs.directory import Run
from dlcore.unused import unused
from ui.language import explain
from ui.language import translate as _
from ui.training.architecture import architecture
from ui.training.data_form import augmentation_preview, classes_choice, own_images_form, samples_fold
from ui.training.link import with_data_that_exists
from ui.training.state import TrainPage
from ui.training.weights_form import weights_choice

_MANTISSAS = (1, 2, 5)
_DECADES = range(-5, 1)
_OFFERED_RATES = [mantissa * 10.0**decade for decade in _DECADES for mantissa in _MANTISSAS if decade or mantissa == 1]
_OFFERED_SIZES = [2**power for power in range(3, 11)]
_NUMBER_WIDTH = 104


def form(state: TrainPage, runs: Sequence[Run] = ()) -> None:
    """Presets, the essentials, the other groups folded; edits go to ``state.config`` at once.

    ``runs`` are the visitor's, newest first, whose weights another run may begin with.
    """
    _presets(state)
    reasons = {name: explain(reason) for name, reason in unused(state.config).items()}
    for group, title in GROUPS.items():
        knobs = [knob for knob in KNOBS.values() if knob.group == group]
        if group == "essentials":
            _essentials(knobs, state, reasons)
        else:
            with st.expander(_(title), key=f"train.group.{group}"):
                for knob in knobs:
                    if knob.name == "start_from":
                        if knob.name not in state.lesson.hidden:
                            weights_choice(knob, state, runs, disabled=knob.name in state.lesson.locked)
                        continue
                    _widget(knob, state, reasons)
                    if knob.name == "augmentation":
                        augmentation_preview(state)


def planned_updates(config: TrainConfig) -> tuple[int, int]:
    """Updates in an epoch, and in the whole run; zeros as long as there is nothing to learn from."""
    try:
        data = config.data()
    except UserError:  # own images that are not there yet
        return 0, 0
    learned_from, _held_back = split_counts(
        data.train_count,
        validation_fraction=config.validation_fraction,
        train_fraction=config.train_fraction,
        held_back=data.held_back,
    )
    per_epoch = math.ceil(learned_from / config.batch_size)
    return per_epoch, per_epoch * config.epochs


def _presets(state: TrainPage) -> None:
    key = "train.preset"

    def apply() -> None:
        if chosen := st.session_state[key]:
            state.config, state.refusals = state.lesson.hold(PRESETS[chosen].config), ()

    current = next((name for name, preset in PRESETS.items() if preset.config == state.config), None)
    st.session_state[key] = current
    st.pills(
        _("Start from"),
        list(PRESETS),
        key=key,
        format_func=lambda name: _(PRESETS[name].title),
        on_change=apply,
        help="\n".join(f"- **{_(preset.title)}.** {_(preset.summary)}" for preset in PRESETS.values()),
    )
    summary = (
        _(PRESETS[current].summary)
        if current
        else _("Settings of your own, as in no preset. Choose one to have all of its settings.")
    )
    st.caption(summary)


def _essentials(knobs: list[Knob], state: TrainPage, reasons: dict[str, str]) -> None:
    for knob in knobs:
        if knob.name == "layers":
            architecture(knob, state)
            continue
        _widget(knob, state, reasons)
        match knob.name:
            case "dataset":
                st.caption(_about_dataset(state.config))
                if state.config.dataset == OWN_IMAGES:
                    own_images_form(state)
            case "classes":
                samples_fold(state)
            case "model":
                st.caption(_(MODELS[state.config.model].summary))


def _about_dataset(config: TrainConfig) -> str:
    spec = DATASETS[config.dataset]
    if config.dataset == OWN_IMAGES or available(config.dataset):
        return _(spec.summary)
    if not spec.download_megabytes:
        return _("{summary} Not at hand here, and cannot be downloaded by itself.").format(summary=_(spec.summary))
    return _("{summary} The first run downloads it: {megabytes:g} MB.").format(
        summary=_(spec.summary), megabytes=spec.download_megabytes
    )


def _widget(knob: Knob, state: TrainPage, reasons: dict[str, str]) -> None:
    """The widget of a setting; nothing where the setting does not matter."""
    if not knob.applies(state.config.model_dump()) or knob.name in state.lesson.hidden:
        return
    locked = knob.name in state.lesson.locked
    disabled = locked or knob.name in reasons
    if knob.name == "own_images":
        return  # below the dataset, where pictures are brought
    if knob.name == "classes":
        classes_choice(knob, state)
    elif knob.choices is not None:
        _choice(knob, state, disabled=disabled)
    elif knob.logarithmic:
        _by_factors(knob, state, disabled=disabled)
    else:
        _number(knob, state, disabled=disabled)
    if knob.name in reasons:
        st.caption(reasons[knob.name])


def _choice(knob: Knob, state: TrainPage, *, disabled: bool) -> None:
    key = f"train.{knob.name}"
    choices = knob.choices or {}
    st.session_state[key] = getattr(state.config, knob.name)
    st.selectbox(
        _label(knob),
        list(choices),
        key=key,
        format_func=lambda value: _(choices[value]),
        help=_(knob.description),
        disabled=disabled,
        filter_mode=None,
        on_change=_edit,
        args=(state, knob.name, key),
    )


def _number(knob: Knob, state: TrainPage, *, disabled: bool) -> None:
    key = f"train.{knob.name}"
    kind = knob.kind
    st.session_state[key] = kind(getattr(state.config, knob.name))
    st.number_input(
        _label(knob),
        min_value=None if knob.minimum is None else kind(knob.minimum),
        max_value=None if knob.maximum is None else kind(knob.maximum),
        step=kind(knob.step or 1),
        format="%d" if kind is int else "%g",
        key=key,
        help=_help(knob),
        disabled=disabled,
        on_change=_edit,
        args=(state, knob.name, key),
    )


def _by_factors(knob: Knob, state: TrainPage, *, disabled: bool) -> None:
    """A slider over values a factor apart, and beside it a field for any value at all."""
    key, exact_key = f"train.{knob.name}", f"train.{knob.name}.exact"
    value = getattr(state.config, knob.name)
    st.session_state[key] = value
    st.session_state[exact_key] = f"{value:.12g}"
    with st.container(horizontal=True, vertical_alignment="bottom", wrap=False):
        st.select_slider(
            _label(knob),
            _offered(knob, value),
            key=key,
            format_func=lambda number: f"{number:g}",
            help=_help(knob),
            disabled=disabled,
            on_change=_edit,
            args=(state, knob.name, key),
        )
        st.text_input(
            _("{name}, exactly").format(name=_label(knob)),
            key=exact_key,
            label_visibility="collapsed",
            width=_NUMBER_WIDTH,
            max_chars=24,
            disabled=disabled,
            on_change=_edit,
            args=(state, knob.name, exact_key),
        )


def _offered(knob: Knob, value: float) -> list[float]:
    assert knob.maximum is not None
    assert knob.minimum is not None
    offered: list[float] = list(_OFFERED_SIZES if knob.kind is int else _OFFERED_RATES)
    if not knob.minimum_excluded and knob.kind is float:
        offered.append(knob.minimum)
    return sorted({*(x for x in offered if knob.minimum <= x <= knob.maximum), value})


def _edit(state: TrainPage, name: str, key: str) -> None:
    """Take in what was entered in the widget ``key``, or refuse it and say why."""
    entered = st.session_state[key]
    text = entered.strip() if isinstance(entered, str) else entered
    try:
        config = TrainConfig.parse(state.config.model_dump() | {name: text}, check_data=False)
    except UserError as error:
        state.refusals = (error,)
    else:
        state.config, state.refusals = with_data_that_exists(config)[0], ()


def _label(knob: Knob) -> str:
    """The title of a setting with its unit and what its zero means."""
    notes = [_(knob.unit)] if knob.unit else []
    if knob.zero:
        notes.append(_("0: {meaning}").format(meaning=_(knob.zero)))
    return _("{title} ({notes})").format(title=_(knob.title), notes=", ".join(notes)) if notes else _(knob.title)


def _help(knob: Knob) -> str:
    rule = _("Allowed: {allowed}. Default: {default}.").format(allowed=knob.allowed, default=f"{knob.default:g}")
    return f"{_(knob.description)} {rule}"
