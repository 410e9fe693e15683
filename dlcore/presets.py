"""Named experiments, each a :class:`~dlcore.config.TrainConfig`."""

from collections.abc import Mapping
from dataclasses import dataclass

from dlcore.config import TrainConfig
from dlcore.messages import N_


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A configuration with a name and a reason."""

    title: str
    summary: str
    config: TrainConfig


PRESETS: Mapping[str, Preset] = {
    "article": Preset(
        title=N_("The article's program"),
        summary=N_(
            "The PyTorch program that the Concepts page explains line by line: Adam at 0.001, batches of 64, ten epochs of MNIST."
        ),
        config=TrainConfig(),
    ),
    "tiny": Preset(
        title=N_("Half a minute"),
        summary=N_("A compact network on the small digits: done before your coffee is, and no download."),
        config=TrainConfig(
            dataset="digits", model="compact-cnn", epochs=10, learning_rate=0.005, schedule="one-cycle", dropout=0.2
        ),
    ),
    "fast-99": Preset(
        title=N_("99 % in a hurry"),
        summary=N_(
            "A small network that pools at once, one pass over four fifths of MNIST: seconds instead of minutes to 99 %."
        ),
        config=TrainConfig(
            model="sprint-cnn",
            epochs=1,
            batch_size=128,
            learning_rate=0.01,
            optimizer="adamw",
            schedule="one-cycle",
            weight_decay=0.01,
            dropout=0.0,
            label_smoothing=0.05,
            train_fraction=0.8,
            validation_fraction=0.05,
            precision="mixed",
        ),
    ),
    "overfit": Preset(
        title=N_("Learning by heart"),
        summary=N_(
            "65 images, four labels in ten wrong, nothing to hold it back: it learns them all, and little else."
        ),
        config=TrainConfig(
            dataset="digits",
            model="mlp",
            epochs=60,
            batch_size=8,
            learning_rate=0.003,
            dropout=0.0,
            train_fraction=0.05,
            label_noise=0.4,
        ),
    ),
    "diverge": Preset(
        title=N_("Far too fast"),
        summary=N_("A learning rate so large that the loss runs away within a few updates. See how that looks."),
        config=TrainConfig(dataset="digits", epochs=5, learning_rate=0.3, optimizer="sgd"),
    ),
    "accurate": Preset(
        title=N_("Few mistakes"),
        summary=N_(
            "A wider network, ten epochs of MNIST, each image changed each time: four mistakes in a thousand, or fewer."
        ),
        config=TrainConfig(
            model="accurate-cnn",
            epochs=10,
            batch_size=128,
            learning_rate=0.01,
            optimizer="adamw",
            schedule="one-cycle",
            weight_decay=0.01,
            dropout=0.2,
            validation_fraction=0.05,
            augmentation="moderate",
            precision="mixed",
        ),
    ),
    "pretrained": Preset(
        title=N_("The bundled model, one half"),
        summary=N_(
            "Half of the model on the Draw page: four networks like this one. Each takes the better part of an hour."
        ),
        config=TrainConfig(
            dataset="mnist-pen",
            model="committee-cnn",
            members=1,
            epochs=52,
            batch_size=128,
            learning_rate=0.01,
            optimizer="adamw",
            schedule="one-cycle",
            weight_decay=0.01,
            dropout=0.2,
            augmentation="moderate",
            precision="mixed",
            threads=1,
        ),
    ),
    "pretrained-deskewed": Preset(
        title=N_("The bundled model, the other half"),
        summary=N_(
            "The other half of the model on the Draw page: four networks that first lean each image back upright."
            " Each takes half an hour or so."
        ),
        config=TrainConfig(
            dataset="mnist-pen",
            model="deskewed-cnn",
            epochs=30,
            batch_size=128,
            learning_rate=0.01,
            optimizer="adamw",
            schedule="one-cycle",
            weight_decay=0.01,
            dropout=0.2,
            augmentation="custom",
            shift_pixels=2.5,
            precision="mixed",
            threads=1,
        ),
    ),
}

BUNDLED = PRESETS["pretrained"].config.model_copy(update={"model": "mixed-committee-cnn", "members": 4})
"""What the bundled model is: four networks of each of two presets, put together by ``bench/model_card.py``."""
