"""A run as a PyTorch program that stands alone: it needs torch and torchvision, and nothing of this project.

The program is written in cells. Each is a heading, a sentence, and code; parts that compute are cut out of this
project's own source (:mod:`dlcore.export.sources`), the rest is put together here from what the run's settings need.
Nothing here imports torch.
"""

import json
import re
from dataclasses import dataclass

from dlcore.config import KNOBS
from dlcore.data import DATASETS
from dlcore.export import data_cells, learning_cells, sources
from dlcore.export.recipe import Recipe
from dlcore.export.writing import Translate, Writing, changed_by
from dlcore.messages import N_
from dlcore.models import MODELS
from dlcore.models.layers import Dropout
from dlcore.models.table import walk

_TORCHVISION = """
try:
    from torchvision import datasets
except RuntimeError:
    # {told}
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{{name}}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision import datasets
"""


@dataclass(frozen=True)
class Cell:
    """A piece of the program with a heading and a sentence above it."""

    title: str
    text: str
    code: str


def script(recipe: Recipe, translate: Translate = str) -> str:
    """The program as one file; its cells begin with ``# %%``, which editors show as cells."""
    writer = _Writer(recipe, translate)
    cells = writer.cells()
    whole = f'"""{writer.title()}\n\n{writer.about()}\n"""\n\n{cells[0].code}'
    for number, cell in enumerate(cells[1:]):
        heading = f"# %% {cell.title}\n# {cell.text}"
        blank = "\n\n\n" if cell.code.startswith(("def ", "class ", "@")) else "\n\n"
        whole += "\n\n\n"[not number :] + heading + blank + cell.code
    return whole + "\n"


def notebook(recipe: Recipe, translate: Translate = str) -> str:
    """The program as a Jupyter notebook, format 4.5."""
    writer = _Writer(recipe, translate)
    first, *cells = writer.cells()
    parts = [("markdown", f"# {writer.title()}\n\n{writer.about()}"), ("code", first.code)]
    for cell in cells:
        parts += [("markdown", f"## {cell.title}\n\n{cell.text}"), ("code", cell.code)]
    made: list[dict[str, object]] = []
    for number, (kind, text) in enumerate(parts):
        cell_content = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": text.splitlines(True)}
        made.append(cell_content | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    content = {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


class _Writer:
    def __init__(self, recipe: Recipe, translate: Translate) -> None:
        self._writing = Writing(recipe, translate)
        self._recipe = recipe
        self._config = recipe.config
        self._say = translate

    def title(self) -> str:
        dataset, model = DATASETS[self._config.dataset].title, MODELS[self._config.model].title
        return self._say(N_("{model} on {dataset}")).format(model=self._say(model), dataset=self._say(dataset))

    def about(self) -> str:
        """What the program does, what it needs, and what its numbers rest on."""
        recipe, say = self._recipe, self._say
        started = recipe.started
        lines = [say(N_("The run {run_id} as a program that stands alone.")).format(run_id=recipe.run_id)]
        if recipe.test_accuracy is not None:
            told = say(N_("Its test accuracy was {accuracy}, and is what this program ends with."))
            lines.append(told.format(accuracy=f"{recipe.test_accuracy:.4f}"))
        if recipe.diverged:
            lines.append(say(N_("It diverged: the loss ran away, and so it does here.")))
        if recipe.last_step is not None and recipe.by_clock:
            lines.append(
                say(N_("Its time was up after update {step}, so it ends there.")).format(step=recipe.last_step)
            )
        elif recipe.last_step is not None:
            told = say(N_("It was stopped by hand after update {step}, so it ends there."))
            lines.append(told.format(step=recipe.last_step))
        if recipe.changes:
            lines.append(say(N_("Settings were changed by hand while it went on; CHANGES has them all.")))
        needs = f"torch=={started.versions.get('torch', '').partition('+')[0]} " + (
            "scikit-learn" if self._config.dataset == "digits" else "torchvision"
        )
        lines += ["", say(N_("It needs: pip install {packages}")).format(packages=needs)]
        told = say(
            N_(
                "Bit for bit the same result takes the same processor, the same number of threads ({threads}) and the"
                " same version of torch ({torch})."
            )
        )
        lines.append(told.format(threads=started.threads, torch=started.versions.get("torch", "")))
        if not recipe.exact:
            told = say(
                N_("The run was made by an earlier version of the trainer: this program computes a little differently.")
            )
            lines.append(told)
        return "\n".join(lines)

    def cells(self) -> list[Cell]:
        """All cells in order; the first holds the imports and has no heading."""
        say = self._say
        body = [
            Cell(
                say(N_("Random numbers")),
                say(N_("Every use of randomness has a stream of its own.")),
                data_cells.random(self._writing),
            ),
            Cell(say(N_("Data")), data_cells.data_text(self._writing), data_cells.data(self._writing)),
            Cell(
                say(N_("What becomes of an image")),
                say(N_("On its way into the network.")),
                data_cells.from_image(self._writing),
            ),
            Cell(say(N_("Network")), say(MODELS[self._config.model].summary), data_cells.network(self._writing)),
            Cell(
                say(N_("How it learns")),
                say(N_("The loss, the optimizer, and what goes with them.")),
                learning_cells.rules(self._writing),
            ),
            Cell(
                say(N_("Judging")),
                say(N_("Never while training: eval mode, no gradients.")),
                learning_cells.judge(self._writing),
            ),
            Cell(say(N_("Training")), learning_cells.counts(self._writing), learning_cells.training(self._writing)),
            Cell(
                say(N_("Test")),
                say(N_("Once, at the end, on images never seen before.")),
                learning_cells.test(self._writing),
            ),
        ]
        text = say(N_("What was chosen."))
        settings = Cell(say(N_("Settings")), text, self._settings("\n".join(cell.code for cell in body)))
        start = self._imports("\n\n".join([settings.code, *(cell.code for cell in body)]))
        return [Cell("", "", start), settings, *body]

    def _settings(self, body: str) -> str:
        config, recipe = self._config, self._recipe
        names = sources.names_used(body)
        lines = self._setting("threads", recipe.started.threads)
        lines += [f'DEVICE = torch.device("{self._writing.device}")']
        for name in KNOBS:
            if name.upper() in names and name not in {"threads", "device"}:
                lines += self._setting(name, getattr(config, name))
        if recipe.last_step is not None:
            told = self._say(N_("the update after which it was ended"))
            lines.append(f"LAST_STEP = {recipe.last_step}  # {told}")
        if recipe.changes:
            told = self._say(N_("after so many updates, other values, changed by hand"))
            lines += [f"# {told}", "CHANGES: dict[int, dict[str, float]] = {"]
            for step, values in self._changes().items():
                lines += _mapping(f"    {step}: ", values)
            lines.append("}")
        lines += ["", "torch.set_num_threads(THREADS)"]
        if self._writing.device == "cuda":  # as dlcore.training.precision.prepare_kernels
            digits = "ieee" if config.precision == "float32" else "tf32"
            lines += ["torch.backends.cudnn.deterministic = True"]
            lines += [f'torch.backends.cudnn.conv.fp32_precision = "{digits}"']
        return "\n".join(lines)

    def _setting(self, name: str, value: object) -> list[str]:
        """A constant with the first sentence of what the form says of it: behind it, or above where that is too wide."""
        told = re.split(r"(?<=[.。])", self._say(KNOBS[name].description), maxsplit=1)[0].strip()
        line = f"{name.upper()} = {_literal(value)}"
        whole = f"{line}  # {told}"
        return [whole] if sources.width(whole) <= sources.WIDTH else [f"# {told}", line]

    def _changes(self) -> dict[int, dict[str, float]]:
        """What was changed after how many updates; dropout by the names of the layers."""
        made: dict[int, dict[str, float]] = {}
        for change in self._recipe.changes:
            values = made.setdefault(change.step, {})
            for name, value in changed_by(change).items():
                if name != "dropout":
                    values[name] = value
                    continue
                for row in walk(self._writing.layers(value), self._writing.shape):
                    if isinstance(row.layer, Dropout):
                        values[row.name] = row.layer.share
        return made

    def _imports(self, body: str) -> str:
        names = sources.names_used(body)
        plain = sorted(name for name in ("copy", "hashlib", "math", "os") if name in names)
        given = {
            "collections.abc": ["Iterator"],
            "contextlib": ["contextmanager"],
            "dataclasses": ["dataclass"],
            "typing": ["Any"],
        }
        lines = [f"import {name}" for name in plain]
        for module, offered in given.items():
            if wanted := [name for name in offered if name in names]:
                lines.append(f"from {module} import {', '.join(wanted)}")
        lines += ["", "import torch"]
        if "F" in names:
            lines.append("import torch.nn.functional as F")
        if "load_digits" in names:
            lines.append("from sklearn.datasets import load_digits")
        lines.append("from torch import Tensor, nn")
        if "Optimizer" in names:
            lines.append("from torch.optim import Optimizer")
        if "datasets" in names:
            told = self._say(
                N_(
                    "A CPU-only torch may lack two operators that torchvision names when imported, and nobody needs here."
                )
            )
            lines += ["", _TORCHVISION.strip("\n").format(told=told)]
        return "\n".join(lines)


def _mapping(before: str, values: dict[str, float]) -> list[str]:
    """The lines of a dictionary behind ``before``, each entry on its own where one line is too short for them."""
    entries = [f'"{name}": {value!r}' for name, value in values.items()]
    whole = f"{before}{{{', '.join(entries)}}},"
    if len(whole) <= sources.WIDTH:
        return [whole]
    return [f"{before}{{", *(f"        {entry}," for entry in entries), "    },"]


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
