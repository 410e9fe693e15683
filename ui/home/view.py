"""What the home page shows: one sentence, one figure that learns, four doors."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from ui.concepts.doors import read_next
from ui.language import CONTENT, current, prose
from ui.language import translate as _
from ui.packing import packed
from ui.palette import NEGATIVE, POSITIVE
from ui.shell import page_title

_HERE = Path(__file__).parent


@cache
def _player() -> Callable[..., Any]:
    html, css, js = ((_HERE / f"learning.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    component: Callable[..., Any] = st.components.v2.component("learning", html=html, css=css, js=js)
    return component


@cache
def _recording() -> dict[str, Any]:
    """The training recorded by ``dlcore.concepts.decision_surface``."""
    recording: dict[str, Any] = json.loads((CONTENT / "learning.json").read_text(encoding="utf-8"))
    return recording


def _show_learning() -> None:
    """A small network that learns two spirals, to watch, stop and rewind."""
    recording = _recording()
    description = _(
        "Recorded: {layers} hidden layers of {neurons} neurons learn to tell two spirals of {points} points apart. "
        "Press pause, or drag to go back."
    ).format(layers=len(recording["layers"]) - 2, neurons=recording["layers"][1], points=len(recording["points"]))
    text = {
        "play": _("Play"),
        "pause": _("Pause"),
        "epoch": _("Epoch"),
        "accuracy": _("Accuracy"),
        "loss": _("Loss"),
        "scrub": _("Move through the recorded training"),
        "description": description,
    }
    played = {"recording": recording, "colours": [NEGATIVE, POSITIVE], "text": text}
    _player()(key="home.learning", data=packed(played))
    st.caption(description)


@dataclass(frozen=True)
class Door:
    """A way into the dashboard."""

    page: str
    icon: str
    title: str
    text: str
    action: str
    further: str
    """What the second link says,"""
    further_page: str = ""
    """the page it opens, where that is another one,"""
    query: Mapping[str, str] = field(default_factory=dict)
    """and what is open there."""


def _doors() -> list[Door]:
    return [
        Door(
            "pages/concepts.py",
            ":material/school:",
            _("Understand"),
            _(
                "Short chapters, most of them with a lab: guess what will happen, try it out, and see the formulas worked out with your own numbers."
            ),
            _("Begin with the first chapter"),
            _("Build a small network in the playground"),
            query={"chapter": "depth"},
        ),
        Door(
            "pages/train.py",
            ":material/model_training:",
            _("Train"),
            _(
                "Choose a data set and a network, press Start, and watch it learn. Every training is kept, so that you can compare."
            ),
            _("Train a network"),
            _("Compare your runs"),
            further_page="pages/runs.py",
        ),
        Door(
            "pages/draw.py",
            ":material/draw:",
            _("Draw"),
            _(
                "Write a digit, or show a photo of one, and see what the network reads. Then find out why, try to fool it, or teach it symbols of your own."
            ),
            _("Draw a digit"),
            _("Follow it through the network"),
            query={"panel": "microscope"},
        ),
        Door(
            "pages/resources.py",
            ":material/menu_book:",
            _("Go on"),
            _(
                "Courses, books, papers and tools to go on with. Each says for whom it is, in which language, and whether it is still kept up."
            ),
            _("Find what to read next"),
            _("Choose a framework"),
            query={"view": "frameworks"},
        ),
    ]


def show_home() -> None:
    """The whole home page."""
    words, figure = st.columns([5, 3], gap="large", vertical_alignment="center")
    with words:
        page_title(_("Learn deep learning by doing it"), prose("home"))
        cards = st.columns(2) + st.columns(2)
        for card, door in zip(cards, _doors(), strict=True):
            with card.container(border=True, height="stretch"):
                st.subheader(f"{door.icon} {door.title}", anchor=False)
                st.markdown(door.text)
                st.page_link(door.page, label=door.action, icon=":material/arrow_forward:")
                st.page_link(
                    door.further_page or door.page,
                    label=door.further,
                    icon=":material/arrow_forward:",
                    query_params={**door.query, "lang": current()},
                )
    with figure:
        _show_learning()
        read_next("surface")
