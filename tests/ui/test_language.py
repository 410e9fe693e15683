import errno
import os
from types import SimpleNamespace

import pytest

from dlcore import cli, elsewhere
from dlcore.config import TrainConfig
from dlcore.messages import UserError, Verbatim
from ui import language


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
    monkeypatch.setattr(language, "current", lambda: "zh")
    with pytest.raises(UserError) as caught:
        TrainConfig.parse({field: "nonsense"})
    text = language.explain(caught.value)
    assert field in text
    assert any("\u4e00" <= letter <= "\u9fff" for letter in text)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (UserError("There is no dataset {name!r}.", name="x"), "x"),
        (
            UserError(
                "The file {file} cannot be read: {reason}.", file=Verbatim("Is a directory"), reason="File exists"
            ),
            "",
        ),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere/secret"), "磁盘已满"),
        (ZeroDivisionError("/somewhere/secret"), "已记入服务器日志"),
    ],
)
def test_why_another_process_gave_up_is_told_in_the_visitors_language(fault, told, monkeypatch, capsys, tmp_path):
    """By the way of a real process: command line, JSON, page."""

    def give_up(_config):
        raise fault

    def here(command, **_options):
        status = cli.main(command[3:])
        return SimpleNamespace(stdout=capsys.readouterr().out.encode(), stderr=b"", returncode=status)

    monkeypatch.setattr("dlcore.rehearsal.rehearse", give_up)
    monkeypatch.setattr(elsewhere.subprocess, "run", here)
    monkeypatch.setattr(language, "current", lambda: "zh")
    reason = elsewhere.command(["rehearse", "--dataset=digits"], made=tmp_path / "never")
    text = language.explain(UserError("This could not be measured: {reason}", reason=reason))
    assert text.startswith("无法测量：")
    assert told in text
    assert "secret" not in text
    if isinstance(fault, UserError):
        assert text.removeprefix("无法测量：") == language.explain(fault)
