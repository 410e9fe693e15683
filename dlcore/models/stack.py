"""The text of a custom network: ``conv 16 3 padding 1 / relu / maxpool 2 / linear 64 / relu``.

Layers are separated by slashes (or line ends). Each is a word, then its numbers in their order, then what may be left
out by its name. The layer that flattens, the classifier and log-softmax come by themselves. Without torch: the page,
the URL and the command line check a network before anything is built.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from dlcore.messages import N_, UserError
from dlcore.models.layers import (
    Activation,
    AveragePooling,
    Convolution,
    Dropout,
    Flatten,
    GlobalAveragePooling,
    Layer,
    Linear,
    LogSoftmax,
    MaxPooling,
    Misfit,
    Normalization,
    Shape,
    residual_block,
)
from dlcore.models.table import totals, walk

DEFAULT_LAYERS = (
    "conv 16 3 padding 1 / batchnorm / relu / maxpool 2 / conv 32 3 padding 1 / batchnorm / relu / maxpool 2"
    " / dropout / linear 64 / relu"
)
LONGEST_TEXT = 1200
"""Characters."""
MOST_LAYERS = 40
MOST_PARAMETERS = 5_000_000
MOST_MULTIPLY_ADDS = 100_000_000
MOST_MEMORY_BYTES = 8_000_000
"""Of the values between the layers, for one image."""
_SEPARATOR = re.compile(r"[/\n]")
_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Argument:
    """A number of a layer."""

    name: str
    title: str
    minimum: float
    maximum: float
    required: bool = False
    default: float | None = None
    """What holds where it is left out, if that is a number."""
    whole: bool = True
    offered: float | None = None
    """What an editor begins with; None where it leaves it out."""

    @property
    def allowed(self) -> str:
        """The interval."""
        return f"[{self.minimum:g}, {self.maximum:g}]"


@dataclass(frozen=True)
class Word:
    """A kind of layer: what it is called, and its numbers."""

    title: str
    summary: str
    places: tuple[Argument, ...] = ()
    """In this order after the word."""
    named: tuple[Argument, ...] = ()
    """After their names."""

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """All of them."""
        return self.places + self.named


_CHANNELS = Argument(name="channels", title=N_("Channels"), required=True, minimum=1, maximum=512, offered=16)
_STRIDE = Argument(name="stride", title=N_("Stride"), minimum=1, maximum=8, default=1)
_WINDOW = Argument(name="window", title=N_("Window"), required=True, minimum=2, maximum=16, offered=2)
_PACE = Argument(name="stride", title=N_("Stride"), minimum=1, maximum=16)

WORDS: Mapping[str, Word] = {
    "conv": Word(
        N_("Convolution"),
        N_("Weighs a small square of pixels, the same way everywhere."),
        (_CHANNELS, Argument(name="kernel", title=N_("Kernel"), required=True, minimum=1, maximum=11, offered=3)),
        (_STRIDE, Argument(name="padding", title=N_("Padding"), minimum=0, maximum=5, default=0, offered=1)),
    ),
    "maxpool": Word(
        N_("Max-pooling"),
        N_("Keeps the largest value of each window, so the image shrinks."),
        (_WINDOW,),
        (_PACE,),
    ),
    "avgpool": Word(
        N_("Average pooling"),
        N_("Keeps the mean of each window, so the image shrinks."),
        (_WINDOW,),
        (_PACE,),
    ),
    "globalpool": Word(N_("Global average pooling"), N_("Keeps one number a channel: its mean over all pixels.")),
    "residual": Word(
        N_("Residual block"),
        N_("Two convolutions that correct what goes past them."),
        (_CHANNELS,),
        (_STRIDE,),
    ),
    "batchnorm": Word(N_("Batch normalisation"), N_("Brings each channel to mean 0 and variance 1 over the batch.")),
    "layernorm": Word(N_("Layer normalisation"), N_("Brings each image's values to mean 0 and variance 1.")),
    "dropout": Word(
        N_("Dropout"),
        N_("Silences values at random while training. Without a number: as the setting Dropout says."),
        (Argument(name="share", title=N_("Share"), minimum=0, maximum=0.95, whole=False),),
    ),
    "linear": Word(
        N_("Linear layer"),
        N_("Weighs all values for each of its neurons."),
        (Argument(name="neurons", title=N_("Neurons"), required=True, minimum=1, maximum=4096, offered=64),),
    ),
    "flatten": Word(N_("Flatten"), N_("Puts all values in one list. Comes by itself before the first linear layer.")),
    "relu": Word(N_("ReLU"), N_("Negative values become 0.")),
    "leaky-relu": Word(N_("Leaky ReLU"), N_("Negative values become a hundredth of themselves.")),
    "tanh": Word(N_("Tanh"), N_("Squeezes values between −1 and 1.")),
    "sigmoid": Word(N_("Sigmoid"), N_("Squeezes values between 0 and 1.")),
    "gelu": Word(N_("GELU"), N_("A smooth ReLU, as in transformers.")),
    "silu": Word(N_("SiLU"), N_("A value times its own sigmoid: another smooth ReLU.")),
}
"""The kinds of layers by the word that stands for them."""


@dataclass(frozen=True)
class Item:
    """One layer as it was written; only what was said, so without defaults."""

    word: str
    values: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        word = WORDS[self.word]
        parts = [self.word]
        parts += [_digits(self.values[a.name]) for a in word.places if a.name in self.values]
        for argument in word.named:
            value = self.values.get(argument.name, argument.default)
            if value is not None and value != argument.default:
                parts += [argument.name, _digits(value)]
        return " ".join(parts)


def split(text: str) -> list[str]:
    """The texts of the single layers."""
    return [part for piece in _SEPARATOR.split(text) if (part := " ".join(piece.split()))]


def join(parts: Sequence[object]) -> str:
    """The inverse of :func:`split`."""
    return " / ".join(str(part) for part in parts)


def parse(text: str) -> tuple[Item, ...]:
    """The layers that ``text`` says.

    Raises:
        UserError: for the first layer that cannot be read, with its number and the reason; or there are too many.
    """
    parts = split(text)
    if len(parts) > MOST_LAYERS:
        raise UserError(
            N_("{count} layers are too many; a network of your own may have {most}. Remove some."),
            count=len(parts),
            most=MOST_LAYERS,
            number=MOST_LAYERS + 1,
        )
    return tuple(parse_item(part, number) for number, part in enumerate(parts, start=1))


def parse_item(text: str, number: int) -> Item:
    """The layer that ``text`` says, the ``number``-th of its network.

    Raises:
        UserError: there is no such layer, or its numbers are not what it needs.
    """
    name, *rest = text.lower().split()
    if name not in WORDS:
        raise UserError(
            N_("Layer {number}: there is no layer called {layer}. There are: {known}."),
            number=number,
            layer=name[:40],
            known=", ".join(WORDS),
        )
    word, values = WORDS[name], {}
    places = list(word.places)
    named = {argument.name: argument for argument in word.named}
    while rest:
        argument = None
        if places and _NUMBER.fullmatch(rest[0]):
            argument, given = places.pop(0), rest.pop(0)
        elif rest[0] in named and len(rest) > 1:
            argument, given = named.pop(rest[0]), rest[1]
            del rest[:2]
        if argument is None:
            raise _misread(text, number, name)
        values[argument.name] = _value(argument, given, text, number)
    if any(argument.required for argument in places):
        raise _misread(text, number, name)
    if "window" in values and values.get("stride") == values["window"]:
        del values["stride"]  # as it would be anyway
    return Item(name, values)


def _value(argument: Argument, given: str, text: str, number: int) -> float:
    fits = _NUMBER.fullmatch(given) and argument.minimum <= float(given) <= argument.maximum
    if not fits or (argument.whole and float(given) % 1):
        raise UserError(
            N_("Layer {number}, {layer}: {argument} must be in {allowed}; got {value}."),
            number=number,
            layer=text[:40],
            argument=argument.title,
            allowed=argument.allowed,
            value=given[:20],
        )
    return float(given)


def _misread(text: str, number: int, name: str) -> UserError:
    word = WORDS[name]
    form = [name, *(a.name if a.required else f"[{a.name}]" for a in word.places)]
    form += [f"[{argument.name} {argument.name[0].upper()}]" for argument in word.named]
    return UserError(
        N_("Layer {number}, {layer}: write it as “{form}”."), number=number, layer=text[:40], form=" ".join(form)
    )


def _digits(value: float) -> str:
    return f"{value:.6g}" if value % 1 else str(int(value))


def layers(items: Sequence[Item], *, in_channels: int, classes: int, dropout: float) -> tuple[Layer, ...]:
    """The whole network that ``items`` mean; ``dropout`` is the share where one says none."""
    made: list[Layer] = []
    counts: dict[str, int] = {}
    flat, channels = False, in_channels
    for item, following in zip_longest(items, items[1:]):
        counts[item.word] = counts.get(item.word, 0) + 1
        if item.word == "linear" and not flat:
            made.append(Flatten("flatten", implicit=True))
        flat = flat or item.word in {"linear", "flatten"}
        normalized = following is not None and following.word == "batchnorm"
        made.append(_layer(item, f"{item.word}{counts[item.word]}", channels, dropout, bias=not normalized))
        channels = int(item.values.get("channels", channels))
    if not flat:
        made.append(Flatten("flatten", implicit=True))
    return (*made, Linear("classifier", classes), LogSoftmax("log_softmax"))


def check(items: Sequence[Item], network: Sequence[Layer], shape: Shape) -> None:
    """Whether the ``network`` of these ``items`` takes images of ``shape``, and is small enough for a shared server.

    Raises:
        UserError: it is not; with the number of the layer at fault, the reason and the remedy.
    """
    try:
        rows = walk(network, shape)
    except UserError as error:
        number = int(str(error.values["number"]))
        raise UserError(error.template, **error.values | {"layer": str(items[number - 1])}) from None
    for place, row in enumerate(rows, start=1):
        if row.depth or not row.number:
            continue  # judged with the layer that it belongs to
        so_far = totals(rows[:place])
        for template, value, most in (
            (_TOO_MANY_PARAMETERS, so_far.parameters, MOST_PARAMETERS),
            (_TOO_MANY_MULTIPLY_ADDS, so_far.multiply_adds, MOST_MULTIPLY_ADDS),
            (_TOO_MUCH_MEMORY, so_far.memory_bytes, MOST_MEMORY_BYTES),
        ):
            if value > most:
                layer = str(items[row.number - 1]) if row.number <= len(items) else row.name
                raise UserError(template, number=row.number, layer=layer, value=value, most=most)


_TOO_MANY_PARAMETERS = N_(
    "With layer {number}, {layer}, the network has {value:,} parameters; at most {most:,} may be trained here."
    " Use fewer channels or neurons, or pool before."
)
_TOO_MANY_MULTIPLY_ADDS = N_(
    "With layer {number}, {layer}, an image costs {value:,} multiply-adds; at most {most:,} may be spent here."
    " Use fewer channels, or pool before."
)
_TOO_MUCH_MEMORY = N_(
    "With layer {number}, {layer}, the values between the layers take {value:,} bytes an image; at most {most:,} may be"
    " kept here. Use fewer channels, or pool before."
)


def _layer(item: Item, name: str, in_channels: int, dropout: float, *, bias: bool) -> Layer:  # noqa: C901, PLR0911  # one line a word
    """``bias`` says whether a layer with weights has one; batch normalisation right after it would take it away."""
    whole = {key: int(value) for key, value in item.values.items()}
    match item.word:
        case "conv":
            return Convolution(name, **whole, bias=bias)
        case "maxpool":
            return MaxPooling(name, **whole)
        case "avgpool":
            return AveragePooling(name, **whole)
        case "globalpool":
            return GlobalAveragePooling(name)
        case "residual":
            return residual_block(name, in_channels, whole["channels"], whole.get("stride", 1))
        case "batchnorm":
            return Normalization(name, "batch")
        case "layernorm":
            return Normalization(name, "layer")
        case "dropout":
            return Dropout(name, item.values.get("share", dropout))
        case "linear":
            return Linear(name, whole["neurons"], bias=bias)
        case "flatten":
            return Flatten(name)
    return Activation(name, item.word)


def outputs(parts: Sequence[str], shape: Shape) -> list[Shape]:
    """What each layer of a network in the making hands on, for images of ``shape``; up to the first that cannot be."""
    items: list[Item] = []
    try:
        for number, part in enumerate(parts, start=1):
            items.append(parse_item(part, number))  # those before a wrong one are kept
    except UserError:
        pass  # whoever asks is told by parse
    made = []
    for layer in layers(items, in_channels=shape[0], classes=1, dropout=0)[:-2]:  # without the classifier
        try:
            shape = layer.output(shape)
        except Misfit:
            break
        if not (isinstance(layer, Flatten) and layer.implicit):
            made.append(shape)
    return made


def offered(word: str) -> Item:
    """The layer that an editor adds for ``word``."""
    values = {a.name: a.offered for a in WORDS[word].arguments if a.offered is not None}
    return Item(word, values)
