"""The chapters of the fields and of the questions as a visitor meets them, without a browser."""

import pytest

from dlcore.concepts import field_games, field_language, field_medical, field_vision
from dlcore.messages import UserError
from ui.concepts import field_acting, field_figures
from ui.concepts.check import parts
from ui.concepts.fields import CONTROLS, FIELDS
from ui.concepts.prose import split
from ui.language import prose
from ui.resources.frameworks import AVOID, chooser, rank


def link(app) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}


def words(app) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.success, *app.info])


def slider(app, name):
    return next(widget for widget in app.slider if widget.key.startswith(f"concepts.fields.{name}."))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("field", FIELDS)
def test_each_field_opens_by_its_link_asks_and_tells(open_page, field, language):
    app = open_page("concepts", language=language, chapter="fields", **{"f.field": field})
    assert not app.error
    asked = [button for button in app.button if button.key.startswith(f"concepts.fields.{field}.guess.")]
    guess = FIELDS[field].guess
    assert len(asked) == len(guess.options)
    answer = guess.answer()
    app.button(f"concepts.fields.{field}.guess.{answer}").click().run()
    assert not app.exception
    assert len(app.success) == 1, "what is computed is among the answers, and right"
    for other in app.get("page_link"):
        assert other.proto.query_string


def test_what_the_guesses_compute_is_what_the_texts_say():
    answers = {name: field.guess.answer() for name, field in FIELDS.items()}
    expected = {"vision": "half", "language": "no", "speech": "pitch", "medical": "most", "finance": "coin"}
    assert answers == expected | {"driving": "off", "games": "thousands"}


def test_a_setting_stands_in_the_link_and_changes_the_answer(open_page):
    app = open_page("concepts", chapter="fields")
    assert "87% rightly" in words(app)
    slider(app, "right").set_value(1).run()
    assert link(app)["f.right"] == "1"
    assert "42% rightly" in words(app)
    app = open_page("concepts", chapter="fields", **{"f.right": "1", "f.moved": "1"})
    assert "74% rightly" in words(app)


def test_a_sentence_of_ones_own_is_judged_and_travels_in_the_link(open_page):
    text = "boring and terrible <b>!"
    app = open_page("concepts", chapter="fields", **{"f.field": "language", "f.text": text})
    judge = field_figures.judge()
    tokens = field_language.tokens_of(text, judge.vocabulary)
    assert tokens == ["boring", "and", "terrible", "b"]
    assert f"Praise with {judge.probability_of_praise(tokens):.0%}" in words(app)
    app.button("concepts.fields.example.0").click().run()
    assert link(app)["f.text"] == "not bad, very good"
    app = open_page("concepts", chapter="fields", **{"f.field": "language", "f.text": "x" * 500})
    assert len(app.error) == 1


def test_a_game_is_played_to_its_end_and_its_link_continues_it(open_page):
    app = open_page("concepts", chapter="fields", **{"f.field": "games", "f.games": "10000"})
    for _turn in range(5):
        free = [button for button in app.button if "square" in button.key and not button.disabled]
        if not free:
            break
        free[0].click().run()
        assert not app.exception
    assert "**The machine has won.**" in words(app) or "**A draw.**" in words(app)
    moves = link(app)["f.moves"]
    again = open_page("concepts", chapter="fields", **{"f.field": "games", "f.games": "10000", "f.moves": moves})
    assert "**The machine has won.**" in words(again) or "**A draw.**" in words(again)
    again.button("concepts.fields.new").click().run()
    assert "Your turn, with X." in words(again)


@pytest.mark.parametrize("moves", ["44", "9", "x", "٣", "0123456789", "031425678"])
def test_a_game_that_cannot_be_played_is_refused_kindly(open_page, moves):
    app = open_page("concepts", chapter="fields", **{"f.field": "games", "f.moves": moves})
    assert len(app.error) == 1


def test_the_machine_may_begin():
    learned = field_games.recorded()[10_000]
    assert len(field_acting.with_reply("", learned, machine_begins=True)) == 1
    assert field_acting.with_reply("", learned, machine_begins=False) == ""
    assert len(field_acting.with_reply("4", learned, machine_begins=False)) == 2


def test_every_control_says_no_to_nonsense():
    for control in CONTROLS.controls.values():
        if control.name != "text":
            with pytest.raises(UserError):
                control.read("<script>")
        assert control.read(control.write(control.default)) == control.default


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_chooser_ranks_with_reasons_and_its_answers_stand_in_the_link(open_page, language):
    app = open_page("concepts", language=language, chapter="questions", question="framework", **{"q.where": "ascend"})
    need = next(need for question in chooser().questions for need in question.needs if need.id == "ascend")
    assert need.told("because", language)[:20] in words(app)
    box = next(widget for widget in app.selectbox if widget.key.startswith("concepts.questions.where"))
    box.set_value("phone").run()
    assert link(app)["q.where"] == "phone"
    ways = [element.proto.query_string for element in app.get("page_link")]
    assert any("id=pytorch" in way for way in ways)
    app = open_page("concepts", chapter="questions", **{"q.where": "the moon"})
    assert len(app.error) == 1


def test_the_choosers_points_are_opened_as_the_sums_that_rank(open_page):
    app = open_page("concepts", chapter="questions", **{"q.where": "ascend", "q.what": "first"})
    needs = [need for question in chooser().questions for need in question.needs if need.id in {"ascend", "first"}]
    first, *_others, last = rank(needs)
    for place in (first, last):
        sum_of = " + ".join(str(need.ratings[place.framework]) for need in needs)
        assert f"{sum_of} = **{place.points}**" in words(app)
    assert rf"\mathbf{{{first.points}}}" in app.latex[-1].value
    assert rf"\min({', '.join(str(need.ratings[first.framework]) for need in needs)})" in app.latex[-1].value
    assert last.worst == AVOID
    assert "ruled out" in words(app)
    untouched = open_page("concepts", chapter="questions")
    assert "nothing to add up yet" in words(untouched)
    table = open_page("concepts", chapter="questions", **{"q.what": "table"})
    assert "scikit-learn is named before any of these" in words(table)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", list(FIELDS))
def test_every_field_opens_its_numbers(open_page, language, name):
    app = open_page("concepts", language=language, chapter="fields", **{"f.field": name, "f.moves": "40"})
    assert not app.exception
    opened = "\n".join(formula.value for formula in app.latex)
    assert r"\mathbf{" in opened
    assert "nan" not in opened


def test_the_opened_numbers_are_those_of_the_figures(open_page):
    app = open_page("concepts", chapter="fields", **{"f.digit": "7", "f.right": "1"})
    data = field_vision.digits()
    score = field_vision.scores(field_vision.moved(data.test_images[[7]], 1, 0))[0].max()
    assert rf"\mathbf{{{score:.4g}}}" in app.latex[0].value
    app = open_page("concepts", chapter="fields", **{"f.field": "medical", "f.patient": "2"})
    scan = field_medical.scan(2)
    overlap = field_medical.dice(field_medical.outlined(scan.picture), scan.truth)
    assert rf"\mathbf{{{overlap:.3g}}}" in app.latex[0].value


def test_a_link_with_needs_alone_opens_the_chooser(open_page):
    app = open_page("concepts", chapter="questions", **{"q.where": "phone"})
    opened = [block.label for block in app.expander if block.proto.expanded]
    assert opened == ["How do I choose a framework?"]


@pytest.mark.parametrize("chapter", ["fields", "questions"])
def test_the_three_questions_finish_the_chapter(open_page, chapter):
    app = open_page("concepts", chapter=chapter)
    for radio, question in zip(app.radio, split(prose(f"concepts-{chapter}-check")).values(), strict=True):
        radio.set_value(parts(question)[2]).run()
    assert link(app)["done"] == chapter
