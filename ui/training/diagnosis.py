"""The diagnosis of a run: what its numbers say, with the evidence, and one experiment each that would show it."""

from collections.abc import Sequence

import streamlit as st

from dlcore.config import KNOBS, TrainConfig
from dlcore.runs.diagnosis import TITLES, Finding, Kind, diagnose, suggested
from dlcore.runs.history import RunHistory
from ui.language import translate as _
from ui.shell import plain_value
from ui.training.runs import start_run
from ui.training.state import TrainPage, Watch

_ICONS: dict[Kind, str] = {
    "learning-rate-too-high": ":material/speed:",
    "exploding-gradient": ":material/trending_up:",
    "vanishing-gradient": ":material/trending_down:",
    "learning-rate-too-low": ":material/hourglass_bottom:",
    "dead-units": ":material/power_off:",
    "label-noise": ":material/label_off:",
    "over-fitting": ":material/menu_book:",
    "under-fitting": ":material/compress:",
    "plateau": ":material/horizontal_rule:",
}
_THROWN_BACK = 0.03
"""So much of the validation accuracy lost since its loss was lowest is told, though no rule names a cause."""


def findings_of(watch: Watch) -> list[Finding]:
    """What the numbers of the watched run say, looked at anew after each epoch and at the end."""
    history = watch.history
    last = history.evaluations[-1].epoch if history.evaluations else 0
    version = (last, history.ended is not None, watch.feed.inspection_version(last), len(history.steered))
    return watch.feed.kept(
        "diagnosis",
        lambda: diagnose(history, watch.run.config, watch.feed.inspection(last)),
        version=version,
    )


def diagnosis_view(
    state: TrainPage, history: RunHistory, config: TrainConfig, found: Sequence[Finding], *, live: bool
) -> None:
    """What was found, or that nothing is amiss; nothing at all before there is something to judge by."""
    if not found and not any(evaluated.epoch >= 1 for evaluated in history.evaluations):
        return
    with st.container(border=True, key="train-diagnosis"):
        st.markdown(_("**What the numbers say**"))
        if not found:
            st.markdown(no_finding(history))
        offered: list[TrainConfig] = []
        for finding in found:
            st.markdown(f"{_ICONS[finding.kind]} **{_(TITLES[finding.kind])}.** {_told(finding)}")
            changed = suggested(config, finding)
            if changed is not None and changed not in offered:  # two findings may call for the same experiment
                offered.append(changed)
                _offer(state, config, finding.kind, changed, live=live)


def no_finding(history: RunHistory) -> str:
    """That nothing is amiss, or that the latest epoch threw the network back, with this run's numbers; as Markdown."""
    epochs = [evaluated for evaluated in history.evaluations if evaluated.epoch >= 1]
    best, last = min(epochs, key=lambda evaluated: evaluated.validation_loss), epochs[-1]
    told = {
        "epoch": last.epoch,
        "train": last.train_accuracy,
        "validation": last.validation_accuracy,
        "best": best.epoch,
        "loss": best.validation_loss,
    }
    lost = best.validation_accuracy - last.validation_accuracy
    if lost > _THROWN_BACK and last.validation_loss > 2 * best.validation_loss:
        return ":material/undo: " + _(
            "Thrown back: after epoch {epoch} the network gets {validation:.1%} of the validation images right, after epoch {best} it was {before:.1%} (validation loss {now:.3f} and {loss:.3f}). A few large updates can do that while the learning rate is high. Usually the next epochs make up for it; if not, lower the rate, or choose a schedule that lets it fall."
        ).format(**told, before=best.validation_accuracy, now=last.validation_loss)
    return ":material/check_circle: " + _(
        "Nothing alarming. After epoch {epoch} the network gets {train:.1%} of the training and {validation:.1%} of the validation images right; its validation loss was lowest after epoch {best} ({loss:.3f})."
    ).format(**told)


def in_words(found: Sequence[Finding]) -> list[str]:
    """The findings as sentences, as Markdown."""
    return [f"{_(TITLES[finding.kind])}: {_told(finding)}" for finding in found]


def _told(finding: Finding) -> str:
    values = {name: plain_value(value) for name, value in finding.values.items()}  # layers may have been imported
    return _(finding.text).format(**values)


def change_in_words(config: TrainConfig, changed: TrainConfig) -> str:
    """What differs between two configurations, setting by setting."""
    parts = []
    for name, knob in KNOBS.items():
        before, after = getattr(config, name), getattr(changed, name)
        if before != after:
            old, new = (
                _(knob.choices[v]).split("：")[0].split(":")[0] if knob.choices else f"{v:g}" for v in (before, after)
            )
            parts.append(_("{title} {before} → {after}").format(title=_(knob.title), before=old, after=new))
    return _(", ").join(parts)


def _offer(state: TrainPage, config: TrainConfig, kind: Kind, changed: TrainConfig, *, live: bool) -> None:
    """The one button that starts, or sets up, the experiment."""
    what = change_in_words(config, changed) or _("the same settings, left alone")
    label = _("Set it up: {what}") if live else _("Try it: {what}")
    if st.button(
        label.format(what=what),
        key=f"train.try.{kind}",
        icon=":material/science:",
        help=_("Puts these settings into the form, for your next run.")
        if live
        else _("Starts a new run with the settings of this one, but for this."),
        on_click=_try,
        args=(state, changed, live),
    ):
        st.rerun()


def _try(state: TrainPage, changed: TrainConfig, live: bool) -> None:  # as Streamlit passes it
    state.config, state.refusals = changed, ()
    if live:
        st.toast(_("The form holds these settings now; press Start when this run is done."), icon=":material/science:")
    else:
        start_run(state)
