"""The runs that teach: symbols of the visitor's own on the features of a model, and corrections of a copy of one."""

from dlcore.config import TrainConfig
from dlcore.data import OWN_IMAGES
from dlcore.inference.prediction import Model


def symbols_config(model: Model, set_id: str, *, seed: int = 0) -> TrainConfig:
    """A new last layer on what ``model`` has learned, and everything below moves along a little; a few seconds.

    Some forty drawings are few: each is shifted, turned, scaled and made thicker or thinner each time it is seen.
    """
    return TrainConfig.parse(
        _like(model, set_id)
        | {"epochs": 30, "batch_size": 16, "learning_rate": 0.002, "schedule": "one-cycle", "seed": seed}
        | {"augmentation": "moderate", "validation_fraction": 0.1}
    )


def corrections_config(model: Model, set_id: str) -> TrainConfig:
    """Fine-tuning: all layers, small steps, few passes."""
    return TrainConfig.parse(
        _like(model, set_id)
        | {"epochs": 10, "batch_size": 32, "learning_rate": 0.0005, "augmentation": "light", "validation_fraction": 0.1}
    )


def _like(model: Model, set_id: str) -> dict[str, object]:
    about = model.metadata
    return {
        **about.get("options", {}),
        "dataset": OWN_IMAGES,
        "own_images": set_id,
        "model": about["model"],
        "dropout": float(about["dropout"]),
        "start_from": model.source,
        "optimizer": "adamw",
        "precision": "mixed",
        "threads": 1,
    }
