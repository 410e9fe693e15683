"""The playground's page: link, guess, settings, own points, and a server that needs no torch for it."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from dlcore.concepts.playground import record
from dlcore.concepts.playground_experiment import EXTENT, OWN_LIMIT, Experiment
from dlcore.messages import UserError
from ui.concepts.check import parts
from ui.concepts.playground_state import (
    GUESSES,
    PREFIX,
    STATE,
    TRIALS,
    Playground,
    from_query,
    outcome,
    start,
    to_query,
)
from ui.concepts.prose import split

PROJECT = Path(__file__).resolve().parents[2]


def button(app, key):
    return next(widget for widget in app.button if widget.key == key)


def widget(app, kind, field):
    return next(w for w in getattr(app, kind) if w.key.startswith(f"concepts.depth.{field}."))


def link(app) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}


def words(app) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.success, *app.info])


class TestPage:
    def test_a_guess_comes_first_and_the_reveal_has_this_runs_numbers(self, open_page):
        app = open_page("concepts", chapter="depth")
        assert "What came out" not in words(app)
        assert link(app).keys() == {"chapter", "lang"}
        button(app, "concepts.depth.guess.coin").click().run()
        assert not app.exception
        recording = record(start())
        assert f"**{recording.test_accuracies[-1]:.0%}** of the test points" in words(app)
        assert "Right: under 65%" in words(app)
        assert "Minsky" in words(app)

    def test_what_is_set_by_hand_is_in_the_link_and_plays_at_once(self, open_page):
        app = open_page("concepts", chapter="depth")
        widget(app, "slider", "layers").set_value(2).run()
        widget(app, "slider", "neurons1").set_value(7).run()
        widget(app, "selectbox", "data").set_value("hills").run()
        assert not app.exception
        assert {name: link(app)[name] for name in ("p.hidden", "p.data", "p.loss")} == {
            "p.hidden": "4-7",
            "p.data": "hills",
            "p.loss": "squared-error",
        }
        assert "What came out" in words(app)
        assert "nn.Linear(4, 7)" in app.code[0].value
        assert "F.mse_loss(outputs[:, 0], targets)" in app.code[0].value

    def test_the_link_opens_the_experiment(self, open_page):
        experiment = Experiment(data="blobs", hidden=(3, 2), penalty="l2", penalty_rate=0.05, batch_size=0, seed=9)
        app = open_page("concepts", chapter="depth", **to_query(experiment))
        assert app.session_state[STATE].experiment == experiment
        assert widget(app, "slider", "neurons0").value == 3
        assert widget(app, "select_slider", "penalty_rate").value == 0.05
        assert not app.error

    def test_a_link_that_makes_no_sense_is_refused_kindly(self, open_page):
        app = open_page("concepts", chapter="depth", **{"p.hidden": "99"})
        assert "99" in app.error[0].value
        assert app.session_state[STATE].experiment == start()

    def test_ready_experiments_ask_again(self, open_page):
        app = open_page("concepts", chapter="depth")
        button(app, "concepts.depth.show").click().run()
        assert "What came out" in words(app)
        button(app, "concepts.depth.trial.zeros").click().run()
        assert "What came out" not in words(app)
        button(app, "concepts.depth.guess.all").click().run()
        assert "Not this time" in words(app)
        assert "4 of 4 hidden neurons" in words(app)

    def test_only_own_points(self, open_page):
        app = open_page("concepts", chapter="depth", **{"p.data": "own"})
        assert "no points to learn from yet" in words(app)
        app = open_page("concepts", chapter="depth", **{"p.data": "own", "p.points": "0.5_0.5_1~-0.5_-0.5_0"})
        assert "Loss on the training points" in words(app)
        button(app, "concepts.depth.undo").click().run()
        assert link(app)["p.points"] == "0.5_0.5_1"
        button(app, "concepts.depth.clear").click().run()
        assert "p.points" not in link(app)

    def test_the_check_says_why(self, open_page):
        app = open_page("concepts", chapter="depth")
        app.radio[0].set_value(0).run()
        assert "Not quite" in words(app)
        app.radio[0].set_value(1).run()
        assert "**Right.**" in words(app)

    def test_no_torch_is_needed(self):
        code = """
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("streamlit_app.py", default_timeout=60)
app.query_params["chapter"] = "depth"
app.switch_page("pages/concepts.py")
app.run()
assert not app.exception, app.exception
import sys; print(*sys.modules)
"""
        modules = subprocess.run(
            [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
        ).stdout.split()
        assert "dlcore.concepts.playground" in modules
        assert "torch" not in modules


CHANGED = {
    "data": "plane",
    "noise": 0.25,
    "train_share": 0.3,
    "own_points": ((0.5, -1.2, 1), (-0.25, 0.0, 0)),
    "features": ("x1", "sin-x2"),
    "hidden": (1, 8, 3, 2),
    "activation": "leaky-relu",
    "optimizer": "rmsprop",
    "learning_rate": 0.007,
    "penalty": "l1",
    "penalty_rate": 0.2,
    "batch_size": 64,
    "loss": "absolute-error",
    "initialisation": "he",
    "seed": 12345,
    "epochs": 7,
}


def test_the_link_holds_everything():
    experiment = Experiment(**CHANGED)
    query = to_query(experiment)
    assert len(query) == len(fields(Experiment))
    assert from_query(query) == experiment
    assert to_query(start()) == {}
    for _title, ready in TRIALS.values():
        assert from_query(to_query(ready)) == ready


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hidden", "4-x"),
        ("rate", "fast"),
        ("rate", "nan"),
        ("points", "1_2"),
        ("points", "9_9_1"),
        ("points", "0_0_5"),
        ("seed", "-1"),
        ("batch", "3"),
        ("features", ""),
    ],
)
def test_links_from_outside_are_checked(name, text):
    with pytest.raises(UserError):
        from_query({PREFIX + name: text})


class TestOwnPoints:
    def test_a_click_adds_a_point(self):
        lab = Playground()
        lab.add_point({"x": 0.123456, "y": -1, "mark": 1})
        assert lab.experiment.own_points == ((0.12, -1.0, 1),)
        assert lab.shown

    @pytest.mark.parametrize(
        "hostile",
        [
            None,
            "x",
            [],
            {"x": 1},
            {"x": "1", "y": 0, "mark": 0},
            {"x": 0, "y": 0, "mark": [1]},
            {"x": 0, "y": None, "mark": 1},
        ],
    )
    def test_what_is_no_point_is_passed_over(self, hostile):
        lab = Playground()
        lab.add_point(hostile)
        assert lab.experiment == start()

    @pytest.mark.parametrize(
        "outside",
        [{"x": 2 * EXTENT, "y": 0, "mark": 0}, {"x": float("nan"), "y": 0, "mark": 0}, {"x": 0, "y": 0, "mark": 9}],
    )
    def test_what_is_not_on_the_plane_is_refused(self, outside):
        lab = Playground()
        with pytest.raises(UserError):
            lab.add_point(outside)
        assert lab.experiment == start()

    def test_a_drag_adds_a_trail_and_anything_else_nothing(self):
        lab = Playground()
        lab.add_points({"points": [{"x": 0.1, "y": 0.2, "mark": 0}, {"x": 0.3, "y": 0.2, "mark": 0}]})
        assert lab.experiment.own_points == ((0.1, 0.2, 0), (0.3, 0.2, 0))
        for hostile in (None, [], {"points": {}}, {"points": [None, 3]}, {"points": "ab"}):
            lab.add_points(hostile)
        assert len(lab.experiment.own_points) == 2
        lab.add_points({"points": [{"x": 0, "y": 0, "mark": 1}] * 10**4})
        assert len(lab.experiment.own_points) == OWN_LIMIT

    def test_the_oldest_points_make_room(self):
        lab = Playground()
        for place in range(OWN_LIMIT + 3):
            lab.add_point({"x": place / 100, "y": 0, "mark": 0})
        assert len(lab.experiment.own_points) == OWN_LIMIT
        assert lab.experiment.own_points[0][0] == 0.03


class TestWhatTheWordsSay:
    """The words under the ready experiments are about these runs; they must be true of them."""

    @pytest.mark.parametrize(
        ("name", "answer"),
        [
            ("line", "coin"),
            ("layer", "all"),
            ("feature", "all"),
            ("spirals", "all"),
            ("flat", "coin"),
            ("zeros", "coin"),
            ("fast", "coin"),
            ("few", "some"),
        ],
    )
    def test_outcomes(self, name, answer):
        assert outcome(record(TRIALS[name][1])) == answer
        assert answer in GUESSES

    def test_the_line_costs_what_guessing_costs(self):
        assert record(TRIALS["line"][1]).train_losses[-1] == pytest.approx(0.693, abs=0.03)

    def test_few_points_are_learned_by_heart(self):
        recording = record(TRIALS["few"][1])
        assert sum(recording.points.training) == 20
        assert recording.train_accuracies[-1] == 1
        assert recording.test_losses[-1] > 2 * min(recording.test_losses)

    def test_numbers_of_parameters(self):
        assert record(TRIALS["flat"][1]).parameters.shape[1] == 177
        assert record(TRIALS["few"][1]).parameters.shape[1] == 105

    def test_depth_without_bends_is_a_straight_line(self):
        surface = record(TRIALS["flat"][1]).surfaces[-1, 0].astype(int)
        rises = [int(step) for step in (surface[:, 1:] - surface[:, :-1]).flatten()]
        assert min(rises) >= 0 or max(rises) <= 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_ready_experiment_has_its_words_and_every_question_one_answer(language):
    text = split((PROJECT / "content" / language / "concepts-depth.md").read_text(encoding="utf-8"))
    for name in TRIALS:
        assert {name, f"{name}-question"} <= set(text)
    questions = split((PROJECT / "content" / language / "concepts-depth-check.md").read_text(encoding="utf-8"))
    assert len(questions) == 3
    for section in questions.values():
        question, answers, right, why = parts(section)
        assert question
        assert len(answers) == 3
        assert why
        assert "**" not in answers[right]
