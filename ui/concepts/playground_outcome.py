"""What came out of a training of the playground, in its own numbers."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from dlcore.concepts.playground import SMALL_GRID, Recording
from ui.concepts.frame import verdict
from ui.concepts.numbers import plain
from ui.concepts.player import recorded
from ui.concepts.playground_state import GUESSES, Playground, outcome
from ui.language import translate as _


def tell_outcome(lab: Playground, text: Mapping[str, str]) -> None:
    """What came out, in this run's own numbers, and what it means."""
    recording = recorded(lab.experiment)
    st.markdown(_("##### What came out"))
    if lab.guess:
        verdict(lab.guess, outcome(recording), GUESSES)
    for line in _facts(recording):
        st.markdown(f"- {line}")
    if lab.trial:
        st.markdown(text[lab.trial])


def _facts(recording: Recording) -> list[str]:
    experiment = recording.experiment
    if not recording.train_losses:
        return [_("There are no points to learn from yet. Choose a class under **Data** and click on the picture.")]
    facts = []
    if recording.diverged:
        facts.append(
            _("The training **diverged** after {epochs} epochs: the next loss was beyond all bounds.").format(
                epochs=recording.epochs
            )
        )
    facts.append(
        _("Loss on the training points: from {first} to **{last}**.").format(
            first=plain(recording.train_losses[0], 3), last=plain(recording.train_losses[-1], 3)
        )
    )
    if recording.test_losses:
        tests = recording.test_losses
        best = int(np.argmin(tests))
        facts.append(
            _("Loss on the test points: **{last}**; it was lowest, {best}, at epoch {epoch}.").format(
                last=plain(tests[-1], 3), best=plain(tests[best], 3), epoch=best
            )
        )
    if recording.test_accuracies:
        facts.append(
            _("Right at the end: **{test}** of the test points, {train} of the training points.").format(
                test=f"{recording.test_accuracies[-1]:.0%}", train=f"{recording.train_accuracies[-1]:.0%}"
            )
        )
    same = _alike(recording)
    if same and sum(experiment.hidden) > 1:
        facts.append(
            _("{same} of {all} hidden neurons say the same everywhere as another one, or never change.").format(
                same=same, all=sum(experiment.hidden)
            )
        )
    return facts


def _alike(recording: Recording) -> int:
    """Hidden neurons whose last surface is flat or that of another neuron in the same layer."""
    found = place = 0
    last = recording.neurons[-1].reshape(len(recording.scales), SMALL_GRID**2)
    for width in recording.experiment.hidden:
        layer = last[place : place + width]
        flat = np.ptp(layer.astype(int), axis=1) == 0
        twin = [
            any(index != other and (layer[index] == layer[other]).all() for other in range(width))
            for index in range(width)
        ]
        found += int(sum(flat | np.array(twin)))
        place += width
    return found
