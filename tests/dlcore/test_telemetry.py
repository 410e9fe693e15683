"""What is recorded beside the loss is true, touches nothing, and reads back; what was recorded before it existed too."""

import json
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dlcore.config import TrainConfig
from dlcore.config.choices import OPTIMIZERS
from dlcore.data.loading import Dataset, load
from dlcore.data.normalization import normalize
from dlcore.models import MODELS
from dlcore.runs import worker
from dlcore.runs.directory import create
from dlcore.runs.history import RunHistory
from dlcore.training import loop, telemetry
from dlcore.training.evaluation import log_probabilities
from dlcore.training.events import Ended, Evaluated, Inspected, Started, Stepped, from_json, known, to_json


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits").subset(200, 20)


def config(**settings) -> TrainConfig:
    defaults = {"dataset": "digits", "model": "mlp", "epochs": 2, "batch_size": 32, "threads": 1, "device": "cpu"}
    return TrainConfig(**(defaults | settings))


def matrices(network) -> list[torch.Tensor]:
    return [parameter for parameter in network.parameters() if parameter.dim() > 1]


def flat(tensors) -> torch.Tensor:
    return torch.cat([tensor.detach().double().reshape(-1) for tensor in tensors])


@pytest.mark.parametrize("clipping", [0.0, 0.5])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_gradient_norm_and_update_ratio_are_those_of_a_naive_computation(monkeypatch, digits, optimizer, clipping):
    monkeypatch.setattr(telemetry, "SAMPLED_WEIGHTS", 1_000_000)  # all of them
    settings = config(
        model="lenet5", optimizer=optimizer, gradient_clipping=clipping, l1=0.001, weight_decay=0.01, dropout=0.0
    )
    state = loop.TrainingState.create(settings, digits)
    step, seen, real = state.optimizer.step, [], nn.utils.clip_grad_norm_

    def naive_step():
        before = flat(matrices(state.network))
        step()
        seen.append(float((flat(matrices(state.network)) - before).norm() / before.norm()))

    norms = []

    def clip(parameters, most):
        parameters = list(parameters)
        norms.append(float(flat(parameter.grad for parameter in parameters).norm()))
        return real(parameters, most)

    state.optimizer.step = naive_step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.utils, "clip_grad_norm_", clip)
        for event in loop.train(settings, state=state, dataset=digits):
            if not isinstance(event, Stepped):
                continue
            naive = norms[-1] if clipping else float(flat(p.grad for p in state.network.parameters()).norm())
            assert event.gradient_norm == pytest.approx(naive, rel=1e-5)
            assert known(event.update_ratio) == pytest.approx(seen[-1], rel=1e-4)
    assert len(seen) == 12


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_sample_of_the_weights_tells_how_far_all_of_them_move(digits, optimizer):
    """Within a tenth for the whole network, within a quarter for each layer, by every optimizer."""
    settings = config(model="article-cnn", optimizer=optimizer, dropout=0.0, learning_rate=0.01)
    state = loop.TrainingState.create(settings, digits)
    weights = list(matrices(state.network))
    before = [p.detach().clone() for p in weights]
    for event in loop.train(settings, state=state, dataset=digits):
        if not isinstance(event, Stepped):
            continue
        moved = [float((p.detach() - then).norm()) for p, then in zip(weights, before, strict=True)]
        sizes = [float(then.norm()) for then in before]
        assert known(event.update_ratio) == pytest.approx(math.hypot(*moved) / math.hypot(*sizes), rel=0.1)
        assert list(state.meter.layer_ratios()) == ["conv1", "conv2", "fc1", "fc2"]
        for ratio, length, size in zip(state.meter.layer_ratios().values(), moved, sizes, strict=True):
            assert ratio == pytest.approx(length / size, rel=0.25)
        before = [p.detach().clone() for p in weights]


def test_where_the_weights_lie_in_memory_and_on_which_device_makes_no_difference():
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 700, 3), nn.Flatten(), nn.Linear(5, 4))
    network.to(memory_format=torch.channels_last)
    weights = [p for p in network.parameters() if p.dim() > 1]
    on_cpu, elsewhere = telemetry._Sample(weights), telemetry._Sample(weights)
    elsewhere._on_cpu = False  # by way of PyTorch, as on a GPU
    before = [p.detach().clone() for p in weights]
    for sample in (on_cpu, elsewhere):
        sample.look()
    with torch.no_grad():
        for parameter in weights:
            parameter.mul_(1.5)
    for sample in (on_cpu, elsewhere):
        sample.look()
        assert [moved / size for moved, size in sample.each()] == pytest.approx([0.5, 0.5, 0.5], rel=1e-6)
        assert [size for _, size in sample.each()] == pytest.approx([float(p.norm()) for p in before], rel=0.1)
        ((moved, size),) = sample.told()
        assert moved / size == pytest.approx(0.5, rel=1e-6)
        assert size == pytest.approx(float(flat(before).norm()), rel=0.05)
        assert sample.told() == []
    assert on_cpu.each() == elsewhere.each()


@pytest.mark.parametrize("far", [1e25, math.inf, math.nan])
def test_weights_too_large_for_their_squares_are_told_and_warn_of_nothing(far):
    network = nn.Linear(3, 2)
    sample = telemetry._Sample(list(network.parameters()))
    sample.look()
    with torch.no_grad():
        network.weight[0, 0] = far
    sample.look()
    assert sample.each()[0][0] == math.inf
    with torch.no_grad():
        network.weight[0, 0] = 0
    sample.look()
    assert sample.each() == [(math.inf, math.inf), (0, pytest.approx(float(network.bias.detach().norm())))]
    (out, size), (back, far_size) = sample.told()
    assert math.isfinite(size)
    assert out == back == far_size == math.inf


@pytest.mark.parametrize("each_step", [True, False], ids=["on a CPU", "elsewhere"])
@pytest.mark.parametrize("model", ["mlp", "resnet-small"])
def test_updates_told_late_are_those_told_at_once(monkeypatch, digits, model, each_step):
    """Over more of them than are noted down at a time, of more weights than NumPy adds up in one go, and by layer too."""
    monkeypatch.setattr(telemetry, "SAMPLED_STEPS", 2)
    settings = config(model=model, batch_size=2, epochs=1)
    at_once, late, layers = [], [], []
    for told in (at_once, late):
        state = loop.TrainingState.create(settings, digits)
        for event in loop.train(settings, state=state, dataset=digits):
            if isinstance(event, Started | Inspected | Evaluated):
                state.meter._each_step = each_step
            if isinstance(event, Stepped):
                told.append(known(event.update_ratio) if told is at_once else event.update_ratio)
        layers.append(state.meter.layer_ratios())
    assert layers[0] == layers[1]
    assert len(late) > 2 * telemetry._LOOKS
    assert [known(one) for one in late] == at_once  # to the last bit, as when a log is flushed goes by the clock


def test_elsewhere_than_on_a_cpu_updates_are_measured_now_and_then(monkeypatch, digits):
    monkeypatch.setattr(telemetry, "SAMPLED_STEPS", 3)
    settings = config(epochs=1)
    ratios = {}
    for each_step in (True, False):
        state = loop.TrainingState.create(settings, digits)
        for event in loop.train(settings, state=state, dataset=digits):
            if isinstance(event, Started | Inspected | Evaluated):
                state.meter._each_step = each_step
            elif isinstance(event, Stepped):
                ratios[each_step, event.step] = known(event.update_ratio)
                assert (event.gradient_norm is None) == (event.update_ratio is None)
    assert [step for step in range(1, 7) if ratios[False, step] is not None] == [1, 4]
    assert all(ratios[False, step] == ratios[True, step] for step in (1, 4))


@pytest.mark.parametrize("model", MODELS)
def test_recording_changes_no_bit_and_draws_nothing(digits, model):
    settings = config(model=model, epochs=1, augmentation="light", ema=0.9)
    results = []
    for recording in (True, False):
        torch.manual_seed(5)
        state = loop.TrainingState.create(settings, digits)
        events = list(loop.train(settings, state=state, dataset=digits, recording=recording))
        measured = [
            (e.train_loss, e.validation_loss) if isinstance(e, Evaluated) else e.loss
            for e in events
            if isinstance(e, Evaluated | Stepped)
        ]
        results.append((measured, state.model.state_dict(), torch.rand(3)))
        assert any(isinstance(event, Inspected) for event in events) == recording
    (measured, weights, drawn), (plain_measured, plain_weights, plain_drawn) = results
    assert measured == plain_measured
    assert all(torch.equal(weights[name], plain_weights[name]) for name in weights)
    assert torch.equal(drawn, plain_drawn)


def test_an_inspection_tells_what_the_network_does(digits):
    settings = config(model="article-cnn", validation_fraction=0.3)
    state = loop.TrainingState.create(settings, digits)
    inspections = []
    for event in loop.train(settings, state=state, dataset=digits):
        if isinstance(event, Inspected):
            log_p = log_probabilities(state.model, digits.train_images[state.validation_indices])
            truth = digits.train_labels[state.validation_indices]
            said = log_p.argmax(1)
            for true in range(10):
                for predicted in range(10):
                    assert event.confusion[true][predicted] == int(((truth == true) & (said == predicted)).sum())
            for mistake in event.mistakes:
                assert int(digits.train_labels[mistake.index]) == mistake.label != mistake.predicted
            inspections.append(event)
        elif isinstance(event, Evaluated):
            right = sum(inspections[-1].confusion[k][k] for k in range(10))
            assert right / 60 == pytest.approx(event.validation_accuracy)
    assert [event.epoch for event in inspections] == [0, 1, 2]
    assert inspections[0].gradients == []
    assert len(inspections[0].mistakes) == 12
    last = inspections[-1]
    assert [h.layer for h in last.weights] == [h.layer for h in last.gradients] == ["conv1", "conv2", "fc1", "fc2"]
    for histogram, parameter in zip(last.weights, (p for p in state.network.parameters() if p.dim() > 1), strict=True):
        taken = len(parameter.detach().reshape(-1)[:: math.ceil(parameter.numel() / 65_536)])
        assert sum(histogram.counts) == taken
        assert len(histogram.counts) == telemetry.WEIGHT_BINS
        assert histogram.low == -histogram.high < 0
    assert all(sum(h.counts) + h.zeros == sum(w.counts) for h, w in zip(last.gradients, last.weights, strict=True))
    assert [(r.layer, r.units) for r in last.rectified] == [("conv1", 32), ("fc1", 128)]
    assert from_json(to_json(last)) == last
    assert len(to_json(last)) < 40_000


def test_a_dead_unit_is_one_that_no_image_wakes(digits):
    state = loop.TrainingState.create(config(model="article-cnn"), digits)
    network = state.network.eval()
    with torch.no_grad():
        network.conv1.bias[:5] = -1000
        network.fc1.bias[:40] = -1000
    watch = telemetry.ReluWatch(network)
    with watch.watching():
        log_probabilities(network, digits.train_images[:100])
    found = {one.layer: one.dead for one in watch.found()}
    inside = F.relu(network.conv1(normalize(digits.train_images[:100])))
    assert found["conv1"] == int((inside.amax((0, 2, 3)) <= 0).sum()) >= 5
    assert found["fc1"] >= 40
    shares = telemetry.ReluWatch(network, counting=True)
    with shares.watching():
        log_probabilities(network, digits.train_images[:100])
    assert shares.active()["conv1"] == pytest.approx(float((inside > 0).float().mean()), rel=1e-5)
    assert not network._forward_hooks
    assert not network.fc1._forward_hooks


def test_every_way_to_call_a_rectifier_is_seen_and_other_activations_are_not():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(4, 3)
            self.b = nn.Sequential(nn.Linear(3, 3), nn.ReLU(inplace=True), nn.Linear(3, 3), nn.ReLU())
            self.c = nn.Linear(3, 2)

        def forward(self, x):
            x = torch.relu(self.a(x)).relu()
            return F.leaky_relu(self.c(F.relu(torch.tanh(self.b(x)))))

    network = Net()
    watch = telemetry.ReluWatch(network)
    with torch.no_grad(), watch.watching():
        network(torch.ones(2, 4))
        network(torch.ones(2, 4))
    names = ["a", "a (2)", "b.0", "b.2", "b.2 (2)"]
    assert [one.layer for one in watch.found()] == names
    assert [one.units for one in watch.found()] == [3] * 5


def test_a_unit_that_only_the_last_image_wakes_lives():
    network = nn.Sequential(nn.Linear(3, 3, bias=False), nn.ReLU())
    watch = telemetry.ReluWatch(network)
    with torch.no_grad(), watch.watching():
        network[0].weight.copy_(torch.eye(3))
        for image in ([0.0, -1, 0], [2.0, 0, 0], [0.0, 0, 3], [math.nan, 0, 0]):
            network(torch.tensor([image]))
    assert [(one.units, one.dead) for one in watch.found()] == [(3, 1)]


@pytest.mark.parametrize("largest", [1.234561, 1.0, 9.999994, 3e-7, 0.0])
def test_a_histogram_holds_its_largest_weight_however_its_edge_is_rounded(largest):
    network = nn.Sequential(nn.Linear(10, 10))
    with torch.no_grad():
        network[0].weight.copy_(torch.linspace(-largest, largest, 100).view(10, 10))
    (histogram,) = telemetry.weight_histograms(network)
    assert sum(histogram.counts) == 100
    assert histogram.high >= float(network[0].weight.detach().max())


def test_histograms_bear_numbers_that_are_none():
    network = nn.Linear(10, 10)
    with torch.no_grad():
        network.weight.fill_(0)
    assert sum(telemetry.weight_histograms(network)[0].counts) == 100
    with torch.no_grad():
        network.weight[0] = math.nan
        network.weight[1] = math.inf
        network.weight[2] = 1e-20
    network.weight.grad = torch.full((10, 10), 1e-30)
    assert sum(telemetry.weight_histograms(network)[0].counts) == 80
    (gradient,) = telemetry.gradient_histograms(network)
    assert gradient.counts[0] == 100


def test_the_worker_keeps_inspections_beside_the_log():
    run = create(TrainConfig(dataset="digits", model="mlp", epochs=2, threads=1, train_fraction=0.2))
    worker.work(run)
    assert '"inspected"' not in run.events_path.read_text()
    assert sorted(path.name for path in (run.path / "epochs").iterdir()) == ["0000.json", "0001.json", "0002.json"]
    assert [run.inspection(epoch).epoch for epoch in range(3)] == [0, 1, 2]
    assert run.inspection(3) is None
    run.inspection_path(2).write_text('{"kind":"inspected","epo')
    assert run.inspection(2) is None


@pytest.mark.parametrize("content", ["", "[]", "null", '{"kind":"ended","reason":"failed"}', '{"kind":"inspected"}'])
def test_a_damaged_inspection_is_none(content):
    run = create(config())
    run.inspection_path(1).parent.mkdir()
    run.inspection_path(1).write_text(content)
    assert run.inspection(1) is None


# Logs of before

OLD_START = (
    '{"kind":"started","class_names":["0"],"train_count":1,"validation_count":1,"test_count":1,"parameters":1,'
    '"steps_per_epoch":1,"epochs":1,"device":"cpu","threads":1,"versions":{}}'
)


def test_logs_of_before_read_as_ever():
    lines = [
        OLD_START,
        '{"kind":"stepped","step":1,"epoch":1,"loss":2.0,"learning_rate":0.1,"images_seen":64,"seconds":0.5}',
        '{"kind":"ended","reason":"completed","weights_sha256":"","message":"","values":{}}',
    ]
    events = [from_json(line) for line in lines]
    assert [type(event) for event in events] == [Started, Stepped, Ended]
    history = RunHistory()
    history.append(events)
    assert math.isnan(history.steps.gradient_norm[0])
    assert history.steps.images_per_second() == [128.0]
    assert history.latest == events[1]


def test_lines_hold_no_more_than_was_measured():
    step = Stepped(step=1, epoch=1, loss=2.0, learning_rate=0.1, images_seen=64, seconds=0.5, gradient_norm=1.25)
    assert json.loads(to_json(step)).keys() == {
        "kind",
        "step",
        "epoch",
        "loss",
        "learning_rate",
        "images_seen",
        "seconds",
        "gradient_norm",
    }
    assert from_json(to_json(step)) == step


# Stopping


def test_a_time_budget_ends_the_run_after_the_step_that_uses_it_up(digits, monkeypatch):
    ticks = iter(range(10_000))
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(ticks)))  # an update takes one second
    settings = config(time_budget=8 / 60, epochs=50)
    events = list(loop.train(settings, dataset=digits))
    steps = [event for event in events if isinstance(event, Stepped)]
    assert (len(steps), steps[-1].seconds) == (8, 8.0)
    assert events[-1].reason == "completed"
    assert "after step 8" in events[-1].message.format(**events[-1].values)
    assert type(events[-2]).__name__ == "Tested"


def test_a_continued_run_has_used_what_it_used_before(digits, monkeypatch):
    ticks = iter(range(10_000))
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(ticks)))
    settings = config(time_budget=8 / 60, epochs=50)
    state = loop.TrainingState.create(settings, digits)
    for event in loop.train(settings, state=state, dataset=digits):
        if isinstance(event, Stepped) and event.step == 5:
            break
    steps = [e for e in loop.train(settings, state=state, dataset=digits) if isinstance(e, Stepped)]
    assert [event.step for event in steps] == [6, 7, 8]


def test_progress_and_time_left_know_the_budget():
    history = RunHistory()
    history.append(
        [
            Started(
                class_names=["0"],
                train_count=10,
                validation_count=1,
                test_count=1,
                parameters=1,
                steps_per_epoch=1000,
                epochs=10,
                device="cpu",
                threads=1,
                versions={},
                time_budget=60.0,
            ),
            *[
                Stepped(step=n, epoch=1, loss=1.0, learning_rate=0.1, images_seen=n, seconds=float(n))
                for n in range(1, 31)
            ],
        ]
    )
    assert history.progress == 0.5
    assert history.seconds_left == 30.0


def test_patience_can_wait_for_accuracy():
    from dlcore.training.validation_record import ValidationRecord

    by_loss, by_accuracy = ValidationRecord(), ValidationRecord(metric="accuracy")
    for loss, accuracy in ((2.0, 0.1), (1.0, 0.5), (1.5, 0.6), (1.6, 0.6), (1.7, 0.7)):
        by_loss.note(loss, accuracy)
        by_accuracy.note(loss, accuracy)
    assert (by_loss.stale_epochs, by_accuracy.stale_epochs) == (3, 0)
    assert by_loss.reductions == by_accuracy.reductions == 1  # the plateau schedule goes by the loss


def test_early_stopping_by_accuracy_says_so(digits):
    settings = config(early_stopping=2, early_stopping_metric="accuracy", epochs=100, learning_rate=0.01)
    ended = list(loop.train(settings, dataset=digits))[-1]
    assert "no higher validation accuracy for 2 epochs" in ended.message.format(**ended.values)
