"""A run that diverges says at which step, in which layer, and what may help."""

import math
from collections import Counter

import pytest
import torch
from torch import nn

from dlcore.config import TrainConfig
from dlcore.data.loading import Dataset, load
from dlcore.runs import worker
from dlcore.runs.directory import create
from dlcore.training import checkpoints, divergence, loop, tensor_file
from dlcore.training.events import Ended, Evaluated, Inspected, Stepped, from_json, to_json
from dlcore.training.events import Tested as FinallyTested
from dlcore.training.metrics import most_loss
from dlcore.training.telemetry import StepMeter


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits").subset(200, 20)


def config(**settings) -> TrainConfig:
    defaults = {"dataset": "digits", "model": "mlp", "epochs": 2, "batch_size": 32, "threads": 1, "device": "cpu"}
    return TrainConfig(**(defaults | settings))


def steps_until_end(state, settings, digits, *, spoil_after: int, spoil):
    events = []
    for event in loop.train(settings, state=state, dataset=digits):
        events.append(event)
        if isinstance(event, Stepped) and event.step == spoil_after:
            spoil(state.network)
    return events


def said(ended: Ended) -> str:
    return " ".join(text.format(**ended.values) for text in [ended.message, *ended.advice])


class Spoiled(nn.Module):
    """A layer without weights that spoils what passes: forwards, or only the gradient."""

    def __init__(self, *, backwards: bool) -> None:
        super().__init__()
        self.backwards = backwards

    def forward(self, x):
        if not self.backwards:
            return x * math.inf
        x.register_hook(lambda gradient: gradient * math.nan)
        return x * 1.0


@pytest.mark.parametrize("spoiled_step", [1, 3, 5])
def test_weights_that_are_no_numbers_are_found_in_their_layer(digits, spoiled_step):
    settings = config(model="article-cnn")

    def spoil(network):
        with torch.no_grad():
            network.fc1.weight[3, 7] = math.nan

    state = loop.TrainingState.create(settings, digits)
    events = steps_until_end(state, settings, digits, spoil_after=spoiled_step, spoil=spoil)
    ended = events[-1]
    assert ended.reason == "diverged"
    assert (ended.values["step"], ended.values["layer"]) == (spoiled_step + 1, "fc1")
    assert ended.values["what"] == divergence.WHAT["weights"]
    assert not any(isinstance(event, FinallyTested) for event in events)
    assert from_json(to_json(ended)) == ended


def test_an_output_that_is_no_number_is_found_in_its_layer(digits):
    settings = config(model="compact-cnn")
    state = loop.TrainingState.create(settings, digits)

    def spoil(network):
        network.dropout2 = Spoiled(backwards=False)

    ended = steps_until_end(state, settings, digits, spoil_after=2, spoil=spoil)[-1]
    assert (ended.values["step"], ended.values["layer"]) == (3, "dropout2")
    assert ended.values["what"] == divergence.WHAT["output"]


def test_a_gradient_that_is_no_number_ends_the_run_before_it_spoils_a_weight(digits):
    settings = config(model="article-cnn")
    state = loop.TrainingState.create(settings, digits)

    def spoil(network):
        network.dropout2 = Spoiled(backwards=True)

    ended = steps_until_end(state, settings, digits, spoil_after=2, spoil=spoil)[-1]
    assert (ended.values["step"], ended.values["layer"]) == (3, "fc1")
    assert ended.values["what"] == divergence.WHAT["gradient"]
    assert all(bool(parameter.isfinite().all()) for parameter in state.network.parameters())


def test_a_loss_that_is_no_number_though_every_output_is_one():
    network = nn.Sequential(nn.Linear(2, 2))
    origin = divergence.find_origin(network, lambda twin: twin(torch.ones(1, 2)).sum() * math.inf)
    assert (origin.layer, origin.what) == ("0", "loss")


def test_an_input_that_is_no_number_is_the_inputs_fault():
    network = nn.Sequential(nn.Linear(2, 2))
    origin = divergence.find_origin(network, lambda twin: twin(torch.full((1, 2), math.nan)).sum())
    assert (origin.layer, origin.what) == ("0", "input")


def test_what_stands_between_two_layers_belongs_to_the_first():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.b(torch.log(-self.a(x).abs()))

    origin = divergence.find_origin(Net(), lambda twin: twin(torch.ones(1, 2)).sum())
    assert (origin.layer, origin.what) == ("a", "output")


def test_looking_changes_nothing(digits):
    settings = config(model="compact-cnn")
    state = loop.TrainingState.create(settings, digits)
    before = {name: tensor.clone() for name, tensor in state.network.state_dict().items()}
    divergence.find_origin(state.network.train(), lambda twin: twin(torch.rand(4, 1, 28, 28)).sum() * math.nan)
    assert all(torch.equal(tensor, before[name]) for name, tensor in state.network.state_dict().items())
    assert not any(module._forward_hooks for module in state.network.modules())
    assert all(parameter.grad is None for parameter in state.network.parameters())


def test_what_fails_in_an_evaluation_is_told_too(digits):
    settings = config(model="compact-cnn", epochs=1)
    state = loop.TrainingState.create(settings, digits)

    def spoil(network):  # only evaluation uses a running mean
        next(m for m in network.modules() if isinstance(m, nn.BatchNorm2d)).running_mean.fill_(math.nan)

    steps = state.steps_per_epoch
    ended = steps_until_end(state, settings, digits, spoil_after=steps, spoil=spoil)[-1]
    assert (ended.reason, ended.values["step"]) == ("diverged", steps)
    assert isinstance(state.network.get_submodule(ended.values["layer"]), nn.BatchNorm2d)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model": "article-cnn", "optimizer": "sgd", "learning_rate": 1.0}, "now 1.0, for example to a tenth"),
        ({"model": "article-cnn", "optimizer": "sgd", "learning_rate": 1.0}, "0.001 is usual"),
        ({"model": "article-cnn", "optimizer": "sgd", "learning_rate": 1.0}, "Nothing in this network normalises"),
        (
            {"model": "article-cnn", "optimizer": "sgd", "learning_rate": 10.0, "weight_decay": 1.0},
            "Learning rate times weight decay is 10.0",
        ),
        (
            {"model": "article-cnn", "optimizer": "sgd", "learning_rate": 1.0, "initialisation": "large"},
            "choose another initialisation",
        ),
        ({"model": "article-cnn", "optimizer": "sgd", "learning_rate": 1.0, "initialisation": "large"}, "clip them"),
    ],
)
def test_the_advice_goes_by_the_evidence(digits, settings, words):
    ended = list(loop.train(settings := config(**settings, epochs=50), dataset=digits))[-1]
    assert ended.reason == "diverged"
    assert any(word in said(ended) for word in words.split("|"))
    if settings.initialisation == "default":
        assert "initialisation" not in said(ended)
    if not settings.weight_decay:
        assert "decay" not in said(ended)


def test_a_run_tells_it_at_its_end():
    run = create(
        TrainConfig(dataset="digits", model="article-cnn", optimizer="sgd", learning_rate=1.0, epochs=50, threads=1)
    )
    ended = worker.work(run)
    assert ended.reason == run.status() == "diverged"
    assert run.read()[0][-1] == ended
    assert ended.advice
    assert run.summary().values["layer"] == ended.values["layer"]


def blow_up(state):
    with torch.no_grad():
        state.network.fc2.weight.mul_(1e6)


def test_a_loss_that_ran_away_but_is_a_number_ends_the_run_too(digits):
    settings = config(model="article-cnn", learning_rate=1e-4)
    state = loop.TrainingState.create(settings, digits)
    events = []
    for event in loop.train(settings, state=state, dataset=digits):
        events.append(event)
        if isinstance(event, Stepped) and event.step == 2:
            blow_up(state)
    ended = events[-1]
    assert (ended.reason, ended.values["step"]) == ("diverged", state.steps_per_epoch)
    assert ended.values["layer"] == "fc2"
    assert ended.values["what"] == divergence.WHAT["growth"]
    assert "No network learns its way back" in said(ended)
    assert not any(isinstance(event, FinallyTested) for event in events)
    counts = Counter(type(event) for event in events)
    assert (
        counts[Inspected] == counts[Evaluated] == 1
    )  # the untrained network's: what ran away is not shown as an epoch
    assert from_json(to_json(ended)) == ended


def test_a_checkpoint_that_does_not_know_the_untrained_loss_sets_no_bound(digits, tmp_path):
    settings = config(model="linear")
    state = loop.TrainingState.create(settings, digits)
    checkpoints.save(state, tmp_path / "checkpoint")
    tensors, about = tensor_file.read(tmp_path / "checkpoint", limit_bytes=10**8)
    del about["untrained_loss"]
    tensor_file.write(tmp_path / "checkpoint", tensors, about)
    restored = checkpoints.load(settings, digits, tmp_path / "checkpoint")
    assert most_loss(restored.untrained_loss) == math.inf


def test_a_run_resumed_before_the_evaluation_that_ends_it_ends_alike(digits, tmp_path):
    settings = config(model="article-cnn", learning_rate=1e-4)
    ends = []
    for interrupted in (False, True):
        state = loop.TrainingState.create(settings, digits)
        events = loop.train(settings, state=state, dataset=digits)
        while state.step < 2:
            next(events)
        blow_up(state)
        if interrupted:
            checkpoints.save(state, tmp_path / "checkpoint")
            state = checkpoints.load(settings, digits, tmp_path / "checkpoint")
            events = loop.train(settings, state=state, dataset=digits)
        ends.append(list(events)[-1])
    assert ends[0].reason == "diverged"
    told = [{name: end.values[name] for name in ("step", "layer", "what", "loss", "untrained")} for end in ends]
    assert told[0] == told[1]


def test_far_too_large_weights_may_find_their_way_back(digits):
    settings = config(model="mlp", initialisation="large", learning_rate=0.001, epochs=5)
    events = list(loop.train(settings, dataset=digits))
    evaluations = [event for event in events if isinstance(event, Evaluated)]
    assert evaluations[0].validation_loss > 10
    assert events[-1].reason == "completed"


@pytest.mark.parametrize(("untrained", "most"), [(0.01, 1000.0), (2.3, 2300.0), (50.0, 50_000.0)])
def test_the_bound_goes_by_the_untrained_network(untrained, most):
    assert most_loss(untrained) == pytest.approx(most)


@pytest.mark.parametrize(("ratio", "named"), [(0.5, True), (math.inf, False)])
def test_an_advice_names_the_update_ratio_where_it_is_a_number(digits, monkeypatch, ratio, named):
    state = loop.TrainingState.create(TrainConfig(dataset="digits", model="linear"), digits)
    state.meter = StepMeter(state.network)
    monkeypatch.setattr(StepMeter, "update_ratio", ratio)
    ended = divergence.diverged(state, divergence.Origin(layer="classifier", what="growth"), step=3)
    assert ("ratio" in ended.values) == named
    assert any("Lower the learning rate" in advice for advice in ended.advice)
    assert any("{ratio}" in advice for advice in ended.advice) == named
