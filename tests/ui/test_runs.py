"""The Runs page without a browser: its table's rows, the ways of comparing, what the table may ask for."""

import json
import re
from io import BytesIO
from types import SimpleNamespace

import pytest
import streamlit as st

from dlcore.config import TrainConfig
from dlcore.export.files import content
from dlcore.messages import UserError
from dlcore.runs import control, keeping
from dlcore.runs.directory import create, list_runs
from dlcore.runs.importing import import_run
from dlcore.runs.summary import Summary
from dlcore.runs.worker import work
from dlcore.sweeps.directory import Progress, Sweep, Trial, list_sweeps
from dlcore.sweeps.directory import create as create_sweep
from dlcore.sweeps.plan import seeds
from ui.history import curves
from ui.history import page as runs_page_module
from ui.history import parallel as lines_module
from ui.history.state import RunsPage, read_runs

CONFIG = TrainConfig(dataset="digits", model="linear", epochs=1, threads=1)


@pytest.fixture
def four_runs():
    """Two settings, two seeds each, as a shell makes them."""
    runs = []
    for rate in (0.001, 0.01):
        for seed in (0, 1):
            run = create(CONFIG.model_copy(update={"learning_rate": rate, "seed": seed}))
            work(run)
            runs.append(run)
    return runs


def linked(runs):
    return ",".join(run.run_id for run in runs)


@pytest.mark.parametrize(
    ("view", "language"),
    [("", "en"), ("settings", "zh"), ("parallel", "en"), ("scatter", "zh"), ("front", "en"), ("repeats", "zh")],
)
def test_every_way_of_comparing_opens_by_its_link(open_page, four_runs, view, language):
    app = open_page("runs", language=language, runs=linked(four_runs), view=view)
    assert linked(four_runs) in app.query_params["runs"]
    assert not app.error
    assert any("4 runs are ticked" in one.value or "勾选了 4 次" in one.value for one in app.caption)


def table_of(app) -> list[str]:
    """The lines of the table that compares, cells side by side."""
    (body,) = (one.proto.body for one in app.get("html") if "runs-side'" in one.proto.body)
    rows = re.findall(r"<tr.*?</tr>", body)
    return [" | ".join(re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)) for row in rows]


def test_two_settings_are_told_apart_in_plain_words(open_page, four_runs):
    app = open_page("runs", runs=linked(four_runs), view="repeats")
    assert any(line.startswith("Learning rate 0.001 | 2 | ") for line in table_of(app))
    assert app.success or app.warning
    assert any("Welch's t test" in caption.value for caption in app.caption)


def test_the_band_of_a_share_stays_within_what_a_share_can_be(monkeypatch):
    values = iter([0.99, 0.5, 1.0, 0.01])
    at = [curves.Point(epoch, epoch, epoch, 0.0) for epoch in (1, 2)]
    monkeypatch.setattr(curves, "points_of", lambda _run, _curve: [one._replace(value=next(values)) for one in at])
    rows = [SimpleNamespace(run=None)] * 2
    (line,) = curves.lines_of([rows], ["a"], "validation_accuracy")
    assert (max(line.high), min(line.low)) == (1.0, 0.0)
    _traces, layout = curves.curves_figure(
        [line], curve="validation_accuracy", axis="epoch", logarithmic=False, revision=""
    )
    assert layout["yaxis"]["autorangeoptions"] == {"clipmin": 0, "clipmax": 1}


@pytest.mark.usefixtures("home")
def test_one_ticked_run_is_one(open_page):
    run = create(CONFIG)
    work(run)
    app = open_page("runs", runs=run.run_id)
    assert any("One run is ticked" in one.value for one in app.caption)


def test_the_same_seed_again_is_no_repeat(open_page, four_runs):
    twin = create(four_runs[0].config)
    work(twin)
    app = open_page("runs", runs=linked([*four_runs, twin]), view="repeats")
    assert any(line.startswith("Learning rate 0.001 | 2 | ") for line in table_of(app))
    assert any("are one run here" in one.value for one in app.caption)


def test_the_diff_tells_only_what_differs(open_page, four_runs):
    app = open_page("runs", runs=linked(four_runs[1:3]), view="settings")
    table = table_of(app)
    assert "Learning rate | 0.001 | 0.01" in table
    assert "Seed | 1 | 0" in table
    assert not any("Batch size" in line for line in table)


def test_what_was_unticked_stays_unticked_whatever_the_link_said(open_page, four_runs):
    app = open_page("runs", runs=linked(four_runs))
    button(app, "runs.clear").click().run()
    assert app.session_state["runs"].chosen == ()
    assert "runs" not in app.query_params
    app.query_params["runs"] = linked(four_runs[:1])  # of a moment ago, as the browser still says it
    app.session_state["runs"].choose(())
    app.run()
    assert app.session_state["runs"].chosen == ()
    assert "runs" not in app.query_params


def test_repeats_are_joined_by_update_not_by_place(monkeypatch):
    first = [curves.Point(0, step, step, float(step)) for step in (1, 2, 4, 8)]
    second = [curves.Point(0, step, step, 3.0 * step) for step in (2, 3, 4, 5, 6)]
    given = iter([first, second])
    monkeypatch.setattr(curves, "points_of", lambda _run, _curve: next(given))
    (line,) = curves.lines_of([[SimpleNamespace(run=None)] * 2], ["a"], "loss")
    assert [(point.step, point.value) for point in line.points] == [(2, 4.0), (4, 8.0)]


def test_a_run_that_was_stopped_or_changed_by_hand_is_in_no_mean(open_page, four_runs):
    stopped = create(four_runs[0].config.model_copy(update={"seed": 9}))
    stopped.expect_no_worker()
    stopped.write_summary(four_runs[0].summary().model_copy(update={"reason": "stopped"}))
    changed = create(four_runs[0].config.model_copy(update={"seed": 10}))
    control.ask(changed.path, [{"do": "set", "learning_rate": 0.5}])
    work(changed)
    app = open_page("runs", runs=linked([*four_runs, stopped, changed]), view="repeats")
    assert any(line.startswith("Learning rate 0.001 | 2 | ") for line in table_of(app))
    assert any("Left out: 2" in one.value for one in app.caption)


def test_without_runs_the_page_says_what_to_do(open_page):
    app = open_page("runs")
    assert "no run yet" in app.info[0].value
    assert not [one for one in app.button if one.key == "runs.sweep.start"]
    app.switch_page("pages/train.py").run()
    app.switch_page("pages/runs.py").run()
    assert "Epochs 10" in " ".join(one.value for one in app.caption)  # whoever starts knows what
    assert button(app, "runs.sweep.start")


def test_a_table_without_runs_follows_a_search_that_is_about_to_make_some(open_page, monkeypatch):
    app = open_page("runs")
    looks = []
    monkeypatch.setattr(runs_page_module, "run_again", lambda _seconds, *, key: looks.append(key))
    app.run()
    assert looks == []
    app.session_state["runs"].going = True
    app.run()
    assert looks[:1] == ["runs.clock"]


@pytest.mark.parametrize(("language", "series", "imported"), [("en", "Series", "Imported"), ("zh", "系列", "导入")])
def test_a_row_says_where_its_run_comes_from(open_page, four_runs, language, series, imported):
    sweep_id = "20260101-000000-0123456789ab"
    run = create(CONFIG, sweep=sweep_id)
    run.expect_no_worker()
    here = import_run(BytesIO(content(four_runs[0], "zip")))
    app = open_page("runs", language=language)
    rows = {row["id"]: row["tags"] for row in rows_of(app)}
    assert rows[run.run_id] == [f"{series} 89ab"]
    assert rows[here.run_id] == [imported]
    assert rows[four_runs[0].run_id] == []


def rows_of(app):
    """What the table in the browser was sent."""
    told = [json.loads(one.proto.json) for one in app.get("bidi_component") if "columns" in one.proto.json]
    return json.loads(told[0]["json"])["rows"]


def test_a_finished_search_opens_its_best_run_and_is_deleted_with_one_button(open_page, monkeypatch):
    monkeypatch.setattr("ui.training.page.visitor_token", lambda: "ann")
    monkeypatch.setattr("ui.history.page.visitor_token", lambda: "ann")
    sweep = create_sweep(seeds(CONFIG, 2), owner="ann")
    best, cut_off = (create(CONFIG, owner="ann", sweep=sweep.sweep_id) for _ in range(2))
    work(best)
    cut_off.expect_no_worker()
    cut_off.write_summary(Summary(reason="stopped"))
    said = json.loads((cut_off.path / "config.json").read_text()) | {"format": 1, "created": "2190-01-01T00:00:00Z"}
    del said["sha256"]
    (cut_off.path / "config.json").write_text(json.dumps(said))
    trials = [Trial(number=0, state="complete", values={"seed": 0}, run_id=best.run_id, value=0.5)]
    trials += [Trial(number=1, state="running", values={"seed": 1}, run_id=cut_off.run_id)]
    sweep.write_progress(Progress(trials=tuple(trials)))
    sweep.ask_to_stop()
    app = open_page("train")
    assert app.session_state["train"].run_id == best.run_id
    app.switch_page("pages/runs.py").run()
    button(app, "runs.sweep.delete").click().run()
    assert not app.exception
    assert list_sweeps() == []
    assert len(list_runs()) == 2


def test_why_a_search_cannot_start_is_said_beside_its_button(open_page, monkeypatch):
    def refuse(_sweep):
        raise UserError("No room for a search.")

    monkeypatch.setattr(Sweep, "launch", refuse)
    work(create(CONFIG))
    app = open_page("runs")
    button(app, "runs.sweep.start").click().run()
    assert [one.value for one in app.error] == ["No room for a search."]
    assert list_sweeps() == []


def test_a_wrong_setting_of_the_server_is_told_where_a_search_is_set_up(open_page, monkeypatch):
    work(create(CONFIG))
    monkeypatch.setenv("DLCORE_KEEP_RUNS", "many")
    app = open_page("runs")
    app.segmented_control(key="runs.kind").set_value("sweep").run()
    assert not app.exception
    assert "DLCORE" in app.error[0].value
    assert not [one for one in app.button if one.key == "runs.sweep.start"]


@pytest.mark.parametrize("text", ["1e999", "-inf", "nan"])
def test_what_is_no_finite_number_is_refused_in_words(open_page, text):
    work(create(CONFIG))
    app = open_page("runs")
    app.segmented_control(key="runs.kind").set_value("sweep").run()
    app.multiselect(key="runs.moved").set_value(["epochs"]).run()
    app.text_input(key="runs.high.epochs").set_value(text).run()
    assert not app.exception
    assert "range" in app.error[0].value


def test_a_link_with_nonsense_is_not_obeyed(open_page, four_runs):
    text = f"../../etc,{four_runs[0].run_id},20990101-000000-digits-mlp-ffffffffffff,<b>"
    app = open_page("runs", runs=text, view="<b>", x="__class__", metric="y")
    assert len(app.error) == 1
    assert "There is no run called" in app.error[0].value
    assert read_runs(text)[0] == four_runs[0].run_id
    assert len(read_runs(",".join(f"20990101-000000-a-{n:012x}" for n in range(200)))) == 50


@pytest.fixture
def say(monkeypatch):
    """``say(state, "pin RUN")``: what the table's browser side asks for."""

    def sayer(state, text):
        monkeypatch.setattr(st, "session_state", {"runs.table": SimpleNamespace(act=text, chosen=text)})
        runs_page_module._act(state)

    return sayer


def test_the_table_pins_and_deletes_and_brings_back(say):
    run = create(CONFIG, owner="ann")
    run.expect_no_worker()
    state = RunsPage(visitor="ann", chosen=(run.run_id,))
    say(state, f"pin {run.run_id}")
    assert keeping.label(run).pinned
    say(state, f"unpin {run.run_id}")
    assert not keeping.label(run).pinned
    say(state, f"edit {run.run_id}")
    assert state.editing == run.run_id
    say(state, f"delete {run.run_id}")
    assert (list_runs(), state.chosen, state.deleted) == ([], (), (run.run_id,))
    runs_page_module._bring_back(state)
    assert [one.run_id for one in list_runs()] == [run.run_id]
    assert state.problem is None


@pytest.mark.parametrize("text", ["", "pin", "explode RUN", "pin ../../etc", None, 7, "delete RUN", "pin RUN"])
def test_the_table_may_ask_for_nothing_else_and_for_nobody_elses(say, text):
    run = create(CONFIG, owner="bob")
    run.expect_no_worker()
    state = RunsPage(visitor="ann")
    say(state, text.replace("RUN", run.run_id) if isinstance(text, str) else text)
    assert [one.run_id for one in list_runs()] == [run.run_id]
    assert not keeping.label(run).pinned
    assert (state.problem is not None) == (isinstance(text, str) and text.startswith(("pin", "delete ")))


def button(app, key):
    return next(one for one in app.button if one.key == key)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_search_is_set_up_started_and_watched(open_page, monkeypatch, language):
    monkeypatch.setattr(Sweep, "launch", lambda _sweep: None)
    work(create(CONFIG))
    app = open_page("runs", language=language)
    app.segmented_control(key="runs.kind").set_value("sweep").run()
    app.selectbox(key="runs.sampler").set_value("grid").run()
    app.text_input(key="runs.low.learning_rate").set_value("1e-9x").run()
    assert len(app.error) == 1
    app.text_input(key="runs.low.learning_rate").set_value("0.001").run()
    app.text_input(key="runs.high.learning_rate").set_value("0.1").run()
    button(app, "runs.sweep.start").click().run()
    assert not app.exception
    assert not app.error
    (sweep,) = list_sweeps()
    assert app.session_state["runs"].sweep == sweep.sweep_id
    assert [values["learning_rate"] for values in sweep.plan.grid()] == [0.001, 0.01, 0.1]
    assert sweep.plan.config == CONFIG
    run = create(sweep.plan.with_values({"learning_rate": 0.01}))
    trial = Trial(number=0, state="complete", values={"learning_rate": 0.01}, run_id=run.run_id, value=0.5)
    sweep.write_progress(Progress(trials=(trial, trial), importance={"learning_rate": 1.0}, finished=True))
    app.run()
    assert not app.exception
    button(app, "runs.sweep.compare").click().run()
    assert app.session_state["runs"].chosen == (run.run_id,)


def test_a_repetition_takes_the_settings_of_a_run(open_page, monkeypatch):
    monkeypatch.setattr(Sweep, "launch", lambda _sweep: None)
    run = create(CONFIG.model_copy(update={"seed": 4}))
    work(run)
    app = open_page("runs", runs=run.run_id)
    app.number_input(key="runs.seeds").set_value(3).run()
    button(app, "runs.sweep.start").click().run()
    (sweep,) = list_sweeps()
    assert [values["seed"] for values in sweep.plan.grid()] == [4, 5, 6]
    assert not app.exception


def test_a_run_that_is_new_takes_nobodys_choice_of_settings_away(open_page, four_runs):
    app = open_page("runs")
    picker = next(one for one in app.selectbox if (one.key or "").startswith("runs.base."))
    assert picker.value == max(four_runs, key=lambda run: (run.created, run.run_id)).run_id
    picker.select_index(2).run()
    chosen = app.session_state["runs"].base
    newest = create(CONFIG.model_copy(update={"seed": 7}), sweep="20260101-000000-abcdef")
    work(newest)
    app.run()
    assert not app.exception
    picker = next(one for one in app.selectbox if (one.key or "").startswith("runs.base."))
    assert (picker.value, app.session_state["runs"].base) == (chosen, chosen)
    assert any("the newest 5" in one.value for one in app.caption)


def test_a_dialog_stays_whatever_the_page_does_until_it_is_closed(open_page, four_runs):
    app = open_page("runs")
    app.session_state["runs"].editing = four_runs[0].run_id
    for _look in range(2):
        app.run()
        assert [field.key for field in app.text_input if field.key.startswith("runs.name.")]
    app.text_input(key=f"runs.name.{four_runs[0].run_id}").set_value("first")
    next(one for one in app.button if one.label == "Save").click().run()
    app.run()
    assert not [field.key for field in app.text_input if (field.key or "").startswith("runs.name.")]
    assert keeping.label(four_runs[0]).name == "first"


def test_every_run_has_its_place_on_every_axis(open_page, four_runs, monkeypatch):
    sent = []
    monkeypatch.setattr(lines_module, "packed", lambda payload: sent.append(payload) or {"json": "{}"})
    open_page("runs", runs=linked(four_runs), view="parallel", y="test_loss")
    drawn = sent[-1]
    assert [axis["title"] for axis in drawn["axes"]] == ["Learning rate", "Seed", "Test loss"]
    assert [axis["ticks"] for axis in drawn["axes"]][:2] == [[(0.0, "0.001"), (1.0, "0.01")], [(0.0, "0"), (1.0, "1")]]
    assert {line["id"]: line["places"][:2] for line in drawn["lines"]} == {
        run.run_id: places for run, places in zip(four_runs, ([0, 0], [0, 1], [1, 0], [1, 1]), strict=True)
    }
    losses = {run.run_id: run.summary().test_loss for run in four_runs}
    best, worst = min(losses, key=losses.get), max(losses, key=losses.get)
    assert [line["id"] for line in drawn["lines"] if line["rank"] == 1.0] == [best]
    assert [line["places"][2] for line in drawn["lines"] if line["id"] in (best, worst)] in ([0.0, 1.0], [1.0, 0.0])
    assert all(line["told"][2] == f"{losses[line['id']]:.3g}" for line in drawn["lines"])


@pytest.mark.parametrize(
    ("said", "chosen"),
    [("{0},{2}", [0, 2]), ("", [0, 1, 2, 3]), ("../../etc", [0, 1, 2, 3]), (7, [0, 1, 2, 3])],
)
def test_lines_that_were_picked_out_can_be_ticked(open_page, four_runs, monkeypatch, said, chosen):
    """Whatever the browser says is asked of it only as the names of runs."""
    calls = []
    monkeypatch.setattr(lines_module, "_mount", lambda: lambda **asked: calls.append(asked))
    app = open_page("runs", runs=linked(four_runs), view="parallel")
    asked = said.format(*(run.run_id for run in four_runs)) if isinstance(said, str) else said
    monkeypatch.setattr(lines_module.st, "session_state", {"runs.parallel": SimpleNamespace(tick=asked)})
    calls[-1]["on_tick_change"]()
    assert app.session_state["runs"].chosen == tuple(four_runs[place].run_id for place in chosen)
