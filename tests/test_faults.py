"""A short part of bench/faults: kills, refused writes and flipped bits, each told or got round."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


@pytest.mark.timeout(600)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the bench forks its workers")
def test_nothing_undetected_nothing_lost_nothing_left():
    command = [sys.executable, "-m", "bench.faults", "--json", "--kills", "4", "--flips", "25", "--stride", "60"]
    command += [word for part in ("kills", "errors", "bits") for word in ("--part", part)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=560, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["bad"] == []
    counts = answer["counts"]
    assert counts["SIGKILL inside saving"] == counts["SIGKILL at a random moment"] == 2
    assert counts["resumed to identical weights and metric log"] >= 4
    assert counts["flipped bit in weights: detected"] == 25
    assert counts["updates lost from before the last checkpoint"] == 0
