"""The direction pages → ui → dlcore, ui → content, never back; and a server that stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
FORBIDDEN = {
    "dlcore": {"streamlit", "ui", "pages", "content"},
    "ui": {"pages"},
    "pages": {"torch", "torchvision", "numpy", "plotly", "pages"},
}
LIGHT = [
    "dlcore.config",
    "dlcore.presets",
    "dlcore.training.events",
    "dlcore.runs.directory",
    "dlcore.runs.history",
    "dlcore.runs.comparing",
    "dlcore.resources.command",
    "dlcore.sweeps.directory",
    "dlcore.export.files",
]


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_room_imports_what_lies_above_it(room):
    files = sorted((PROJECT / room).rglob("*.py"))
    assert files
    guilty = {str(path.relative_to(PROJECT)): imports(path) & FORBIDDEN[room] for path in files}
    assert not {path: names for path, names in guilty.items() if names}


def test_pages_compute_nothing():
    for path in (PROJECT / "pages").glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 80, path.name


def _modules_after(code: str) -> set[str]:
    command = [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"]
    return set(subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split())


def test_reading_and_launching_runs_needs_no_torch():
    modules = _modules_after("\n".join(f"import {name}" for name in [*LIGHT, "dlcore.runs.launch"]))
    assert "dlcore.runs.history" in modules
    assert "torch" not in modules


@pytest.mark.parametrize("page", ["home", "train", "runs", "resources"])
def test_the_light_pages_load_neither_torch_nor_pandas(page, home):
    code = f"""
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("streamlit_app.py", default_timeout=60)
app.switch_page("pages/{page}.py")
app.run()
assert not app.exception, app.exception
"""
    modules = _modules_after(code)
    assert "ui.shell" in modules
    assert not modules & {"torch", "torchvision", "pandas", "pyarrow", "optuna", "scipy"}
