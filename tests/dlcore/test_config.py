import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from dlcore import knobs
from dlcore.config import KNOBS, TrainConfig
from dlcore.config.choices import GROUPS
from dlcore.messages import UserError
from dlcore.presets import PRESETS


def test_the_defaults_are_the_articles():
    config = TrainConfig()
    assert (config.dataset, config.model, config.optimizer) == ("mnist", "article-cnn", "adam")
    assert (config.learning_rate, config.batch_size, config.epochs, config.dropout) == (0.001, 64, 10, 0.5)
    assert PRESETS["article"].config == config


def test_every_setting_describes_itself():
    assert set(KNOBS) == set(TrainConfig.model_fields)
    for knob in KNOBS.values():
        assert knob.title
        assert knob.description.endswith(".")
        assert knob.group in GROUPS
        assert knob.choices or knob.longest or (knob.minimum is not None and knob.maximum is not None)
        assert all(wanted <= set(KNOBS[other].choices) for other, wanted in knob.only_for.items())
        if knob.choices:
            assert knob.default in knob.choices


@pytest.mark.parametrize("name", KNOBS)
def test_values_just_outside_the_range_are_refused_and_the_ends_obeyed(name):
    knob = KNOBS[name]
    if knob.choices:
        with pytest.raises(UserError, match=f"{name} must be one of"):
            TrainConfig.parse({name: "nonsense"})
        for choice in knob.choices:
            assert getattr(TrainConfig.parse({name: choice}, check_data=False), name) == choice
        return
    if knob.kind is str:
        with pytest.raises(UserError, match=f"at most {knob.longest} characters"):
            TrainConfig.parse({name: "9" * (knob.longest + 1)})
        return
    step = 1 if knob.kind is int else 1e-9
    for end, outward, excluded in [
        (knob.minimum, -step, knob.minimum_excluded),
        (knob.maximum, step, knob.maximum_excluded),
    ]:
        refused = end if excluded else end + outward
        with pytest.raises(UserError) as caught:
            TrainConfig.parse({name: str(refused)})
        assert name in str(caught.value)
        assert knob.allowed in str(caught.value)
        if not excluded:
            assert getattr(TrainConfig.parse({name: str(end)}), name) == end


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "", "1e999", "0x10", "١٢", "[1]", None, [], {}, "9" * 5000])
def test_hostile_values_are_refused_with_a_sentence(value):
    for name in ("learning_rate", "epochs", "dataset"):
        with pytest.raises(UserError) as caught:
            TrainConfig.parse({name: value})
        assert len(str(caught.value)) < 300


def test_an_unknown_setting_is_named():
    with pytest.raises(UserError, match=r"no setting called learning_rat\. Did you mean learning_rate"):
        TrainConfig.parse({"learning_rat": 1})


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "learning_rate": st.floats(1e-8, 10),
            "epochs": st.integers(1, 200),
            "seed": st.integers(0, 2**31 - 1),
            "model": st.sampled_from(list(KNOBS["model"].choices)),
        },
    )
)
def test_a_configuration_survives_json_and_text(values):
    config = TrainConfig.parse(values)
    assert TrainConfig.parse(json.loads(config.model_dump_json())) == config
    as_text = {name: str(value) for name, value in config.model_dump().items()}
    again = TrainConfig.parse(as_text)
    assert again == config
    assert math.isfinite(again.learning_rate)


def test_a_knob_says_where_it_matters():
    class Schema(BaseModel):
        model: str = knobs.knob("linear", "Model", "What.", group="g", choices={"linear": "", "mlp": "", "custom": ""})
        loss: str = knobs.knob("mse", "Loss", "What.", group="g", choices={"mse": "", "nll": ""})
        width: int = knobs.knob(
            3, "Width", "How.", group="g", ge=1, le=9, only_for={"model": {"mlp", "custom"}, "loss": {"mse"}}
        )
        words: str = knobs.knob("", "Words", "Which.", group="g", max_length=12)

    width, words = (knobs.describe(name, Schema.model_fields[name]) for name in ("width", "words"))
    assert width.applies({"model": "mlp", "loss": "mse"})
    assert not width.applies({"model": "mlp", "loss": "nll"})
    assert not width.applies({"model": "linear", "loss": "mse"})
    assert words.applies({})
    assert (words.kind, words.longest, words.choices) == (str, 12, None)
