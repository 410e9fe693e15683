"""Calibrate a model with the images that were held back from its training, found again by its own configuration."""

import logging
from pathlib import Path

import numpy as np
from torch import Tensor

from dlcore.config import TrainConfig
from dlcore.data.availability import available
from dlcore.data.loading import Dataset, load
from dlcore.data.partition import partition
from dlcore.inference import calibration
from dlcore.inference.calibration import Measured
from dlcore.inference.prediction import Model, load_file, look_at_pictures
from dlcore.inference.sources import find_weights
from dlcore.inference.trace import layers_of
from dlcore.messages import N_, UserError
from dlcore.models.table import totals, walk

MOST = 3000
"""Validation images that are looked at; more would tell little more."""
LEAST = 100
"""With fewer, a temperature says more about these images than about the model."""
_LEARNED_FROM = 2000
_AT_THE_END = 1500
"""Images that a run looks at before it ends, two thirds of them to judge by,"""
_MULTIPLY_ADDS = 15e9
"""and fewer where the network is so large that this many multiplications would be exceeded: about a second of one core."""

_LOG = logging.getLogger(__name__)


def calibrate(model: Model) -> Measured:
    """Fit temperature and familiarity, and keep them beside the weights.

    Raises:
        UserError: the dataset is not at hand, too little of it was held back, or the weights do not say how they were
            trained.
    """
    config = TrainConfig.parse(dict(model.metadata.get("config", {"dataset": model.dataset})))
    if not model.split_known:
        raise UserError(
            N_(
                "An earlier version trained it and held other images back than this one would. Train it again to calibrate it."
            )
        )
    if not available(config.dataset, own_images=config.own_images):
        raise UserError(
            N_("Its validation images are not at hand: the dataset {dataset} is missing here."), dataset=config.dataset
        )
    dataset = load(config.dataset, own_images=config.own_images, classes=config.classes)
    learned_from, held_back = partition(config, len(dataset.train_images), held_back=dataset.held_back)
    if len(held_back) < LEAST:
        raise UserError(
            N_("Only {count} images were held back from its training; {least} are needed to say how sure it may be."),
            count=len(held_back),
            least=LEAST,
        )
    measured = _measure(model, dataset, learned_from[:_LEARNED_FROM], held_back[:MOST])
    calibration.write(find_weights(model.source), measured)
    return measured


def calibrate_at_the_end(weights: Path, run_id: str, dataset: Dataset, learned_from: Tensor, held_back: Tensor) -> None:
    """What :func:`calibrate` does, for a run that ends now, in about a second: by fewer images where they cost much.

    A run whose confidence could not be measured is a whole run all the same: whatever goes wrong is logged.
    """
    if len(held_back) < LEAST:
        return
    try:
        model = load_file(weights, run_id)
        shape = (model.channels, model.image_size, model.image_size)
        each = totals(walk(layers_of(model), shape)).multiply_adds
        images = int(min(_AT_THE_END, max(1.5 * LEAST, _MULTIPLY_ADDS / max(each, 1))))
        measured = _measure(model, dataset, learned_from[: images // 3], held_back[: images - images // 3])
        calibration.write(weights, measured)
    except Exception as error:  # noqa: BLE001  # its weights are kept, and its test is in the log
        _LOG.warning("run %s was not calibrated", run_id, exc_info=error)


def _measure(model: Model, dataset: Dataset, learned_from: Tensor, judged: Tensor) -> Measured:
    familiar = calibration.remember(look_at_pictures(model, dataset.train_images[learned_from].numpy()).features)
    looked = look_at_pictures(model, dataset.train_images[judged].numpy())
    labels = dataset.train_labels[judged].numpy().astype(np.int64)
    fitted = calibration.fit(looked.log_probabilities, labels, familiar.score(looked.features), model.sha256)
    return Measured(fitted, familiar)
