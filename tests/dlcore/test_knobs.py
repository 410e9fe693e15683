"""Each knob of the schema does what it says, and nothing else."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dlcore.config import TrainConfig
from dlcore.config.choices import INITIALISATIONS
from dlcore.data.labels import with_wrong_labels
from dlcore.data.loading import load
from dlcore.data.normalization import normalize
from dlcore.data.split import split_counts
from dlcore.models import MODELS
from dlcore.training import checkpoints, loop
from dlcore.training.averaging import decay_at
from dlcore.training.evaluation import loss_and_accuracy
from dlcore.training.events import Ended, Evaluated, Inspected, Started, Stepped
from dlcore.training.events import Tested as FinallyTested
from dlcore.training.initialisation import initialise
from dlcore.training.validation_record import ValidationRecord


@pytest.fixture(scope="module")
def digits():
    return load("digits").subset(160, 60)


def config(**settings):
    defaults = {"dataset": "digits", "model": "mlp", "epochs": 2, "batch_size": 32, "threads": 1, "device": "cpu"}
    return TrainConfig(**(defaults | settings))


def fresh(settings, digits):
    state = loop.TrainingState.create(settings, digits)
    events = loop.train(settings, state=state, dataset=digits)
    return state, (event for event in events if not isinstance(event, Inspected))


def run(settings, digits):
    state, events = fresh(settings, digits)
    return state, list(events)


def parameters(network):
    return [parameter.detach().clone() for parameter in network.parameters()]


# Optimisation


def test_nesterov_looks_ahead(digits):
    plain, ahead = (
        run(config(optimizer=optimizer, learning_rate=0.01, epochs=1), digits)[1] for optimizer in ("sgd", "nesterov")
    )
    plain, ahead = ([event.loss for event in events if isinstance(event, Stepped)] for events in (plain, ahead))
    assert plain[0] == ahead[0]
    assert plain[1:] != ahead[1:]


def test_a_squared_error_run_measures_everything_in_it(digits):
    state, events = run(config(loss="mse", learning_rate=0.005, epochs=6, dropout=0), digits)
    evaluated = [event for event in events if isinstance(event, Evaluated)]
    assert evaluated[0].train_loss == pytest.approx(0.9, abs=0.1)  # of guessing: 0.9² + 9 · 0.1²
    assert evaluated[-1].train_loss < evaluated[0].train_loss / 2
    tested = next(event for event in events if isinstance(event, FinallyTested))
    expected = loss_and_accuracy(state.model, digits.test_images, digits.test_labels, loss="mse")
    assert (tested.loss, tested.accuracy) == pytest.approx(expected)


def test_clipping_bounds_the_length_of_the_gradient(digits):
    rate, longest = 0.1, 0.05
    settings = config(optimizer="sgd", momentum=0, learning_rate=rate, gradient_clipping=longest, epochs=1)
    state, events = fresh(settings, digits)
    lengths, before = [], parameters(state.network)
    for event in events:
        if isinstance(event, Stepped):
            after = parameters(state.network)
            moved = torch.cat([(new - old).flatten() for new, old in zip(after, before, strict=True)])
            lengths.append(float(moved.norm()) / rate)
            before = after
    assert max(lengths) <= longest * 1.001
    assert lengths[0] == pytest.approx(longest, rel=1e-3)


def test_clipping_leaves_a_short_gradient_alone(digits):
    free, _ = run(config(epochs=1), digits)
    bound, _ = run(config(epochs=1, gradient_clipping=100), digits)
    assert all(torch.equal(a, b) for a, b in zip(free.network.parameters(), bound.network.parameters(), strict=True))


@pytest.mark.parametrize("name", INITIALISATIONS)
@pytest.mark.parametrize("model", MODELS)
def test_initialisation_has_the_variance_it_promises(name, model):
    torch.manual_seed(0)
    network = MODELS[model].build(in_channels=1, image_size=28, classes=10, dropout=0)
    default = parameters(network)
    initialise(network, name)
    if name == "default":
        assert all(torch.equal(a, b) for a, b in zip(default, network.parameters(), strict=True))
        return
    for module in network.modules():
        if not isinstance(module, nn.Conv2d | nn.Linear):
            continue
        inputs, outputs = nn.init._calculate_fan_in_and_fan_out(module.weight)
        variance = {"xavier": 2 / (inputs + outputs), "kaiming": 2 / inputs, "zeros": 0, "large": 1}[name]
        # the spread of an estimated variance is √(2/n) of it
        tolerance = 5 * variance * math.sqrt(2 / module.weight.numel())
        assert float(module.weight.detach().square().mean()) == pytest.approx(variance, abs=tolerance)
        assert module.bias is None or not module.bias.any()


def test_a_network_of_zeros_learns_only_how_frequent_the_classes_are(digits):
    state, _ = run(config(initialisation="zeros"), digits)
    *weights, last_bias = parameters(state.network)
    assert not any(weight.any() for weight in weights)
    assert last_bias.any()


def test_averaged_weights_follow_the_formula(digits):
    settings = config(ema=0.7, epochs=2, model="compact-cnn", learning_rate=0.01)
    state, events = fresh(settings, digits)
    expected = parameters(state.network)
    for event in events:
        if isinstance(event, Stepped):
            d = min(0.7, (1 + event.step) / (10 + event.step))
            now = parameters(state.network)
            expected = [d * mean + (1 - d) * value for mean, value in zip(expected, now, strict=True)]
    assert [decay_at(0.7, t) for t in (1, 20, 21)] == pytest.approx([2 / 11, 0.7, 0.7])
    assert state.model is not state.network
    for mean, value in zip(state.model.parameters(), expected, strict=True):
        torch.testing.assert_close(mean, value)


def test_averaged_weights_are_the_ones_judged_and_kept(digits, tmp_path):
    plain, _ = run(config(), digits)
    state, events = run(config(ema=0.9), digits)
    assert all(torch.equal(a, b) for a, b in zip(plain.network.parameters(), state.network.parameters(), strict=True))
    tested = next(event for event in events if isinstance(event, FinallyTested))
    assert tested.loss == loss_and_accuracy(state.averaged, digits.test_images, digits.test_labels)[0]
    assert tested.loss != loss_and_accuracy(state.network, digits.test_images, digits.test_labels)[0]
    checkpoints.save_weights(state.model, tmp_path / "weights", checkpoints.describe_weights(state, digits))
    model, _ = checkpoints.load_weights(tmp_path / "weights")
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), state.averaged.parameters(), strict=True))


# Schedules that look at validation


def test_the_record_reduces_after_two_epochs_without_progress_and_waits_again():
    record = ValidationRecord()
    factors, stale = [], []
    for loss in (2.0, 1.0, 1.5, 1.0, 1.2, 0.9, 0.95, math.nan, 0.8):
        record.note(loss, 0.5)
        factors.append(record.plateau_factor)
        stale.append(record.stale_epochs)
    assert factors == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01])
    assert stale == [0, 0, 1, 2, 3, 0, 1, 2, 0]
    assert record.best_loss == 0.8


def test_plateau_lowers_the_learning_rate_where_validation_stalls(digits):
    _, events = run(config(schedule="plateau", learning_rate=0.5, epochs=8), digits)
    record, rates = ValidationRecord(), {}
    for event in events:
        if isinstance(event, Evaluated):
            record.note(event.validation_loss, event.validation_accuracy)
        if isinstance(event, Stepped):
            rates.setdefault(event.epoch, set()).add(event.learning_rate)
            assert event.learning_rate == pytest.approx(0.5 * record.plateau_factor)
    assert all(len(inside) == 1 for inside in rates.values())
    assert min(rates[8]) <= 0.05


# Regularisation


def test_l1_adds_its_gradient_to_the_weights_and_not_to_the_biases(digits):
    rate, l1 = 0.1, 0.01
    settings = config(model="linear", optimizer="sgd", momentum=0, learning_rate=rate, l1=l1, batch_size=144)
    state, events = fresh(settings, digits)
    weight, bias = parameters(state.network)
    next(event for event in events if isinstance(event, Stepped))
    w, b = weight.clone().requires_grad_(), bias.clone().requires_grad_()
    x = normalize(digits.train_images[state.train_indices]).flatten(1)
    loss = F.cross_entropy(x @ w.T + b, digits.train_labels[state.train_indices]) + l1 * w.abs().sum()
    for moved, start, gradient in zip(
        state.network.parameters(), (weight, bias), torch.autograd.grad(loss, (w, b)), strict=True
    ):
        torch.testing.assert_close(moved.detach(), start - rate * gradient, atol=1e-6, rtol=1e-4)


def test_l1_makes_weights_small(digits):
    free, bound = (run(config(model="linear", epochs=20, l1=l1), digits)[0] for l1 in (0, 0.03))
    small = [float((next(state.network.parameters()).abs() < 0.002).float().mean()) for state in (free, bound)]
    assert small[1] > small[0] + 0.3


# Training data


@pytest.mark.parametrize("share", [0.0, 0.25, 0.9])
def test_exactly_the_asked_share_of_labels_becomes_another_class(share):
    labels, indices = torch.arange(2000) % 10, torch.arange(500, 1500)
    noisy = with_wrong_labels(labels, indices, share=share, classes=10, generator=torch.Generator().manual_seed(3))
    changed = (noisy != labels).nonzero().squeeze(1)
    assert len(changed) == round(share * 1000)
    assert all(500 <= index < 1500 for index in changed.tolist())
    assert noisy.min() >= 0
    assert noisy.max() <= 9
    if share:
        shifts = torch.bincount((noisy - labels)[changed] % 10, minlength=10)[1:] / len(changed)
        assert shifts.tolist() == pytest.approx([1 / 9] * 9, abs=0.07)  # every other class as likely


def test_wrong_labels_stay_the_same_for_the_run_and_out_of_validation_and_test(digits):
    settings = config(label_noise=0.5)
    state, events = run(settings, digits)
    once, twice = loop._labels(state, digits), loop._labels(loop.TrainingState.create(settings, digits), digits)
    assert torch.equal(once, twice)
    assert int((once != digits.train_labels).sum()) == 72
    assert torch.equal(once[state.validation_indices], digits.train_labels[state.validation_indices])
    last = [event for event in events if isinstance(event, Evaluated)][-1]
    held_back = state.validation_indices
    clean = loss_and_accuracy(state.model, digits.train_images[held_back], digits.train_labels[held_back])
    assert (last.validation_loss, last.validation_accuracy) == clean
    tested = next(event for event in events if isinstance(event, FinallyTested))
    assert tested.loss == loss_and_accuracy(state.model, digits.test_images, digits.test_labels)[0]


def test_a_share_of_the_training_images_is_part_of_the_whole_and_judged_by_the_same(digits):
    whole, part = (loop.TrainingState.create(config(train_fraction=share), digits) for share in (1, 0.25))
    assert torch.equal(part.validation_indices, whole.validation_indices)
    assert part.train_indices.tolist() == whole.train_indices.tolist()[:36]
    _, events = run(config(train_fraction=0.25), digits)
    assert (events[0].train_count, events[0].steps_per_epoch) == (36, 2)
    assert [event.images_seen for event in events if isinstance(event, Stepped)][-1] == 72
    assert run(config(train_fraction=1e-9, epochs=1), digits)[1][0].train_count == 1


@pytest.mark.parametrize(
    ("images", "validation", "train", "expected"), [(2, 0.5, 1, (1, 1)), (100, 0.1, 0.5, (45, 10))]
)
def test_split_counts(images, validation, train, expected):
    assert split_counts(images, validation_fraction=validation, train_fraction=train) == expected


# When to stop


def test_early_stopping_stops_and_says_so(digits):
    settings = config(early_stopping=2, epochs=200, learning_rate=0.3, optimizer="sgd", label_noise=0.9)
    _, events = run(settings, digits)
    losses = [event.validation_loss for event in events if isinstance(event, Evaluated)]
    assert len(losses) - 1 < 200
    best = losses.index(min(losses))
    assert len(losses) - 1 - best == 2
    assert isinstance(events[-2], FinallyTested)
    assert events[-1].reason == "completed"
    assert events[-1].values == {"epoch": len(losses) - 1, "patience": 2}
    assert str(len(losses) - 1) in events[-1].message.format(**events[-1].values)


def test_reaching_the_target_stops(digits):
    _, events = run(config(target_accuracy=0.5, epochs=200, learning_rate=0.003, dropout=0), digits)
    accuracies = [event.validation_accuracy for event in events if isinstance(event, Evaluated)]
    assert accuracies[-1] >= 0.5 > max(accuracies[1:-1], default=0)
    assert events[-1].reason == "completed"
    assert events[-1].values == {"epoch": len(accuracies) - 1, "accuracy": round(100 * accuracies[-1], 2)}


@pytest.mark.parametrize("off", [{"early_stopping": 0}, {"target_accuracy": 0}])
def test_a_stop_that_is_off_never_stops(digits, off):
    _, events = run(config(learning_rate=0.0000001, epochs=4, **off), digits)
    assert [event.epoch for event in events if isinstance(event, Evaluated)] == [0, 1, 2, 3, 4]
    assert events[-1] == Ended(reason="completed")


# All of it, stopped and continued


@pytest.mark.parametrize(("model", "stop_after"), [("mlp", 3), ("mlp", 14), ("compact-cnn", 20), ("mlp", 27)])
def test_resuming_with_everything_on_is_exact(digits, tmp_path, model, stop_after):
    settings = config(
        model=model,
        optimizer="nesterov",
        schedule="plateau",
        learning_rate=1.0,
        ema=0.8,
        label_noise=0.4,
        train_fraction=0.8,
        l1=0.0001,
        gradient_clipping=1,
        early_stopping=4,
        initialisation="kaiming",
        epochs=8,
        augmentation="light",
    )
    whole, expected = run(settings, digits)
    half, events = fresh(settings, digits)
    before = [next(events) for _ in range(stop_after)]
    checkpoints.save(half, tmp_path / "checkpoint")
    resumed = checkpoints.load(settings, digits, tmp_path / "checkpoint")
    after = [e for e in loop.train(settings, state=resumed, dataset=digits) if not isinstance(e, Inspected)]
    assert untimed(before + after) == untimed(expected)
    assert min(event.learning_rate for event in expected if isinstance(event, Stepped)) < 1.0
    for one, other in ((whole.network, resumed.network), (whole.averaged, resumed.averaged)):
        assert all(
            torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
        )
    assert resumed.record == whole.record


def test_a_run_that_stopped_early_does_not_go_on_when_continued(digits, tmp_path):
    settings = config(target_accuracy=0.3, epochs=50, learning_rate=0.003, dropout=0)
    state, events = fresh(settings, digits)
    while (ended := state.ending()) is None:
        next(events)
    assert state.evaluated_epoch < 50
    checkpoints.save(state, tmp_path / "checkpoint")
    resumed = checkpoints.load(settings, digits, tmp_path / "checkpoint")
    tested, last = loop.train(settings, state=resumed, dataset=digits)
    assert isinstance(tested, FinallyTested)
    assert last == ended


def test_a_checkpoint_from_before_there_were_these_knobs_still_continues(digits, tmp_path, monkeypatch):
    settings = config()
    state, events = fresh(settings, digits)
    for event in events:
        if isinstance(event, Started):
            break
    old = {"dataset", "model", "epochs", "batch_size", "threads", "device", "optimizer", "dropout"}
    monkeypatch.setattr(TrainConfig, "model_dump", lambda self: {name: getattr(self, name) for name in old})
    checkpoints.save(state, tmp_path / "checkpoint")
    monkeypatch.undo()
    assert checkpoints.load(settings, digits, tmp_path / "checkpoint").step == state.step


def untimed(events):
    return [
        {name: getattr(event, name) for name in event.__slots__ if name != "seconds"} | {"kind": event.kind}
        for event in events
    ]
