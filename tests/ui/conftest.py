"""Pages without a browser: Streamlit's AppTest through the real router."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

APP = Path(__file__).resolve().parents[2] / "streamlit_app.py"


@pytest.fixture(autouse=True)
def _router_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest forgets before each run that ``st.navigation`` was ever called, and would run a page past the router."""
    initialise = PagesManager.__init__

    def with_router(self, *args, **kwargs):
        initialise(self, *args, **kwargs)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", with_router)


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """``open_page("train", language="zh", epochs=3)``: the page as a visitor of that link would see it, without exceptions."""

    def opener(name: str = "home", *, language: str = "en", **query: object) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60)
        app.query_params["lang"] = language
        for key, value in query.items():
            app.query_params[key] = str(value)
        app.run()
        if name != "home":
            app.switch_page(f"pages/{name}.py").run()
        assert not app.exception
        return app

    return opener
