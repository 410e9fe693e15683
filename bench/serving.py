"""A server of the app for a bench, and what it takes."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.turns import PROJECT


@contextmanager
def served(home: Path) -> Iterator[tuple[psutil.Process, str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", f"--server.port={port}"]
    options = ["--server.address=127.0.0.1", "--server.headless=true"]
    environment = os.environ | {"DLCORE_HOME": str(home)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([*command, *options], cwd=PROJECT, env=environment, start_new_session=True, **quiet)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        yield psutil.Process(server.pid), url
    finally:
        server.terminate()
        server.wait(timeout=20)


def megabytes(processes: list[psutil.Process]) -> tuple[float, float]:
    infos = [process.memory_full_info() for process in processes]
    return sum(info.pss for info in infos) / 1e6, sum(info.rss for info in infos) / 1e6
