"""The presets do what their summaries say."""

import pytest

from dlcore.data.loading import load
from dlcore.presets import PRESETS
from dlcore.training import loop
from dlcore.training.events import Ended, Evaluated, Started, Stepped
from dlcore.training.events import Tested as FinallyTested


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def events_of(name, digits):
    config = PRESETS[name].config.model_copy(update={"device": "cpu", "threads": 1})
    return list(loop.train(config, dataset=digits))


def test_overfit_learns_wrong_labels_by_heart_and_little_else(digits):
    events = events_of("overfit", digits)
    assert next(event for event in events if isinstance(event, Started)).train_count == 65
    last = [event for event in events if isinstance(event, Evaluated)][-1]
    assert last.train_accuracy == 1
    assert last.validation_accuracy < 0.75
    assert last.validation_loss > 20 * last.train_loss


def test_diverge_blows_up_within_a_few_updates(digits):
    events = events_of("diverge", digits)
    steps = [event for event in events if isinstance(event, Stepped)]
    assert 3 <= len(steps) < 20
    assert steps[-1].loss > 10 * steps[0].loss
    assert isinstance(events[-1], Ended)
    assert events[-1].reason == "diverged"


@pytest.mark.data
def test_fast_99_gets_there_in_one_epoch(shared_data, monkeypatch):
    """Threads and processors move single images; the mean of five seeds stands in bench/README.md."""
    monkeypatch.setenv("DLCORE_DATA", str(shared_data))
    config = PRESETS["fast-99"].config.model_copy(update={"device": "cpu", "threads": 1})
    events = list(loop.train(config, dataset=load("mnist")))
    tested = next(event for event in events if isinstance(event, FinallyTested))
    assert tested.accuracy >= 0.988
