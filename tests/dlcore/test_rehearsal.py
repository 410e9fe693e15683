"""Before a run: the speeds are measured, the estimate is their sum, the suggested rate learns."""

import json
import threading

import pytest

from dlcore import cli, elsewhere, rehearsal
from dlcore.config import TrainConfig
from dlcore.data.loading import load
from dlcore.elsewhere import Bench
from dlcore.messages import UserError
from dlcore.rehearsal import Rehearsal, estimated_seconds, rising_rates, suggest
from dlcore.training import loop, rehearsing
from dlcore.training.events import Evaluated

MLP = TrainConfig(dataset="digits", model="mlp", threads=1, device="cpu", epochs=2, dropout=0.0)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    found = Bench("rehearsal")
    monkeypatch.setattr(rehearsal, "_bench", lambda: found)
    monkeypatch.setattr(rehearsing, "CALIBRATION_SECONDS", 0.05)


def joined() -> None:
    for thread in threading.enumerate():
        if thread.name == "rehearsal":
            thread.join(60)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_suggested_rate_learns_and_is_far_from_both_ends(optimizer):
    settings = MLP.model_copy(update={"optimizer": optimizer})
    found = rehearsing.measure(settings, load("digits"))
    assert 1e-4 <= found.suggested <= 0.5
    assert len(found.rates) == len(found.losses)
    assert found.rates == rising_rates()[: len(found.rates)]
    chosen = settings.model_copy(update={"learning_rate": found.suggested})
    last = [event for event in loop.train(chosen, dataset=load("digits")) if isinstance(event, Evaluated)][-1]
    assert last.validation_accuracy > 0.8


def test_the_estimate_is_the_sum_of_learning_judging_and_the_test():
    found = Rehearsal(updates=1, seconds=1, images_per_second=100, judged_per_second=1000, threads=1)
    data = MLP.data()
    held_back = round(data.train_count * MLP.validation_fraction)
    seconds = estimated_seconds(MLP, found)
    by_hand = 2 * (data.train_count - held_back) / 100 + (3 * 2 * held_back + data.test_count) / 1000
    assert seconds == pytest.approx(by_hand, rel=0.01)
    in_time = estimated_seconds(MLP.model_copy(update={"time_budget": 0.05}), found)
    assert in_time == pytest.approx(seconds - 2 * (data.train_count - held_back) / 100 + 3, rel=0.01)


def test_where_the_loss_does_not_fall_nothing_is_suggested():
    rates = rising_rates()
    assert suggest(rates, [2.3] * 120) is None
    assert suggest(rates[:5], [2.3, 2, 1, 0.5, 0.1]) is None
    falling = [2.3] * 60 + [2.3 - 0.04 * k for k in range(40)] + [0.8 + 0.1 * k for k in range(20)]
    assert rates[50] <= suggest(rates, falling) <= rates[100]


def test_epochs_seed_and_rate_change_nothing_of_what_is_measured():
    others = {"epochs": 9, "seed": 5, "learning_rate": 0.5, "schedule": "cosine"}
    assert rehearsal.place(MLP) == rehearsal.place(MLP.model_copy(update=others))
    assert rehearsal.place(MLP) != rehearsal.place(MLP.model_copy(update={"batch_size": 8}))


def test_it_is_measured_once_in_a_process_of_its_own(monkeypatch, capsys):
    assert rehearsal.look_up(MLP) is None

    def here(command, **_):
        assert command[1:4] == ["-m", "dlcore", "rehearse"]
        cli.main(command[3:])

        class Done:
            stdout = capsys.readouterr().out.encode()
            returncode = 0

        return Done()

    monkeypatch.setattr(elsewhere.subprocess, "run", here)
    assert rehearsal.request(MLP) is None
    joined()
    assert rehearsal.is_settled(MLP)
    found = rehearsal.request(MLP)
    assert found is not None
    assert found == rehearsal.look_up(MLP)


def test_a_failure_is_told_once_and_tried_again(monkeypatch):
    monkeypatch.setattr(rehearsal, "_rehearse_elsewhere", lambda _: UserError("no memory"))
    assert rehearsal.request(MLP) is None
    joined()
    with pytest.raises(UserError, match="no memory"):
        rehearsal.request(MLP)
    assert rehearsal.request(MLP) is None
    joined()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_that_nobody_foresaw_locks_nobody_out(monkeypatch):
    def break_down(_config):
        raise ZeroDivisionError

    monkeypatch.setattr(rehearsal, "_rehearse_elsewhere", break_down)
    assert rehearsal.request(MLP) is None
    joined()
    assert rehearsal.is_settled(MLP)
    with pytest.raises(UserError, match="could not be measured"):
        rehearsal.request(MLP)
    assert rehearsal.request(MLP) is None  # it is tried again
    joined()


def test_a_thread_that_cannot_begin_locks_nobody_out(monkeypatch):
    def no_room(_self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_room)
    with pytest.raises(UserError, match="new thread"):
        rehearsal.request(MLP)
    assert rehearsal.is_settled(MLP)


def test_however_many_ask_only_some_wait(monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(rehearsal, "_rehearse_elsewhere", lambda _: gate.wait(60) and None)

    def ask(batch_size: int) -> str:
        try:
            rehearsal.request(MLP.model_copy(update={"batch_size": batch_size}))
        except UserError as error:
            return str(error)
        return ""

    answers = [ask(batch_size) for batch_size in range(1, 31)]
    waiting = [thread for thread in threading.enumerate() if thread.name == "rehearsal"]
    gate.set()
    joined()
    assert len(waiting) == 8
    assert ["Try again" in answer for answer in answers] == [False] * 8 + [True] * 22
    assert rehearsal.request(MLP) is None  # there is room again
    joined()


def test_images_that_are_not_here_are_not_downloaded():
    with pytest.raises(UserError, match="first run downloads"):
        rehearsal.request(TrainConfig(dataset="mnist"))
    with pytest.raises(UserError, match="first run downloads"):
        rehearsal.rehearse(TrainConfig(dataset="mnist"))


def test_a_damaged_result_is_as_if_it_were_not_there():
    rehearsal.place(MLP).parent.mkdir(parents=True)
    for content in ("", "{}", json.dumps({"updates": 0}), "\x00"):
        rehearsal.place(MLP).write_text(content)
        assert rehearsal.look_up(MLP) is None
