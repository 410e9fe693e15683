"""A network as the plain PyTorch class that a person would write for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dlcore.export.sources import call
from dlcore.messages import N_
from dlcore.models.layers import (
    Activation,
    AveragePooling,
    Branches,
    Convolution,
    Deskewing,
    Dropout,
    Flatten,
    GlobalAveragePooling,
    Layer,
    Linear,
    LogSoftmax,
    MaxPooling,
    Normalization,
    Residual,
    Shape,
)

_ACTIVATIONS = {
    "relu": "nn.ReLU()",
    "leaky-relu": "nn.LeakyReLU()",
    "tanh": "nn.Tanh()",
    "sigmoid": "nn.Sigmoid()",
    "gelu": "nn.GELU()",
    "silu": "nn.SiLU()",
}


@dataclass(kw_only=True)
class ModelCode:
    """How modules are written: which of them are the faster ones of :mod:`dlcore.training.faster`."""

    on_cpu: bool
    mixed: bool
    batch_of_one: bool
    """Whether a batch may be a single image, whose batch normalisation is a case of its own."""
    keep_dropout: bool = False
    """Whether dropout layers stand there also where they do nothing, since somebody changed that later."""
    translate: Callable[[str], str] = str
    needed: set[str] = field(default_factory=set)
    """The classes of this project that the code uses."""

    def write(self, layers: Sequence[Layer], shape: Shape) -> str:
        """The class ``Network``, and those of its residual blocks and branches if it has some, for images of ``shape``."""
        told = self.translate(N_("The network. Behind each line stands what it hands on for one image."))
        return self._class("Network", told, layers, shape)

    def _class(self, title: str, told: str, layers: Sequence[Layer], shape: Shape) -> str:
        making: list[str] = []
        calling: list[str] = []
        groups: dict[str, list[str]] = {}
        residual: list[str] = []
        branches: list[str] = []
        for layer in layers:
            group = layer.name.rpartition(".")[0]
            name = (group or layer.name).replace("-", "_")
            output = layer.output(shape)
            result = f"self.{name}(x)"
            if isinstance(layer, Residual):
                residual = residual or [self._block(layer, output)]
                text = f"ResidualBlock({shape[0]}, {output[0]}{_stride(layer)})"
            elif isinstance(layer, Branches):
                branches += [self._branch(branch, inside, shape) for branch, inside in layer.branches]
                made = [f'"{branch}": {_branch_title(branch)}()' for branch, _inside in layer.branches]
                text = f"nn.ModuleDict({{{', '.join(made)}}})"
                result = f"torch.cat([branch(x) for branch in self.{name}.values()], dim=1)"
            elif isinstance(layer, Dropout) and not layer.share and not self.keep_dropout:
                continue
            else:
                text = self._module(layer, shape)
            call = f"        x = {result}  # {' × '.join(map(str, output))}"
            if not group:
                making.append(f"        self.{name} = {text}")
                calling.append(call)
            else:
                if name not in groups:
                    making.append(name)
                    calling.append("")
                groups.setdefault(name, []).append(f"            {text},")
                calling[-1] = call
            shape = output
        body: list[str] = []
        for line in making:
            body += [f"        self.{line} = nn.Sequential(", *groups[line], "        )"] if line in groups else [line]
        lines = [
            f"class {title}(nn.Module):",
            f'    """{told}"""',
            "",
            "    def __init__(self) -> None:",
            "        super().__init__()",
            *body,
            "",
            "    def forward(self, x: Tensor) -> Tensor:",
            *calling,
            "        return x",
        ]
        return "\n\n\n".join([*residual, *branches, "\n".join(lines)])

    def _branch(self, name: str, layers: Sequence[Layer], shape: Shape) -> str:
        told = self.translate(N_("One of the branches, which know nothing of each other."))
        return self._class(_branch_title(name), told, layers, shape)

    def _module(self, layer: Layer, shape: Shape) -> str:  # noqa: C901, PLR0911, PLR0912  # one line a kind
        match layer:
            case Convolution():
                return _convolution(layer, str(shape[0]), str(layer.channels))
            case MaxPooling(window=2, pace=2) if self.on_cpu:
                return self._ours("MaxPool2x2", "(2)")
            case MaxPooling(window=window, pace=pace):
                return f"nn.MaxPool2d({window})" if pace == window else f"nn.MaxPool2d({window}, {pace})"
            case AveragePooling(window=window, pace=pace):
                return f"nn.AvgPool2d({window})" if pace == window else f"nn.AvgPool2d({window}, {pace})"
            case GlobalAveragePooling():
                return "nn.AdaptiveAvgPool2d(1)"
            case Deskewing():
                return self._ours("Deskewing", "()")
            case Flatten():
                return "nn.Flatten()"
            case Linear(features=features, bias=bias):
                return f"nn.Linear({shape[0]}, {features}{'' if bias else ', bias=False'})"
            case Dropout(share=share):
                return self._ours("Dropout", f"({share!r})") if self.on_cpu else f"nn.Dropout({share!r})"
            case Activation(function="relu", in_place=True):
                return "nn.ReLU(inplace=True)"
            case Activation(function=function):
                return _ACTIVATIONS[function]
            case Normalization(over=over):
                return self._normalization(over, str(shape[0]), shape)
            case LogSoftmax():
                return self._ours("LogSoftmax", "(dim=1)") if self.mixed else "nn.LogSoftmax(dim=1)"
        raise TypeError(layer)

    def _ours(self, name: str, arguments: str) -> str:
        self.needed.add(name)
        return name + arguments

    def _normalization(self, over: str, channels: str, shape: Shape) -> str:
        if over == "layer":
            return f"nn.LayerNorm({channels})" if len(shape) == 1 else f"nn.GroupNorm(1, {channels})"
        name = "BatchNorm1d" if len(shape) == 1 else "BatchNorm2d"
        alone = self.batch_of_one and (channels == "channels" or all(side == 1 for side in shape[1:]))
        return self._ours(name, f"({channels})") if alone else f"nn.{name}({channels})"

    def _block(self, block: Residual, output: Shape) -> str:
        """The class of residual blocks. All of a network are of one kind, so the first stands for them."""
        convolutions = [layer for layer in block.body if isinstance(layer, Convolution)]
        norms = [layer.over for layer in block.body if isinstance(layer, Normalization)]
        norm = self._normalization(norms[0], "channels", output) if norms else ""
        bias = "" if convolutions[0].bias else ", bias=False"
        [between] = [layer for layer in block.body if isinstance(layer, Activation)]
        shortcut = f"nn.Conv2d(in_channels, channels, 1, stride{bias})"
        lines = [
            "class ResidualBlock(nn.Module):",
            f'    """{self.translate(N_("Two convolutions that correct what the shortcut hands on. He et al. (2016)."))}"""',
            "",
            "    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:",
            "        super().__init__()",
            f"        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1{bias})",
            *([f"        self.norm1 = {norm}"] if norm else []),
            f"        self.activation1 = {self._module(between, output)}",
            f"        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1{bias})",
            *([f"        self.norm2 = {norm}"] if norm else []),
            "        self.shortcut: nn.Module = nn.Identity()",
            "        if stride != 1 or in_channels != channels:",
            "            "
            + call("self.shortcut = nn.Sequential", [shortcut, *([norm] if norm else [])], indent=" " * 12),
            f"        self.activation = {_ACTIVATIONS[block.activation]}",
            "",
            "    def forward(self, x: Tensor) -> Tensor:",
            f"        correction = self.activation1({'self.norm1(self.conv1(x))' if norm else 'self.conv1(x)'})",
            f"        correction = {'self.norm2(self.conv2(correction))' if norm else 'self.conv2(correction)'}",
            "        return self.activation(self.shortcut(x) + correction)",
        ]
        return "\n".join(lines)


def _convolution(layer: Convolution, in_channels: str, channels: str) -> str:
    parts = [in_channels, channels, str(layer.kernel)]
    parts += [f"stride={layer.stride}"] if layer.stride != 1 else []
    parts += [f"padding={layer.padding}"] if layer.padding else []
    parts += [f"groups={layer.groups}"] if layer.groups != 1 else []
    parts += [] if layer.bias else ["bias=False"]
    return f"nn.Conv2d({', '.join(parts)})"


def _branch_title(name: str) -> str:
    return f"Branch{name.title()}"


def _stride(block: Residual) -> str:
    [first, *_] = [layer for layer in block.body if isinstance(layer, Convolution)]
    return f", {first.stride}" if first.stride != 1 else ""
