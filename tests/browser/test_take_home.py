"""A visitor takes a finished run home: each file comes through the browser, and is what its name says."""

import io
import json
import re
import zipfile
from importlib.util import find_spec
from pathlib import Path

from playwright.sync_api import Page, expect

from dlcore.config import TrainConfig
from dlcore.export import making
from dlcore.export.files import KINDS, export
from dlcore.runs import directory
from dlcore.runs.importing import import_run
from dlcore.runs.worker import work


def installed(kind: str) -> bool:
    return all(map(find_spec, KINDS[kind].needs))


def test_a_finished_run_is_taken_home(app_url, app_home, page: Page, monkeypatch):
    monkeypatch.setenv("DLCORE_HOME", str(app_home))
    run = directory.create(TrainConfig(dataset="digits", model="linear", epochs=1, threads=1))
    work(run)
    if installed("onnx"):  # as the page's process would, in half the time; that one makes TensorBoard's files below
        made = making.place(run, "onnx")
        made.parent.mkdir(exist_ok=True)
        export(run, "onnx", made)
    page.goto(f"{app_url}/train?lang=en&run={run.run_id}")
    page.get_by_text("Take it home").click()

    def taken(kind: str) -> bytes:
        with page.expect_download() as coming:
            page.get_by_role("button", name=re.compile(f"^(?!Mak).*{re.escape(KINDS[kind].title)}$")).click()
        assert coming.value.suggested_filename == run.run_id + KINDS[kind].suffix
        return Path(coming.value.path()).read_bytes()

    if installed("tensorboard"):
        page.get_by_role("button", name=f"Make it: {KINDS['tensorboard'].title}").click()
    compile(taken("script"), "script.py", "exec")
    cells = json.loads(taken("notebook"))["cells"]
    compile("".join(cells[-1]["source"]), "cell", "exec")
    monkeypatch.setenv("DLCORE_HOME", str(app_home / "another"))
    assert import_run(io.BytesIO(taken("zip"))).summary() == run.summary()
    if installed("onnx"):
        import onnx  # an extra package

        onnx.checker.check_model(onnx.load_model_from_string(taken("onnx")))
    if installed("tensorboard"):
        with zipfile.ZipFile(io.BytesIO(taken("tensorboard"))) as archive:
            assert archive.testzip() is None
            assert any("tfevents" in name for name in archive.namelist())
    expect(page.get_by_test_id("stException")).to_have_count(0)
    page.goto("about:blank")  # the server goes next, with parts of the page still on their way
