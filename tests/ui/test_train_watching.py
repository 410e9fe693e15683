"""What a visitor sees while watching, beside the curves: in both languages, without a browser."""

import io
import wave
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dlcore import rehearsal
from dlcore.config import TrainConfig
from dlcore.rehearsal import Rehearsal
from dlcore.runs import directory
from dlcore.runs.diagnosis import Finding
from dlcore.runs.history import RunHistory
from dlcore.runs.worker import work
from dlcore.training.events import Evaluated
from tests.ui.test_train import shown
from tests.ui.test_train_figures import valid
from ui.figure import clicked
from ui.shell import plain_text
from ui.training import curve_view, inside_figures, link, readings, recorded
from ui.training.before import range_figure
from ui.training.cells import _name_in_links, choose_cell
from ui.training.confusion_figures import classes_figure
from ui.training.curve_view import SOUND_SECONDS, sound
from ui.training.diagnosis import in_words, no_finding
from ui.training.feed import Feed
from ui.training.figures import accuracy_figure, loss_figure, places
from ui.training.filters import pictures
from ui.training.state import Watch
from ui.training.wall import wall_in_words

CONFIG = TrainConfig(dataset="digits", model="mlp", epochs=2, train_fraction=0.3, threads=1, device="cpu")


@pytest.fixture
def watch() -> Watch:
    run = directory.create(CONFIG)
    work(run)
    found = Watch(Feed(run))
    found.look()
    return found


@pytest.mark.parametrize("axis", ["step", "epoch", "time"])
@pytest.mark.parametrize("share", [0, 0.3, 1])
def test_curves_stand_where_the_axis_says(axis, share):
    history = recorded.history_until(share)
    for smoothing in (0.0, 4.0):
        valid(loss_figure(history, logarithmic=True, revision="x", axis=axis, smoothing=smoothing))
    valid(accuracy_figure(history, revision="x", axis=axis))
    valid(inside_figures.rate_figure(history, revision="x", axis=axis))


def test_the_recording_has_all_that_a_run_has_and_a_replay_knows_no_future():
    whole, part = recorded.watch_until(1), recorded.watch_until(0.3)
    assert whole.feed.wall is not None
    assert [seen.epoch for seen in whole.feed.course()] == [one.epoch for one in whole.history.evaluations]
    assert whole.feed.examples("test") is not None
    assert sound(whole.history)
    assert 0 < len(part.feed.glimpses) < len(whole.feed.glimpses) <= 81
    reached = part.history.latest.step
    assert all(look.step <= reached for look in part.feed.glimpses)
    assert all(one.step <= reached for one in part.history.evaluations)
    assert recorded.watch_until(1, part) is part  # what a visitor chose stays


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_first_visit_can_look_inside_the_recording(open_page, language):
    app = open_page("train", language=language)
    assert {"en": "What the numbers say", "zh": "这些数字说明了什么"}[language] in shown(app)
    panels = next(group for group in app.get("button_group") if group.key == "train.inside")
    assert len(panels.options) == 4


def test_places_are_epochs_and_seconds():
    history = recorded.history_until(1)
    steps = [one.step for one in history.evaluations]
    assert places(history, steps, "epoch") == pytest.approx([one.epoch for one in history.evaluations])
    assert places(history, steps[1:], "time") == pytest.approx(
        [one.seconds for one in history.evaluations[1:]], rel=0.01
    )
    assert places(history, steps, "step") == steps


def test_every_panel_has_its_figure_and_its_reading(watch):
    course, looks, revision = watch.feed.course(), watch.feed.glimpses, "x"
    names = watch.history.started.class_names
    assert [seen.epoch for seen in course] == [0, 1, 2]
    for values, share in ((lambda k: k.gradient_norms, False), (lambda k: k.active, True)):
        valid(inside_figures.layers_figure(watch.history, looks, values, "x", revision=revision, share=share))
    for gradients in (False, True):
        valid(inside_figures.over_time_figure(course, "hidden1", gradients=gradients))
        assert readings.over_time(course, "hidden1", gradients=gradients)
    assert inside_figures.over_time_figure(course, "no such layer", gradients=False) == ([], {})
    figure = valid(classes_figure(course[-1].confusion, names))
    assert len(figure.data[-1].x) == 10
    told = [
        readings.loss(watch.history),
        readings.accuracy(watch.history),
        readings.wall(watch),
        readings.classes(course[-1], names),
        readings.dead(course[-1]),
        readings.weights(course[-1]),
        readings.gradients(course[-1]),
        readings.filters(looks[-1]),
        *(reading(watch) for reading in readings.UPDATES.values()),
        *(reading(looks) for reading in readings.LAYERS.values()),
    ]
    assert all("This run" in text for text in told)
    assert len(pictures(looks[-1].filters)) == looks[-1].filters.shape[0]
    assert "of 40 right" in wall_in_words(watch.feed.wall, looks[-1])


HOSTILE = "![x](http://evil.example) **b** `c` $d$ <i>"


def test_names_from_outside_are_plain_text_in_what_is_said(watch):
    course, look = watch.feed.course(), watch.feed.glimpses[-1]
    named = [
        replace(
            seen,
            weights=[replace(one, layer=HOSTILE) for one in seen.weights],
            gradients=[replace(one, layer=HOSTILE) for one in seen.gradients],
        )
        for seen in course
    ]
    looks = [
        look.model_copy(
            update={"gradient_norms": {HOSTILE: 1.0}, "update_ratios": {HOSTILE: 1.0}, "active": {HOSTILE: 1.0}}
            | {"filters": look.filters.model_copy(update={"layer": HOSTILE})}
        )
    ]
    finding = Finding(kind="dead-units", text="In {layer}, {dead:g}", values={"layer": HOSTILE, "dead": 3.0})
    told = [
        readings.classes(course[-1], [HOSTILE] * 10),
        readings.weights(named[-1]),
        readings.gradients(named[-1]),
        readings.over_time(named, HOSTILE, gradients=False),
        readings.filters(looks[-1]),
        *(reading(looks) for reading in readings.LAYERS.values()),
        *in_words([finding]),
    ]
    assert all(plain_text(HOSTILE) in text and HOSTILE not in text for text in told)
    assert HOSTILE in readings.LAYERS["norms"](looks, name=str)  # of a figure, where no Markdown is read


@pytest.mark.parametrize(
    ("last", "said"), [((0.29, 0.94), "Thrown back: after epoch 3"), ((0.012, 0.98), "Nothing alarming")]
)
def test_an_epoch_that_threw_the_network_back_is_not_called_fine(last, said):
    history = RunHistory()
    history.append(
        [
            Evaluated(
                epoch=epoch,
                step=epoch,
                train_loss=loss,
                train_accuracy=accuracy,
                validation_loss=loss,
                validation_accuracy=accuracy,
                seconds=0.0,
            )
            for epoch, (loss, accuracy) in enumerate([(2.3, 0.1), (0.1, 0.97), (0.006, 0.99), last])
        ]
    )
    assert said in no_finding(history)


def test_no_part_of_the_page_asks_from_a_tab_that_nobody_sees():
    rooms = Path(readings.__file__).parent.glob("*.py")
    assert not [path.name for path in rooms if "run_every" in path.read_text(encoding="utf-8")]


def test_the_loss_can_be_heard_and_falls_with_the_curve():
    history = recorded.history_until(1)
    with wave.open(io.BytesIO(sound(history))) as reader:
        assert (reader.getnchannels(), reader.getsampwidth()) == (2, 2)
        assert reader.getnframes() / reader.getframerate() == SOUND_SECONDS
        samples = np.frombuffer(reader.readframes(reader.getnframes()), "<i2").reshape(-1, 2)
    for channel in samples.T.astype(float):
        crossings = np.diff(np.signbit(channel)).astype(int)
        quarter = len(crossings) // 4
        assert crossings[:quarter].sum() > 1.3 * crossings[-quarter:].sum()
    assert sound(recorded.history_until(0)) != sound(history)


@pytest.mark.parametrize(
    "sent",
    [None, {}, {"point": None}, {"point": 3}, {"point": {"row": 1}}, {"point": {"row": "x", "column": 2}}]
    + [{"point": {"row": row, "column": 2}} for row in (-1, 10, float("inf"), float("nan"), 10**400, [])],
)
def test_whatever_the_browser_sends_is_a_cell_or_nothing(monkeypatch, sent):
    monkeypatch.setattr("ui.figure.st.session_state", {"x": sent})
    assert clicked("x", 10, 10) is None
    assert clicked("y", 10, 10) is None


def test_a_cell_is_opened_by_a_click_and_closed_by_the_next(monkeypatch, watch):
    monkeypatch.setattr("ui.figure.st.session_state", {"x": {"point": {"row": 3, "column": 5}}})
    choose_cell(watch, "x", 10, split="test")
    assert watch.cells == {"test": (3, 5)}
    choose_cell(watch, "x", 10, split="test")
    assert watch.cells == {}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_tells_of_a_run_in_words_and_shows_the_images_of_a_cell(open_page, language):
    run = directory.create(CONFIG)
    work(run)
    app = open_page("train", language=language, run=run.run_id, guess="91")
    text = shown(app)
    assert {"en": "What the numbers say", "zh": "这些数字说明了什么"}[language] in text
    assert {"en": "Your guess 91%", "zh": "你的猜测 91%"}[language] in text
    assert app.query_params["guess"] == "91"
    if language == "zh":  # AppTest formats choices outside the page, so it goes on in English only
        return
    state = app.session_state["train"]
    label = next(k for k, row in enumerate(state.watch.history.tested.confusion) if row[k])
    state.watch.cells["test"] = (label, label)
    app.run()
    assert not app.exception
    assert "the least sure first" in shown(app)


@pytest.mark.parametrize(
    ("text", "guess"), [("97.5", 97.5), ("", None), ("101", None), ("nan", None), ("x" * 99, None)]
)
def test_a_guess_in_a_link_is_a_percentage_or_nothing(text, guess):
    assert link.parse({"guess": text}).guess == guess


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_was_measured_before_a_run_is_shown_with_its_basis_and_used(open_page, monkeypatch, language):
    found = Rehearsal(
        updates=50,
        seconds=1,
        images_per_second=3200,
        judged_per_second=9000,
        threads=2,
        rates=rehearsal.rising_rates()[:60],
        losses=[2.3 - 0.03 * k for k in range(60)],
        suggested=0.02,
    )
    monkeypatch.setattr(rehearsal, "look_up", lambda _: found)
    monkeypatch.setattr("ui.training.before.st.expander", always_open)
    app = open_page("train", language=language, dataset="digits", model="mlp", epochs=3)
    assert "3,200" in shown(app)
    if language == "zh":
        return
    app.button(key="train.use_rate").click().run()
    assert app.text_input(key="train.learning_rate.exact").value == "0.02"
    assert "it is what the form says already" in shown(app)
    assert not [button for button in app.button if button.key == "train.use_rate"]
    app.number_input(key="train.guess").set_value(88.0).run()
    assert app.query_params["guess"] == "88"
    valid(range_figure(found, 0.001))


def always_open(*_args, **_how):
    """A fold that is open; AppTest cannot open one."""
    import streamlit

    container = streamlit.container()
    container.__dict__["open"] = True
    return container


def test_the_table_of_a_long_run_stays_short():
    history = recorded.history_until(1)
    one = history.evaluations[-1]
    history.evaluations = [replace(one, epoch=epoch) for epoch in range(200)]
    lines = curve_view._table(history.evaluations).splitlines()
    assert len(lines) <= 44
    assert lines[-1].startswith("| 199 |")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"dataset": "mnist"}, "mnist:train:7"),
        ({"dataset": "digits", "classes": "3, 5"}, "own:train:7"),
        ({"dataset": "cifar10"}, "own:train:7"),
        ({"dataset": "own-images"}, "own:train:7"),
    ],
)
def test_an_image_of_a_cell_has_a_name_on_the_draw_page_whatever_its_dataset(settings, named):
    config = TrainConfig.model_construct(**(TrainConfig().model_dump() | settings))
    watch = SimpleNamespace(run=SimpleNamespace(config=config))
    assert _name_in_links(watch, "validation", 7) == named
    assert _name_in_links(watch, "test", 7) == named.replace("train", "test")
