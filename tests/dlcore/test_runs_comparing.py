"""Runs side by side: rows, differences, repeats, fronts; and the tests, against SciPy."""

import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dlcore.config import TrainConfig
from dlcore.messages import UserError
from dlcore.runs import keeping, sealed
from dlcore.runs.comparing import METRICS, differences, front, gathered, measured, repeats
from dlcore.runs.directory import create, list_runs, open_run
from dlcore.runs.overview import Overview, overview
from dlcore.runs.significance import compare, mean_interval, permutation_test, student_quantile, student_tails
from dlcore.runs.summary import Summary
from dlcore.runs.worker import work
from dlcore.training.events import Evaluated, Steered, to_json

CONFIG = TrainConfig(dataset="digits", model="linear", epochs=2, threads=1)


def test_a_row_tells_what_the_log_and_the_summary_do():
    run = create(CONFIG)
    waiting = overview(run)
    assert (waiting.status, waiting.live, waiting.parameters, waiting.epoch) == ("starting", True, None, 0)
    work(run)
    row = overview(run)
    summary, last = run.summary(), [event for event in run.metrics() if event.kind == "evaluated"][-1]
    assert (row.status, row.live, row.epoch, row.parameters) == ("completed", False, 2, 7850)
    assert (row.test_accuracy, row.test_loss) == (summary.test_accuracy, summary.test_loss)
    assert (row.validation_accuracy, row.validation_loss) == (last.validation_accuracy, last.validation_loss)
    assert row.train_seconds == summary.train_seconds
    assert set(METRICS) <= set(Overview.__dataclass_fields__)
    assert measured(row, "parameters") == 7850


def test_a_damaged_log_still_makes_a_row():
    run = create(CONFIG)
    run.expect_no_worker()
    run.events_path.write_bytes(b'{"kind":"started","nonsense":1}\n{"kind":"evaluated"')
    assert overview(run).parameters is None
    assert overview(run).validation_accuracy is None


def test_a_list_reads_each_run_once_and_sees_what_is_new(monkeypatch):
    create(CONFIG, owner="ann")
    reads = []
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: reads.append(path.name) or read(path))
    assert [len(list_runs("ann")) for _ in range(3)] == [1, 1, 1]
    assert reads.count("config.json") == 1
    create(CONFIG, owner="ann")
    assert len(list_runs("ann")) == 2


def test_tags_and_notes_stay_with_the_run():
    run = create(CONFIG)
    keeping.rename(run, "dear")
    assert keeping.tag(run, [" week  3", "class A", "", "class A"]) == ("week 3", "class A")
    assert keeping.annotate(run, "  one  \r\n two\n\n") == "one\n two"
    assert keeping.label(open_run(run.run_id)) == keeping.Label(
        name="dear", tags=("week 3", "class A"), note="one\n two"
    )
    keeping.tag(run, [])
    keeping.annotate(run, "")
    assert keeping.label(run) == keeping.Label(name="dear")


@pytest.mark.parametrize("tags", [["x" * 25], ["a,b"], ["a\0"], [str(number) for number in range(9)]])
def test_tags_that_do_not_fit_are_refused(tags):
    run = create(CONFIG)
    with pytest.raises(UserError, match="tag"):
        keeping.tag(run, tags)
    assert keeping.label(run).tags == ()


@pytest.mark.parametrize("note", ["x" * 2001, "a\0b", "a\u202eb"])
def test_notes_that_do_not_fit_are_refused(note):
    run = create(CONFIG)
    with pytest.raises(UserError, match="note"):
        keeping.annotate(run, note)


def test_only_what_differs_is_told_and_only_where_it_matters():
    configs = [CONFIG, TrainConfig.parse(CONFIG.model_dump() | {"model": "mlp", "width": 64, "seed": 3})]
    told = differences(configs)
    assert told["model"] == ["linear", "mlp"]
    assert told["width"] == [None, 64]
    assert told["seed"] == [0, 3]
    assert "learning_rate" not in told
    assert differences([CONFIG, CONFIG]) == {}


def test_repeats_differ_in_their_seed_alone():
    configs = [CONFIG, CONFIG.model_copy(update={"epochs": 3}), CONFIG.model_copy(update={"seed": 5})]
    rows = [completed(config) for config in configs]
    assert repeats(rows) == [[rows[0], rows[2]], [rows[1]]]
    assert gathered(rows) == repeats(rows)


def completed(config, events=()):
    run = create(config)
    run.expect_no_worker()
    run.write_summary(Summary(reason="completed", test_accuracy=0.5))
    run.events_path.write_bytes(b"".join(sealed.seal_line(to_json(event)) for event in events))
    return overview(run)


def test_only_runs_that_their_settings_and_their_seed_tell_whole_are_repeats():
    whole, again = completed(CONFIG), completed(CONFIG.model_copy(update={"seed": 1}))
    twin = completed(CONFIG)
    changed = completed(
        CONFIG.model_copy(update={"seed": 2}), [Steered(step=1, command=1, action="set", learning_rate=0.5)]
    )
    paused = completed(CONFIG.model_copy(update={"seed": 3}), [Steered(step=1, command=1, action="pause")])
    stopped = create(CONFIG.model_copy(update={"seed": 4}))
    stopped.expect_no_worker()
    stopped.write_summary(Summary(reason="stopped", test_accuracy=0.1))
    stopped = overview(stopped)
    rows = [whole, stopped, changed, twin, again, paused]
    assert repeats(rows) == [[whole, again, paused]]
    assert gathered(rows) == [[whole, again, paused], [stopped], [changed]]


def test_what_is_no_number_is_not_in_a_row():
    run = create(CONFIG)
    run.expect_no_worker()
    run.write_summary(Summary(reason="completed", test_accuracy=math.nan, test_loss=math.inf, train_seconds=math.inf))
    nothing = Evaluated(
        epoch=1, step=1, train_loss=1, train_accuracy=1, validation_loss=math.nan, validation_accuracy=1, seconds=1
    )
    run.events_path.write_bytes(sealed.seal_line(to_json(nothing)))
    row = overview(run)
    assert (row.test_accuracy, row.test_loss, row.train_seconds, row.validation_loss) == (None,) * 4


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=25), st.booleans(), st.booleans())
def test_the_front_is_what_none_beats(points, smaller_x, smaller_y):
    def beats(a, b):
        x = a[0] - b[0] if smaller_x else b[0] - a[0]
        y = a[1] - b[1] if smaller_y else b[1] - a[1]
        return x <= 0 and y <= 0 and (x < 0 or y < 0)

    expected = {i for i, point in enumerate(points) if not any(beats(other, point) for other in points)}
    assert set(front([*points, None], smaller_x=smaller_x, smaller_y=smaller_y)) == expected


@pytest.mark.parametrize(("t", "freedom"), [(0.0, 3), (0.5, 1), (2.0, 3.3), (12, 7), (0.01, 40), (5, 2.5), (40, 1.2)])
def test_student_is_scipys(t, freedom):
    assert student_tails(t, freedom) == pytest.approx(2 * stats.t.sf(t, freedom), rel=1e-9)
    assert student_quantile(0.95, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_the_tests_are_scipys(seed):
    generator = random.Random(seed)
    first = [generator.gauss(0.9, 0.01) for _ in range(generator.randint(2, 6))]
    second = [generator.gauss(0.91, 0.03) for _ in range(generator.randint(2, 6))]
    told = compare(first, second)
    expected = stats.ttest_ind(second, first, equal_var=False)
    interval = expected.confidence_interval()
    assert told.welch_p == pytest.approx(expected.pvalue, rel=1e-9)
    assert (told.low, told.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    exact = stats.permutation_test(
        (first, second), lambda a, b: abs(np.mean(a) - np.mean(b)), alternative="greater", n_resamples=10**6
    )
    assert told.permutation_p == pytest.approx(exact.pvalue)
    assert told.permutation_p >= told.smallest_p
    low, high = stats.t.interval(0.95, len(first) - 1, np.mean(first), stats.sem(first))
    assert mean_interval(first) == pytest.approx((low, high))


def test_many_values_are_rearranged_by_lot_to_the_same_answer():
    generator = random.Random(1)
    first, second = ([generator.gauss(mean, 1) for _ in range(12)] for mean in (0, 0.8))
    drawn = permutation_test(first, second)
    assert drawn == pytest.approx(stats.ttest_ind(first, second).pvalue, abs=0.02)


def test_equal_and_constant_values_are_told_as_they_are():
    assert compare([0.9, 0.9], [0.9, 0.9]).welch_p == 1.0
    assert compare([0.9, 0.9], [0.8, 0.8]).welch_p == 0.0
    assert mean_interval([0.5]) == (0.5, 0.5)
    assert all(map(math.isnan, mean_interval([math.nan, 1.0])))
    with pytest.raises(ValueError, match="two values"):
        compare([0.9], [0.8, 0.7])
