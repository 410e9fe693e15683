"""How ``--preset fast-99`` was chosen: on validation images alone, by a rule that was written down before.

``DLCORE_DATA=… python -m bench.choosing_fast_99 [--json]``, some ten minutes of one core. Each of :data:`SETTINGS` is
trained with each of :data:`SEEDS`; 10,000 of MNIST's training images are held back, others for each seed, and the test
images are never looked at. Settings are tried from the cheapest on, and no further than the rule needs.

The rule: of the settings whose mean validation accuracy, less its standard error over the seeds, is at least 99 %, the
one that learns from the fewest images (all cost the same for each image); among equals, the higher mean.
"""

import argparse
import json
import math
import statistics
from collections.abc import Mapping
from itertools import product

from bench.turns import tell
from dlcore.config import TrainConfig
from dlcore.data.loading import Dataset, load
from dlcore.data.split import split_counts
from dlcore.presets import PRESETS
from dlcore.training import loop
from dlcore.training.events import Evaluated

SEEDS = range(10, 15)
"""None of those by which the preset is judged on the test images."""
HELD_BACK = 10_000
ENOUGH = 0.99
LEARNED_FROM = (1, 28_500), (1, 39_900), (1, 45_600), (1, 50_000), (2, 28_500), (2, 39_900), (2, 50_000)
"""Epochs, and images of each: 50, 70 and 80 % of the 57,000 that the preset has, and all that are left here."""
LEARNING_RATES = 0.01, 0.02, 0.03
SETTINGS = [
    {"epochs": epochs, "images": images, "learning_rate": rate}
    for (epochs, images), rate in product(LEARNED_FROM, LEARNING_RATES)
]


def cost(setting: Mapping[str, float]) -> float:
    """Images that are learned from, each as often as it is."""
    return setting["epochs"] * setting["images"]


def validation_accuracy(dataset: Dataset, setting: Mapping[str, float], seed: int) -> float:
    """After the last epoch; what comes then, the test, is not asked for."""
    count = len(dataset.train_images)
    config = TrainConfig.model_validate(
        PRESETS["fast-99"].config.model_dump()
        | {
            "epochs": setting["epochs"],
            "learning_rate": setting["learning_rate"],
            "train_fraction": setting["images"] / (count - HELD_BACK),
            "validation_fraction": HELD_BACK / count,
            "seed": seed,
            "device": "cpu",
            "threads": 1,
        }
    )
    learned_from, held_back = split_counts(
        count, validation_fraction=config.validation_fraction, train_fraction=config.train_fraction
    )
    assert (learned_from, held_back) == (setting["images"], HELD_BACK)
    accuracy = 0.0
    for event in loop.train(config, dataset=dataset, recording=False):
        if isinstance(event, Evaluated):
            accuracy = event.validation_accuracy
            if event.epoch == config.epochs:
                break
    return accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    mnist, found, chosen = load("mnist"), [], None
    for setting in sorted(SETTINGS, key=cost):
        if chosen is not None and cost(setting) > cost(chosen):
            break
        accuracies = [validation_accuracy(mnist, setting, seed) for seed in SEEDS]
        mean, error = statistics.mean(accuracies), statistics.stdev(accuracies) / math.sqrt(len(SEEDS))
        found.append(setting | {"accuracies": accuracies, "mean": mean, "error": error})
        tell(f"{setting}: {mean:.4%} ± {error:.4%}")
        if mean - error >= ENOUGH and (chosen is None or mean > chosen["mean"]):
            chosen = found[-1]
    tell(f"chosen: {chosen}")
    if options.json:
        print(json.dumps({"found": found, "chosen": chosen}))


if __name__ == "__main__":
    main()
