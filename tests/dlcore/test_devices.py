"""What holds on GPUs, tried without one: nothing stays on the CPU that is needed elsewhere, and the settings are theirs."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from dlcore.config import TrainConfig
from dlcore.data.loading import load
from dlcore.messages import UserError
from dlcore.models import MODELS
from dlcore.runs import spare
from dlcore.training import checkpoints, faster, loop, optimizers, precision, state
from dlcore.training.events import Ended, Evaluated, Inspected, Stepped

META = torch.device("meta")
EVERYTHING = {
    "ema": 0.9,
    "l1": 0.001,
    "gradient_clipping": 1,
    "label_noise": 0.2,
    "label_smoothing": 0.1,
    "augmentation": "custom",
    "elastic_pixels": 2,
    "shear_degrees": 5,
    "erasing_share": 0.3,
    "noise_levels": 20,
}


@pytest.fixture
def elsewhere(monkeypatch):
    """A device that computes nothing, and refuses to mix its tensors with those of the CPU as a GPU does.

    What is read from it, to be shown or to decide by, is made up.
    """
    monkeypatch.setattr(state, "pick_device", lambda _name: META)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    made_up = {
        "item": lambda _: 1.0,
        "__float__": lambda _: 1.0,
        "__int__": lambda _: 1,
        "tolist": lambda tensor: torch.ones(tensor.shape, dtype=tensor.dtype).tolist(),
        "cpu": lambda tensor: torch.zeros(tensor.shape, dtype=tensor.dtype),
    }
    for name, invent in made_up.items():
        monkeypatch.setattr(Tensor, name, invented(getattr(Tensor, name), invent))


def invented(real, invent):
    return lambda tensor: invent(tensor) if tensor.is_meta else real(tensor)


@pytest.mark.parametrize(
    ("dataset", "settings"),
    [
        ("digits", {"model": "article-cnn"}),
        ("digits", {"model": "resnet-small", "loss": "mse", "optimizer": "nesterov"}),
        ("digits", {"model": "mlp", "normalization": "layer", "optimizer": "adagrad"}),
        ("digits", {"model": "custom", "optimizer": "rmsprop"}),
        ("digits", EVERYTHING | {"model": "sprint-cnn", "optimizer": "adamw"}),
        ("colour", EVERYTHING | {"model": "compact-cnn", "augmentation": "moderate"}),
    ],
)
def test_a_run_mixes_no_tensors_of_two_devices(elsewhere, dataset, settings):
    del elsewhere
    data = load("digits").subset(100, 40)
    if dataset == "colour":
        data = SimpleNamespace(**vars(data) | {"train_images": data.train_images.repeat(1, 3, 1, 1)})
        data.test_images = data.test_images.repeat(1, 3, 1, 1)
    config = TrainConfig.model_validate({"dataset": "digits", "epochs": 2, "batch_size": 32, **settings})
    events = list(loop.train(config, dataset=data))
    assert events[0].device == "meta"
    assert [event.epoch for event in events if isinstance(event, Evaluated)] == [0, 1, 2]
    assert sum(isinstance(event, Inspected) for event in events) == 3
    steps = [event for event in events if isinstance(event, Stepped)]
    assert len(steps) == 6
    # a look makes the device wait, so there are few
    assert [event.gradient_norm is not None for event in steps] == [True] + 5 * [False]
    assert isinstance(events[-1], Ended)


@pytest.mark.filterwarnings("ignore:.*is a no-op:UserWarning")  # where nothing is computed, nothing is copied
def test_a_checkpoint_leaves_and_reaches_the_device(elsewhere, tmp_path):
    del elsewhere
    data = load("digits").subset(100, 40)
    config = TrainConfig(dataset="digits", model="compact-cnn", epochs=1, ema=0.9, optimizer="nesterov")
    begun = state.TrainingState.create(config, data)
    next(event for event in loop.train(config, state=begun, dataset=data) if isinstance(event, Stepped))
    checkpoints.save(begun, tmp_path / "checkpoint")
    again = checkpoints.load(config, data, tmp_path / "checkpoint")
    assert again.step == 1
    moments = again.optimizer.state_dict()["state"][0]
    tensors = [*again.network.state_dict().values(), *again.averaged.state_dict().values(), moments["momentum_buffer"]]
    assert {tensor.device for tensor in tensors} == {META}


def test_channels_lie_side_by_side_except_where_gradients_would_be_wrong(monkeypatch):
    network = MODELS["compact-cnn"].build(in_channels=1, image_size=28, classes=10, dropout=0)
    asked = []
    monkeypatch.setattr(nn.Module, "to", lambda self, **wish: asked.append(wish) or self)
    for kind, expected in (("mps", []), ("cuda", [torch.channels_last]), ("cpu", [torch.channels_last])):
        asked.clear()
        monkeypatch.setattr(network, "parameters", lambda kind=kind: iter([SimpleNamespace(device=torch.device(kind))]))
        assert faster.channels_together(network) is network
        assert [wish["memory_format"] for wish in asked] == expected


@pytest.mark.parametrize(("asked", "digits"), [("float32", "ieee"), ("mixed", "tf32"), ("auto", "tf32")])
def test_cuda_gives_the_same_numbers_each_time_and_all_digits_where_asked(monkeypatch, asked, digits):
    cudnn = SimpleNamespace(deterministic=False, benchmark=True, conv=SimpleNamespace(fp32_precision="none"))
    monkeypatch.setattr(torch.backends, "cudnn", cudnn)
    for kind in ("cpu", "mps"):
        precision.prepare_kernels(asked, torch.device(kind))
        assert (cudnn.deterministic, cudnn.benchmark, cudnn.conv.fp32_precision) == (False, True, "none")
    precision.prepare_kernels(asked, torch.device("cuda"))
    assert (cudnn.deterministic, cudnn.benchmark, cudnn.conv.fp32_precision) == (True, False, digits)


def test_these_settings_of_cuda_are_there_to_be_made():
    assert isinstance(torch.backends.cudnn.deterministic, bool)
    assert isinstance(torch.backends.cudnn.benchmark, bool)
    before = torch.backends.cudnn.conv.fp32_precision
    torch.backends.cudnn.conv.fp32_precision = "ieee"
    assert torch.backends.cudnn.conv.fp32_precision == "ieee"
    torch.backends.cudnn.conv.fp32_precision = before


@pytest.mark.parametrize(
    ("here", "chosen"), [({"cuda", "mps"}, "cuda"), ({"mps"}, "mps"), ({"cuda"}, "cuda"), (set(), "cpu")]
)
def test_auto_takes_the_fastest_there_is_and_what_is_asked_for_is_had_or_refused(monkeypatch, here, chosen):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in here)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in here)
    assert state.pick_device("auto").type == chosen
    for name in ("cuda", "mps", "cpu"):
        if name in here | {"cpu"}:
            assert state.pick_device(name).type == name
        else:
            with pytest.raises(UserError, match=f"There is no {name} device here"):
                state.pick_device(name)


def test_the_update_is_one_kernel_where_the_device_has_it():
    for kind, fused in (("cpu", True), ("cuda", True), ("mps", False)):
        weight = SimpleNamespace(device=torch.device(kind))
        assert optimizers._can_fuse([{"params": [weight]}]) is fused


def test_full_precision_asks_nothing_of_a_device_that_knows_no_other():
    for kind in ("cpu", "cuda", "mps", "meta"):
        with precision.arithmetic(torch.device(kind), mixed=False):
            assert not torch.is_autocast_enabled("cpu")


def test_what_apples_gpu_lacks_is_left_to_the_cpu_unless_somebody_says_otherwise(monkeypatch):
    name = "PYTORCH_ENABLE_MPS_FALLBACK"
    monkeypatch.delenv(name, raising=False)
    assert spare.environment()[name] == "1"
    monkeypatch.setenv(name, "0")
    assert spare.environment()[name] == "0"
