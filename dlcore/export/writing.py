"""What all cells of an exported program share."""

import ast
import json
from collections.abc import Callable, Sequence

from dlcore.data import DATASETS
from dlcore.data.selection import classes_of
from dlcore.export import sources
from dlcore.export.model_code import ModelCode
from dlcore.export.recipe import Recipe
from dlcore.export.words import DEFINITIONS
from dlcore.models import MODELS
from dlcore.models.layers import Layer

Translate = Callable[[str], str]


class Writing:
    """What is written of a run: its recipe, and what follows from it for every cell."""

    def __init__(self, recipe: Recipe, translate: Translate) -> None:
        self.recipe = recipe
        self.config = recipe.config
        self.say = translate
        started = recipe.started
        self.device = started.device
        self.on_cpu = started.device == "cpu"
        self.names = {name for change in recipe.changes for name in changed_by(change)}
        config = self.config
        self.records = config.schedule == "plateau" or config.early_stopping > 0
        self.moving_rate = config.schedule != "constant" or "learning_rate" in self.names
        whole = DATASETS[config.dataset]
        self.chosen = classes_of(whole, config.classes) if config.classes else ()
        self.shape = (whole.channels, whole.image_size, whole.image_size)
        self.classes = len(started.class_names)
        self.model = ModelCode(
            on_cpu=self.on_cpu,
            mixed=started.mixed_precision,
            batch_of_one=config.batch_size == 1 or started.train_count % config.batch_size == 1,
            keep_dropout="dropout" in self.names,
            translate=translate,
        )

    def cut(
        self, module: str, *roots: str, known: dict[str, bool] | None = None, renames: dict[str, str] | None = None
    ) -> str:
        """Definitions of a module of this project, told in the program's language."""
        return sources.cut(module, roots, describe=self.describe, translate=self.say, known=known, renames=renames)

    def describe(self, name: str) -> str:
        """The line that says what a definition is."""
        told = DEFINITIONS.get(name, "")
        return self.say(told) if told else ""

    def layers(self, dropout: float) -> Sequence[Layer]:
        """The layers of the network with so much dropout."""
        config = self.config
        return MODELS[config.model].layers(
            shape=self.shape, classes=self.classes, dropout=dropout, options=config.options
        )


def changed_by(change: object) -> dict[str, float]:
    """What was changed by hand at once: the settings and their new values."""
    names = ("learning_rate", "weight_decay", "dropout")
    return {name: value for name in names if (value := getattr(change, name)) is not None}


def format_string(text: str) -> str:
    """A message with fields as the f-string that fills them from variables of the same names."""
    made = "f" + json.dumps(text, ensure_ascii=False)
    ast.parse(made)
    return made
