"""The chapter of the six steps: the smallest network that has everything, then one that the visitor builds."""

from ui.concepts.doors import door
from ui.concepts.frame import Frame, show_frame
from ui.concepts.lab import show as show_lab
from ui.concepts.own_network import show_own_network
from ui.language import translate as _


def show() -> None:
    """The chapter; each experiment of its lab has a guess of its own, so the lab asks it itself."""
    show_frame(Frame(chapter="steps", lab=_labs, doors=_doors))


def _labs() -> None:
    show_lab()
    show_own_network()


def _doors() -> None:
    door(_("Train 1.2 million weights"), "train", dataset="digits", epochs=3)
