"""Teach it, without a browser: drawings are collected, a run learns from them, and it answers."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dlcore.config import TrainConfig
from dlcore.data.drawings import MOST_CLASSES, MOST_DRAWINGS, Drawing
from dlcore.inference import sources
from dlcore.inference.strokes import frame
from dlcore.messages import UserError
from dlcore.runs import queue
from dlcore.runs.directory import Run, create, open_run
from dlcore.runs.worker import work
from tests.ui.test_draw_lab import LINE, run_with_model, text_of
from ui.drawing import answering, models, state, teach, view


@pytest.fixture(autouse=True)
def drawn(monkeypatch, tmp_path, home):
    """A line is on the paper; whatever is submitted is trained at once, in this process."""
    monkeypatch.setattr(sources, "FOLDER", tmp_path)
    run_with_model().final_weights_path.rename(tmp_path / "model.safetensors")
    models._warm_up().join()
    monkeypatch.setattr(state, "CANVASES", ("drawable", "paper"))
    monkeypatch.setattr(view, "_canvas", lambda _page: {"objects": [LINE]})

    def at_once(config, *, owner):
        run = create(config.model_copy(update={"epochs": 1}), owner=owner)
        assert work(run).reason == "completed"
        return run

    monkeypatch.setattr(queue, "submit", at_once)


def test_own_symbols_are_named_drawn_learned_and_used(open_page):
    app = open_page("draw", panel="symbols")
    app.text_input(key="draw.symbols.names").set_value("stick, <b>pole</b>").run()
    for label in (0, 1):
        for _ in range(5):
            app.button(key=f"draw.symbols.keep.{label}").click().run()
    app.button(key="draw.symbols.learn").click().run()
    assert "of the 2 drawings" in text_of(app)
    assert "<b>pole</b>" not in text_of(app)
    app.button(key="draw.symbols.use").click().run()
    run = open_run(app.session_state["draw"].model)
    assert run.config.start_from == "pretrained"
    assert list(app.session_state["draw"].reading.class_names) == ["stick", "<b>pole</b>"]
    assert not app.exception


def test_a_name_that_goes_takes_its_drawings_with_it(open_page):
    app = open_page("draw", panel="symbols")
    app.text_input(key="draw.symbols.names").set_value("a, b").run()
    app.button(key="draw.symbols.keep.1").click().run()
    app.button(key="draw.symbols.keep.0").click().run()
    app.text_input(key="draw.symbols.names").set_value("b, c").run()
    lesson = app.session_state["draw.lessons"]["symbols"]
    assert [(lesson.names[one.label]) for one in lesson.drawings] == ["b"]
    app.button(key="draw.symbols.keep.back").click().run()
    assert not lesson.drawings
    app.text_input(key="draw.symbols.names").set_value("b").run()
    assert app.error


def test_a_symbol_can_be_renamed_and_one_that_went_comes_back(open_page):
    app = open_page("draw", panel="symbols")
    app.text_input(key="draw.symbols.names").set_value("circle, sqare, star").run()
    for label in (0, 1, 1, 2):
        app.button(key=f"draw.symbols.keep.{label}").click().run()
    lesson = app.session_state["draw.lessons"]["symbols"]
    app.text_input(key="draw.symbols.names").set_value("circle, square, star").run()
    assert [lesson.count(label) for label in range(3)] == [1, 2, 1]
    assert "square" in app.toast[0].value
    app.text_input(key="draw.symbols.names").set_value("star, square").run()
    assert [lesson.count(label) for label in range(2)] == [1, 2]
    app.text_input(key="draw.symbols.names").set_value("star, square, circle").run()
    assert [lesson.count(label) for label in range(3)] == [1, 2, 1]
    assert not app.exception


def test_a_lesson_whose_run_was_deleted_while_it_was_watched_says_so(open_page, monkeypatch):
    app = open_page("draw", panel="correct")
    app.button(key="draw.correct.keep.4").click().run()
    run = create(TrainConfig(dataset="digits"), owner="")
    app.session_state["draw.lessons"]["correct pretrained"].run_id = run.run_id
    monkeypatch.setattr(Run, "status", lambda _run: "running")
    looks = []

    def gone(name):
        looks.append(name)
        if len(looks) > 1:
            raise UserError("There is no run called {name}.", name=name)
        return run

    monkeypatch.setattr(teach, "open_run", gone)
    app.run()
    assert len(looks) == 2
    assert not app.exception
    assert "no run called" in app.error[0].value


def test_a_wrong_answer_is_corrected_and_forgetting_is_shown(open_page):
    app = open_page("draw", panel="correct")
    app.button(key="draw.correct.keep.4").click().run()
    app.button(key="draw.correct.learn").click().run()
    assert not app.exception
    shown = text_of(app)
    assert shown.count("%") >= 2
    assert "0 / 1" in shown or "1 / 1" in shown
    run_id = app.session_state["draw.lessons"]["correct pretrained"].run_id
    assert open_run(run_id).config.data().test_count == 360


def photo(*places):
    """The file of a photo with a line at each place."""
    picture = Image.new("L", (400, 300), 235)
    for x in places:
        ImageDraw.Draw(picture).line([(x, 60), (x + 10, 240)], fill=30, width=16)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def test_a_photo_that_was_kept_makes_room_and_leaves_the_paper_alone(open_page):
    app = open_page("draw", way="photo", panel="correct")
    app.session_state["draw"].written = "on the paper"
    app.file_uploader(key="draw.photo").upload("one.png", photo(200), "image/png").run()
    assert app.session_state["draw"].reading.origin == "picture"
    app.button(key="draw.correct.keep.1").click().run()
    assert app.session_state["draw"].reading.origin == "example"
    assert app.session_state["draw"].written == "on the paper"
    assert [one.label for one in app.session_state["draw.lessons"]["correct pretrained"].drawings] == [1]
    assert not app.exception


def test_a_photo_of_several_digits_stays_for_the_others(open_page):
    app = open_page("draw", way="photo", panel="correct")
    app.file_uploader(key="draw.photo").upload("two.png", photo(120, 260), "image/png").run()
    app.button(key="draw.correct.keep.1").click().run()
    reading = app.session_state["draw"].reading
    assert (reading.origin, reading.parts) == ("picture", 2)
    (kept,) = app.session_state["draw.lessons"]["correct pretrained"].drawings
    assert (kept.image == reading.image).all()


def test_a_digit_of_several_drawn_is_kept_by_itself(open_page, monkeypatch):
    second = {**LINE, "left": 225, "path": [["M", 220, 60], ["L", 230, 240]]}
    monkeypatch.setattr(view, "_canvas", lambda _page: {"objects": [LINE, second]})
    monkeypatch.setattr(answering, "_one_by_one", lambda strokes, *_: [frame([one]) for one in strokes])
    app = open_page("draw", panel="correct")
    app.button(key="draw.correct.keep.1").click().run()
    reading = app.session_state["draw"].reading
    assert reading.parts == 2
    (kept,) = app.session_state["draw.lessons"]["correct pretrained"].drawings
    assert (kept.image == reading.image).all()
    app.toggle(key="draw.correct.whole").set_value(True).run()
    app.button(key="draw.correct.keep.4").click().run()
    _part, whole = app.session_state["draw.lessons"]["correct pretrained"].drawings
    assert (whole.image == frame(reading.strokes).image).all()


def test_renaming_again_and_again_keeps_the_newest_and_no_more_than_it_should():
    blank = np.zeros((28, 28), np.uint8)
    lesson = teach.Lesson(names=("a", "b"))
    for turn in range(2 * MOST_CLASSES):
        lesson.rename(("a", "b", f"c{turn}"))
        lesson.drawings = [Drawing(blank, 2) for _ in range(MOST_DRAWINGS)]
        lesson.rename(("a", "b"))
    assert len(lesson.aside) == teach.MOST_ASIDE
    lesson.rename(("a", "b", f"c{turn}"))
    assert lesson.count(2) == MOST_DRAWINGS
    lesson.rename(("a", "b"))
    newest = Drawing(blank, 1)
    lesson.drawings = [Drawing(blank, 1) for _ in range(MOST_DRAWINGS - 1)] + [newest]
    lesson.rename(("a", f"c{turn}"))  # b is called so now, and its drawings meet those put aside under that name
    assert lesson.count(1) == MOST_DRAWINGS
    assert lesson.drawings[-1].image is newest.image


def test_a_session_keeps_the_lessons_of_the_models_that_answered_last(monkeypatch):
    monkeypatch.setattr(teach.st, "session_state", {})
    symbols = teach.lesson("symbols")
    for number in range(20):
        teach.lesson(f"correct {number}")
        assert teach.lesson("symbols") is symbols
    assert len(teach.st.session_state["draw.lessons"]) == 8
