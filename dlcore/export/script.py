"""A run as a PyTorch program that stands alone: it needs torch and torchvision, and nothing of this project.

The program is written in cells. Each is a heading, a sentence, and code; parts that compute are cut out of this
project's own source (:mod:`dlcore.export.sources`), the rest is put together here from what the run's settings need.
Nothing here imports torch.
"""

import ast
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dlcore.config import KNOBS
from dlcore.data import DATASETS
from dlcore.data.availability import FOLDERS
from dlcore.data.selection import classes_of
from dlcore.export import sources
from dlcore.export.model_code import ModelCode
from dlcore.export.recipe import Recipe
from dlcore.export.words import DEFINITIONS
from dlcore.messages import N_
from dlcore.models import MODELS
from dlcore.models.layers import Dropout

Translate = Callable[[str], str]

_INITIALISATIONS = {
    "xavier": "nn.init.xavier_uniform_(module.weight)",
    "kaiming": 'nn.init.kaiming_normal_(module.weight, nonlinearity="relu")',
    "zeros": "nn.init.zeros_(module.weight)",
    "large": "nn.init.normal_(module.weight)",
}

_DIGITS = """
table = load_digits()
small = torch.tensor(table.data, dtype=torch.float32).reshape(-1, 1, 8, 8) * (255 / 16)
large = F.interpolate(small, size=(20, 20), mode="bicubic", align_corners=False)
images = F.pad(large, (4, 4, 4, 4)).round().clamp(0, 255).to(torch.uint8)
labels = torch.tensor(table.target, dtype=torch.int64)
train_images, train_labels = images[:1437], labels[:1437]
test_images, test_labels = images[1437:], labels[1437:]
"""

_SUBSET = '''
def only(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """{told}"""
    numbers = torch.full(({count},), -1)
    numbers[[{chosen}]] = torch.arange({classes})  # {names}
    renumbered = numbers[labels]
    return images[renumbered >= 0], renumbered[renumbered >= 0]


train_images, train_labels = only(train_images, train_labels)
test_images, test_labels = only(test_images, test_labels)
'''

_CROSS_ENTROPY = '''
def training_loss(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    """{told}"""
    return F.nll_loss(log_probabilities, labels)
'''

_SMOOTHED = '''
def training_loss(log_probabilities: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """{told}"""
    nll = F.nll_loss(log_probabilities, labels)
    if label_smoothing == 0:
        return nll
    return (1 - label_smoothing) * nll - label_smoothing * log_probabilities.mean()
'''

_MSE = '''
def training_loss(log_probabilities: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """{told}"""
    target = F.one_hot(labels, {classes}) * (1 - label_smoothing) + label_smoothing / {classes}
    return (log_probabilities.exp() - target).square().sum(1).mean()
'''

_JUDGE = '''
@torch.no_grad()
def judge(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """{told}"""
    model.eval()
    log_p = torch.cat([model(normalize(part{moved})).cpu() for part in images.split(32)])
    labels = labels.cpu()
    return training_loss(log_p, labels).item(), (log_p.argmax(1) == labels).float().mean().item()
'''

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
        self._recipe = recipe
        self._config = recipe.config
        self._say = translate
        started = recipe.started
        self._device = started.device
        self._on_cpu = started.device == "cpu"
        self._names = {name for change in recipe.changes for name in _changed(change)}
        config = self._config
        self._records = config.schedule == "plateau" or config.early_stopping > 0
        self._stops = self._records or config.target_accuracy > 0
        self._moving_rate = config.schedule != "constant" or "learning_rate" in self._names
        whole = DATASETS[config.dataset]
        self._chosen = classes_of(whole, config.classes) if config.classes else ()
        self._shape = (whole.channels, whole.image_size, whole.image_size)
        self._classes = len(started.class_names)
        self._model = ModelCode(
            on_cpu=self._on_cpu,
            mixed=started.mixed_precision,
            batch_of_one=config.batch_size == 1 or started.train_count % config.batch_size == 1,
            keep_dropout="dropout" in self._names,
            translate=translate,
        )

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
                say(N_("Random numbers")), say(N_("Every use of randomness has a stream of its own.")), self._random()
            ),
            Cell(say(N_("Data")), self._data_text(), self._data()),
            Cell(say(N_("What becomes of an image")), say(N_("On its way into the network.")), self._input()),
            Cell(say(N_("Network")), say(MODELS[self._config.model].summary), self._network()),
            Cell(say(N_("How it learns")), say(N_("The loss, the optimizer, and what goes with them.")), self._rules()),
            Cell(say(N_("Judging")), say(N_("Never while training: eval mode, no gradients.")), self._judge()),
            Cell(say(N_("Training")), self._counts(), self._training()),
            Cell(say(N_("Test")), say(N_("Once, at the end, on images never seen before.")), self._test()),
        ]
        text = say(N_("What was chosen."))
        settings = Cell(say(N_("Settings")), text, self._settings("\n".join(cell.code for cell in body)))
        start = self._imports("\n\n".join([settings.code, *(cell.code for cell in body)]))
        return [Cell("", "", start), settings, *body]

    # Pieces

    def _cut(
        self, module: str, *roots: str, known: dict[str, bool] | None = None, renames: dict[str, str] | None = None
    ) -> str:
        return sources.cut(module, roots, describe=self._describe, translate=self._say, known=known, renames=renames)

    def _describe(self, name: str) -> str:
        told = DEFINITIONS.get(name, "")
        return self._say(told) if told else ""

    def _settings(self, body: str) -> str:
        config, recipe = self._config, self._recipe
        names = sources.names_used(body)
        lines = self._setting("threads", recipe.started.threads)
        lines += [f'DEVICE = torch.device("{self._device}")']
        for name in KNOBS:
            if name.upper() in names and name not in {"threads", "device"}:
                lines += self._setting(name, getattr(config, name))
        if recipe.last_step is not None:
            told = self._say(N_("the update after which it was ended"))
            lines.append(f"LAST_STEP = {recipe.last_step}  # {told}")
        if recipe.changes:
            told = self._say(N_("after so many updates, other values, changed by hand"))
            lines += [f"# {told}", "CHANGES: dict[int, dict[str, float]] = {"]
            lines += [f"    {step}: {_mapping(values)}," for step, values in self._changes().items()]
            lines.append("}")
        return "\n".join([*lines, "", "torch.set_num_threads(THREADS)"])

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
            for name, value in _changed(change).items():
                if name != "dropout":
                    values[name] = value
                    continue
                for layer in self._layers(value):
                    if isinstance(layer, Dropout):
                        values[layer.name] = layer.share
        return made

    def _layers(self, dropout: float) -> Sequence[object]:
        config = self._config
        return MODELS[config.model].layers(
            shape=self._shape, classes=self._classes, dropout=dropout, options=config.options
        )

    def _random(self) -> str:
        return self._cut("data/randomness", "derive", "generator", "seeded")

    def _data_text(self) -> str:
        started, say = self._recipe.started, self._say
        told = say(
            N_("{train:,} images to learn from, {validation:,} held back to judge progress, {test:,} for the test.")
        )
        return told.format(train=started.train_count, validation=started.validation_count, test=started.test_count)

    def _data(self) -> str:
        config, started = self._config, self._recipe.started
        parts = [_DIGITS.strip("\n") if config.dataset == "digits" else _torchvision(config.dataset)]
        if self._chosen:
            told = self._say(N_("The images of the chosen classes, numbered anew from 0."))
            names = ", ".join(self._say(name) for name in started.class_names)
            parts.append(
                _SUBSET.strip("\n").format(
                    told=told,
                    names=names,
                    chosen=", ".join(map(str, self._chosen)),
                    classes=self._classes,
                    count=len(DATASETS[config.dataset].class_names),
                )
            )
        if config.label_noise:
            parts.append(self._cut("data/labels", "with_wrong_labels"))
        images = started.validation_count
        last = images + started.train_count
        lines = [
            'order = torch.randperm(len(train_images), generator=generator(SEED, "split"))',
            f"validation_indices = order[:{images}]",
            f"train_indices = order[{images}:{last}]",
        ]
        if config.label_noise:
            lines += [
                "train_labels = with_wrong_labels(",
                "    train_labels,",
                "    train_indices,",
                "    share=LABEL_NOISE,",
                f"    classes={self._classes},",
                '    generator=generator(SEED, "label noise"),',
                ")",
            ]
        if not self._on_cpu:
            lines.append("train_images, train_labels = train_images.to(DEVICE), train_labels.to(DEVICE)")
        lines.append("validation = train_images[validation_indices], train_labels[validation_indices]")
        return sources.join([*parts, "\n".join(lines)])

    def _input(self) -> str:
        colour = self._shape[0] == 3
        module = "data/normalization"
        if colour:
            parts = [self._cut(module, "_normalize_colour", renames={"_normalize_colour": "normalize"})]
        else:
            condition = "images_uint8.dim() == 4 and images_uint8.shape[1] == 3"
            parts = [self._cut(module, "normalize", known={condition: False})]
        if (strength := self._strength()) is not None:
            parts += [self._augmentation(strength)]
        return sources.join(parts)

    def _strength(self) -> dict[str, str] | None:
        """The strengths that are not zero, as text; None where images stay as they are."""
        config, module = self._config, "data/augmentation"
        if config.augmentation == "none":
            return None
        if config.augmentation != "custom":
            return sources.arguments(module, "STRENGTHS", config.augmentation)
        strength = {}
        for name, text in sources.arguments(module, "strength_of").items():
            [setting] = re.findall(r"config\.(\w+)", text)
            if getattr(config, setting):
                strength[name] = text.replace(f"config.{setting}", setting.upper())
        return strength or None

    def _judge(self) -> str:
        moved = "" if self._on_cpu else ".to(DEVICE)"
        told = self._say(N_("Mean loss and accuracy of a network on images (N, C, H, W) and their labels."))
        return _JUDGE.strip("\n").format(told=told, moved=moved)

    def _augmentation(self, strength: dict[str, str]) -> str:
        moving = {"rotation_degrees", "scale", "stretch", "shear", "shift_pixels", "elastic_pixels"}
        moves = bool(moving & set(strength))
        known = {f"strength.{name}": name in strength for name in ("thickness", "erasing", "noise", "elastic_pixels")}
        known |= {"strength.moves": moves, "strength == STRENGTHS['none']": False}
        used = set(strength) | ((moving - {"elastic_pixels"}) if moves else set())
        module = "data/augmentation"
        parts = sources.cut(
            module,
            ("Strength", "augment"),
            describe=self._describe,
            translate=self._say,
            known=known,
            renames={"_draw": "uniform"},
            fields=lambda _class, field: field in used,
        )
        values = [f"{name}={value}" for name, value in strength.items()]
        return sources.join([parts, sources.call("STRENGTH = Strength", values)])

    def _network(self) -> str:
        config = self._config
        code = self._model.write(self._layers(config.dropout), self._shape)  # type: ignore[arg-type]
        parts = []
        for name, module in (
            ("Dropout", "training/faster"),
            ("MaxPool2x2", "training/faster"),
            ("LogSoftmax", "training/faster"),
            ("BatchNorm1d", "models/network"),
            ("BatchNorm2d", "models/network"),
        ):
            if name in self._model.needed:
                parts.append((module, f"_{name}"))
        cuts = [
            self._cut(module, *(name for found, name in parts if found == module))
            for module in dict.fromkeys(module for module, _ in parts)
        ]
        lines = ['with seeded(SEED, "initialisation"):', "    network = Network()"]
        if config.initialisation != "default":
            lines += [
                "    for module in network.modules():",
                "        if isinstance(module, nn.Conv2d | nn.Linear):",
                f"            {_INITIALISATIONS[config.initialisation]}",
                "            if module.bias is not None:",
                "                nn.init.zeros_(module.bias)",
            ]
        told = self._say(N_("the channels of a pixel side by side in memory: faster convolutions"))
        lines += [f"# {told}", "network = network.to(DEVICE).to(memory_format=torch.channels_last)"]
        return sources.join([*cuts, code, "\n".join(lines)])

    def _rules(self) -> str:
        config = self._config
        parts = [self._loss()]
        factor = {"cosine": "_cosine", "one-cycle": "_one_cycle", "step": "_step", "warm-up": "_warm_up"}
        if config.schedule in factor:
            parts.append(self._cut("training/schedules", factor[config.schedule], renames={"_step": "late_tenth"}))
        if self._records:
            parts.append(self._cut("training/validation_record", "ValidationRecord"))
            parts.append("record = ValidationRecord(metric=EARLY_STOPPING_METRIC)")
        if config.ema:
            parts.append(self._cut("training/averaging", "frozen_copy", "follow"))
            parts.append("averaged = frozen_copy(network)")
        if config.l1:
            parts.append(self._cut("training/optimizers", "add_l1_gradient"))
        parts.append(self._optimizer())
        return sources.join(parts)

    def _loss(self) -> str:
        config, say = self._config, self._say
        if config.loss == "mse":
            told = say(N_("The mean squared distance of the probabilities to the targets."))
            return _MSE.strip("\n").format(told=told, classes=self._classes)
        told = say(N_("The mean cross-entropy: the surprise at the right answer."))
        if not config.label_smoothing:
            return _CROSS_ENTROPY.strip("\n").format(told=told)
        return _SMOOTHED.strip("\n").format(told=told)

    def _optimizer(self) -> str:
        config = self._config
        told = self._say(N_("Weight decay pulls on matrices only: to pull biases to zero regularises nothing."))
        fused = ", fused=True" if self._device in ("cpu", "cuda") else ""
        momentum = ", momentum=MOMENTUM"
        made = {
            "sgd": f"SGD(groups, lr=LEARNING_RATE{momentum})",
            "nesterov": f"SGD(groups, lr=LEARNING_RATE{momentum}{', nesterov=True' if config.momentum > 0 else ''})",
            "adam": f"Adam(groups, lr=LEARNING_RATE{fused})",
            "adamw": f"AdamW(groups, lr=LEARNING_RATE{fused})",
            "rmsprop": f"RMSprop(groups, lr=LEARNING_RATE{momentum})",
            "adagrad": "Adagrad(groups, lr=LEARNING_RATE)",
        }[config.optimizer]
        return "\n".join(
            [
                f"# {told}",
                "groups = [",
                '    {"params": [p for p in network.parameters() if p.dim() >= 2], "weight_decay": WEIGHT_DECAY},',
                '    {"params": [p for p in network.parameters() if p.dim() < 2], "weight_decay": 0.0},',
                "]",
                f"optimizer = torch.optim.{made}",
            ]
        )

    def _counts(self) -> str:
        config, steps = self._config, self._recipe.started.steps_per_epoch
        told = self._say(N_("Epochs: {epochs}, each of {steps:,} updates."))
        return told.format(epochs=config.epochs, steps=steps)

    def _training(self) -> str:  # noqa: C901  # one line a setting
        config, recipe, say = self._config, self._recipe, self._say
        steps = recipe.started.steps_per_epoch
        judged = "averaged" if config.ema else "network"
        ends_early = recipe.last_step is not None
        loop = [
            "    network.train()",
            '    order = torch.randperm(len(train_indices), generator=generator(SEED, "order", epoch))',
        ]
        loop.append("    for chosen in train_indices[order].split(BATCH_SIZE):")
        if ends_early:
            loop += ["        if step == LAST_STEP:", "            break"]
        if recipe.changes:
            loop += self._steering()
        if self._moving_rate:
            loop += [*self._rate(steps * config.epochs), "        for group in optimizer.param_groups:"]
            loop.append('            group["lr"] = rate')
        loop.append("        images, labels = train_images[chosen], train_labels[chosen]")
        if self._strength() is not None:
            loop.append('        images = augment(images, STRENGTH, generator(SEED, "augmentation", step))')
        block = 'seeded(SEED, "dropout", step' + ("" if self._on_cpu else ", device=DEVICE") + ")"
        loop.append("        optimizer.zero_grad()")
        indent = " " * 12
        if recipe.started.mixed_precision:
            told = say(N_("products in bfloat16, sums and weights in float32"))
            block += f', torch.autocast("{self._device}", dtype=torch.bfloat16)'
            loop.append(f"        # {told}")
        smoothing = ", LABEL_SMOOTHING" if config.label_smoothing else ""
        loop += [
            f"        with {block}:",
            f"{indent}loss = training_loss(network(normalize(images)), labels{smoothing})",
        ]
        told = say(N_("The loss is no number any more: training diverged after update {step}."))
        message = _format_string(told)
        loop += ["        if not math.isfinite(loss.item()):", f"            raise SystemExit({message})"]
        loop.append("        loss.backward()")
        if config.l1:
            loop.append("        add_l1_gradient(optimizer, L1)")
        if config.gradient_clipping:
            loop.append("        nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_CLIPPING)")
        if recipe.diverged:
            loop += [
                "        norm = torch.stack([p.grad.norm() for p in network.parameters()]).norm()",
                "        if not math.isfinite(norm.item()):",
                f"            raise SystemExit({message})",
            ]
        loop += ["        optimizer.step()", "        step += 1"]
        if config.ema:
            loop.append("        follow(averaged, network, decay=EMA, updates=step)")
        loop.append(f"    validation_loss, validation_accuracy = judge({judged}, *validation)")
        if recipe.diverged:
            loop += ["    if not math.isfinite(validation_loss):", f"        raise SystemExit({message})"]
        told = say(N_("epoch {epoch}: validation loss {validation_loss:.4f}, accuracy {validation_accuracy:.4f}"))
        loop.append(f"    print({_format_string(told)})")
        loop += self._ending()
        before = ["step = 0"]
        if "learning_rate" in self._names:
            before.append("learning_rate = LEARNING_RATE")
        if self._records:
            told = say(N_("the untrained network counts too"))
            before.append(f"record.note(*judge({judged}, *validation))  # {told}")
        return "\n".join([*before, "for epoch in range(1, EPOCHS + 1):", *loop])

    def _rate(self, total: int) -> list[str]:
        config = self._config
        peak = "learning_rate" if "learning_rate" in self._names else "LEARNING_RATE"
        names = {"cosine": "cosine", "one-cycle": "one_cycle", "step": "late_tenth", "warm-up": "warm_up"}
        if config.schedule in names:
            return [f"        rate = {peak} * {names[config.schedule]}(step / {max(1, total - 1)})"]
        if config.schedule == "plateau":
            return [f"        rate = {peak} * record.plateau_factor"]
        return [f"        rate = {peak}"]

    def _steering(self) -> list[str]:
        lines = ["        for name, value in CHANGES.get(step, {}).items():"]
        branches = []
        if "learning_rate" in self._names:
            branches.append(('name == "learning_rate"', "learning_rate = value"))
        if "weight_decay" in self._names:
            branches.append(('name == "weight_decay"', 'optimizer.param_groups[0]["weight_decay"] = value'))
        if "dropout" in self._names:
            branches.append(('"dropout" in name', "network.get_submodule(name).p = value"))
        for number, (condition, action) in enumerate(branches):
            lines += [f"            {'elif' if number else 'if'} {condition}:", f"                {action}"]
        return lines

    def _ending(self) -> list[str]:
        config = self._config
        lines = []
        if self._records:
            lines.append("    record.note(validation_loss, validation_accuracy)")
        if config.target_accuracy:
            lines += ["    if validation_accuracy >= TARGET_ACCURACY:", "        break"]
        if config.early_stopping:
            lines += ["    if record.stale_epochs >= EARLY_STOPPING:", "        break"]
        if self._recipe.last_step is not None:
            lines += ["    if step == LAST_STEP:", "        break"]
        return lines

    def _test(self) -> str:
        judged = "averaged" if self._config.ema else "network"
        told = self._say(N_("test loss {test_loss:.4f}, test accuracy {test_accuracy:.4f}"))
        return "\n".join(
            [
                f"test_loss, test_accuracy = judge({judged}, test_images, test_labels)",
                f"print({_format_string(told)})",
                f'torch.save({judged}.state_dict(), "weights.pt")',
            ]
        )

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


def _changed(change: object) -> dict[str, float]:
    names = ("learning_rate", "weight_decay", "dropout")
    return {name: value for name in names if (value := getattr(change, name)) is not None}


def _mapping(values: dict[str, float]) -> str:
    return "{" + ", ".join(f'"{name}": {value!r}' for name, value in values.items()) + "}"


def _torchvision(dataset: str) -> str:
    """The lines that load one of torchvision's datasets as bytes (N, C, H, W)."""
    name, split = FOLDERS[dataset], ', split="letters"' if dataset == "emnist-letters" else ""
    lines = ['DATA = os.environ.get("DATA", "data")']
    lines += [f"{part} = datasets.{name}(DATA{split}, train={part == 'train'}, download=True)" for part in _PARTS]
    for part in _PARTS:
        if dataset == "cifar10":
            images = f"torch.from_numpy({part}.data).permute(0, 3, 1, 2).contiguous()"
            labels = f"torch.tensor({part}.targets)"
        elif dataset == "emnist-letters":
            images, labels = f"{part}.data.transpose(1, 2).contiguous().unsqueeze(1)", f"{part}.targets - 1"
        else:
            images, labels = f"{part}.data.unsqueeze(1)", f"{part}.targets"
        lines += [f"{part}_images, {part}_labels = {images}, {labels}"]
    return "\n".join(lines)


_PARTS = ("train", "test")


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _format_string(text: str) -> str:
    """A message with fields as the f-string that fills them from variables of the same names."""
    made = "f" + json.dumps(text, ensure_ascii=False)
    ast.parse(made)
    return made
