"""The presets do what their summaries say."""

from itertools import islice

import pytest
import torch

from dlcore.config import TrainConfig
from dlcore.data import DATASETS
from dlcore.data.loading import Dataset, load
from dlcore.data.partition import partition
from dlcore.presets import PRESETS
from dlcore.training import loop
from dlcore.training.events import Ended, Evaluated, Started, Stepped
from dlcore.training.events import Tested as FinallyTested
from dlcore.training.state import TrainingState


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def events_of(name, digits):
    config = PRESETS[name].config.model_copy(update={"device": "cpu", "threads": 1})
    return list(loop.train(config, dataset=digits))


def test_overfit_learns_wrong_labels_by_heart_and_little_else(digits):
    events = events_of("overfit", digits)
    assert next(event for event in events if isinstance(event, Started)).train_count == 65
    last = [event for event in events if isinstance(event, Evaluated)][-1]
    assert last.train_accuracy == 1
    assert last.validation_accuracy < 0.75
    assert last.validation_loss > 20 * last.train_loss


def test_diverge_blows_up_within_a_few_updates(digits):
    events = events_of("diverge", digits)
    steps = [event for event in events if isinstance(event, Stepped)]
    assert 3 <= len(steps) < 20
    assert steps[-1].loss > 10 * steps[0].loss
    assert isinstance(events[-1], Ended)
    assert events[-1].reason == "diverged"


@pytest.mark.data
def test_fast_99_gets_there_in_one_epoch(shared_data, monkeypatch):
    """Threads and processors move single images; the mean of five seeds stands in bench/README.md."""
    monkeypatch.setenv("DLCORE_DATA", str(shared_data))
    config = PRESETS["fast-99"].config.model_copy(update={"device": "cpu", "threads": 1})
    events = list(loop.train(config, dataset=load("mnist")))
    tested = next(event for event in events if isinstance(event, FinallyTested))
    assert tested.accuracy >= 0.988


# Those that take a minute or an hour: what they are made of, and a step of them

NAMED = {
    "tiny": {
        "dataset": "digits",
        "model": "compact-cnn",
        "epochs": 10,
        "learning_rate": 0.005,
        "schedule": "one-cycle",
        "dropout": 0.2,
    },
    "accurate": {
        "model": "accurate-cnn",
        "epochs": 10,
        "batch_size": 128,
        "learning_rate": 0.01,
        "optimizer": "adamw",
        "schedule": "one-cycle",
        "weight_decay": 0.01,
        "dropout": 0.2,
        "validation_fraction": 0.05,
        "augmentation": "moderate",
        "precision": "mixed",
    },
    "pretrained": {
        "dataset": "mnist-pen",
        "model": "committee-cnn",
        "members": 1,
        "epochs": 52,
        "batch_size": 128,
        "learning_rate": 0.01,
        "optimizer": "adamw",
        "schedule": "one-cycle",
        "weight_decay": 0.01,
        "dropout": 0.2,
        "augmentation": "moderate",
        "precision": "mixed",
        "threads": 1,
    },
    "pretrained-deskewed": {
        "dataset": "mnist-pen",
        "model": "deskewed-cnn",
        "epochs": 30,
        "batch_size": 128,
        "learning_rate": 0.01,
        "optimizer": "adamw",
        "schedule": "one-cycle",
        "weight_decay": 0.01,
        "dropout": 0.2,
        "augmentation": "custom",
        "shift_pixels": 2.5,
        "precision": "mixed",
        "threads": 1,
    },
}
PARAMETERS = {"tiny": 168_554, "accurate": 453_658, "pretrained": 241_802, "pretrained-deskewed": 241_802}


def alike(name, count=400):
    """Noise of the shape and with the classes of dataset ``name``, which need not be at hand."""
    about, dice = DATASETS[name], torch.Generator().manual_seed(0)
    shape = (count, about.channels, about.image_size, about.image_size)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=dice)
    labels = torch.randint(0, len(about.class_names), (count,), generator=dice)
    return Dataset(
        name=name,
        class_names=about.class_names,
        train_images=images,
        train_labels=labels,
        test_images=images[:20],
        test_labels=labels[:20],
        held_back=count // 10 if about.held_back else 0,
    )


@pytest.mark.parametrize("name", NAMED)
def test_a_preset_is_what_its_name_stands_for(name):
    """A run of old is told apart from another one by these values, and every one that is not named is the default."""
    assert PRESETS[name].config.model_dump() == TrainConfig().model_dump() | NAMED[name]
    assert TrainConfig.parse(PRESETS[name].config.model_dump(), check_data=False) == PRESETS[name].config


@pytest.mark.parametrize("name", NAMED)
def test_a_preset_builds_and_takes_a_step(name):
    config = PRESETS[name].config.model_copy(update={"device": "cpu", "threads": 1})
    data = alike(config.dataset)
    state = TrainingState.create(config, data)
    assert sum(parameter.numel() for parameter in state.model.parameters()) == PARAMETERS[name]
    before = [parameter.detach().clone() for parameter in state.network.parameters()]
    learned_from, held_back = partition(config, len(data.train_images), held_back=data.held_back)
    events = list(islice(loop.train(config, state=state, dataset=data), 8))
    started = next(event for event in events if isinstance(event, Started))
    assert (started.train_count, started.validation_count) == (len(learned_from), len(held_back))
    assert started.steps_per_epoch == -(-len(learned_from) // config.batch_size)
    first = next(event for event in events if isinstance(event, Stepped))
    assert first.learning_rate == pytest.approx(config.learning_rate / 25)  # one-cycle begins low
    assert 1.5 < first.loss < 4  # of ten classes by chance: 2.3
    moved = [not torch.equal(a, b) for a, b in zip(before, state.network.parameters(), strict=True)]
    assert all(moved)
    answers = state.model.eval()(data.test_images.float() / 255)
    assert answers.shape == (20, len(data.class_names))
    torch.testing.assert_close(answers.exp().sum(1), torch.ones(20), atol=1e-4, rtol=0)


def test_tiny_learns_the_digits(digits):
    """All ten epochs of it, some seconds: that is what it is for."""
    events = events_of("tiny", digits)
    assert next(event for event in events if isinstance(event, Started)).epochs == 10
    evaluated = [event for event in events if isinstance(event, Evaluated)]
    assert evaluated[0].validation_accuracy < 0.3
    assert evaluated[-1].validation_accuracy > 0.97
    assert evaluated[0].train_loss > 1.5
    assert evaluated[-1].train_loss < 0.05
    assert next(event for event in events if isinstance(event, FinallyTested)).accuracy > 0.97
    assert isinstance(events[-1], Ended)
    assert events[-1].reason == "completed"
