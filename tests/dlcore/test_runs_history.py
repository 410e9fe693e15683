import pytest

from dlcore.runs.history import RunHistory
from dlcore.training import events as told
from dlcore.training.events import Ended, Evaluated, Preparing, Resumed, Started, Stepped

STARTED = Started(
    class_names=["0", "1"],
    train_count=100,
    validation_count=10,
    test_count=10,
    parameters=5,
    steps_per_epoch=10,
    epochs=2,
    device="cpu",
    threads=1,
    versions={},
)
TESTED = told.Tested(loss=0.5, accuracy=0.9, correct=9, count=10, confusion=[[5, 0], [1, 4]])


def step(number: int, loss: float = 1.0) -> Stepped:
    return Stepped(
        step=number,
        epoch=(number - 1) // 10 + 1,
        loss=loss,
        learning_rate=0.1,
        images_seen=number * 10,
        seconds=number / 2,
        gradient_norm=2.0,
        update_ratio=0.001,
    )


def evaluated(epoch: int) -> Evaluated:
    return Evaluated(
        epoch=epoch,
        step=epoch * 10,
        train_loss=1.0,
        train_accuracy=0.5,
        validation_loss=1.0,
        validation_accuracy=0.5,
        seconds=epoch * 5.0,
    )


def whole() -> list:
    first = [Preparing(stage="reading"), STARTED, evaluated(0), *map(step, range(1, 11)), evaluated(1)]
    return [*first, *map(step, range(11, 21)), evaluated(2), TESTED, Ended(reason="completed")]


def test_a_whole_run():
    history = RunHistory()
    history.append(whole())
    assert list(history.steps.step) == list(range(1, 21))
    assert len(history.steps) == 20
    assert list(history.steps.epoch[9:11]) == [1, 2]
    assert [e.epoch for e in history.evaluations] == [0, 1, 2]
    assert (history.tested, history.latest, history.progress, history.seconds_left) == (TESTED, step(20), 1.0, 0.0)


def test_piece_by_piece_is_the_same():
    history, at_once = RunHistory(), RunHistory()
    for event in whole():
        history.append([event])
    at_once.append(whole())
    assert history == at_once


@pytest.mark.parametrize("seen", range(4, len(whole())))
def test_an_interruption_anywhere_leaves_no_trace_but_its_mark(seen):
    """The log was cut after ``seen`` events, the checkpoint is that of the last evaluation before."""
    before = whole()[:seen]
    checkpoint = max(e.epoch for e in before if isinstance(e, Evaluated))
    if seen > 4 and isinstance(before[-1], Evaluated):
        checkpoint -= 1  # killed between the evaluation and its checkpoint
    rest = [e for e in whole()[3:] if not hasattr(e, "step") or e.step > checkpoint * 10]
    history, expected = RunHistory(), RunHistory()
    history.append([*before, Resumed(step=checkpoint * 10, epoch=checkpoint), *rest])
    expected.append(whole())
    assert history.resumed == [checkpoint * 10]
    history.resumed = []
    assert history == expected


def test_a_start_from_nothing_after_an_interruption_repeats_nothing():
    history = RunHistory()
    history.append([*whole()[:8], Resumed(step=0, epoch=0), *whole()])
    assert list(history.steps.step) == list(range(1, 21))
    assert [e.epoch for e in history.evaluations] == [0, 1, 2]


def test_speed_and_time_left():
    history = RunHistory()
    assert (history.images_per_second, history.seconds_left, history.progress, history.latest) == (
        None,
        None,
        0.0,
        None,
    )
    history.append([STARTED, step(1)])
    assert history.images_per_second == pytest.approx(20)
    assert history.seconds_left == pytest.approx(19 / 2)
    history.append(map(step, range(2, 6)))
    assert history.progress == 0.25
    # From here on ten times as slow: after a few seconds the old speed is forgotten.
    for number in range(6, 20):
        seconds = 2.5 + (number - 5) * 5
        history.append(
            [Stepped(step=number, epoch=1, loss=1, learning_rate=1, images_seen=number * 10, seconds=seconds)]
        )
    assert history.images_per_second == pytest.approx(2)
    assert history.seconds_left == pytest.approx(5)


def test_steps_without_a_clock_divide_by_nothing():
    history = RunHistory()
    for number in (1, 2, 3):
        history.append([Stepped(step=number, epoch=1, loss=1, learning_rate=1, images_seen=number, seconds=0.0)])
    assert (history.images_per_second, history.seconds_left) == (None, None)
