from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from ui.visitor import found_token, local_time, visitor_token


@pytest.mark.parametrize(
    ("timezone", "shown"),
    [
        ("Asia/Shanghai", "2026-11-24 02:05"),
        ("Europe/Berlin", "2026-11-23 19:05"),
        *(
            (nonsense, "2026-11-23 18:05")
            for nonsense in (None, "", "Moon/Base", "America", "../etc", "a\0b", "x" * 999)
        ),
    ],
)
def test_a_moment_is_told_by_the_visitors_clock(monkeypatch, timezone, shown):
    monkeypatch.setattr("streamlit.context", SimpleNamespace(timezone=timezone))
    assert local_time(datetime(2026, 11, 23, 18, 5, tzinfo=UTC)) == shown


@pytest.mark.parametrize(
    ("cookies", "known"),
    [
        ({"dlcore.visitor": "a-visitor-of-the-test-0001"}, True),
        ({"dlcore.visitor": "short"}, False),
        ({"dlcore.visitor": "../../etc/passwd/////////////////"}, False),
        ({}, False),
    ],
)
def test_the_cookie_says_at_once_who_comes_unless_the_browser_says_another(monkeypatch, cookies, known):
    answer = SimpleNamespace(token="")
    monkeypatch.setattr("streamlit.context", SimpleNamespace(cookies=cookies))
    monkeypatch.setattr("streamlit.session_state", {})
    monkeypatch.setattr("ui.visitor._keeper", lambda: lambda **_options: answer)
    token = visitor_token()
    assert (token == cookies.get("dlcore.visitor")) is known
    assert len(token) >= 22
    assert visitor_token() == token
    answer.token = "what-the-storage-says-0002"
    assert visitor_token() == found_token() == "what-the-storage-says-0002"
