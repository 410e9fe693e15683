"""The labs' pages: each opens by its link, asks before it tells, refuses what makes no sense, and has its words."""

import re
from importlib import import_module

import pytest

from ui.concepts.chapters import CHAPTERS

LABS = [name for name, chapter in CHAPTERS.items() if chapter.lab and name not in {"depth", "steps"}]


def button(app, key):
    return next(widget for widget in app.button if widget.key == key)


def link(app) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}


def words(app) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.success, *app.info])


def controls(name):
    return import_module(CHAPTERS[name].show.split(":")[0]).CONTROLS


@pytest.mark.parametrize("name", LABS)
def test_a_guess_comes_before_the_reveal_and_one_of_its_answers_is_right(open_page, name):
    app = open_page("concepts", language="zh", chapter=name)
    guesses = [widget.key for widget in app.button if widget.key.startswith(f"concepts.{name}.guess.")]
    assert len(guesses) == 3
    assert "**看点。**" not in words(app)
    button(app, guesses[0]).click().run()
    assert not app.exception
    assert "**看点。**" in words(app)
    assert "猜对了" in words(app) or "没猜中" in words(app) or app.success or app.info


@pytest.mark.parametrize("name", LABS)
def test_every_ready_experiment_opens_and_stands_in_the_link(open_page, name):
    found = controls(name)
    app = open_page("concepts", chapter=name)
    for trial, (_title, changes) in found.trials.items():
        button(app, f"concepts.{name}.trial.{trial}").click().run()
        assert not app.exception, trial
        own = {key: value for key, value in link(app).items() if key.startswith(found.prefix)}
        assert own == found.written({**found.untouched, **changes})
    assert not any(re.search(r"\bnan\b|None", text.value) for text in [*app.markdown, *app.latex])


@pytest.mark.parametrize("name", LABS)
def test_a_link_that_makes_no_sense_is_refused_and_the_lab_stands(open_page, name):
    found = controls(name)
    first = next(iter(found.controls))
    app = open_page("concepts", chapter=name, **{found.prefix + first: "x" * 5000})
    assert len(app.error) == 1
    assert len(app.error[0].value) < 400
    assert app.session_state[found.state].values == found.untouched


@pytest.mark.parametrize("name", LABS)
def test_controls_have_names_of_their_own_and_trials_only_known_values(name):
    found = controls(name)
    assert found.chapter == name
    assert CHAPTERS[name].own == (found.prefix,)
    for _title, changes in found.trials.values():
        values = {**found.untouched, **changes}
        assert values.keys() == found.controls.keys()
        assert found.read(found.written(values)) == values
