"""Calibrate a model with the images that were held back from its training, found again by its own configuration."""

import numpy as np

from dlcore.config import TrainConfig
from dlcore.data.availability import available
from dlcore.data.loading import load
from dlcore.data.partition import partition
from dlcore.inference import calibration
from dlcore.inference.calibration import Measured
from dlcore.inference.prediction import Model, look_at_pictures
from dlcore.inference.sources import find_weights
from dlcore.messages import N_, UserError

MOST = 3000
"""Validation images that are looked at; more would tell little more."""
_LEARNED_FROM = 2000


def calibrate(model: Model) -> Measured:
    """Fit temperature and familiarity, and keep them beside the weights.

    Raises:
        UserError: the dataset is not at hand, or the weights do not say how they were trained.
    """
    config = TrainConfig.parse(dict(model.metadata.get("config", {"dataset": model.dataset})))
    if not available(config.dataset, own_images=config.own_images):
        raise UserError(
            N_("Its validation images are not at hand: the dataset {dataset} is missing here."), dataset=config.dataset
        )
    dataset = load(config.dataset, own_images=config.own_images, classes=config.classes)
    learned_from, held_back = partition(config, len(dataset.train_images), held_back=dataset.held_back)
    judged, learned = held_back[:MOST], learned_from[:_LEARNED_FROM]
    familiar = calibration.remember(look_at_pictures(model, dataset.train_images[learned].numpy()).features)
    looked = look_at_pictures(model, dataset.train_images[judged].numpy())
    labels = dataset.train_labels[judged].numpy().astype(np.int64)
    fitted = calibration.fit(looked.log_probabilities, labels, familiar.score(looked.features), model.sha256)
    measured = Measured(fitted, familiar)
    calibration.write(find_weights(model.source), measured)
    return measured
