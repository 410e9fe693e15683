import pytest

from dlcore.config import TrainConfig
from dlcore.messages import UserError


def test_a_known_language_is_kept_in_the_link(open_page):
    app = open_page("home", language="zh")
    assert app.query_params["lang"] == "zh"
    app.button_group(key="shell.language").set_value("en").run()
    assert app.query_params["lang"] == "en"
    assert app.title[0].value == "Learn deep learning by doing it"


def test_an_unknown_language_falls_back_to_english(open_page):
    app = open_page("home", language="xx")
    assert app.query_params["lang"] == "en"


@pytest.mark.parametrize("field", ["learning_rate", "model", "no_such_setting"])
def test_an_error_from_below_speaks_the_visitors_language(field, monkeypatch):
    from ui import language

    monkeypatch.setattr(language, "current", lambda: "zh")
    with pytest.raises(UserError) as caught:
        TrainConfig.parse({field: "nonsense"})
    text = language.explain(caught.value)
    assert field in text
    assert any("\u4e00" <= letter <= "\u9fff" for letter in text)
