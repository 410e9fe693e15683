"""The benches themselves: they say what they do, go on where one cannot, and add up what was measured in parts."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from math import isfinite
from pathlib import Path
from random import Random

import pytest

from bench import __main__ as bench
from bench import classroom, recording, start, throughput, time_to_99
from bench.serving import served
from bench.turns import row
from bench.visitors import visiting
from dlcore.config import TrainConfig
from dlcore.data.loading import load
from dlcore.runs import launch
from dlcore.runs.directory import create, list_runs
from tests.waiting import wait_for

PROJECT = Path(__file__).resolve().parents[1]


def test_what_cannot_be_measured_is_left_out_in_a_sentence_and_the_rest_goes_on(monkeypatch, capfd, tmp_path):
    monkeypatch.setenv("DLCORE_DATA", str(tmp_path))
    run = []
    monkeypatch.setattr(
        bench.subprocess, "run", lambda command, **_: run.append(command[-1]) or subprocess.CompletedProcess((), 0)
    )
    assert bench.main(["throughput", "symbols", "hands", "start"]) == 1
    out, err = capfd.readouterr()
    assert run == ["symbols", "start"]
    assert out.splitlines() == [
        "throughput is left out: MNIST is not at hand; set DLCORE_DATA to a torchvision root that holds it.",
        "hands is left out: pen-strokes/train.jsonl is not in the folder of datasets; CONTRIBUTING.md says where it comes from.",
    ]
    assert "throughput 8 min, symbols 1 min, hands 5 min, start 2 min" in err.splitlines()[0]
    assert "together 16 min" in err
    assert bench.main(["symbols", "start"]) == 0


def test_each_row_is_printed_as_it_is_measured(monkeypatch, capfd):
    """And what breaks amid its rows keeps those that it had."""

    def measure():
        yield row("first", [1.0, 3.0, 2.0], aim="≥ 1")
        seen.append(capfd.readouterr().out)
        raise RuntimeError("no more\nthan this")

    seen = []
    monkeypatch.setattr(start, "measure", measure)
    assert bench.main(["--alone", "start"]) == 1
    assert seen[0].split() == ["first", "2", "times", "(1", "to", "3", ")", "aim", "≥", "1"]
    assert capfd.readouterr().out == "start is left out from here on: RuntimeError, no more\n"


def test_unknown_names_are_refused_and_known_ones_exist(capsys):
    with pytest.raises(SystemExit):
        bench.main(["nothing"])
    assert "there is no nothing" in capsys.readouterr().err
    for one in bench.ALL.values():
        assert (PROJECT / f"{one.module.replace('.', '/')}.py").is_file()
        assert set(one.needs) <= set(bench.NEEDS)
        assert one.minutes > 0


def test_time_to_99_adds_up_what_was_measured_in_parts(monkeypatch, tmp_path):
    asked = []

    def ask(_module, side, *arguments, environment=None):
        seed = int(arguments[arguments.index("--seed") + 1])
        asked.append((side, seed))
        assert (environment is None) == (side == "plain")
        if side == "ours":
            return {"seconds": 8.0 + seed, "accuracy": 0.99 + seed / 1000}
        assert float(arguments[arguments.index("--most-seconds") + 1]) == 60 * (8 + seed)
        return {"seconds": 400.0, "accuracy": 0.991, "epochs": 8}

    monkeypatch.setattr(time_to_99, "ask", ask)
    keep = tmp_path / "found.json"
    list(time_to_99.measure([0, 1], compared=0, keep=keep))
    rows = list(time_to_99.measure([1, 2, 3, 4], compared=0, keep=keep))
    assert asked == [("ours", seed) for seed in range(5)]
    assert rows[0].name == "fast-99, mean test accuracy of 5 seeds"
    assert rows[0].value == pytest.approx(99.2)
    assert (rows[0].low, rows[0].high) == (99, pytest.approx(99.4))
    rows = list(time_to_99.measure([0], compared=1, keep=keep))
    assert asked[5:] == [("plain", 0)]
    assert rows[0].value == 50
    assert len(json.loads(keep.read_text())["ours"]) == 5


def test_all_of_recording_is_counted(monkeypatch, tmp_path):
    monkeypatch.setenv("DLCORE_HOME", str(tmp_path))
    monkeypatch.setattr(recording, "FLUSH_SECONDS", 0.0)  # the run may be over within the real one
    config = recording.TrainConfig(dataset="digits", model="mlp", epochs=1, batch_size=16, threads=1, device="cpu")
    parts = recording.whole_run(config, load("digits"))
    assert set(parts) == {"updates measured", "log", "looks", "inspections", "watching"}
    assert all(isfinite(share) for part in parts.values() for share in part)
    assert all(min(parts[name]) > 0 for name in ("log", "looks", "inspections"))


def test_a_part_of_recording_that_is_measured_no_more_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("DLCORE_HOME", str(tmp_path))
    config = recording.TrainConfig(dataset="digits", model="mlp", epochs=1, batch_size=16, threads=1, device="cpu")
    monkeypatch.setattr(recording, "FLUSH_SECONDS", 1e9)
    with pytest.raises(AssertionError, match="log"):
        recording.whole_run(config, load("digits"))
    monkeypatch.setattr(recording, "FLUSH_SECONDS", 0.0)
    train = recording.loop.train

    def with_another_meter(config, *, state, dataset):
        for event in train(config, state=state, dataset=dataset):
            yield event
            state.meter = None

    monkeypatch.setattr(recording.loop, "train", with_another_meter)
    with pytest.raises(AssertionError, match="updates measured"):
        recording.whole_run(config, load("digits"))


def test_what_recording_adds_to_an_update_is_told_whatever_the_noise_looks_like():
    turns, noise = recording._Turns(), Random(0)
    for at in range(40_000):
        on = bool(at % 2)
        seconds = (1 + noise.expovariate(20)) * (1.01 if on else 1)
        turns.blocks.append((on, recording.Seconds(seconds, 2 * seconds)))
    assert turns.costs() == (pytest.approx(0.01, abs=0.0015), pytest.approx(0.01, abs=0.0015))
    without, with_it = turns.blocks[:2]
    turns.blocks = [with_it, with_it, without, without, with_it]  # something came between: none has both neighbours
    with pytest.raises(ValueError, match="too few updates"):
        turns.costs()


def test_the_work_of_the_articles_network_is_counted_by_hand():
    """3×3 windows at 26×26 and 24×24 places, two linear layers; the first layer's pixels need no gradient."""
    convolutions = 26 * 26 * 32 * 9, 24 * 24 * 64 * 32 * 9
    forward = sum(convolutions) + 9216 * 128 + 128 * 10
    assert throughput.gigaflops_an_image() == pytest.approx(2 * (3 * forward - convolutions[0]) / 1e9, rel=1e-12)


def test_visitors_without_a_browser_look_and_press_as_in_a_page(tmp_path, monkeypatch):
    monkeypatch.setenv("DLCORE_HOME", str(tmp_path))
    run = create(TrainConfig(dataset="digits", epochs=200, batch_size=8, threads=1, device="cpu"))
    with served(tmp_path) as (server, url):
        address = url.removeprefix("http://")
        launch.start(run)
        try:
            with visiting(address, "train", f"lang=zh&run={run.run_id}", 2) as (seen, resting):
                wait_for(lambda: min(len(seen.waits), len(resting.waits)) >= 5)
                resting.seen = False
                wait_for(lambda: resting.is_answered)
                before, asked = len(seen.waits), resting.asked
                wait_for(lambda: len(seen.waits) >= before + 5)
                assert resting.asked <= asked + 1  # it may have been about to
                assert not seen.problem + resting.problem
        finally:
            run.request_stop()
            wait_for(lambda: run.summary() is not None)
        rows = asyncio.run(classroom.lesson(address, server, 2))
    assert Counter(one.status() for one in list_runs()) == {"stopped": 1, "completed": 2}
    assert all(one.low > 0 for one in rows)


@pytest.mark.parametrize("name", ["watching", "time_to_99", "recording"])
def test_long_benches_can_be_asked_for_less(name):
    command = [sys.executable, "-m", f"bench.{name}", "--help"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, env=os.environ)
    option = {"watching": "--pages", "time_to_99": "--seeds", "recording": "--repeats"}[name]
    assert option in done.stdout
