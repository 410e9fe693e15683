"""Training on disk: checkpoints to continue from, and weights to predict with. Both notice any damage."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dlcore.config import TrainConfig
from dlcore.data.loading import Dataset
from dlcore.formats import CHECKPOINT_FORMAT, RECIPE, WEIGHTS_FORMAT, check, check_recipe, recipe_of
from dlcore.messages import N_, UserError
from dlcore.models import MODELS
from dlcore.models.options import ModelOptions
from dlcore.training import tensor_file
from dlcore.training.compact import packed, unpacked
from dlcore.training.events import Tested
from dlcore.training.faster import channels_together
from dlcore.training.state import TrainingState
from dlcore.training.validation_record import ValidationRecord

_CHECKPOINT_LIMIT_BYTES = 1_000_000_000
_WEIGHTS_LIMIT_BYTES = 256_000_000
_FLOAT_BYTES = 4


def save(state: TrainingState, path: Path, *, log_bytes: int = 0, wall_seconds: float = 0.0) -> str:
    """Write a checkpoint: everything that continuing bit for bit needs. Returns its SHA-256.

    Random states are no part of it, because every random number follows from the seed and the step. ``log_bytes`` is
    the length of the log of events by now, ``wall_seconds`` the time that workers have spent on the run.
    """
    tensors = {f"model.{name}": tensor for name, tensor in state.network.state_dict().items()}
    if state.averaged is not None:
        tensors |= {f"averaged.{name}": tensor for name, tensor in state.averaged.state_dict().items()}
    for index, values in state.optimizer.state_dict()["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):  # SGD without momentum keeps None
                tensors[f"optimizer.{index}.{name}"] = value
    if state.epoch > state.evaluated_epoch:  # the inspection of this epoch is to come, and looks at the latest gradient
        tensors |= {f"gradient.{name}": gradient for name, gradient in _gradients(state).items()}
    about = {
        "format": str(CHECKPOINT_FORMAT),
        "kind": "checkpoint",
        "recipe": RECIPE,
        "config": state.config.model_dump(),
        "images": _images(state),
        "step": state.step,
        "evaluated_epoch": state.evaluated_epoch,
        "seconds": state.seconds,
        "untrained_loss": state.untrained_loss,
        "record": asdict(state.record),
        "log_bytes": log_bytes,
        "wall_seconds": wall_seconds,
        "steering": {
            "learning_rate": state.learning_rate,
            "weight_decay": state.weight_decay,
            "dropout": state.dropout,
            "obeyed": state.obeyed,
        },
    }
    return tensor_file.write(path, tensors, about)


def load(config: TrainConfig, dataset: Dataset, path: Path) -> TrainingState:
    """The state that :func:`save` wrote, to be continued with :func:`~dlcore.training.loop.train`.

    Raises:
        UserError, OSError: as :func:`restore`.
    """
    return restore(config, dataset, path)[0]


def restore(
    config: TrainConfig, dataset: Dataset, path: Path, *, sha256: str = ""
) -> tuple[TrainingState, dict[str, Any]]:
    """The state that :func:`save` wrote and all that it noted beside it; with ``sha256``, from that very file.

    Raises:
        UserError: the file is of other settings, another recipe, a newer version or other data.
        DamagedFileError: it is missing, or not what was written.
        OSError: it cannot be read.
    """
    tensors, about = tensor_file.read(path, limit_bytes=_CHECKPOINT_LIMIT_BYTES, sha256=sha256)
    try:
        check(path.name, about.get("format"), CHECKPOINT_FORMAT)
        check_recipe(recipe_of(about))
        state = TrainingState.create(config, dataset, to_be_restored=True)
        expected = {"kind": "checkpoint", "images": _images(state)}
        # A setting that the file does not know is of a later version, and its default changes nothing.
        same = TrainConfig.model_validate(about.get("config")) == config
        if not same or any(about.get(name) != value for name, value in expected.items()):
            raise ValueError("not of this experiment")  # noqa: TRY301  # said below, as for tensors that do not fit
        state.network.load_state_dict(_of(tensors, "model."))
        if state.averaged is not None:
            state.averaged.load_state_dict(_of(tensors, "averaged."))
        _restore_optimizer(state, _of(tensors, "optimizer."))
        for name, gradient in _of(tensors, "gradient.").items():
            state.network.get_parameter(name).grad = gradient.to(state.device)
        state.record = ValidationRecord(**about.get("record", {}))
        steering = dict(about.get("steering", {}))
        state.obeyed = int(steering.pop("obeyed", 0))
        state.steer(**steering)
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            N_("The checkpoint {file} belongs to other settings or another version. Start a new run."), file=path.name
        ) from error
    state.step, state.evaluated_epoch = int(about["step"]), int(about["evaluated_epoch"])
    state.seconds = float(about["seconds"])
    state.untrained_loss = float(about.get("untrained_loss", math.inf))  # of before: no bound
    return state, about


def _images(state: TrainingState) -> int:
    return len(state.train_indices) + len(state.validation_indices)


def _gradients(state: TrainingState) -> dict[str, Tensor]:
    named = ((name, parameter.grad) for name, parameter in state.network.named_parameters())
    return {name: gradient for name, gradient in named if gradient is not None}


def _of(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _restore_optimizer(state: TrainingState, tensors: Mapping[str, Tensor]) -> None:
    parameters = [parameter for group in state.optimizer.param_groups for parameter in group["params"]]
    values: dict[int, dict[str, Tensor | None]] = {}
    for name, tensor in tensors.items():
        index, _, key = name.partition(".")
        parameter = parameters[int(index)]
        if tensor.shape == parameter.shape and tensor.dim() > 0:
            # A fused update walks parameter and averages side by side, so they must lie in memory alike.
            tensor = torch.empty_like(parameter, device="cpu").copy_(tensor)  # noqa: PLW2901
        values.setdefault(int(index), {})[key] = tensor
    state.optimizer.load_state_dict(
        {"state": values, "param_groups": state.optimizer.state_dict()["param_groups"]},
    )


def describe_weights(state: TrainingState, dataset: Dataset, tested: Tested | None = None) -> dict[str, Any]:
    """The metadata that goes with a run's weights. It depends on nothing but the experiment, so the same experiment
    gives the same file, bit for bit.
    """
    _, channels, _, size = dataset.train_images.shape
    about: dict[str, Any] = {
        "model": state.config.model,
        "dataset": state.config.dataset,
        "classes": len(dataset.class_names),
        "class_names": list(dataset.class_names),
        "dropout": state.config.dropout,
        "options": state.config.options.model_dump(),
        "image_size": size,
        "channels": channels,
        "parameters": sum(parameter.numel() for parameter in state.model.parameters()),
        "config": state.config.model_dump(),
        "epoch": state.epoch,
        "step": state.step,
        "held_back": len(state.validation_indices),
    }
    if dataset.light_background:
        about["light_background"] = True  # a drawing, which is light on dark, has to be turned over
    if tested is not None:
        about |= {"test_accuracy": tested.accuracy, "test_loss": tested.loss, "test_count": tested.count}
    return about


def save_weights(model: nn.Module, path: Path, metadata: Mapping[str, Any], *, compact: bool = False) -> str:
    """Write ``model`` for prediction and return the file's SHA-256. For ``metadata`` see :func:`describe_weights`.

    ``compact``: in a quarter of the bytes, see :func:`dlcore.training.compact.packed`.

    Raises:
        ValueError: a weight to be packed is too large, or not finite.
    """
    about = {"format": str(WEIGHTS_FORMAT), "kind": "weights", "recipe": RECIPE, **metadata}
    tensors = model.state_dict()
    return tensor_file.write(path, packed(tensors) if compact else tensors, about)


def load_weights(path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The network that :func:`save_weights` wrote, float32 in eval mode on the CPU, and its metadata.

    Raises:
        UserError: the file is damaged, cannot be read, is of a newer version, or describes a network of another shape.
            The recipe that the weights were trained by does not matter: they predict all the same.
    """
    try:
        tensors, about = tensor_file.read(path, limit_bytes=_WEIGHTS_LIMIT_BYTES)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UserError(N_("The file {file} cannot be read: {reason}."), file=path.name, reason=reason) from error
    foreign = UserError(N_("{file} holds no model that this version knows. Train a new one."), file=path.name)
    try:
        check(path.name, about.get("format"), WEIGHTS_FORMAT)
        if about.get("kind") != "weights" or str(about.get("model")) not in MODELS:
            raise foreign
        classes = _bounded(about, "classes", 2, 1000)
        model = _without_memory(about, classes)
        if not (isinstance(about["class_names"], list) and len(about["class_names"]) == classes):
            raise foreign
        expected = model.state_dict()
        if _FLOAT_BYTES * sum(tensor.numel() for tensor in expected.values()) > _WEIGHTS_LIMIT_BYTES:
            raise foreign  # packed it may be small
        tensors = unpacked(tensors, expected)
        if any(tensors[name].dtype != tensor.dtype for name, tensor in expected.items()):
            raise foreign
        model.load_state_dict(tensors, assign=True)
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise foreign from error
    return channels_together(model.requires_grad_(requires_grad=True)).eval(), about


def _without_memory(about: Mapping[str, Any], classes: int) -> nn.Module:
    """The network that a file describes, as shapes only: they are compared before any memory is taken.

    Raises:
        ValueError: there is no such network, or none that may be had.
        KeyError, TypeError: the description is none.
    """
    try:
        with torch.device("meta"):
            return MODELS[about["model"]].build(
                in_channels=_bounded(about, "channels", 1, 4),
                image_size=_bounded(about, "image_size", 8, 256),
                classes=classes,
                dropout=min(0.95, max(0.0, float(about["dropout"]))),
                options=ModelOptions.model_validate(about.get("options", {})),  # a file without any is an early one
            )
    except UserError as error:  # of a layer; whoever opens a file cannot put that right
        raise ValueError(str(error)) from error


def _bounded(about: Mapping[str, Any], name: str, low: int, high: int) -> int:
    value = about[name]
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} must be in [{low}, {high}], got {value}")
    return value
