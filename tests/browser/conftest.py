"""A real server and a real Chromium. Without a browser these tests are skipped, and say how to get one."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from dlcore.runs import queue
from dlcore.runs.directory import list_runs
from dlcore.runs.status import LIVE

expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong

PROJECT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HARMLESS = re.compile(
    r"webgl|Permissions-Policy|Unrecognized feature|preloaded using link preload|"  # of the browser itself
    r"Gather usage stats|Failed to load resource: net::ERR_(INTERNET|NAME|CONNECTION)",  # Streamlit's own calls outside
    re.IGNORECASE,
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
            if not CHROMIUM:
                reason = "no Chromium: apt install chromium, or set CHROMIUM to the path of one"
                if os.environ.get("CI"):
                    pytest.exit(f"browser tests would be skipped, {reason}", returncode=1)
                item.add_marker(pytest.mark.skip(reason=reason))
    # Last: Playwright's loop runs in the main thread until the session ends, and asyncio.run() of other tests refuses there.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def app_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``DLCORE_HOME`` of the server under test, shared by all browser tests."""
    return tmp_path_factory.mktemp("browser-home")


@contextmanager
def serve(home: Path) -> Iterator[str]:
    """The address of a running dashboard that keeps its runs in ``home`` and has no MNIST at hand."""
    port = _free_port()
    environment = {key: value for key, value in os.environ.items() if key != "DLCORE_DATA"}
    environment |= {"DLCORE_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "streamlit", "run", str(PROJECT / "streamlit_app.py")]
    options = ["--server.address=127.0.0.1", "--server.headless=true", "--server.fileWatcherType=none"]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, f"--server.port={port}", *options], cwd=PROJECT, env=environment, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                if urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).status == 200:
                    break
            except OSError:
                time.sleep(0.1)
        else:
            pytest.fail(f"the server did not start: {(home / 'server.log').read_text()[-2000:]}")
        yield url
    finally:
        server.terminate()
        server.wait(timeout=20)


@pytest.fixture(scope="session")
def app_url(app_home: Path) -> Iterator[str]:
    """The address of the dashboard under test; it was visited before."""
    with serve(app_home) as url:
        yield url


@pytest.fixture(autouse=True)
def _nothing_goes_on(app_home: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A run that a test leaves behind, as one that failed does, keeps no later test from the one worker's place."""
    yield
    monkeypatch.setenv("DLCORE_HOME", str(app_home))
    for run in list_runs():
        if run.status() in LIVE:
            queue.stop(run)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """``new_page(width=390, dark=True, language="zh")``: a visitor of their own; errors in the console fail the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # Streamlit looks for its server below the page's own path first: /train/_stcore/health is no fault of ours.
        own_search = "/_stcore/" in message.location.get("url", "")
        if message.type == "error" and not own_search and not HARMLESS.search(message.text):
            complaints.append(f"{message.text} {message.location.get('url', '')}")

    def open_one(*, width: int = 1280, height: int = 900, dark: bool = False, language: str = "en") -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale={"en": "en-US", "zh": "zh-CN"}[language],
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_one
    exceptions = [page.locator("[data-testid=stException]").count() for context in contexts for page in context.pages]
    for context in contexts:
        context.close()
    assert not complaints
    assert not any(exceptions), "a raw exception was on the page"


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A fresh English visitor at a desktop."""
    return new_page()
