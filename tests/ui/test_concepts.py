"""The concepts page: every chapter in both languages, and a lab whose numbers are PyTorch's."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from ui.concepts.chapters import CHAPTERS
from ui.concepts.lab_state import STATE, TRIALS, Lab, from_query, to_query
from ui.concepts.numbers import factor, plain, tex

PROJECT = Path(__file__).resolve().parents[2]


def button(app, key):
    return next(widget for widget in app.button if widget.key == key)


def number(app, key):
    return next(widget for widget in app.number_input if widget.key.rpartition(".")[0] == f"concepts.{key}")


def formulas(app) -> str:
    return "\n".join(element.value for element in app.latex)


def link(app) -> dict[str, str]:
    """The link as the app left it; AppTest holds texts or lists of texts."""
    return {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}


def words(app) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption])


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_chapter_opens_by_its_link(open_page, chapter, language):
    app = open_page("concepts", language=language, chapter=chapter)
    assert not app.error
    assert link(app)["chapter"] == chapter
    assert ("深度学习" in words(app) or "神经元" in words(app) or "网络" in words(app)) == (language == "zh")


def test_an_unknown_chapter_is_refused_kindly(open_page):
    app = open_page("concepts", chapter="magic")
    assert "magic" in app.error[0].value
    assert "Learning from examples" in words(app)


def test_next_leads_through_all_chapters(open_page):
    app = open_page("concepts", chapter="what")
    seen = ["what"]
    for _turn in range(len(CHAPTERS) - 1):
        button(app, "concepts.go.next").click().run()
        assert not app.exception
        seen.append(link(app)["chapter"])
    assert seen == list(CHAPTERS)


class TestLab:
    def test_the_six_steps_show_pytorchs_numbers(self, open_page):
        app = open_page("concepts", chapter="steps")
        lab = Lab()
        network = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1), nn.Sigmoid()).double()
        w = torch.tensor(lab.experiment.weights, dtype=torch.float64)
        with torch.no_grad():
            for parameter, values in zip(network.parameters(), (w[:4], w[4:6], w[6:8], w[8:]), strict=True):
                parameter.copy_(values.reshape(parameter.shape))
        prediction = network(torch.tensor([[1.0, 0.5]], dtype=torch.float64))
        loss = nn.functional.mse_loss(prediction, torch.tensor([[1.0]], dtype=torch.float64))
        loss.backward()
        step = lambda: button(app, "concepts.forward").click().run()  # noqa: E731

        assert "w_{11}" in formulas(app)
        step()
        assert rf"\mathbf{{{prediction.item():.4g}}}" in formulas(app)
        step()
        assert rf"\mathbf{{{loss.item():.4g}}}" in formulas(app)
        step()
        for parameter in network.parameters():
            for slope in parameter.grad.flatten().tolist():
                assert rf"\mathbf{{{slope:.4g}}}" in formulas(app)
        table = app.table[0].value
        autograd = [float(text.replace("−", "-")) for text in table["PyTorch autograd"]]
        expected = torch.cat([p.grad.flatten() for p in network.parameters()]).tolist()
        assert autograd == pytest.approx(expected, abs=1e-10)
        assert [float(text.replace("−", "-")) for text in table["Finite difference"]] == pytest.approx(
            expected, abs=1e-8
        )
        step()
        torch.optim.SGD(network.parameters(), lr=lab.experiment.learning_rate).step()
        for parameter in network.parameters():
            for weight in parameter.flatten().tolist():
                assert rf"\mathbf{{{weight:.4g}}}" in formulas(app)
        step()
        assert "<" in formulas(app)
        assert link(app)["step"] == "6"
        step()
        assert (link(app)["updates"], link(app)["step"]) == ("1", "2")

    def test_back_undoes_step(self, open_page):
        app = open_page("concepts", chapter="steps", updates=2, step=2)
        button(app, "concepts.back").click().run()
        assert (link(app)["updates"], link(app)["step"]) == ("1", "6")
        button(app, "concepts.restart").click().run()
        assert "step" not in link(app)
        assert button(app, "concepts.back").disabled

    def test_running_and_winding(self, open_page):
        app = open_page("concepts", chapter="steps")
        button(app, "concepts.run10").click().run()
        assert "**10**" in words(app)
        button(app, "concepts.run100").click().run()
        assert "**110**" in words(app)
        next(slider for slider in app.slider if slider.key.startswith("concepts.position")).set_value(7).run()
        assert "**7**" in words(app)
        assert not app.exception

    def test_each_experiment_asks_for_a_guess_and_then_tells(self, open_page):
        app = open_page("concepts", chapter="steps")
        button(app, "concepts.steps.show").click().run()
        assert not [widget for widget in app.button if widget.key.startswith("concepts.steps.guess")]
        button(app, "concepts.trial.too-far").click().run()
        assert app.session_state[STATE].experiment == TRIALS["too-far"][1]
        assert number(app, "learning_rate").value == 2
        button(app, "concepts.steps.guess.solved").click().run()
        assert "higher" in app.info[0].value
        button(app, "concepts.run100").click().run()
        assert "Diverged" in app.error[0].value
        assert button(app, "concepts.forward").disabled

    def test_settings_go_into_the_link_and_come_back(self, open_page):
        app = open_page("concepts", chapter="steps")
        number(app, "x1").set_value(-2.5).run()
        number(app, "v2").set_value(1.25).run()
        number(app, "learning_rate").set_value(0.25).run()
        query = {name: value for name, value in link(app).items() if name != "lang"}
        again = open_page("concepts", **query)
        assert again.session_state[STATE].experiment == app.session_state[STATE].experiment
        assert number(again, "v2").value == 1.25

    def test_a_seed_draws_weights_and_stands_in_the_link(self, open_page):
        app = open_page("concepts", chapter="steps")
        number(app, "seed").set_value(5).run()
        lab = app.session_state[STATE]
        assert lab.experiment.weights != Lab().experiment.weights
        assert link(app)["seed"] == "5"
        again = open_page("concepts", chapter="steps", seed=5)
        assert again.session_state[STATE].experiment == lab.experiment
        number(app, "c").set_value(0.125).run()
        assert "seed" not in link(app)

    def test_leaving_the_sigmoid_frees_the_target(self, open_page):
        app = open_page("concepts", chapter="steps")
        head = next(widget for widget in app.selectbox if widget.key.startswith("concepts.head"))
        head.set_value("identity-squared").run()
        number(app, "y").set_value(5.0).run()
        assert app.session_state[STATE].experiment.y == 5
        head = next(widget for widget in app.selectbox if widget.key.startswith("concepts.head"))
        head.set_value("sigmoid-cross-entropy").run()
        assert not app.exception
        assert app.session_state[STATE].experiment.y == 1

    @pytest.mark.parametrize(
        "broken",
        [
            {"x": "1,2,3"},
            {"x": "nan,1"},
            {"y": "7"},
            {"rate": "fast"},
            {"hidden": "sine"},
            {"head": "../etc"},
            {"weights": "1,2"},
            {"seed": "-1"},
            {"updates": "1e9"},
            {"step": "9"},
        ],
    )
    def test_a_broken_link_is_refused_and_the_lab_still_works(self, open_page, broken):
        app = open_page("concepts", chapter="steps", **broken)
        assert app.error
        assert "w_{11}" in formulas(app)

    @pytest.mark.parametrize("broken", [{"x": "1,2,3"}, {"rate": "fast"}, {"step": "9"}])
    def test_a_broken_link_is_refused_in_the_visitors_language(self, open_page, broken):
        app = open_page("concepts", language="zh", chapter="steps", **broken)
        words = app.error[0].value.removeprefix(next(iter(broken))).replace(broken.get("rate", ""), "")
        assert not re.search("[a-z]", words)

    def test_the_lab_survives_a_visit_to_another_chapter(self, open_page):
        app = open_page("concepts", chapter="steps", hidden="tanh", updates=3, step=4)
        button(app, "concepts.go.next").click().run()
        button(app, "concepts.go.before").click().run()
        assert not app.exception
        assert (link(app)["hidden"], link(app)["updates"]) == ("tanh", "3")


def test_a_question_leads_into_the_lab(open_page):
    app = open_page("concepts", chapter="questions", question="rate")
    button(app, "concepts.to-lab").click().run()
    assert not app.exception
    assert link(app)["chapter"] == "steps"
    assert app.session_state[STATE].experiment == TRIALS["too-far"][1]


def test_only_the_six_steps_load_torch(home):
    code = """
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("streamlit_app.py", default_timeout=120)
app.run()
app.switch_page("pages/concepts.py")
from ui.concepts.chapters import CHAPTERS
for chapter in CHAPTERS:
    if chapter == "steps":
        continue
    app.query_params["chapter"] = chapter
    app.run()
    assert not app.exception, app.exception
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_every_trial_and_position_survives_its_link():
    for _title, experiment in TRIALS.values():
        lab = Lab(experiment=experiment)
        for rounds in (0, 3, 200):
            lab.go_to(rounds)
            again = from_query(to_query(lab))
            assert (again.experiment, again.updates, again.step) == (lab.experiment, lab.updates, lab.step)


def test_forward_and_back_are_inverse():
    lab = Lab()
    places = []
    for _move in range(20):
        places.append((lab.updates, lab.step))
        lab.forward()
    for place in reversed(places):
        lab.back()
        assert (lab.updates, lab.step) == place


def test_numbers_are_written_for_people():
    assert plain(0.53154) == "0.5315"
    assert plain(-2.1e-6) == "−2.1×10⁻⁶"
    assert plain(123456) == "1.23×10⁵"
    assert plain(float("inf")) == "∞"
    assert factor(-0.5) == "(−0.5)"
    assert tex(2e-5) == r"2\cdot10^{-5}"


def test_guessing_reveals_the_memorised_labels(open_page):
    app = open_page("concepts", chapter="traits")
    assert "by heart" not in words(app)
    guess = next(group for group in app.get("button_group") if group.key == "concepts.memorised")
    guess.set_value(1.0).run()
    assert not app.exception
    assert "by heart" in words(app)


def test_the_question_of_a_link_stays_in_it(open_page):
    app = open_page("concepts", chapter="questions", question="framework")
    assert app.query_params["question"] in ("framework", ["framework"])


def test_a_guess_comes_before_the_chooser(open_page):
    app = open_page("concepts", language="zh", chapter="questions", question="framework")
    guesses = [widget for widget in app.button if widget.key.startswith("concepts.questions.guess.")]
    assert [widget.label for widget in guesses] == ["PyTorch", "Keras", "TensorFlow"]
    guesses[0].click().run()
    assert not app.exception
    assert any("没猜中" in told.value and "TensorFlow" in told.value for told in app.info)
    assert any("TensorFlow 2.10" in words.value for words in app.markdown)
