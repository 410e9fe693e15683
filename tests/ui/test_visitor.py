from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from ui.visitor import local_time


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
