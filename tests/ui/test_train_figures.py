import base64
import io
import json
import math
from dataclasses import replace

import pytest
from PIL import Image
from plotly import graph_objects

from dlcore.runs.history import RunHistory
from dlcore.training.events import Ended, Stepped
from ui.figure import publish_plotly
from ui.training import recorded, words
from ui.training.confusion_figures import classes_height, confusion_figure
from ui.training.curves import MOST_POINTS
from ui.training.figures import accuracy_figure, loss_figure
from ui.training.inside_figures import gradient_figure, rate_figure, ratio_figure, speed_figure
from ui.training.live import LOOK_SECONDS
from ui.training.pictures import picture_of


@pytest.fixture
def history() -> RunHistory:
    return recorded.history_until(1)


def valid(figure) -> graph_objects.Figure:
    """The figure as plotly understands it; unknown attributes, bad values and numbers that are no JSON raise."""
    data, layout = figure
    json.dumps([data, layout], allow_nan=False)
    return graph_objects.Figure(data=data, layout=layout)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 1])
@pytest.mark.parametrize("logarithmic", [False, True])
def test_figures_are_valid_at_every_stage(share, logarithmic):
    history = recorded.history_until(share)
    valid(loss_figure(history, logarithmic=logarithmic, revision="x"))
    valid(accuracy_figure(history, revision="x"))


def test_figures_of_a_run_that_has_said_nothing_yet_are_valid():
    valid(loss_figure(RunHistory(), logarithmic=True, revision="x"))
    valid(accuracy_figure(RunHistory(), revision="x"))


def test_the_confusion_matrix_shows_every_count_once(history):
    assert history.tested is not None
    assert history.started is not None
    figure = valid(confusion_figure(history.tested.confusion, history.started.class_names))
    shown = [int(text) for trace in figure.data[1:] for text in trace.text]
    assert sum(shown) == history.tested.count


def test_a_hundred_thousand_updates_stay_small(history):
    assert history.started is not None
    history.started = replace(history.started, epochs=1000, steps_per_epoch=100)
    history.ended = None
    history.append(
        Stepped(
            step=s,
            epoch=1,
            loss=1 / s,
            learning_rate=0.1,
            images_seen=s,
            seconds=s / 100,
            gradient_norm=1 + s % 7,
            update_ratio=0.001 * (1 + s % 3),
        )
        for s in range(1000, 101_000)
    )
    data, layout = loss_figure(history, logarithmic=False, revision="x")
    assert all(len(trace["x"]) <= MOST_POINTS for trace in data)
    assert len(json.dumps([data, layout])) < 60_000
    updates = (gradient_figure, ratio_figure, rate_figure, speed_figure)  # the panel with the most curves, open
    shown = [loss_figure(history, logarithmic=False, revision="x"), accuracy_figure(history, revision="x")]
    shown += [figure(history, revision="x") for figure in updates]
    sent_a_second = sum(len(json.dumps(figure)) for figure in shown) / LOOK_SECONDS
    assert sent_a_second < 500_000


def test_a_diverged_run_is_drawn_up_to_where_it_was_a_number(history):
    history.append([Stepped(step=9999, epoch=9, loss=math.inf, learning_rate=1, images_seen=1, seconds=1)])
    history.ended = Ended(reason="diverged")
    valid(loss_figure(history, logarithmic=False, revision="x"))


def test_the_recording_is_a_real_complete_run(history):
    assert history.ended is not None
    assert history.ended.reason == "completed"
    assert history.tested is not None
    assert history.evaluations[0].validation_loss == pytest.approx(math.log(10), abs=0.15)
    half = recorded.history_until(0.5)
    assert half.tested is None
    assert 0.4 < half.progress < 0.6


def test_a_mistake_becomes_a_crisp_picture(history):
    assert history.tested is not None
    url = picture_of(history.tested.mistakes[0].pixels)
    assert url is not None
    image = Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/png;base64,"))))
    assert image.width == image.height
    assert image.width % 28 == 0
    factor = image.width // 28
    small = image.resize((28, 28), Image.Resampling.NEAREST)
    assert small.resize(image.size, Image.Resampling.NEAREST).tobytes() == image.tobytes()
    assert small.tobytes() == base64.b64decode(history.tested.mistakes[0].pixels)
    assert factor >= 3


@pytest.mark.parametrize("pixels", ["", "!!", "AAA=", base64.b64encode(b"\0" * 783).decode()])
def test_what_is_no_picture_is_none(pixels):
    assert picture_of(pixels) is None


def test_plotly_js_is_published_once_and_whole(tmp_path):
    folder = tmp_path / "static"
    name = publish_plotly(folder)
    assert [path.name for path in folder.iterdir()] == [name]
    assert (folder / name).read_text(encoding="utf-8").startswith("/**\n* plotly.js")


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "static").write_text("in the way")
    with pytest.raises(Exception, match="cannot be written"):
        publish_plotly(tmp_path / "static")


def test_an_empty_chart_begins_at_zero_and_a_curve_sets_no_range_that_would_undo_a_zoom(history):
    assert loss_figure(RunHistory(), logarithmic=False, revision="x")[1]["xaxis"]["range"][0] == 0
    assert "range" not in loss_figure(history, logarithmic=False, revision="x")[1]["xaxis"]


def test_a_network_that_only_guesses_is_not_called_done_and_well(history):
    assert history.tested is not None
    assert "only guesses" not in words.explanation("completed", history)
    history.tested = replace(history.tested, correct=history.tested.count // 10, accuracy=0.1)
    assert "only guesses: it got 10.00% right" in words.explanation("completed", history)


def test_a_run_that_is_resumed_does_not_claim_to_be_almost_there(history):
    assert history.ended is not None
    assert "left" not in words.progress(history, going=True)


def test_a_run_that_is_paused_does_not_count_down(history):
    history.ended = None
    assert words.progress(history, going=True).endswith(" left")
    assert words.progress(history, going=True, paused=True).endswith(" left once it goes on")


def test_a_run_that_failed_before_its_first_update_is_not_still_loading():
    assert "Loading" in words.progress(RunHistory(), going=True)
    assert words.progress(RunHistory(), going=False) == "It ended before the first update."


def test_a_squared_error_is_not_called_nats(history):
    data, layout = loss_figure(history, logarithmic=False, revision="x", squared=True)
    valid((data, layout))
    assert "squared" in layout["yaxis"]["title"]["text"]
    assert not layout["shapes"]


def test_a_large_matrix_tells_by_colour_and_numbers_only_what_matters():
    letters = [chr(ord("A") + index) for index in range(26)]
    confusion = [[700 if said == true else 0 for said in range(26)] for true in range(26)]
    confusion[8][11], confusion[11][8], confusion[0][1] = 90, 60, 1
    figure = valid(confusion_figure(confusion, letters))
    matrix, numbers = figure.data
    assert list(zip(numbers.y, numbers.x, numbers.text, strict=True)) == [("I", "L", "90"), ("L", "I", "60")]
    assert matrix.customdata[0][1] == 1  # the rest stays to be pointed at
    assert list(figure.layout.xaxis.ticktext) == list(figure.layout.yaxis.ticktext) == letters
    everything = [[1] * 26] * 26
    assert len(valid(confusion_figure(everything, letters)).data[1].text) <= 15


@pytest.mark.parametrize("count", [2, 26, 100])
def test_names_of_classes_are_plain_text_and_leave_room(count):
    names = [f"<b>{number}</b> & a very long name indeed" for number in range(count)]
    figure = valid(confusion_figure([[1] * count] * count, names))
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        assert 2 <= len(axis.ticktext) <= 40
        assert all("<" not in text for text in axis.ticktext)
        assert axis.ticktext[0] == "&lt;b&gt;0&lt;/b&gt; &amp; …" or len(axis.ticktext[0]) < 40
    assert figure.data[0].y[0].startswith("&lt;b&gt;0")
    assert classes_height(names, 360) == {2: 360, 26: 532, 100: 640}[count]
