"""The chapter of the seven fields: one on show at a time, each with a guess, something to turn, and its pitfalls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dlcore.concepts import field_driving, field_language, field_medical, field_speech, field_vision
from dlcore.messages import N_
from ui.concepts import field_acting, field_figures
from ui.concepts.controls import Choice, Controls, Values
from ui.concepts.doors import door
from ui.concepts.field_numbers import NUMBERS
from ui.concepts.frame import Frame, Guess, show_frame
from ui.concepts.prose import sections
from ui.language import prose
from ui.language import translate as _

_TITLES: Mapping[str, str] = {
    "vision": N_("Vision"),
    "language": N_("Language"),
    "speech": N_("Speech"),
    "medical": N_("Medicine"),
    "finance": N_("Finance"),
    "driving": N_("Driving"),
    "games": N_("Games"),
}
CONTROLS = Controls.of(
    "fields",
    "f.",
    Choice(name="field", title=N_("Field"), default="vision", options=_TITLES, side_by_side=True),
    *field_figures.CONTROLS,
    *field_acting.CONTROLS,
)


def _moved() -> str:
    share = field_vision.accuracy(1, 0)
    return "same" if share > 0.8 else "half" if share > 0.2 else "few"


def _told_apart() -> str:
    judge = field_figures.judge()
    first, second = prose("concepts-opinions-tried").splitlines()[:2]
    chances = {
        round(judge.probability_of_praise(field_language.tokens_of(text, judge.vocabulary)), 9)
        for text in (first, second)
    }
    return "no" if len(chances) == 1 else "yes"


def _sharper() -> str:
    """What gets sharper with a longer window: steps of frequency shrink, steps of time grow."""
    times, hertz, _levels = zip(
        *(field_speech.spectrogram(field_speech.vowel("a"), n, n // 4) for n in (256, 1024)), strict=True
    )
    finer = hertz[1][1] < hertz[0][1]
    coarser = times[1][1] - times[1][0] > times[0][1] - times[0][0]
    return "both" if finer and not coarser else "pitch" if finer else "time"


def _nothing_marked() -> str:
    scan = field_medical.scan(0)
    share = field_medical.pixel_accuracy(np.zeros_like(scan.truth), scan.truth)
    return "most" if share > 0.95 else "ninety" if share > 0.7 else "half"


def _ahead() -> str:
    share = field_acting.hits_of_many()
    return "coin" if share < 0.53 else "better" if share < 0.8 else "same"


def _gust() -> str:
    drive = field_driving.drive(field_driving.imitated(with_recoveries=False), 60)
    return "back" if drive.left_after is None else "off"


def _unbeatable() -> str:
    games = field_acting.unbeatable_after()
    return "hundred" if games <= 300 else "thousands" if games <= 10_000 else "million"


@dataclass(frozen=True)
class Field:
    """A field: its demonstration, its guess, its way on."""

    lab: Callable[[Controls, Values], None]
    guess: Guess
    doors: Callable[[], None]


FIELDS: Mapping[str, Field] = {
    "vision": Field(
        field_figures.vision,
        Guess(
            question=N_(
                "A reader of digits gets 87 of 100 right. Every digit moves one pixel to the right. How many now?"
            ),
            options={"same": N_("About as many"), "half": N_("Less than half"), "few": N_("Hardly any")},
            answer=_moved,
        ),
        lambda: door(_("Let a network read your handwriting"), "draw"),
    ),
    "language": Field(
        field_figures.language,
        Guess(
            question=N_(
                "The first two sentences below say the opposite with the same words. Does the judge tell them apart?"
            ),
            options={"yes": N_("Yes"), "no": N_("No, not at all")},
            answer=_told_apart,
        ),
        lambda: door(_("See where attention comes from"), "resources", id="attention-2017"),
    ),
    "speech": Field(
        field_figures.speech,
        Guess(
            question=N_("The spectrogram's window becomes four times as long. What gets sharper?"),
            options={"time": N_("When a sound happens"), "pitch": N_("How high it is"), "both": N_("Both")},
            answer=_sharper,
        ),
        lambda: door(_("Find courses on speech"), "resources", topic="speech"),
    ),
    "medical": Field(
        field_figures.medical,
        Guess(
            question=N_("A model never marks anything, whatever the scan. How many pixels does it label rightly?"),
            options={"half": N_("Half"), "ninety": N_("90%"), "most": N_("98%")},
            answer=_nothing_marked,
        ),
        lambda: door(_("Read a confusion matrix of your own"), "train", dataset="digits", epochs=3),
    ),
    "finance": Field(
        field_acting.finance,
        Guess(
            question=N_("A network gets every one of 200 past days right, up or down. And the next 200?"),
            options={"same": N_("Nearly all"), "better": N_("Clearly better than a coin"), "coin": N_("Like a coin")},
            answer=_ahead,
        ),
        lambda: door(_("Watch a network learn wrong labels by heart"), "train", dataset="digits", label_noise=0.9),
    ),
    "driving": Field(
        field_acting.driving,
        Guess(
            question=N_(
                "A car learned from a driver who never left the middle. A gust turns its nose a little. What now?"
            ),
            options={"back": N_("It steers back"), "off": N_("It leaves the lane")},
            answer=_gust,
        ),
        lambda: door(_("Train with pictures that were moved and turned"), "train", augmentation="strong"),
    ),
    "games": Field(
        field_acting.games,
        Guess(
            question=N_(
                "It starts from nothing and plays only against itself. After how many games can nobody beat it?"
            ),
            options={"hundred": N_("About a hundred"), "thousands": N_("Thousands"), "million": N_("A million")},
            answer=_unbeatable,
        ),
        lambda: door(_("Find courses on learning by playing"), "resources", topic="games"),
    ),
}


def show() -> None:
    """The choice of a field, then that field in the frame of a lab."""
    st.markdown(sections("fields")["intro"])
    values = CONTROLS.restore()
    CONTROLS.draw("field")
    name = values["field"]
    field = FIELDS[name]
    show_frame(
        Frame(
            chapter="fields",
            part=name,
            reading=f"field-{name}",
            lab=lambda: field.lab(CONTROLS, values),
            doors=field.doors,
            guess=field.guess,
            numbers=lambda: NUMBERS[name](values),
            onward=N_("**From here**"),
        )
    )
