"""What all chapters with a lab have in common: progress in the link, a link that is tidied, controls that refuse."""

import pytest

from dlcore.messages import UserError
from ui.concepts.chapters import CHAPTERS
from ui.concepts.check import parts
from ui.concepts.controls import Choice, Controls, Free, Slide, Steps, Switch
from ui.concepts.prose import split
from ui.language import CONTENT, prose


def button(app, key):
    return next(widget for widget in app.button if widget.key == key)


def link(app) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}


def test_three_right_answers_finish_a_chapter_and_the_link_remembers(open_page):
    app = open_page("concepts", chapter="depth")
    questions = split(prose("concepts-depth-check"))
    for radio, question in zip(app.radio, questions.values(), strict=True):
        assert "done" not in link(app)
        radio.set_value(parts(question)[2]).run()
    assert link(app)["done"] == "depth"
    again = open_page("concepts", chapter="what", done="depth_magic")
    assert link(again)["done"] == "depth"
    assert any("1 of" in caption.value for caption in again.caption)


ON_THE_FIGURE = {
    "depth": "its sum is opened here, number by number",  # a neuron that is pointed at
    "steps": 'class="opened-sum"',  # each moment of one's own network
}
"""Labs whose numbers are opened where they stand instead of in a fold, and what says so."""


def told(app) -> str:
    """What a visitor has been told of the outcome."""
    return "\n".join(element.value for element in [*app.success, *app.info])


@pytest.mark.parametrize("name", [name for name, chapter in CHAPTERS.items() if chapter.lab])
def test_a_lab_has_all_eight_parts(open_page, name):
    app = open_page("concepts", chapter=name)
    drawn = "".join(one.proto.body for one in app.get("html")) + "".join(
        one.proto.json for one in app.get("bidi_component")
    )
    # the question
    for language, mark in (("en", "?"), ("zh", "？")):
        words = (CONTENT / language / f"concepts-{name}.md").read_text(encoding="utf-8")
        assert mark in split(words)["intro"], language
    # the lab: something can be set, and it stands in the link
    assert CHAPTERS[name].own
    # the guess, and only then the reveal
    guesses = [button for button in app.button if ".guess." in button.key]
    assert len(guesses) >= 2
    assert any(button.key.endswith(".show") for button in app.button), "nobody is made to guess"
    assert not told(app)
    # any number can be opened
    folds = [fold.label for fold in app.expander]
    assert ON_THE_FIGURE[name] in drawn if name in ON_THE_FIGURE else "Open any number" in folds
    # the mathematics
    assert "The mathematics" in folds
    # what to read next, by way of the catalogue
    assert len([link for link in app.get("page_link") if link.proto.label == "Details"]) >= 2
    # three questions
    assert len(app.radio) == 3
    guesses[0].click().run()
    assert not app.exception
    assert told(app), "a guess is answered"


def test_leaving_a_lab_takes_its_settings_out_of_the_link_and_coming_back_brings_them(open_page):
    app = open_page("concepts", chapter="depth", **{"p.hidden": "3-3"})
    button(app, "concepts.go.next").click().run()
    assert not [name for name in link(app) if name.startswith("p.")]
    button(app, "concepts.go.before").click().run()
    assert link(app)["p.hidden"] == "3-3"
    app = open_page("concepts", chapter="steps", x="1,2", **{"p.hidden": "3-3"})
    assert link(app).keys() == {"chapter", "lang", "x"}


CONTROLS = Controls.of(
    "none",
    "z.",
    Choice(name="kind", title="", default="a", options={"a": "", "b": ""}),
    Slide(name="share", title="", default=0.5, low=0, high=1, step=0.1),
    Slide(name="count", title="", default=3, low=1, high=9, step=1),
    Steps(name="rate", title="", default=0.1, values=(0.01, 0.1, 1.0)),
    Switch(name="on", title="", default=False),
    Free(name="place", title="", default=(0, 0), reader=lambda t: tuple(map(int, t.split("-"))), writer=str),
)


def test_controls_survive_their_link():
    values = {"kind": "b", "share": 0.25, "count": 4, "rate": 0.3, "on": True, "place": (0, 0)}
    assert CONTROLS.read(CONTROLS.written(values)) == values
    assert CONTROLS.written(CONTROLS.untouched) == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("kind", "c"),
        ("share", "nan"),
        ("share", "1.01"),
        ("share", "much"),
        ("count", "2.5"),
        ("count", "1e9"),
        ("rate", "2"),
        ("on", "yes"),
        ("place", "a-b"),
    ],
)
def test_what_is_no_value_of_a_control_is_refused(name, text):
    with pytest.raises(UserError, match=name):
        CONTROLS.read({f"z.{name}": text})
