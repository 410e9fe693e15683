"""The model card of a run: every number in it is the run's own."""

import pytest

from dlcore.config import TrainConfig
from dlcore.export.card import card
from dlcore.messages import UserError
from dlcore.runs.directory import create
from dlcore.runs.worker import work
from dlcore.translation import translator

CONFIG = TrainConfig(dataset="digits", model="linear", epochs=1, threads=1, label_noise=0.3)


def test_the_card_tells_the_runs_own_numbers():
    run = create(CONFIG)
    with pytest.raises(UserError, match="not tested"):
        card(run)
    work(run)
    text = card(run)
    tested = next(event for event in run.metrics() if event.kind == "tested")
    assert f"**{tested.accuracy:.2%}** ({tested.correct:,} of {tested.count:,}" in text
    assert run.summary().weights_sha256 in text
    assert "labels were wrong on purpose" in text
    assert "| Epochs | `epochs` | 1 |" in text
    found = [tested.confusion[place][place] / sum(tested.confusion[place]) for place in range(10)]
    assert f"| {found.index(min(found))} | {min(found):.1%} |" in text
    chinese = card(run, translator("zh"))
    assert "# 模型卡" in chinese
    assert "The numbers hold" not in chinese


def test_settings_that_change_nothing_are_not_listed():
    run = create(TrainConfig(dataset="digits", model="linear", epochs=1, threads=1))
    work(run)
    told = card(run)
    assert "`learning_rate`" in told
    assert "`momentum`" not in told  # Adam has its own
    assert "`dropout`" not in told  # nothing to silence
    assert "`early_stopping_metric`" not in told
