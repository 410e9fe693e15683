"""Any valid configuration trains: no combination of settings breaks, and what is told of it is true."""

import math
from functools import cache

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcore.config import KNOBS, TrainConfig
from dlcore.data.loading import load
from dlcore.messages import UserError
from dlcore.models.table import totals
from dlcore.training import loop
from dlcore.training.events import (
    Ended,
    Evaluated,
    Inspected,
    Preparing,
    Started,
    Stepped,
    from_json,
    to_json,
)
from dlcore.training.events import Tested as FinallyTested
from tests.dlcore.test_layers_table import items

IMAGES, TESTED = 30, 12
FIXED = {"dataset": "digits", "own_images": "", "start_from": "", "device": "cpu", "threads": 1, "time_budget": 0.0}
SMALLER = {"epochs": 2, "batch_size": 40, "early_stopping": 3, "width": 200}
"""Lower ends of wide ranges, for the sake of time."""


def values(name):
    knob = KNOBS[name]
    if name in FIXED:
        return st.just(FIXED[name])
    if name == "layers":
        return st.lists(items(), max_size=5).map(lambda layers: " / ".join(map(str, layers)))
    if name == "classes":
        return st.just("") | st.lists(st.integers(0, 9), min_size=2, max_size=10, unique=True).map(
            lambda numbers: ",".join(map(str, numbers))
        )
    if knob.choices is not None:
        return st.sampled_from(sorted(knob.choices))
    highest = min(knob.maximum, SMALLER.get(name, math.inf))
    if knob.kind is int:
        return st.integers(knob.minimum, highest)
    whole = st.floats(
        knob.minimum, highest, exclude_min=knob.minimum_excluded, exclude_max=knob.maximum_excluded, width=64
    )
    return whole | st.sampled_from([knob.default, highest if not knob.maximum_excluded else knob.default])


SETTINGS = st.fixed_dictionaries({name: values(name) for name in KNOBS})


@cache
def digits(classes):
    return load("digits", classes=classes).subset(IMAGES, TESTED)


def run(config, state, dataset):
    return [event for event in loop.train(config, state=state, dataset=dataset) if not isinstance(event, Preparing)]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(SETTINGS)
def test_any_settings_train_or_are_refused_with_a_reason(asked):
    refusal = None
    try:
        config = TrainConfig.parse(asked)
    except UserError as error:
        refusal = str(error)
    if refusal is not None:
        assert asked["model"] == "custom"  # all else that the ranges allow is allowed together
        assert "Layer " in refusal or "With layer " in refusal or "A batch of " in refusal
        return
    assert TrainConfig.parse({name: str(value) for name, value in config.model_dump().items()}) == config
    dataset = digits(config.classes)
    state = loop.TrainingState.create(config, dataset)
    rows = config.table()
    assert totals(rows).parameters == sum(parameter.numel() for parameter in state.network.parameters())
    events = run(config, state, dataset)
    judge(config, state, dataset, events)


def judge(config, state, dataset, events):
    started, ended = events[0], events[-1]
    assert isinstance(started, Started)
    assert isinstance(ended, Ended)
    for event in events:
        told = from_json(to_json(event))
        assert to_json(told) == to_json(event)
    assert started.train_count + started.validation_count <= len(dataset.train_images)
    assert min(started.train_count, started.validation_count) >= 1
    steps = [event for event in events if isinstance(event, Stepped)]
    assert [event.step for event in steps] == list(range(1, len(steps) + 1))
    assert all(math.isfinite(event.loss) and event.gradient_norm is not None for event in steps)
    assert all(0 <= event.learning_rate <= config.learning_rate for event in steps)
    if ended.reason == "diverged":
        assert ended.values["layer"] in dict(state.network.named_modules())
        assert ended.values["step"] in (state.step, state.step + 1)
        assert ended.advice
        for text in (ended.message, *ended.advice):
            assert "{" not in text.format(**ended.values)
        return
    assert ended.reason == "completed"
    evaluated = [event for event in events if isinstance(event, Evaluated)]
    inspected = [event for event in events if isinstance(event, Inspected)]
    assert [event.epoch for event in evaluated] == [event.epoch for event in inspected] == list(range(len(evaluated)))
    assert len(steps) == evaluated[-1].epoch * started.steps_per_epoch
    assert len(evaluated) == config.epochs + 1 or ended.message
    if steps:
        assert steps[-1].images_seen == evaluated[-1].epoch * started.train_count
    for event in inspected:
        assert sum(map(sum, event.confusion)) == started.validation_count
        for histogram in event.weights:
            values = state.network.get_parameter(f"{histogram.layer}.weight").detach().reshape(-1)
            assert sum(histogram.counts) == len(values[:: math.ceil(len(values) / 65_536)])
    tested = next(event for event in events if isinstance(event, FinallyTested))
    assert tested.count == len(dataset.test_images)
    assert math.isfinite(tested.loss)
    torch.testing.assert_close(state.test_answers.exp().sum(1), torch.ones(tested.count))
