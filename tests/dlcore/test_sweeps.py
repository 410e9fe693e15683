"""Sweeps: plans that are refused, trials that are ordinary runs, stopping, dying and going on."""

import json
import os
import time

import pytest

from dlcore.cli import main
from dlcore.config import TrainConfig
from dlcore.messages import UserError
from dlcore.runs import keeping, launch
from dlcore.runs.directory import create as create_run
from dlcore.runs.directory import list_runs, open_run
from dlcore.runs.worker import work
from dlcore.sweeps.directory import create, list_sweeps, open_sweep, start, sweeps_folder
from dlcore.sweeps.plan import Plan, grid_values, read_move, seeds
from dlcore.sweeps.search import conduct, importance, tag_of

BASE = TrainConfig(dataset="digits", model="linear", epochs=2, threads=1).model_dump()
RATES = {"learning_rate": {"low": 0.001, "high": 0.1, "logarithmic": True}}


def planned(**values):
    return Plan.parse({"base": BASE, "moves": RATES, "runs": 4, "minutes": 5} | values)


@pytest.fixture
def at_once(monkeypatch):
    """Runs are trained here and now, by the worker's own function, instead of by a process each."""
    monkeypatch.setattr("dlcore.sweeps.search._LOOK_SECONDS", 0.0)
    monkeypatch.setattr("dlcore.sweeps.search._WAIT_SECONDS", 0.0)
    monkeypatch.setattr(launch, "start", work)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"moves": {}}, "moves 1 to 8"),
        ({"moves": {"dataset": {"choices": ["mnist"]}}}, "cannot move"),
        ({"moves": {"nonsense": {"choices": [1]}}}, "cannot move"),
        ({"moves": {"learning_rate": {"low": 0.1, "high": 0.1}}}, "above its beginning"),
        ({"moves": {"learning_rate": {"low": 0.1, "high": 100}}}, "learning_rate must be in"),
        ({"moves": {"weight_decay": {"low": 0, "high": 0.1, "logarithmic": True}}}, "above 0"),
        ({"moves": {"optimizer": {"choices": ["adam", "evil"]}}}, "optimizer must be one of"),
        ({"moves": {"optimizer": {"choices": ["adam", "adam"]}}}, "each once"),
        ({"moves": {"epochs": {"low": 1, "high": float("inf")}}}, "finite"),
        ({"moves": {"epochs": {"low": float("-inf"), "high": 3}}}, "finite"),
        ({"moves": {"learning_rate": {"low": float("nan"), "high": 0.1}}}, "finite"),
        ({"moves": {"learning_rate": {"choices": [0.1, float("inf")]}}}, "finite"),
        ({"moves": {"epochs": {"choices": [1, float("inf")]}}}, "finite"),
        ({"runs": 10_000}, "runs"),
        ({"minutes": float("nan")}, "minutes"),
        ({"sampler": "oracle"}, "must be one of tpe"),
        ({"sampler": "grid", "moves": {"seed": {"choices": list(range(20))}, "depth": {"choices": [1, 2, 3]},
          "width": {"choices": [8, 16, 32, 64]}}}, "240 combinations"),
    ],
)  # fmt: skip
def test_a_plan_that_does_not_fit_is_refused(values, told):
    with pytest.raises(UserError, match=told):
        planned(**values)


def test_a_grid_holds_every_combination():
    plan = planned(
        sampler="grid",
        moves={"optimizer": {"choices": ["sgd", "adam"]}, "width": {"low": 16, "high": 64, "logarithmic": True}},
    )
    assert plan.grid_size() == 6
    assert plan.grid()[1] == {"optimizer": "sgd", "width": 32}
    assert grid_values("dropout", read_move("dropout", "0..0.5/6")) == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert read_move("learning_rate", "0.001..0.1").logarithmic
    assert [values["seed"] for values in seeds(TrainConfig(seed=7), 3).grid()] == [7, 8, 9]
    with pytest.raises(UserError, match="moves as"):
        read_move("width", "16..wide")


@pytest.mark.parametrize(("sampler", "pruner"), [("tpe", "median"), ("random", "hyperband"), ("grid", "none")])
def test_every_trial_is_an_ordinary_run(at_once, sampler, pruner):
    sweep = create(planned(sampler=sampler, pruner=pruner, name="rates", runs=3))
    progress = conduct(sweep)
    assert progress.finished
    assert sweep.status() == "finished"
    assert len(list_runs()) == 3
    for trial in progress.trials:
        run = open_run(trial.run_id)
        assert run.config.learning_rate == trial.values["learning_rate"]
        assert keeping.label(run).tags == ("rates",)
        assert trial.state in ("complete", "pruned")
        assert 0 < trial.value <= 1
    assert len({trial.values["learning_rate"] for trial in progress.trials}) == 3
    assert conduct(sweep).trials == progress.trials


def test_a_sweep_that_died_goes_on_with_the_run_that_was_under_way(at_once, monkeypatch):
    sweep = create(planned())
    submitted = []

    def die(conductor, trial, run):
        submitted.append(run.run_id)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("dlcore.sweeps.search._Conductor._follow", die)
        with pytest.raises(KeyboardInterrupt):
            conduct(sweep)
    assert sweep.status() == "interrupted"
    progress = conduct(sweep)
    assert [trial.run_id for trial in progress.trials][:1] == submitted
    assert [trial.state for trial in progress.trials] == ["complete"] * 4
    assert len(list_runs()) == 4


def test_a_sweep_stops_and_its_run_goes_on_when_it_is_resumed(at_once, monkeypatch):
    sweep = create(planned(runs=2))
    monkeypatch.setattr(launch, "start", lambda _run: None)  # a worker that takes its time
    sweep.ask_to_stop()
    progress = conduct(sweep)
    assert not progress.finished
    assert [trial.state for trial in progress.trials] == ["running"]
    assert sweep.status() == "stopped"
    monkeypatch.setattr(launch, "start", work)
    run = open_run(progress.trials[0].run_id)
    run.expect_no_worker()
    (sweep.path / "stop").unlink()
    progress = conduct(sweep)
    assert progress.trials[0].run_id == run.run_id
    assert [trial.state for trial in progress.trials] == ["complete", "complete"]


def test_the_budget_of_minutes_ends_it(at_once):
    progress = conduct(create(planned(minutes=1e-9)))
    assert progress.finished
    assert progress.message == "The time is up."
    assert not progress.trials


def test_settings_that_matter_weigh_more(at_once):
    moves = {
        "learning_rate": {"low": 1e-6, "high": 0.1, "logarithmic": True},
        "label_smoothing": {"low": 0.0, "high": 0.01},
    }
    sweep = create(planned(sampler="random", moves=moves, runs=8, base=BASE | {"train_fraction": 0.2}))
    conduct(sweep)
    shares = importance(sweep)
    assert set(shares) == set(moves)
    assert shares["learning_rate"] > shares["label_smoothing"]
    assert sweep.progress().importance == pytest.approx(shares)


def test_a_process_of_its_own_conducts_it_and_one_a_visitor_at_a_time(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    sweep = create(planned(runs=1, name="a, b\tc" + "x" * 20), owner="ann")
    sweep.launch()
    with pytest.raises(UserError, match="still going on"):
        sweep.launch()
    with pytest.raises(UserError, match="already have a sweep"):
        create(planned(), owner="ann").launch()
    end = time.monotonic() + 90
    while sweep.status() != "finished" and time.monotonic() < end:
        time.sleep(0.2)
    assert sweep.status() == "finished", (sweep.path / "sweep.log").read_text()
    (run,) = list_runs()
    assert run.owner == "ann"
    assert run.status() == "completed"
    assert keeping.label(run).tags == (tag_of(sweep),)
    with pytest.raises(UserError, match="finished"):
        sweep.launch()


def test_a_start_that_is_refused_leaves_nothing_behind(monkeypatch):
    (going := create(planned(), owner="ann")).path.joinpath("launched").touch()
    with pytest.raises(UserError, match="already have a sweep"):
        start(planned(), owner="ann")
    assert [sweep.sweep_id for sweep in list_sweeps()] == [going.sweep_id]
    monkeypatch.setenv("DLCORE_KEEP_RUNS", "3")
    with pytest.raises(UserError, match="at most 3 runs"):
        start(planned(runs=4), owner="bob")
    assert len(list_sweeps()) == 1


def test_the_oldest_sweep_makes_room_and_nobody_is_locked_out(monkeypatch):
    monkeypatch.setattr("dlcore.sweeps.directory._MOST_KEPT_EACH", 3)
    (litter := sweeps_folder() / "20200101-000000-0123456789ab").mkdir(parents=True)
    os.utime(litter, (0, 0))
    made = [create(planned(), owner="ann") for _ in range(3)]
    for place, sweep in enumerate(made):  # made within a second; the oldest has to be known
        sweep.path.rename(sweep.path.with_name(f"2026010{place + 1}-000000-0123456789ab"))
    other = create(planned(), owner="bob")
    newest = create(planned(), owner="ann")
    kept = [sweep.sweep_id for sweep in list_sweeps() if sweep.owner == "ann"]
    assert kept == [newest.sweep_id, "20260103-000000-0123456789ab", "20260102-000000-0123456789ab"]
    assert open_sweep(other.sweep_id)
    assert not litter.exists()


def test_a_sweep_is_deleted_unless_it_goes_on_and_its_runs_stay(at_once):
    sweep = create(planned(runs=2))
    conduct(sweep)
    (sweep.path / "launched").touch()
    with pytest.raises(UserError, match="Stop it first"):
        sweep.delete()
    (sweep.path / "launched").unlink()
    best = sweep.best_run()
    values = {trial.run_id: trial.value for trial in sweep.progress().trials}
    assert values[best] == max(values.values())
    with sweep.lock().acquire(timeout=0), pytest.raises(UserError, match="Stop it first"):
        sweep.delete()
    sweep.delete()
    assert list_sweeps() == []
    assert len(list_runs()) == 2


def test_the_runs_of_a_sweep_push_out_none_that_was_started_by_itself(at_once, monkeypatch):
    monkeypatch.setenv("DLCORE_KEEP_RUNS", "2")
    single = create_run(TrainConfig.parse(BASE), owner="ann")
    work(single)
    for _ in range(2):
        sweep = create(planned(runs=2), owner="ann")
        conduct(sweep)
    kept = list_runs("ann")
    assert single.run_id in [run.run_id for run in kept]
    assert len([run for run in kept if run.sweep]) == 2
    assert not any(keeping.label(run).tags for run in kept)


def test_damaged_and_foreign_files_are_told(tmp_path):
    sweep = create(planned())
    (sweep.path / "trials.json").write_text('{"format": 2}')
    assert sweep.progress().trials == ()
    (sweep.path / "sweep.json").write_text("{}")
    with pytest.raises(UserError, match="damaged"):
        open_sweep(sweep.sweep_id)
    assert list_sweeps() == []
    with pytest.raises(UserError, match="no sweep"):
        open_sweep("../../etc")


def test_the_commands(at_once, capsys):
    words = [
        "sweep",
        "start",
        "--set",
        "dataset=digits",
        "--set",
        "model=linear",
        "--set",
        "epochs=1",
        "--set",
        "threads=1",
    ]
    assert main([*words, "--move", "optimizer=sgd,adam", "--sampler", "grid", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["status"], told["runs_done"], told["moves"]) == ("finished", 2, ["optimizer"])
    assert told["best"]["value"] == max(trial["value"] for trial in told["trials"])
    assert main(["sweep", "repeat", told["trials"][0]["run_id"], "--seeds", "2", "--json"]) == 0
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [trial["values"] for trial in again["trials"]] == [{"seed": 0}, {"seed": 1}]
    assert main(["sweep", "list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["sweeps"]) == 2
    assert main(["sweep", "resume", again["sweep_id"]]) == 2
    assert main([*words, "--move", "learning_rate=1..100", "--json"]) == 2
    assert main(["sweep", "show", "nonsense"]) == 2
