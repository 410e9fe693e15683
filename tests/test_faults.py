"""A short part of bench/faults: kills, cut and refused writes, refused reads and flipped bits, each told or got round."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
FLIPS = 25

pytestmark = [
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the bench forks its workers"),
]


@pytest.fixture(scope="module")
def answer():
    command = [sys.executable, "-m", "bench.faults", "--json", "--kills", "6", "--flips", str(FLIPS), "--stride", "60"]
    command += [word for part in ("kills", "writes", "errors", "bits") for word in ("--part", part)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=1400, check=False)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == bool(found["bad"])
    return found


def test_nothing_undetected_nothing_lost_nothing_left(answer):
    assert answer["bad"] == []
    assert answer["counts"]["updates lost from before the last checkpoint"] == 0


def test_there_was_something_to_lose(answer):
    """What nobody could have lost is no proof: most runs had logged something, and a part of them had a checkpoint."""
    counts = answer["counts"]
    assert counts["SIGKILL inside saving"] == counts["SIGKILL at a random moment"] == 3
    for part, resumed, with_checkpoint in (("kills", 3, 1), ("writes", 20, 15), ("errors", 20, 10)):
        assert counts[f"{part}: resumed"] >= resumed
        assert counts[f"{part}: resumed, with a checkpoint"] >= with_checkpoint
    assert counts["resumed to identical weights and metric log"] >= 40


def test_each_call_and_each_kind_of_file_was_met(answer):
    counts = answer["counts"]
    for kind in ("checkpoint", "manifest", "weights", "calibration", "summary", "inspection", "wall", "examples"):
        for call in ("open", "write", "fsync", "rename", "read"):
            assert counts[f"refused {call} of {kind}"] >= 1
        assert counts[f"write cut short by a kill: {kind}"] >= 1
    for kind in ("log", "looks", "control", "label"):
        assert min(counts[f"refused {call} of {kind}"] for call in ("open", "write", "read")) >= 1
    assert counts["refused fsync of log"] >= 1
    for kind in ("checkpoint", "manifest", "log", "weights", "config", "summary"):
        assert sum(counts.get(f"flipped bit in {kind}: {came}", 0) for came in ("told", "left out")) >= 20
    for kind in ("inspection", "wall", "looks", "examples", "label", "calibration"):
        assert counts[f"flipped bit in {kind}: left out"] >= 20
