"""All that training changes, and how it is made from a configuration."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from dlcore.config import TrainConfig
from dlcore.data.loading import Dataset
from dlcore.data.partition import partition
from dlcore.data.randomness import seeded
from dlcore.machine import cores
from dlcore.messages import N_, UserError
from dlcore.models import MODELS
from dlcore.training import averaging
from dlcore.training.events import Ended
from dlcore.training.faster import channels_together, faster
from dlcore.training.initialisation import initialise
from dlcore.training.optimizers import build_optimizer, set_weight_decay
from dlcore.training.precision import is_mixed
from dlcore.training.schedules import learning_rate_at
from dlcore.training.telemetry import StepMeter
from dlcore.training.transfer import begin_from
from dlcore.training.validation_record import ValidationRecord


@dataclass(kw_only=True)
class TrainingState:
    """All that training changes, and the split of the data that it must not change. Indices are int64 (N,)."""

    config: TrainConfig
    network: nn.Module
    """What the updates move."""
    averaged: nn.Module | None
    """The moving average of its weights, if the configuration asks for one."""
    optimizer: Optimizer
    device: torch.device
    mixed: bool
    """Whether products are in bfloat16, see :mod:`dlcore.training.precision`."""
    train_indices: Tensor
    validation_indices: Tensor
    step: int = 0
    """Updates made."""
    evaluated_epoch: int = -1
    """Last epoch whose ``Evaluated`` was yielded; 0 is the untrained network, -1 says that nothing was yielded yet."""
    seconds: float = 0.0
    """Time spent on updates."""
    untrained_loss: float = 0.0
    """On the validation images, once it was evaluated."""
    record: ValidationRecord = field(default_factory=ValidationRecord)
    learning_rate: float
    """The peak in force, as are the next two: the configuration's, until :meth:`steer` changes it."""
    weight_decay: float
    dropout: float
    obeyed: int = 0
    """Number of the last command that changed a value, see :mod:`dlcore.runs.control`."""
    rebuild: Callable[[float], nn.Module]
    """The same architecture with another dropout, without memory of its own."""
    meter: StepMeter | None = None
    """What measures the updates, where they are measured."""
    validation_answers: Tensor | None = None
    """Log-probabilities float32 (N, K) that the latest evaluation found on the validation images,"""
    test_answers: Tensor | None = None
    """and the test on the test images."""

    @classmethod
    def create(cls, config: TrainConfig, dataset: Dataset, *, to_be_restored: bool = False) -> "TrainingState":
        """A fresh network and optimizer for ``config``, initialised from its seed, or from the model that it starts from.

        Args:
            config: what is asked.
            dataset: what is learned from.
            to_be_restored: whether other weights will be put in, so that it does not matter which these are.

        Raises:
            UserError: the device that ``config`` asks for is not there, or the model that it starts from does not fit.
        """
        device = pick_device(config.device)
        _, channels, _, size = dataset.train_images.shape

        def build(dropout: float) -> nn.Module:
            return MODELS[config.model].build(
                in_channels=channels,
                image_size=size,
                classes=len(dataset.class_names),
                dropout=dropout,
                options=config.options,
            )

        def rebuild(dropout: float) -> nn.Module:
            with seeded(config.seed, "initialisation"), torch.device("meta"):
                return build(dropout)

        with seeded(config.seed, "initialisation"):
            network = build(config.dropout)
            initialise(network, config.initialisation)
        if config.start_from and not to_be_restored:
            begin_from(network, config, dataset.class_names)
        network = channels_together(faster(network).to(device))
        learned_from, held_back = partition(config, len(dataset.train_images), held_back=dataset.held_back)
        return cls(
            config=config,
            network=network,
            averaged=averaging.frozen_copy(network) if config.ema else None,
            optimizer=build_optimizer(network, config),
            device=device,
            mixed=is_mixed(config.precision, device),
            train_indices=learned_from,
            validation_indices=held_back,
            record=ValidationRecord(metric=config.early_stopping_metric),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            dropout=config.dropout,
            rebuild=rebuild,
        )

    def steer(
        self,
        *,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        dropout: float | None = None,
    ) -> None:
        """Use other values from the next update on; what is None stays. Checkpoints hold them.

        Raises:
            UserError: a value is outside the range that the configuration has for it.
        """
        asked = {"learning_rate": learning_rate, "weight_decay": weight_decay, "dropout": dropout}
        changed = {name: value for name, value in asked.items() if value is not None}
        # Own pictures were read when the run began, and may be gone by now.
        TrainConfig.parse(self.config.model_dump() | changed, check_data=False)
        if learning_rate is not None:
            self.learning_rate = learning_rate
        if weight_decay is not None:
            self.weight_decay = weight_decay
            set_weight_decay(self.optimizer, weight_decay)
        if dropout is not None:
            self.dropout = dropout
            for name, module in self.rebuild(dropout).named_modules():
                ours = self.network.get_submodule(name)
                if isinstance(module, nn.Dropout) and isinstance(ours, nn.Dropout):
                    ours.p = module.p

    @property
    def model(self) -> nn.Module:
        """What is judged, kept and predicted with: the averaged weights where there are some."""
        return self.network if self.averaged is None else self.averaged

    @property
    def steps_per_epoch(self) -> int:
        """Updates in an epoch; the last may use a smaller batch."""
        return math.ceil(len(self.train_indices) / self.config.batch_size)

    @property
    def total_steps(self) -> int:
        """Updates from start to end."""
        return self.steps_per_epoch * self.config.epochs

    @property
    def epoch(self) -> int:
        """Epochs completed."""
        return self.step // self.steps_per_epoch

    @property
    def images_seen(self) -> int:
        """Training images used so far, each as often as it was used."""
        position = self.step - self.epoch * self.steps_per_epoch
        return self.epoch * len(self.train_indices) + position * self.config.batch_size

    def next_learning_rate(self) -> float:
        """The learning rate of the next update."""
        config = self.config
        rate = learning_rate_at(config.schedule, self.learning_rate, step=self.step, total_steps=self.total_steps)
        return rate * self.record.plateau_factor if config.schedule == "plateau" else rate

    def out_of_time(self) -> bool:
        """Whether the updates took as long as they may."""
        return 0 < 60 * self.config.time_budget <= self.seconds

    def ending(self) -> Ended | None:
        """How the run ends, if what was evaluated so far ends it: all epochs done, target reached, or no progress."""
        config, record, epoch = self.config, self.record, self.evaluated_epoch
        if epoch >= config.epochs:
            return Ended(reason="completed")
        if epoch >= 1 and 0 < config.target_accuracy <= record.accuracy:
            return Ended(
                reason="completed",
                message=N_("Stopped after epoch {epoch}: the validation accuracy of {accuracy} % reached the target."),
                values={"epoch": epoch, "accuracy": round(100 * record.accuracy, 2)},
            )
        if epoch >= 1 and 0 < config.early_stopping <= record.stale_epochs:
            return Ended(
                reason="completed",
                message=N_(
                    "Stopped early, after epoch {epoch}: no lower validation loss for {patience} epochs in a row."
                )
                if config.early_stopping_metric == "loss"
                else N_(
                    "Stopped early, after epoch {epoch}: no higher validation accuracy for {patience} epochs in a row."
                ),
                values={"epoch": epoch, "patience": record.stale_epochs},
            )
        return None


def pick_device(name: str) -> torch.device:
    """The device called ``name``; ``auto`` takes CUDA, then Apple's GPU, then the CPU.

    Raises:
        UserError: there is no such device here.
    """
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, there in here.items() if there)
    elif not here[name]:
        raise UserError(N_("There is no {device} device here. Choose auto or cpu."), device=name)
    return torch.device(name)


def use_threads(config: TrainConfig) -> int:
    """Let torch use as many CPU threads as ``config`` says, 0 being all this process may run on; return the number."""
    threads = config.threads or cores()
    torch.set_num_threads(threads)
    return threads
