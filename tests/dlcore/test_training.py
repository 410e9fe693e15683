"""The loop: what it yields, that it learns, that it repeats itself bit for bit, and how it ends."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dlcore.config import TrainConfig
from dlcore.config.choices import OPTIMIZERS, SCHEDULES
from dlcore.data.loading import Dataset, load
from dlcore.messages import UserError
from dlcore.models import MODELS
from dlcore.training import checkpoints, loop
from dlcore.training.evaluation import judge, log_probabilities, loss_and_accuracy
from dlcore.training.events import Ended, Evaluated, Inspected, Preparing, Started, Stepped, from_json, to_json
from dlcore.training.events import Tested as FinallyTested
from dlcore.training.losses import training_loss
from dlcore.training.optimizers import build_optimizer
from dlcore.training.schedules import learning_rate_at


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits").subset(160, 60)


def config(**settings) -> TrainConfig:
    defaults = {"dataset": "digits", "model": "mlp", "epochs": 2, "batch_size": 32, "threads": 1, "device": "cpu"}
    return TrainConfig(**(defaults | settings))


def numbers(events):
    """What must repeat: everything but the times."""
    return [
        event
        if not isinstance(event, Stepped | Evaluated | FinallyTested)
        else (type(event), {name: getattr(event, name) for name in event.__slots__ if name != "seconds"})
        for event in events
    ]


def uninspected(events):
    """All but what is only looked at: between it and the evaluation that follows nothing may be saved."""
    return (event for event in events if not isinstance(event, Inspected))


def weights(state):
    return {name: tensor.clone() for name, tensor in state.model.state_dict().items()}


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_events_come_in_the_documented_order(digits):
    events = list(loop.train(config(), dataset=digits))
    kinds = [type(event) for event in events]
    steps = math.ceil(144 / 32)  # 160 images, a tenth held back; the last batch is smaller
    evaluation = [Inspected, Evaluated]
    assert kinds == [Started, *evaluation, *([Stepped] * steps + evaluation) * 2, FinallyTested, Ended]
    assert events[0].steps_per_epoch == steps
    assert (events[0].train_count, events[0].validation_count, events[0].test_count) == (144, 16, 60)
    assert [event.step for event in events if isinstance(event, Stepped)] == list(range(1, 2 * steps + 1))
    assert [event.epoch for event in events if isinstance(event, Stepped)] == [1] * steps + [2] * steps
    assert [event.epoch for event in events if isinstance(event, Evaluated)] == [0, 1, 2]
    assert [event.images_seen for event in events if isinstance(event, Stepped)][steps - 2 : steps + 1] == [
        128,
        144,
        176,
    ]
    assert events[-1].reason == "completed"
    assert all(from_json(to_json(event)) == event for event in events)


def test_preparing_comes_first_when_the_data_is_not_given():
    first = next(loop.train(config()))
    assert isinstance(first, Preparing)


@pytest.mark.parametrize("model", MODELS)
def test_the_untrained_network_is_as_good_as_guessing(digits, model):
    evaluated = next(event for event in loop.train(config(model=model), dataset=digits) if isinstance(event, Evaluated))
    assert evaluated.step == 0
    assert evaluated.validation_loss == pytest.approx(math.log(10), abs=0.4)


@pytest.mark.parametrize("model", MODELS)
def test_overfits_one_batch_to_nothing(digits, model):
    one_batch = digits.subset(24, 10)
    settings = config(model=model, epochs=40, learning_rate=0.01, dropout=0, validation_fraction=0.34)
    *_, last = (event for event in loop.train(settings, dataset=one_batch) if isinstance(event, Stepped))
    assert last.loss < (0.05 if model == "linear" else 0.01)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_learns(digits, optimizer):
    rate = {"sgd": 0.05, "nesterov": 0.05, "adagrad": 0.01}.get(optimizer, 0.002)
    settings = config(optimizer=optimizer, learning_rate=rate, momentum=0.5, epochs=6, dropout=0)
    events = [event for event in loop.train(settings, dataset=digits) if isinstance(event, Evaluated)]
    assert events[-1].train_loss < events[0].train_loss / 2


@pytest.mark.parametrize("model", ["article-cnn", "compact-cnn"])
def test_same_seed_same_numbers_and_weights_bit_for_bit(digits, model):
    settings = config(model=model, augmentation="strong", epochs=1)

    def run(settings):
        state = loop.TrainingState.create(settings, digits)
        return numbers(loop.train(settings, state=state, dataset=digits)), weights(state)

    events, final = run(settings)
    torch.rand(7)  # whatever else draws random numbers changes nothing
    again, final_again = run(settings)
    assert events == again
    assert same(final, final_again)
    assert not same(final, run(settings.model_copy(update={"seed": 1}))[1])


def test_training_leaves_the_callers_random_numbers_alone(digits):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    list(loop.train(config(epochs=1), dataset=digits))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_is_torchs_own_to_the_last_bit(optimizer):
    settings = config(optimizer=optimizer, learning_rate=0.01, weight_decay=0.1, momentum=0.5)
    ours, theirs = (nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    light = build_optimizer(ours, settings)
    full = next(kind for kind in type(light).__mro__ if kind.__module__.startswith("torch.optim"))
    reference = full(
        [
            {"params": [p for p in theirs.parameters() if matrices == (p.dim() >= 2)], **options}
            for matrices, group in zip((True, False), light.param_groups, strict=True)
            for options in ({name: value for name, value in group.items() if name != "params"},)
        ]
    )
    dice = torch.Generator().manual_seed(0)
    for _ in range(5):
        images = torch.randn(8, 5, generator=dice)
        for network, stepped in ((ours, light), (theirs, reference)):
            stepped.zero_grad()
            network(images).square().sum().backward()
            stepped.step()
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    assert all(p.grad_fn is None for p in ours.parameters())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("stop_after", [1, 3, 5, 6, 8])
def test_resuming_anywhere_equals_never_having_stopped(digits, tmp_path, optimizer, stop_after):
    """Events of the whole: Started, Evaluated, 5 × Stepped, Evaluated, 5 × Stepped, Evaluated, Tested, Ended."""
    settings = config(optimizer=optimizer, schedule="one-cycle", augmentation="light")
    _resume_and_compare(settings, digits, tmp_path, stop_after)


@pytest.mark.parametrize("model", ["compact-cnn", "article-cnn"])
def test_resuming_a_convolutional_network_is_exact(digits, tmp_path, model):
    """Convolutions have a memory layout of their own, and batch normalisation has averages."""
    _resume_and_compare(config(model=model, optimizer="adamw", batch_size=64), digits, tmp_path, stop_after=6)


def _resume_and_compare(settings, digits, tmp_path, stop_after):
    whole = loop.TrainingState.create(settings, digits)
    expected = list(uninspected(loop.train(settings, state=whole, dataset=digits)))

    half = loop.TrainingState.create(settings, digits)
    events = uninspected(loop.train(settings, state=half, dataset=digits))
    before = [next(events) for _ in range(stop_after + 1)]
    checkpoints.save(half, tmp_path / "checkpoint")
    del half, events

    resumed = checkpoints.load(settings, digits, tmp_path / "checkpoint")
    assert resumed.seconds > 0 or stop_after == 1
    after = list(uninspected(loop.train(settings, state=resumed, dataset=digits)))
    assert numbers(before + after) == numbers(expected)
    assert same(weights(whole), weights(resumed))


def test_stopping_is_ceasing_to_iterate_and_can_still_be_tested(digits):
    settings = config()
    state = loop.TrainingState.create(settings, digits)
    for event in loop.train(settings, state=state, dataset=digits):
        if isinstance(event, Stepped) and event.step == 3:
            break
    assert state.step == 3
    assert loop.test(state, digits).count == 60


def test_evaluation_uses_eval_mode_and_changes_nothing(digits):
    settings = config(model="compact-cnn", dropout=0.9)
    model = loop.TrainingState.create(settings, digits).model
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first = loss_and_accuracy(model, digits.test_images, digits.test_labels)
    assert first == loss_and_accuracy(model, digits.test_images, digits.test_labels)
    assert model.training
    assert same(before, model.state_dict())  # not even the running averages of batch normalisation


def test_losses_are_means_per_image(digits):
    """600 images make batches of 250, 250 and 100: a mean of batch means would be another number."""
    images, labels = digits.test_images.repeat(10, 1, 1, 1), digits.test_labels.repeat(10)
    model = MODELS["linear"].build(in_channels=1, image_size=28, classes=10, dropout=0)
    log_p = log_probabilities(model, images)
    by_hand = -sum(float(log_p[i, label]) for i, label in enumerate(labels)) / 600
    assert loss_and_accuracy(model, images, labels)[0] == pytest.approx(by_hand, rel=1e-5)


def test_judging_counts_every_image_and_shows_the_worst(digits):
    model = MODELS["linear"].build(in_channels=1, image_size=28, classes=10, dropout=0)
    tested = judge(log_probabilities(model, digits.test_images), digits.test_images, digits.test_labels)
    p = log_probabilities(model, digits.test_images).exp()
    assert sum(map(sum, tested.confusion)) == tested.count == 60
    assert sum(tested.confusion[k][k] for k in range(10)) == tested.correct
    assert [sum(row) for row in tested.confusion] == torch.bincount(digits.test_labels, minlength=10).tolist()
    assert len(tested.mistakes) == 20
    assert [m.confidence for m in tested.mistakes] == sorted((m.confidence for m in tested.mistakes), reverse=True)
    wrong = p.argmax(1) != digits.test_labels
    assert tested.mistakes[0].confidence == pytest.approx(float(p[wrong].max()))
    assert all(m.label == digits.test_labels[m.index] != m.predicted == p[m.index].argmax() for m in tested.mistakes)


def test_label_smoothing_is_cross_entropy_with_smoothed_targets():
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 10, dtype=torch.double), torch.arange(6)
    log_p = F.log_softmax(logits, 1)
    for smoothing in (0.0, 0.1, 0.5):
        expected = F.cross_entropy(logits, labels, label_smoothing=smoothing)
        torch.testing.assert_close(training_loss(log_p, labels, smoothing), expected)


def test_squared_error_is_the_distance_to_the_one_hot_target():
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 10, dtype=torch.double, requires_grad=True), torch.arange(6)
    for smoothing in (0.0, 0.1):
        target = torch.eye(10, dtype=torch.double)[labels] * (1 - smoothing) + smoothing / 10
        expected = F.mse_loss(logits.softmax(1), target) * 10  # torch also takes the mean over the classes
        loss = training_loss(F.log_softmax(logits, 1), labels, smoothing, loss="mse")
        torch.testing.assert_close(loss, expected)
        torch.testing.assert_close(*(torch.autograd.grad(x, logits)[0] for x in (loss, expected)))


def test_label_smoothing_does_not_touch_evaluation(digits):
    """Before the first update both networks are the same, and so must be what is said of them."""
    plain, smooth = (
        [
            event
            for event, _ in zip(
                uninspected(loop.train(config(label_smoothing=s), dataset=digits)), range(3), strict=False
            )
        ]
        for s in (0.0, 0.3)
    )
    assert plain[1].validation_loss == smooth[1].validation_loss
    assert plain[2].loss != smooth[2].loss


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_reach_their_peak_and_never_pass_it(schedule):
    rates = [learning_rate_at(schedule, 0.3, step=step, total_steps=101) for step in range(101)]
    assert max(rates) == pytest.approx(0.3)
    assert min(rates) >= 0
    assert learning_rate_at(schedule, 0.3, step=0, total_steps=1) > 0


def test_schedules_have_their_closed_forms():
    def rate(name, step):
        return learning_rate_at(name, 2.0, step=step, total_steps=101)

    assert rate("constant", 77) == 2
    assert [rate("cosine", s) for s in (0, 50, 100)] == pytest.approx([2, 1, 0])
    assert rate("cosine", 25) == pytest.approx(1 + math.sqrt(0.5))
    assert [rate("step", s) for s in (0, 66, 67, 100)] == pytest.approx([2, 2, 0.2, 0.2])
    assert [rate("warm-up", s) for s in (0, 5, 10, 55, 100)] == pytest.approx([0.08, 1.04, 2, 1, 0])
    assert rate("plateau", 77) == 2


def test_one_cycle_is_torchs():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    reference = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=101, cycle_momentum=False)
    for step in range(101):
        # torch's peak lies at 0.3 · 101 − 1 steps, ours at 0.3 of the way; the difference is a fraction of a step
        expected = reference.get_last_lr()[0]
        assert learning_rate_at("one-cycle", 0.5, step=step, total_steps=101) == pytest.approx(expected, abs=0.02)
        optimizer.step()
        reference.step()
    assert learning_rate_at("one-cycle", 0.5, step=100, total_steps=101) == pytest.approx(0.5 / 25 / 1e4)


def test_the_schedule_is_what_the_optimizer_uses(digits):
    settings = config(schedule="cosine", learning_rate=0.01)
    state = loop.TrainingState.create(settings, digits)
    for event in loop.train(settings, state=state, dataset=digits):
        if isinstance(event, Stepped):
            expected = learning_rate_at("cosine", 0.01, step=event.step - 1, total_steps=10)
            assert event.learning_rate == expected
            assert {group["lr"] for group in state.optimizer.param_groups} == {expected}


def test_a_loss_that_is_no_number_ends_the_run_as_diverged(digits):
    settings = config(model="linear", optimizer="sgd", learning_rate=0.1, schedule="one-cycle")
    state = loop.TrainingState.create(settings, digits)
    events = loop.train(settings, state=state, dataset=digits)
    seen = [next(events) for _ in range(5)]
    with torch.no_grad():
        next(state.model.parameters())[0, 0] = math.inf
    seen += list(events)
    assert isinstance(seen[-1], Ended)
    assert seen[-1].reason == "diverged"
    assert seen[-1].values["step"] == state.step + 1 == 3
    said = " ".join(text.format(**seen[-1].values) for text in [seen[-1].message, *seen[-1].advice])
    assert "step 3" in said
    assert "now 0.1," in said  # what was set, and not what the schedule made of it
    assert not any(isinstance(event, FinallyTested) for event in seen)
    assert all(math.isfinite(event.loss) for event in seen if isinstance(event, Stepped))


def test_a_network_that_explodes_in_the_last_update_of_an_epoch_is_diverged_too(digits):
    settings = config(model="linear", epochs=1)
    state = loop.TrainingState.create(settings, digits)
    events = loop.train(settings, state=state, dataset=digits)
    while state.step < state.steps_per_epoch:
        next(events)
    with torch.no_grad():
        next(state.model.parameters()).fill_(math.nan)
    continued = loop.train(settings, state=state, dataset=digits)  # as by a worker that resumes right there
    for rest in (continued, events):
        state.evaluated_epoch = 0
        (ended,) = rest
        assert isinstance(ended, Ended)
        assert (ended.reason, ended.values["step"]) == ("diverged", state.step)


def test_a_device_that_is_not_there_is_refused_kindly(digits):
    absent = next(name for name in ("cuda", "mps") if not getattr(torch, name).is_available())
    with pytest.raises(UserError, match=f"no {absent} device"):
        list(loop.train(config(device=absent), dataset=digits))


def test_threads_are_what_was_asked_for(digits):
    before = torch.get_num_threads()
    try:
        started = next(loop.train(config(threads=2), dataset=digits))
        assert started.threads == torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_split_is_a_partition_that_the_seed_decides(digits):
    states = [loop.TrainingState.create(config(seed=seed), digits) for seed in (0, 0, 1)]
    for state in states:
        assert sorted(torch.cat([state.train_indices, state.validation_indices]).tolist()) == list(range(160))
    assert torch.equal(states[0].validation_indices, states[1].validation_indices)
    assert not torch.equal(states[0].validation_indices, states[2].validation_indices)
