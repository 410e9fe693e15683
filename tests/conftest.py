"""Fixtures for all tests: a home of their own, and the shared data where a machine has it."""

import os
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """A fresh ``DLCORE_HOME`` for each test; nothing of the developer's own runs is seen or touched."""
    path = tmp_path / "dlcore-home"
    monkeypatch.setenv("DLCORE_HOME", str(path))
    monkeypatch.delenv("DLCORE_DATA", raising=False)
    monkeypatch.setenv("DLCORE_SPARE", "off")  # tests/dlcore/test_runs_spare.py has its own
    return path


@pytest.fixture
def shared_data() -> Path:
    """The folder with MNIST and the pen strokes, from ``DLCORE_TEST_DATA`` or beside the project; else a skip."""
    path = Path(os.environ.get("DLCORE_TEST_DATA", SHARED_DATA))
    if not (path / "MNIST").is_dir():
        pytest.skip(f"no MNIST in {path}: put it there or set DLCORE_TEST_DATA to a torchvision root with pen-strokes/")
    return path
