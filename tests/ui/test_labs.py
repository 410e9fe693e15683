"""The labs' pages: each opens by its link, asks before it tells, refuses what makes no sense, and has its words."""

import base64
import re
import zlib
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from dlcore.concepts import neuron
from dlcore.concepts.convolution import picture
from dlcore.config import TrainConfig
from ui.concepts import neuron_plane, small_picture
from ui.concepts.chapters import CHAPTERS
from ui.concepts.numbers import plain, tex


def room(name):
    return import_module(CHAPTERS[name].show.split(":")[0])


LABS = [name for name in CHAPTERS if hasattr(room(name), "CONTROLS")]
# The fields have a guess each, and doors of their own (test_fields.py); the questions have neither.
GUESSED = [name for name in LABS if name not in {"fields", "questions"}]


def button(app, key):
    return next(widget for widget in app.button if widget.key == key)


def link(app) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}


def words(app) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.success, *app.info])


def opened_sum(app) -> str:
    """The sum of the moment on show, under the drawing of one's own network."""
    found = [element.proto.body for element in app.get("html") if "<pre" in element.proto.body]
    return re.search(r'<pre class="opened-sum"[^>]*>(.*)</pre>', found[-1], re.DOTALL)[1]


def controls(name):
    return room(name).CONTROLS


@pytest.mark.parametrize("name", GUESSED)
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
    assert found.prefix in CHAPTERS[name].own
    for _title, changes in found.trials.values():
        values = {**found.untouched, **changes}
        assert values.keys() == found.controls.keys()
        assert found.read(found.written(values)) == values


class TestNeuronPlane:
    """What the browser says of the plane that is dragged is not trusted."""

    @pytest.fixture
    def said(self, monkeypatch):
        session = {}
        monkeypatch.setattr(neuron_plane.st, "session_state", session)

        def say(values):
            session[neuron_plane.KEY] = SimpleNamespace(turned=values)
            return neuron_plane.turned(extent=3.0, limit=10.0)

        return say

    def test_values_are_held_within_the_sliders_and_on_their_steps(self, said):
        found = said({"w1": 4.449, "w2": -99, "b": 10.04, "x1": 3.2, "x2": -0.04, "turn": 3})
        assert found == {"w1": 4.4, "w2": -10.0, "b": 10.0, "x1": 3.0, "x2": 0.0}

    @pytest.mark.parametrize("bad", [float("nan"), float("inf"), "1", None, True, [1]])
    def test_what_is_no_number_changes_nothing(self, said, bad):
        assert said({"w1": bad, "w2": 0, "b": 0, "x1": 0, "x2": 0}) is None
        assert said(bad) is None

    def test_between_its_points_and_beyond_them_the_activation_sent_is_the_activation(self):
        for name in neuron.ACTIVATIONS:
            sent = neuron_plane.curve_of(name)
            zs = sent["from"] + sent["step"] * np.arange(len(sent["values"]))
            between = (zs[1:] + zs[:-1]) / 2
            assert np.interp(between, zs, sent["values"]) == pytest.approx(neuron.value(name, between), abs=6e-5)
            for end, inner, away in ((-1, -2, 70.0), (0, 1, -70.0)):  # straight on: no sigmoid rises above one
                slope = (sent["values"][end] - sent["values"][inner]) / (zs[end] - zs[inner])
                shown = sent["values"][end] + (away - zs[end]) * slope
                assert shown == pytest.approx(float(neuron.value(name, np.array([away]))[0]), abs=4e-3)


class TestOwnDrawing:
    def test_a_picture_comes_back_from_its_text_in_sixteen_greys(self):
        image = np.random.default_rng(0).random((28, 28))
        text = small_picture.written(image)
        assert len(text) < 700
        assert re.fullmatch(r"[\w-]+", text)
        assert np.abs(small_picture.read(text, 28) - image).max() <= 0.5 / small_picture.GREYS + 1e-12

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "é",
            "A",
            "not a picture",
            small_picture.written(np.zeros((30, 30))),
            base64.urlsafe_b64encode(zlib.compress(bytes(10**6))).decode(),
        ],
    )
    def test_what_is_no_picture_is_refused(self, text):
        with pytest.raises(ValueError, match="no picture"):
            small_picture.read(text, 28)

    def test_a_drawing_in_the_link_is_shown_and_stays_there(self, open_page):
        text = small_picture.written(np.eye(28))
        app = open_page("concepts", chapter="convolution", **{"c.image": "own", "c.drawing": text, "c.padding": "0"})
        assert not app.error
        assert link(app)["c.drawing"] == text
        assert "**28×28** → **26×26**" in words(app)

    @pytest.mark.parametrize("kernel", ["vertical", "gaussian", "learned"])
    def test_what_lies_under_the_kernel_adds_up_to_the_pixel(self, open_page, kernel):
        values = {
            "kernel": kernel,
            "filter": 1,
            "stride": 1,
            "padding": 0,
            "dilation": 1,
            "relu": False,
            "pooling": "none",
        }
        found, _ = room("convolution").maps_of(values, picture("house"))
        row, column = np.unravel_index(np.abs(found).argmax(), found.shape)
        asked = {"c.kernel": kernel, "c.padding": "0", "c.row": str(row), "c.column": str(column)}
        app = open_page("concepts", chapter="convolution", **asked)
        result = float(found[row, column])
        if kernel != "gaussian":
            assert any(rf"\mathbf{{{tex(result)}}}" in formula.value for formula in app.latex)
        else:
            assert f"products: **{plain(result)}**" in words(app)

    def test_a_run_in_the_link_that_is_gone_is_refused_kindly(self, open_page):
        query = {"c.model": "20200101-000000-digits-mlp-0123456789ab", "c.climb": "1", "c.class": "7"}
        app = open_page("concepts", chapter="convolution", **query)
        assert len(app.error) == 1
        assert link(app).get("c.model") is None
        assert link(app)["c.class"] == "7"

    @pytest.mark.parametrize(
        ("asked", "opened"),
        [({}, False), ({"c.climb": "1"}, True), ({"c.climb": "1", "c.kernel": "no such"}, False)],
    )
    def test_what_the_link_asks_for_is_not_folded_away(self, open_page, asked, opened):
        app = open_page("concepts", chapter="convolution", **asked)
        (fold,) = (fold for fold in app.expander if fold.label == "Inside a trained network")
        assert fold.proto.expanded == opened
        app.query_params["c.climb"] = "1"  # another link in the same session
        app.run()
        (fold,) = (fold for fold in app.expander if fold.label == "Inside a trained network")
        assert fold.proto.expanded


class TestOwnNetwork:
    def test_slow_motion_goes_through_a_round_into_the_next_and_stands_in_the_link(self, open_page):
        app = open_page("concepts", chapter="steps", **{"s.neurons": "2", "s.moment": "9"})
        assert "Δw¹₁₁" in opened_sum(app)
        button(app, "concepts.own-network.next").click().run()
        assert (link(app)["s.round"], link(app)["s.neurons"]) == ("1", "2")
        assert opened_sum(app).startswith("z¹₁ = w¹₁₁·x₁")
        button(app, "concepts.own-network.back").click().run()
        assert not app.exception
        assert link(app)["s.moment"] == "9"

    @pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "rmsprop", "adam"])
    def test_every_moment_has_its_sum_and_the_table_its_memory(self, open_page, optimizer):
        query = {"s.inputs": "4", "s.layers": "3", "s.neurons": "5", "s.outputs": "3", "s.optimizer": optimizer}
        app = open_page(
            "concepts", language="zh", chapter="steps", **query, **{"s.loss": "squared-error", "s.round": "7"}
        )
        table = app.table[-1].value
        assert len(table) == 4 * 5 + 5 + 2 * (25 + 5) + 15 + 3
        assert ("v" in table.columns) == (optimizer in {"rmsprop", "adam"})
        for moment in (0, 15, 18, 19, 22, 37):
            again = open_page("concepts", chapter="steps", **query, **{"s.moment": str(moment)})
            assert "=" in opened_sum(again)


@pytest.mark.parametrize("name", GUESSED)
def test_doors_lead_to_settings_that_the_training_page_knows(open_page, monkeypatch, name):
    opened = []
    monkeypatch.setattr(room(name), "door", lambda _label, page, **query: opened.append((page, query)))
    found = controls(name)
    for changes in [{}, *(changes for _title, changes in found.trials.values())]:
        open_page("concepts", chapter=name, **found.written({**found.untouched, **changes}))
    training = [query for page, query in opened if page == "train"]
    assert training
    for query in training:
        config = TrainConfig.parse({key: str(value) for key, value in query.items()})
        assert config.dataset == "digits"
