"""Steering: every wish in every state of a run is obeyed once, within one update, and at the same step for ever."""

import errno
import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from dlcore.cli import main
from dlcore.config import TrainConfig
from dlcore.data.loading import load
from dlcore.messages import UserError
from dlcore.models import MODELS
from dlcore.runs import control, launch, queue, worker
from dlcore.runs.directory import create
from dlcore.runs.event_log import EventLog
from dlcore.runs.history import RunHistory
from dlcore.training import checkpoints, loop
from dlcore.training.events import Evaluated, Paused, Resumed, Started, Steered, Stepped, to_json
from tests.waiting import wait_for

CONFIG = TrainConfig(
    dataset="digits", model="mlp", epochs=2, batch_size=64, train_fraction=0.3, threads=1, device="cpu"
)
STEPS = 7  # an epoch


def history_of(run) -> RunHistory:
    history = RunHistory()
    history.append(run.read()[0])
    return history


def pauses(run) -> int:
    return sum(isinstance(event, Paused) for event in run.read()[0])


def at_step(wishes):
    """``watch`` for a worker: ask these things as soon as such a step was seen, each once."""
    left = dict(wishes)

    def watch(event):
        if isinstance(event, Stepped) and event.step in left:
            left.pop(event.step)()

    return watch


def losses(run):
    steps = history_of(run).steps
    return list(zip(steps.step, steps.loss, steps.learning_rate, strict=True))


class Killed(BaseException):
    """What no worker can catch."""


# control.json


def test_commands_are_numbered_for_ever_and_read_in_order(tmp_path):
    assert control.ask(tmp_path, [{"do": "set", "dropout": 0.1}, {"do": "pause"}]) == [1, 2]
    assert control.ask(tmp_path, [{"do": "stop"}]) == [3]
    control.forget(tmp_path, frozenset({"stop", "pause"}))
    assert [(c.number, c.do) for c in control.read(tmp_path)] == [(1, "set")]
    assert control.ask(tmp_path, [{"do": "go"}]) == [4]
    assert control.read(tmp_path)[0].values == {"dropout": 0.1}


def test_many_ask_at_once_and_nothing_is_lost(tmp_path):
    with ThreadPoolExecutor(8) as pages:
        numbers = list(pages.map(lambda _: control.ask(tmp_path, [{"do": "set", "dropout": 0.5}])[0], range(60)))
    assert sorted(numbers) == [command.number for command in control.read(tmp_path)] == list(range(1, 61))


def test_an_inbox_tells_each_command_once(tmp_path):
    inbox = control.Inbox(tmp_path)
    assert inbox.news() == []
    control.ask(tmp_path, [{"do": "pause"}])
    control.ask(tmp_path, [{"do": "go"}])
    assert [command.do for command in inbox.news()] == ["pause", "go"]
    assert inbox.news() == []
    control.ask(tmp_path, [{"do": "stop"}])
    assert [command.number for command in inbox.news()] == [3]
    assert [command.number for command in control.Inbox(tmp_path, after=1).news()] == [2, 3]


def test_a_file_that_grows_is_folded_into_what_it_amounts_to(tmp_path):
    for number in range(150):
        control.ask(tmp_path, [{"do": "set", "dropout": (number % 90) / 100}, {"do": "set", "weight_decay": 0.1}])
    commands = control.read(tmp_path)
    assert len(commands) <= 200
    assert commands[-1].number == 300
    values = {}
    for command in commands:
        values |= command.values
    assert values == {"dropout": 0.59, "weight_decay": 0.1}
    assert [c.number for c in commands] == sorted({c.number for c in commands})


class Obeying:
    """What the worker does between two updates, without a network: how it stands after all that it was asked."""

    def __init__(self, path):
        log = SimpleNamespace(append=lambda _event: None, sync=lambda: 0)
        self.session = worker._Session(SimpleNamespace(path=path), log, lambda _event: None, bool, before=None)
        self.values: dict[str, float] = {}
        self.state = SimpleNamespace(step=0, obeyed=0, steer=lambda **values: self.values.update(values))
        self.stopped = False

    def look(self):
        for command in [] if self.stopped else self.session._inbox.news():
            if self.session._carry_out(command, self.state):
                self.stopped = True
                return

    def train(self, updates):
        for _ in range(updates):
            if self.stopped or self.session._updates_left == 0:
                return
            self.state.step += 1
            self.session._tell(
                Stepped(step=self.state.step, epoch=1, loss=1.0, learning_rate=0.1, images_seen=1, seconds=0.0)
            )

    @property
    def stand(self):
        return self.session._updates_left, self.values, self.stopped, self.state.step


def any_wish(dice):
    wishes = [
        {"do": "set", "dropout": dice.randrange(90) / 100},
        {"do": "set", "learning_rate": 10.0 ** -dice.randint(1, 5), "weight_decay": dice.random()},
        {"do": "pause"},
        {"do": "go"},
        {"do": "step", "updates": dice.randint(1, 5)},
    ]
    return {"do": "stop"} if dice.random() < 0.03 else dice.choice(wishes)


@pytest.mark.parametrize("reads", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("seed", range(8))
def test_a_folded_file_leaves_the_same_as_one_that_is_not(tmp_path, monkeypatch, seed, reads):
    dice = random.Random(seed)
    workers = []
    for most, name in ((16, "folded"), (10**6, "whole")):
        (tmp_path / name).mkdir()
        workers.append((most, tmp_path / name, Obeying(tmp_path / name)))
    for _ in range(20):
        asked = [any_wish(dice) for _ in range(dice.randint(1, 4))]
        looks, updates = dice.random() < reads, dice.randint(0, 6)
        for most, path, obeying in workers:
            monkeypatch.setattr(control, "_MOST_COMMANDS", most)
            control.ask(path, asked)
            if looks:
                obeying.look()
                obeying.train(updates)
    (_, folded, one), (_, whole, other) = workers
    assert len(control.read(folded)) <= 20 < len(control.read(whole))
    for _, _, obeying in workers:
        obeying.look()
    assert one.stand == other.stand
    stops = [any(command.do == "stop" for command in control.read(path)) for path in (folded, whole)]
    assert stops[0] == stops[1]


def test_a_stop_is_not_folded_away(tmp_path):
    control.ask(tmp_path, [{"do": "stop"}])
    control.ask(tmp_path, [{"do": "go"}] * 300)
    assert next(c for c in control.Inbox(tmp_path).news()).do == "stop"


@pytest.mark.parametrize("how", ["stat", "read"])
def test_a_command_outlives_a_read_that_fails(tmp_path, monkeypatch, caplog, how):
    inbox = control.Inbox(tmp_path)
    control.ask(tmp_path, [{"do": "stop"}])

    def refuse(*_arguments):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(*((control.os, "stat") if how == "stat" else (Path, "read_bytes")), refuse)
        assert [inbox.news() for _ in range(5)] == [[]] * 5
    assert caplog.text.count("cannot be read now") == 1
    assert [command.do for command in inbox.news()] == ["stop"]


def test_what_cannot_be_read_now_is_not_written_over(tmp_path, monkeypatch):
    control.ask(tmp_path, [{"do": "set", "dropout": 0.1}, {"do": "stop"}])

    def refuse(_path):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(UserError, match="Too many open files"):
            control.ask(tmp_path, [{"do": "go"}])
        with pytest.raises(UserError, match="Too many open files"):
            control.forget(tmp_path, frozenset({"stop"}))
    assert control.ask(tmp_path, [{"do": "go"}]) == [3]
    assert [command.do for command in control.read(tmp_path)] == ["set", "stop", "go"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"format":2,"commands":[]}',
        b'{"commands":[{"number":1,"do":"explode"}]}',
        b'{"commands":[{"number":0,"do":"stop"}]}',
        b'{"commands":[{"number":1,"do":"set"}]}',
        b'{"commands":[{"number":1,"do":"set","learning_rate":1e9}]}',
        b'{"commands":[{"number":1,"do":"set","learning_rate":NaN}]}',
        b'{"commands":[{"number":1,"do":"set","dropout":"0.1; rm"}]}',
        b'{"commands":[{"number":1,"do":"step","updates":99999999999}]}',
        b'{"commands":[' + b" " * 1_000_001 + b"]}",
    ],
)
def test_what_is_no_command_is_not_obeyed(tmp_path, content):
    (tmp_path / "control.json").write_bytes(content)
    assert control.Inbox(tmp_path).news() == []
    assert control.ask(tmp_path, [{"do": "go"}]) == [1]  # and does not stand in the way


def test_a_flipped_bit_is_no_other_wish(tmp_path):
    control.ask(tmp_path, [{"do": "set", "learning_rate": 0.01}, {"do": "step", "updates": 3}])
    asked, content = control.read(tmp_path), (tmp_path / "control.json").read_bytes()
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        (tmp_path / "control.json").write_bytes(flipped)
        assert control.read(tmp_path) in ((), asked)


def test_after_damage_a_wish_gets_a_number_that_the_worker_still_waits_for():
    run = create(CONFIG)
    with EventLog(run.events_path) as log:
        log.append(Steered(step=1, command=7, action="go"))
    (run.path / "control.json").write_text("{")
    assert control.ask(run.path, [{"do": "stop"}]) == [8]
    assert [command.do for command in control.Inbox(run.path, after=7).news()] == ["stop"]


def test_a_file_of_the_first_format_is_obeyed(tmp_path):
    content = {"format": 1, "last": 4, "commands": [{"number": 4, "do": "set", "dropout": 0.2}]}
    (tmp_path / "control.json").write_text(json.dumps(content))
    assert control.Inbox(tmp_path, after=3).news() == [control.Command(number=4, do="set", dropout=0.2)]
    assert control.ask(tmp_path, [{"do": "go"}]) == [5]


def test_the_first_form_of_the_file_still_stops_a_run(tmp_path):
    (tmp_path / "control.json").write_text('{"command": "stop"}')
    assert [command.do for command in control.read(tmp_path)] == ["stop"]
    control.forget(tmp_path, frozenset({"stop"}))
    assert control.ask(tmp_path, [{"do": "pause"}]) == [2]


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be in (0, 10]; got 0.0."),
        ({"dropout": 1.0}, "dropout must be in [0, 0.95]; got 1.0."),
        ({"weight_decay": float("nan")}, "weight_decay must be in [0, 1]; got nan."),
        ({"then": "step", "updates": 0}, "updates must be in [1, 1000000]; got 0."),
        ({}, "Nothing was asked"),
    ],
)
def test_what_the_schema_refuses_is_refused_before_it_is_asked(wish, told):
    run = create(CONFIG)
    with pytest.raises(UserError) as error:
        run.steer(**wish)
    assert told in str(error.value)
    assert not (run.path / "control.json").exists()


# The loop's part


@pytest.mark.parametrize("model", MODELS)
def test_changed_values_are_the_ones_that_are_used(model):
    digits = load("digits").subset(120, 20)
    config = CONFIG.model_copy(
        update={"model": model, "optimizer": "adamw", "schedule": "cosine", "train_fraction": 1.0}
    )
    state = loop.TrainingState.create(config, digits)
    events = loop.train(config, state=state, dataset=digits)
    for event in events:
        if isinstance(event, Stepped):
            break
    state.steer(learning_rate=0.02, weight_decay=0.3, dropout=0.0)
    fresh = loop.TrainingState.create(config.model_copy(update={"dropout": 0.0, "learning_rate": 0.02}), digits)
    fresh.step = state.step
    event = next(events)
    assert isinstance(event, Evaluated | Stepped)
    stepped = event if isinstance(event, Stepped) else next(e for e in events if isinstance(e, Stepped))
    fresh.step = stepped.step - 1
    assert stepped.learning_rate == fresh.next_learning_rate()
    assert [group["weight_decay"] for group in state.optimizer.param_groups] == [0.3, 0.0]
    rates = [module.p for module in state.network.modules() if isinstance(module, torch.nn.Dropout)]
    assert rates == [module.p for module in fresh.network.modules() if isinstance(module, torch.nn.Dropout)]
    assert not any(rates)
    state.steer(dropout=0.5)  # what was 0 is found again
    again = [module.p for module in state.network.modules() if isinstance(module, torch.nn.Dropout)]
    assert again == [
        module.p
        for module in loop.TrainingState.create(config, digits).network.modules()
        if isinstance(module, torch.nn.Dropout)
    ]


def test_a_state_refuses_what_the_schema_refuses():
    state = loop.TrainingState.create(CONFIG, load("digits").subset(60, 10))
    with pytest.raises(UserError, match="learning_rate must be"):
        state.steer(learning_rate=-1, dropout=0.1)
    assert (state.learning_rate, state.dropout) == (0.001, 0.5)


def test_a_run_whose_own_images_are_gone_meanwhile_can_still_be_steered(tmp_path):
    """It has them in memory."""
    gone = CONFIG.model_copy(update={"dataset": "own-images", "own_images": "0" * 32})
    with pytest.raises(UserError):
        gone.data()
    digits = load("digits").subset(60, 10)
    state = loop.TrainingState.create(gone, digits)
    state.steer(learning_rate=0.03)
    checkpoints.save(state, tmp_path / "checkpoint")
    assert checkpoints.load(gone, digits, tmp_path / "checkpoint").learning_rate == 0.03


def test_checkpoints_keep_changed_values_and_old_ones_have_none(tmp_path, monkeypatch):
    digits = load("digits").subset(60, 10)
    state = loop.TrainingState.create(CONFIG, digits)
    state.steer(learning_rate=0.03, weight_decay=0.2, dropout=0.1)
    state.obeyed = 7
    checkpoints.save(state, tmp_path / "new")
    loaded = checkpoints.load(CONFIG, digits, tmp_path / "new")
    assert (loaded.learning_rate, loaded.weight_decay, loaded.dropout, loaded.obeyed) == (0.03, 0.2, 0.1, 7)
    assert loaded.optimizer.param_groups[0]["weight_decay"] == 0.2
    assert [m.p for m in loaded.network.modules() if isinstance(m, torch.nn.Dropout)] == [0.05, 0.1]

    write = checkpoints.tensor_file.write
    old = lambda path, tensors, about: write(path, tensors, {k: v for k, v in about.items() if k != "steering"})  # noqa: E731
    monkeypatch.setattr(checkpoints.tensor_file, "write", old)
    checkpoints.save(state, tmp_path / "old")
    loaded = checkpoints.load(CONFIG, digits, tmp_path / "old")
    assert (loaded.learning_rate, loaded.weight_decay, loaded.dropout, loaded.obeyed) == (0.001, 0.0, 0.5, 0)


# The worker's part


def test_a_change_is_obeyed_before_the_next_update():
    run = create(CONFIG)
    ended = worker.work(run, watch=at_step({3: lambda: run.steer(learning_rate=0.01, dropout=0.0, weight_decay=0.1)}))
    assert ended.reason == "completed"
    rates = dict(zip(history_of(run).steps.step, history_of(run).steps.learning_rate, strict=True))
    assert {step: rates[step] for step in (3, 4)} == {3: 0.001, 4: 0.01}
    (steered,) = history_of(run).changes
    assert steered == Steered(step=3, command=1, action="set", learning_rate=0.01, dropout=0.0, weight_decay=0.1)


def test_what_was_asked_before_the_start_holds_from_the_first_update():
    run = create(CONFIG)
    run.steer(learning_rate=0.02, then="step", updates=2)
    seen = []

    def watch(event):
        seen.append(event)
        if isinstance(event, Paused):
            run.steer(then="go")

    worker.work(run, watch=watch)
    kinds = [type(event) for event in seen]
    assert kinds[kinds.index(Started) :][1:3] == [Steered, Steered]
    (paused,) = [event for event in seen if isinstance(event, Paused)]
    assert paused.step == 2
    assert set(history_of(run).steps.learning_rate) == {0.02}


def test_pause_step_change_go_stop_and_the_time_that_does_not_count(monkeypatch):
    monkeypatch.setattr(worker, "PAUSE_SAVED_SECONDS", 0.0)
    run = create(CONFIG)
    statuses = []

    def visitor():
        wishes = ({"then": "step"}, {"learning_rate": 0.005}, {"then": "step", "updates": 3}, {"then": "go"})
        for paused_before, wish in enumerate(wishes):
            wait_for(lambda count=paused_before: pauses(run) == count + 1 and run.status() == "paused", seconds=60.0)
            time.sleep(0.3)
            statuses.append((run.read()[0][-1].step, run.checkpoints.exists()))
            run.steer(**wish)

    page = threading.Thread(target=visitor, daemon=True)
    page.start()
    ended = worker.work(run, watch=at_step({2: lambda: run.steer(then="pause"), 10: lambda: run.steer(then="stop")}))
    page.join()
    assert (ended.reason, run.status()) == ("stopped", "stopped")
    assert statuses == [(2, True), (3, True), (3, True), (6, True)]
    history = history_of(run)
    assert history.latest.step == 10
    assert history.latest.seconds < 1.0  # four waits of 0.3 s are not in it
    assert [event.action for event in history.steered] == ["pause", "step", "set", "step", "go", "stop"]


@pytest.mark.parametrize("phase", ["stopped", "completed", "interrupted"])
def test_after_the_end_nothing_can_be_changed(phase):
    run = create(CONFIG)
    if phase == "interrupted":
        run.expect_no_worker()
    else:
        worker.work(run, stop=lambda: phase == "stopped")
    assert run.status() == phase
    for wish in ({"then": "pause"}, {"then": "go"}, {"then": "step"}, {"then": "stop"}, {"dropout": 0.1}):
        with pytest.raises(UserError, match="is over"):
            run.steer(**wish)


def test_what_comes_too_late_is_not_obeyed():
    run = create(CONFIG)

    def watch(event):
        if isinstance(event, Evaluated) and event.epoch == CONFIG.epochs:
            run.steer(learning_rate=1.0, then="pause")

    assert worker.work(run, watch=watch).reason == run.status() == "completed"
    assert history_of(run).steered == []


def test_a_queued_run_can_be_steered_and_a_stop_takes_it_from_the_line(monkeypatch):
    monkeypatch.setattr(launch, "start", lambda _run: None)
    monkeypatch.setenv("DLCORE_WORKERS", "1")
    queue.submit(CONFIG, owner="ann")
    run = queue.submit(CONFIG, owner="bob")
    assert run.status() == "queued"
    run.steer(then="pause", dropout=0.2)
    assert run.status() == "queued"
    run.expect_worker()
    assert [command.do for command in control.read(run.path)] == ["set", "pause"]
    run.expect_no_worker()
    run.steer(then="stop")
    assert run.status() == "stopped"


def test_whoever_resumes_wants_it_to_go():
    run = create(CONFIG)
    worker.work(run, stop=lambda: True)
    control.ask(run.path, [{"do": "pause"}, {"do": "set", "dropout": 0.3}, {"do": "stop"}])
    run.forget_wishes()
    run.expect_worker()
    assert worker.work(run).reason == "completed"
    assert [event.action for event in history_of(run).steered] == ["set"]


@pytest.mark.parametrize("others", [True, False])
def test_a_pause_does_not_hold_a_place_for_ever(monkeypatch, others):
    monkeypatch.setattr(launch, "start", lambda _run: None)
    monkeypatch.setenv("DLCORE_WORKERS", "1")
    monkeypatch.setattr(worker, "PAUSE_IN_DEMAND_SECONDS", 0.2)
    monkeypatch.setattr(worker, "PAUSE_ALONE_SECONDS", 1e9 if others else 0.2)
    run = queue.submit(CONFIG, owner="ann")
    if others:
        queue.submit(CONFIG, owner="bob")
    run.steer(then="step", updates=3)
    ended = worker.work(run)
    assert ended.reason == "stopped"
    assert ("others wait" in ended.message) == others
    assert run.checkpoints.exists()
    assert history_of(run).latest.step == 3
    assert run.summary().message == ended.message


def test_a_run_of_the_shell_may_pause_as_long_as_it_likes(monkeypatch):
    monkeypatch.setattr(worker, "PAUSE_IN_DEMAND_SECONDS", 0.0)
    monkeypatch.setattr(worker, "PAUSE_ALONE_SECONDS", 0.0)
    run = create(CONFIG)
    run.steer(then="pause")
    asked = []

    def stop():
        asked.append(1)
        return len(asked) > 5

    assert worker.work(run, stop=stop).message == ""
    assert len(asked) > 5


# Exactness


def steer_at_random_steps(run):
    return at_step(
        {
            2: lambda: run.steer(learning_rate=0.01),
            5: lambda: run.steer(dropout=0.0, weight_decay=0.01),
            STEPS: lambda: run.steer(learning_rate=0.004),
            STEPS + 3: lambda: run.steer(dropout=0.7),
        }
    )


@pytest.mark.parametrize(
    "kills",
    [[1], [2], [3], [6, 4], [STEPS, STEPS + 1], [STEPS + 5], [STEPS + 4, STEPS + 2, STEPS + 6], list(range(1, 15))],
)
def test_a_steered_run_that_is_killed_ends_as_the_steered_one_that_was_not(kills):
    config = CONFIG.model_copy(update={"schedule": "one-cycle", "optimizer": "adamw"})
    reference, run = create(config), create(config)
    worker.work(reference, watch=steer_at_random_steps(reference))
    watch = steer_at_random_steps(run)
    for step in kills:

        def die(event, step=step):
            if isinstance(event, Stepped) and event.step == step:
                raise Killed  # before anything is asked at this step; after it was, if this step is told again
            watch(event)

        with pytest.raises(Killed):
            worker.work(run, watch=die)
        assert run.status() == "interrupted"
    worker.work(run, watch=watch)
    assert losses(run) == losses(reference)
    assert history_of(run).changes == history_of(reference).changes
    assert run.weights_path.read_bytes() == reference.weights_path.read_bytes()
    assert [type(event) for event in run.read()[0]].count(Resumed) == len(kills)


def test_after_a_kill_a_new_wish_is_the_last_one():
    run = create(CONFIG)

    def die(event):
        if isinstance(event, Stepped) and event.step == 4:
            run.steer(learning_rate=0.5)
        if isinstance(event, Stepped) and event.step == 6:
            raise Killed

    with pytest.raises(Killed):
        worker.work(run, watch=die)
    run.expect_worker()
    worker.work(run, watch=at_step({2: lambda: run.steer(learning_rate=0.02)}))
    history = history_of(run)
    assert [(event.command, event.step, event.learning_rate) for event in history.changes] == [
        (1, 2, 0.5),
        (2, 2, 0.02),
    ]
    assert set(history.steps.learning_rate[2:]) == {0.02}


def test_a_pause_ends_with_its_worker():
    run = create(CONFIG)
    run.steer(then="step", updates=3)

    def die(event):
        if isinstance(event, Paused):
            raise Killed

    with pytest.raises(Killed):
        worker.work(run, watch=die)
    assert run.status() == "interrupted"
    assert worker.work(run).reason == "completed"


# Readers


def test_a_history_shows_each_command_once():
    history = RunHistory()
    change = Steered(step=3, command=1, action="set", dropout=0.1)
    step = [Stepped(step=n, epoch=1, loss=1.0, learning_rate=0.1, images_seen=n, seconds=n / 10) for n in range(1, 6)]
    history.append([*step[:3], change, *step[3:], Resumed(step=1, epoch=0)])
    assert history.steered == []
    history.append([*step[1:3], change, step[3]])
    assert history.changes == [change]
    history.append([Resumed(step=3, epoch=0), change])
    assert history.changes == [change]


def test_steered_and_paused_go_through_json_without_what_is_none():
    event = Steered(step=3, command=1, action="set", dropout=0.0)
    assert json.loads(to_json(event)) == {"kind": "steered", "step": 3, "command": 1, "action": "set", "dropout": 0.0}


# The shell


def test_the_shell_steers(capsys):
    run = create(CONFIG)
    assert main(["steer", run.run_id, "--learning-rate", "0.5", "--step", "3", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer == {"run_id": run.run_id, "commands": [1, 2], "status": "starting"}
    assert [(c.do, c.updates) for c in control.read(run.path)] == [("set", 1), ("step", 3)]
    for then in ("pause", "go"):
        assert main(["steer", run.run_id, f"--{then}"]) == 0
    assert main(["steer", run.run_id, "--stop"]) == 0
    assert run.status() == "stopping"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--dropout", "2"], "dropout must be in [0, 0.95]; got 2."),
        (["--step", "many"], "--step must be a whole number; got many."),
        (["--pause", "--go"], "not allowed with"),
        ([], "Nothing was asked"),
    ],
)
def test_the_shell_refuses_in_one_sentence(capsys, words, told):
    run = create(CONFIG)
    assert main(["steer", run.run_id, *words, "--json"]) == 2
    assert told in json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
