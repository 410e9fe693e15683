"""The diagnosis against real runs: each fault is named with its evidence, and healthy runs raise no alarm, at no epoch."""

from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from dlcore.config import TrainConfig
from dlcore.data.loading import Dataset, load
from dlcore.runs.diagnosis import MOST_FINDINGS, TITLES, Finding, diagnose, suggested
from dlcore.runs.history import RunHistory
from dlcore.training import loop
from dlcore.training.events import (
    Ended,
    Evaluated,
    Histogram,
    Inspected,
    Rectified,
    Resumed,
    Started,
    Steered,
    Stepped,
)

FAULTY = {
    "learning-rate-too-high": {"learning_rate": 0.1, "epochs": 2},
    "learning-rate-too-low": {"learning_rate": 1e-5, "epochs": 2},
    "vanishing-gradient": {"initialisation": "zeros", "epochs": 2},
    "exploding-gradient": {"initialisation": "large", "epochs": 1},
    "label-noise": {"label_noise": 0.4, "learning_rate": 0.002, "epochs": 3},
    "over-fitting": {"train_fraction": 0.05, "learning_rate": 0.003, "batch_size": 8, "dropout": 0.0, "epochs": 25},
    "under-fitting": {"weight_decay": 0.3, "learning_rate": 0.002, "dropout": 0.0, "epochs": 6},
    "plateau": {"weight_decay": 0.3, "learning_rate": 0.002, "dropout": 0.0, "epochs": 6},
    "dead-units": {"optimizer": "sgd", "learning_rate": 0.5, "epochs": 2},
}
HEALTHY = (
    {"learning_rate": 0.001, "epochs": 6},
    {"learning_rate": 0.003, "epochs": 3, "dropout": 0.0},
    {"optimizer": "sgd", "learning_rate": 0.05, "epochs": 6},
    {"model": "linear", "learning_rate": 0.003, "epochs": 6},
    {"model": "compact-cnn", "learning_rate": 0.005, "schedule": "one-cycle", "epochs": 3},
    {"loss": "mse", "learning_rate": 0.002, "epochs": 4},
)


@cache
def digits() -> Dataset:
    return load("digits")


def config(**settings) -> TrainConfig:
    return TrainConfig(
        **{"dataset": "digits", "model": "mlp", "threads": 1, "device": "cpu", "dropout": 0.2} | settings
    )


def findings_as_it_goes(settings: TrainConfig) -> list[list[Finding]]:
    """What is said after each epoch and at the end of a real run."""
    history, inspected, told = RunHistory(), None, []
    for event in loop.train(settings, dataset=digits()):
        if isinstance(event, Inspected):
            inspected = event
            continue
        history.append([event])
        if isinstance(event, Evaluated | Ended):
            told.append(diagnose(history, settings, inspected))
    return told


@pytest.mark.parametrize("kind", FAULTY)
def test_each_fault_is_named_with_this_runs_numbers_and_an_experiment(kind):
    settings = config(**FAULTY[kind])
    found = {finding.kind: finding for finding in findings_as_it_goes(settings)[-1]}
    assert kind in found
    assert len(found) <= MOST_FINDINGS
    for finding in found.values():
        sentence = finding.text.format(**finding.values)
        assert any(letter.isdigit() for letter in sentence)
        assert "nan" not in sentence
        changed = suggested(settings, finding)
        assert changed is not None
        assert changed != settings


@pytest.mark.parametrize("settings", HEALTHY, ids=str)
def test_a_healthy_run_raises_no_alarm_at_any_epoch(settings):
    assert [[f.kind for f in found] for found in findings_as_it_goes(config(**settings)) if found] == []


def test_the_onset_of_over_fitting_is_the_epoch_of_the_lowest_validation_loss():
    history = of_losses(train=[1.5, 0.8, 0.4, 0.2, 0.1, 0.05], validation=[1.5, 0.9, 0.7, 0.8, 0.9, 1.0])
    (finding,) = diagnose(history, config())
    assert (finding.kind, finding.epoch, finding.values["epoch"]) == ("over-fitting", 3, 3)
    assert finding.values["now"] == pytest.approx(0.95)


def test_the_share_of_wrong_labels_is_estimated():
    found = findings_as_it_goes(config(label_noise=0.4, learning_rate=0.002, epochs=3))[-1]
    assert {f.kind: f for f in found}["label-noise"].values["share"] == pytest.approx(0.4, abs=0.08)


def test_labels_that_are_right_by_the_settings_are_questioned_by_the_numbers_alone():
    history = of_losses(train=[2, 1.8, 1.7], validation=[1, 0.8, 0.7], accuracy=(0.6, 0.95))
    (finding,) = diagnose(history, config())
    assert finding.kind == "label-noise"
    assert finding.change == {"label_smoothing": 0.1}


def test_nothing_is_said_before_there_is_something_to_judge_by():
    assert diagnose(RunHistory(), config()) == []
    history = RunHistory()
    history.append(of_losses(train=[], validation=[]).evaluations)
    assert diagnose(history, config()) == []


def test_a_run_of_which_only_losses_were_recorded_is_judged_by_them():
    history = of_losses(train=[1.5, 0.8, 0.4, 0.2, 0.1], validation=[1.5, 0.9, 0.7, 0.8, 0.95])
    assert [f.kind for f in diagnose(history, config(), None)] == ["over-fitting"]


def test_every_kind_has_a_test_here():
    assert set(FAULTY) == set(TITLES)


def of_losses(train, validation, accuracy=(0.95, 0.93)) -> RunHistory:
    history = RunHistory()
    history.append(
        [
            Started(
                class_names=[str(k) for k in range(10)],
                train_count=1000,
                validation_count=1000,
                test_count=100,
                parameters=1,
                steps_per_epoch=10,
                epochs=max(1, len(train)),
                device="cpu",
                threads=1,
                versions={},
            )
        ]
    )
    for epoch, (loss, held_back) in enumerate(zip([2.3, *train], [2.3, *validation], strict=True)):
        if epoch:
            history.append(
                [Stepped(step=10 * epoch, epoch=epoch, loss=loss, learning_rate=0.1, images_seen=1, seconds=epoch)]
            )
        known = accuracy if epoch else (0.1, 0.1)
        history.append(
            [
                Evaluated(
                    epoch=epoch,
                    step=10 * epoch,
                    train_loss=loss,
                    train_accuracy=known[0],
                    validation_loss=held_back,
                    validation_accuracy=known[1],
                    seconds=float(epoch),
                )
            ]
        )
    return history


def test_a_rate_raised_while_training_is_not_answered_by_a_rate_above_the_first():
    settings = config(learning_rate=0.002, epochs=4)
    history = RunHistory()
    for event in loop.train(config(learning_rate=0.5, epochs=4), dataset=digits()):
        if isinstance(event, Inspected):
            continue
        history.append([event])
        if isinstance(event, Started):
            history.append([Steered(step=0, command=1, action="set", learning_rate=0.5)])
    found = {finding.kind: finding for finding in diagnose(history, settings, None)}
    assert found["learning-rate-too-high"].values["after"] == 0.5
    assert suggested(settings, found["learning-rate-too-high"]) == settings


def steered_to(rate: float, *, after: int, **settings) -> tuple[TrainConfig, RunHistory, Inspected | None]:
    """A real run whose learning rate is set while it goes on."""
    chosen = config(epochs=6, learning_rate=0.002, dropout=0.0, **settings)
    state = loop.TrainingState.create(chosen, digits())
    history, inspected = RunHistory(), None
    for event in loop.train(chosen, state=state, dataset=digits()):
        if isinstance(event, Inspected):
            inspected = event
            continue
        history.append([event])
        if isinstance(event, Stepped) and event.step == after:
            state.steer(learning_rate=rate)
            history.append([Steered(step=after, command=1, action="set", learning_rate=rate)])
    return chosen, history, inspected


def test_a_blow_up_that_came_from_steering_is_blamed_on_it_and_the_experiment_is_to_leave_it_alone():
    chosen, history, inspected = steered_to(1.0, after=60)
    assert [steered.learning_rate for steered in history.changes] == [1.0]
    found = diagnose(history, chosen, inspected)
    assert found[0].kind == "learning-rate-too-high"
    told = found[0].text.format(**found[0].values)
    assert "raised from 0.002 to 1" in told
    assert f"update {history.changes[0].step}" in told
    assert all(finding.unsteered for finding in found if finding.kind in ("learning-rate-too-high", "dead-units"))
    assert not [finding for finding in found if finding.change.get("activation")]
    assert suggested(chosen, found[0]) == chosen


def test_a_rate_that_was_raised_without_harm_is_blamed_for_nothing():
    chosen, history, inspected = steered_to(0.003, after=60)
    assert not [finding for finding in diagnose(history, chosen, inspected) if finding.unsteered]


@pytest.mark.parametrize("rate", [1e-20, 5e-324])
def test_updates_that_vanish_in_rounding_are_named_and_get_a_rate_that_moves(rate):
    settings = config(learning_rate=rate, epochs=1, optimizer="sgd", train_fraction=0.2)
    found = {finding.kind: finding for finding in findings_as_it_goes(settings)[-1]}
    finding = found["learning-rate-too-low"]
    assert "do not move" in finding.text.format(**finding.values)
    assert suggested(settings, finding).learning_rate == TrainConfig().learning_rate


ODD = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 2.3, 1e-20, 5e-324, 1e300, float("nan"), float("inf"), -1.0]), st.floats(0, 5)
)


@st.composite
def odd_runs(draw) -> tuple[TrainConfig, RunHistory, Inspected | None]:
    """Whatever a log may hold that passed the checks of an import, and more: any number anywhere, in any order."""
    settings = config(
        initialisation=draw(st.sampled_from(["default", "zeros", "large"])),
        optimizer=draw(st.sampled_from(["adam", "sgd"])),
        loss=draw(st.sampled_from(["cross-entropy", "mse"])),
        schedule=draw(st.sampled_from(["constant", "one-cycle"])),
        label_noise=draw(st.sampled_from([0.0, 0.4])),
        train_fraction=draw(st.sampled_from([1.0, 0.01])),
        learning_rate=draw(st.sampled_from([0.001, 1e-20, 10.0])),
    )
    events = [
        Started(
            class_names=[str(k) for k in range(draw(st.sampled_from([0, 1, 2, 10])))],
            train_count=draw(st.sampled_from([0, 1000])),
            validation_count=draw(st.sampled_from([0, 1000])),
            test_count=0,
            parameters=0,
            steps_per_epoch=draw(st.sampled_from([0, 10])),
            epochs=draw(st.sampled_from([0, 1, 5])),
            device="cpu",
            threads=1,
            versions={},
        )
    ]
    for epoch in range(draw(st.integers(0, 6))):
        step = 10 * epoch
        numbers = [draw(ODD) for _ in range(4)]
        events.append(_evaluated(epoch, step, numbers))
        for number in range(draw(st.integers(0, 3))):
            loss, norm, ratio, rate = (draw(ODD) for _ in range(4))
            events.append(
                Stepped(
                    step=step + number + 1,
                    epoch=epoch + 1,
                    loss=loss,
                    learning_rate=rate,
                    images_seen=step,
                    seconds=0.0,
                    gradient_norm=norm,
                    update_ratio=ratio,
                )
            )
        if draw(st.booleans()):
            rate = draw(st.sampled_from([None, 0.0, 1e-20, 0.5, 1e300]))
            events.append(Steered(step=step + 1, command=epoch, action="set", learning_rate=rate))
        if draw(st.integers(0, 5)) == 0:
            events.append(Resumed(step=draw(st.integers(0, 60)), epoch=epoch))
    if draw(st.booleans()):
        events.append(Ended(reason=draw(st.sampled_from(["completed", "stopped", "diverged", "failed"]))))
    inspected = None
    if draw(st.booleans()):
        powers = [
            Histogram(
                layer=f"l{k}", low=draw(ODD), high=draw(ODD), counts=draw(st.lists(st.integers(0, 9), max_size=3))
            )
            for k in range(draw(st.integers(0, 3)))
        ]
        units = draw(st.sampled_from([0, 4]))
        rectified = [Rectified(layer="l", units=units, dead=draw(st.sampled_from([0, 4])))]
        inspected = Inspected(epoch=1, step=1, confusion=[[1]], gradients=powers, rectified=rectified)
    history = RunHistory()
    history.append(events)
    return settings, history, inspected


def _evaluated(epoch: int, step: int, numbers: list[float]) -> Evaluated:
    train_loss, train_accuracy, validation_loss, validation_accuracy = numbers
    return Evaluated(
        epoch=epoch,
        step=step,
        train_loss=train_loss,
        train_accuracy=train_accuracy,
        validation_loss=validation_loss,
        validation_accuracy=validation_accuracy,
        seconds=0.0,
    )


@effort(max_examples=400, deadline=None)
@given(odd_runs())
def test_whatever_was_recorded_the_diagnosis_is_sentences(run):
    settings, history, inspected = run
    found = diagnose(history, settings, inspected)
    assert len(found) <= MOST_FINDINGS
    for finding in found:
        assert finding.text.format(**finding.values)
        changed = suggested(settings, finding)
        assert changed is None or changed == settings or finding.change
    assert all(one.kind != other.kind for one, other in pairwise(found))
