"""A teacher's link: what it locks cannot be changed, what it hides is not there, nonsense is refused."""

import pytest

from dlcore.config import TrainConfig
from dlcore.presets import PRESETS
from ui.training.lesson import LOCKABLE, Lesson, read

LINK = {"dataset": "digits", "model": "mlp", "epochs": 3, "lock": "epochs,optimizer", "hide": "learning_rate,seed"}


def keys(app) -> set[str]:
    widgets = [*app.number_input, *app.selectbox, *app.select_slider, *app.text_input]
    return {widget.key for widget in widgets}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_locked_settings_are_seen_and_hidden_ones_are_not(open_page, language):
    app = open_page("train", language=language, **LINK)
    assert app.number_input(key="train.epochs").disabled
    assert app.selectbox(key="train.optimizer").disabled
    assert not app.selectbox(key="train.model").disabled
    assert not {"train.learning_rate", "train.learning_rate.exact", "train.seed"} & keys(app)
    assert "epochs,optimizer" in app.query_params["lock"]
    assert "learning_rate,seed" in app.query_params["hide"]


def test_presets_leave_what_is_locked_and_hidden(open_page):
    app = open_page("train", **LINK)
    name = next(name for name, preset in PRESETS.items() if preset.config.epochs != 3)
    app.pills(key="train.preset").set_value(name).run()
    config = app.session_state["train"].config
    assert (config.epochs, config.learning_rate) == (3, TrainConfig().learning_rate)
    assert config.model == PRESETS[name].config.model


def test_what_is_no_setting_is_refused_with_its_reason(open_page):
    app = open_page("train", lock="nonsense,layers,epochs", hide="<script>")
    assert len(app.error) == 3
    assert app.number_input(key="train.epochs").disabled
    lesson, refusals = read({"lock": "seed,seed,epochs", "hide": "epochs"})
    assert (lesson, refusals) == (Lesson(("seed",), ("epochs",)), ())
    assert not Lesson()
    assert set(LOCKABLE) <= set(TrainConfig.model_fields)


def test_values_that_clash_with_the_lesson_give_way():
    lesson = Lesson(("epochs",)).of(TrainConfig(epochs=4))
    assert lesson.hold(TrainConfig(epochs=9, dropout=0.1)) == TrainConfig(epochs=4, dropout=0.1)


def test_the_fold_makes_a_link_that_opens_the_lesson(open_page):
    app = open_page("train", dataset="digits", epochs=4)
    app.multiselect(key="train.lesson.lock").set_value(["epochs"]).run()
    app.multiselect(key="train.lesson.hide").set_value(["seed"]).run()
    address = next(one.value for one in app.code if "lock=" in one.value)
    assert "epochs=4" in address
    assert address.endswith("lock=epochs&hide=seed")
