"""Both sides of a comparison take turns, each in a process of its own; a ratio is taken within each turn."""

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: a measured value, its spread, and what was aimed at."""

    name: str
    value: float
    low: float
    high: float
    aim: str
    unit: str = "times"
    note: str = ""

    def __str__(self) -> str:
        spread = f"{self.low:.4g} to {self.high:.4g}"
        return f"{self.name:44s} {self.value:8.4g} {self.unit:6s} ({spread:18s}) aim {self.aim:10s} {self.note}"


def row(name: str, values: list[float], *, aim: str, unit: str = "times", note: str = "") -> Row:
    """The median of ``values`` and their spread."""
    return Row(
        name=name,
        value=statistics.median(values),
        low=min(values),
        high=max(values),
        aim=aim,
        unit=unit,
        note=note,
    )


def ask(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> dict[str, float]:
    """What ``python -m MODULE ARGUMENTS`` prints as JSON on its last line."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(
        command, cwd=PROJECT, env=os.environ | (environment or {}), stdout=subprocess.PIPE, check=True, text=True
    )
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def tell(text: object) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)
