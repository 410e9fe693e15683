"""Cells of an exported program: from the files of a dataset to the untrained network."""

import re

from dlcore.data import DATASETS
from dlcore.data.availability import FOLDERS
from dlcore.export import sources
from dlcore.export.writing import Writing
from dlcore.messages import N_

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


_PARTS = ("train", "test")


def random(writing: Writing) -> str:
    """Where random numbers come from."""
    return writing.cut("data/randomness", "derive", "generator", "seeded")


def data_text(writing: Writing) -> str:
    """How many images there are for what."""
    started, say = writing.recipe.started, writing.say
    told = say(N_("{train:,} images to learn from, {validation:,} held back to judge progress, {test:,} for the test."))
    return told.format(train=started.train_count, validation=started.validation_count, test=started.test_count)


def data(writing: Writing) -> str:
    """The lines that load the images and split them."""
    config, started = writing.config, writing.recipe.started
    parts = [_DIGITS.strip("\n") if config.dataset == "digits" else _torchvision(config.dataset)]
    if writing.chosen:
        told = writing.say(N_("The images of the chosen classes, numbered anew from 0."))
        names = ", ".join(writing.say(name) for name in started.class_names)
        parts.append(
            _SUBSET.strip("\n").format(
                told=told,
                names=names,
                chosen=", ".join(map(str, writing.chosen)),
                classes=writing.classes,
                count=len(DATASETS[config.dataset].class_names),
            )
        )
    if config.label_noise:
        parts.append(writing.cut("data/labels", "with_wrong_labels"))
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
            f"    classes={writing.classes},",
            '    generator=generator(SEED, "label noise"),',
            ")",
        ]
    if not writing.on_cpu:
        lines.append("train_images, train_labels = train_images.to(DEVICE), train_labels.to(DEVICE)")
    lines.append("validation = train_images[validation_indices], train_labels[validation_indices]")
    return sources.join([*parts, "\n".join(lines)])


def from_image(writing: Writing) -> str:
    """What becomes of an image on its way into the network."""
    colour = writing.shape[0] == 3
    module = "data/normalization"
    if colour:
        parts = [writing.cut(module, "_normalize_colour", renames={"_normalize_colour": "normalize"})]
    else:
        condition = "images_uint8.dim() == 4 and images_uint8.shape[1] == 3"
        parts = [writing.cut(module, "normalize", known={condition: False})]
    if (strength := strength_of(writing)) is not None:
        parts += [_augmentation(writing, strength)]
    return sources.join(parts)


def strength_of(writing: Writing) -> dict[str, str] | None:
    """The strengths that are not zero, as text; None where images stay as they are."""
    config, module = writing.config, "data/augmentation"
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


def _augmentation(writing: Writing, strength: dict[str, str]) -> str:
    moving = {"rotation_degrees", "scale", "stretch", "shear", "shift_pixels", "elastic_pixels"}
    moves = bool(moving & set(strength))
    known = {f"strength.{name}": name in strength for name in ("thickness", "erasing", "noise", "elastic_pixels")}
    known |= {"strength.moves": moves, "strength == STRENGTHS['none']": False}
    used = set(strength) | ((moving - {"elastic_pixels"}) if moves else set())
    module = "data/augmentation"
    parts = sources.cut(
        module,
        ("Strength", "augment"),
        describe=writing.describe,
        translate=writing.say,
        known=known,
        renames={"_draw": "uniform"},
        fields=lambda _class, field: field in used,
    )
    values = [f"{name}={value}" for name, value in strength.items()]
    return sources.join([parts, sources.call("STRENGTH = Strength", values)])


def network(writing: Writing) -> str:
    """The network, and the weights that it begins with."""
    config = writing.config
    code = writing.model.write(writing.layers(config.dropout), writing.shape)
    parts = []
    for name, module in (
        ("Dropout", "training/faster"),
        ("MaxPool2x2", "training/faster"),
        ("LogSoftmax", "training/faster"),
        ("Deskewing", "models/network"),
        ("BatchNorm1d", "models/network"),
        ("BatchNorm2d", "models/network"),
    ):
        if name in writing.model.needed:
            parts.append((module, f"_{name}"))
    cuts = [
        writing.cut(module, *(name for found, name in parts if found == module))
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
    if writing.device == "mps":  # see dlcore.training.faster.channels_together
        lines.append("network = network.to(DEVICE)")
    else:
        told = writing.say(N_("the channels of a pixel side by side in memory: faster convolutions"))
        lines += [f"# {told}", "network = network.to(DEVICE).to(memory_format=torch.channels_last)"]
    return sources.join([*cuts, code, "\n".join(lines)])


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
