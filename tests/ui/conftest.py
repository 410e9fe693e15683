"""Pages without a browser: Streamlit's AppTest through the real router."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

APP = Path(__file__).resolve().parents[2] / "streamlit_app.py"


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """``open_page("train", language="zh", epochs=3)``: the page as a visitor of that link would see it, without exceptions."""

    def opener(name: str = "home", *, language: str = "en", **query: object) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60)
        app.query_params["lang"] = language
        for key, value in query.items():
            app.query_params[key] = str(value)
        app.switch_page(f"pages/{name}.py")
        app.run()
        assert not app.exception
        return app

    return opener
