"""One validated schema of an experiment, from which the form, the URL, the command line and ``config.json`` derive.

A field's declaration holds all that anyone shows of it: range, default, unit, group and a one-line explanation.
Nothing here imports torch, so the server can read a configuration without it.
"""

import difflib
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from dlcore.data import DATASETS, OWN_IMAGES, DatasetSpec
from dlcore.data.selection import classes_of, classes_text
from dlcore.data.selection import describe as describe_data
from dlcore.knobs import Knob, describe, knob
from dlcore.messages import N_, UserError, Verbatim
from dlcore.models import MODELS, stack
from dlcore.models.layers import Row, totals
from dlcore.models.options import ACTIVATIONS, DEPTHS, NORMALIZATIONS, WIDTHS, ModelOptions

OPTIMIZERS: Mapping[str, str] = {
    "sgd": N_("SGD"),
    "nesterov": N_("SGD with Nesterov momentum"),
    "adam": N_("Adam"),
    "adamw": N_("AdamW"),
    "rmsprop": N_("RMSprop"),
    "adagrad": N_("Adagrad"),
}
SCHEDULES: Mapping[str, str] = {
    "constant": N_("Constant"),
    "cosine": N_("Cosine decay"),
    "one-cycle": N_("One cycle: up, then down"),
    "step": N_("Step: a tenth at two thirds of the way"),
    "warm-up": N_("Warm-up: a straight line up, then cosine decay"),
    "plateau": N_("Plateau: a tenth when validation has not improved for two epochs"),
}
LOSSES: Mapping[str, str] = {
    "cross-entropy": N_("Cross-entropy"),
    "mse": N_("Squared error"),
}
INITIALISATIONS: Mapping[str, str] = {
    "default": N_("PyTorch's default"),
    "xavier": N_("Xavier: keeps signals even"),
    "kaiming": N_("Kaiming: the same, made for ReLU"),
    "zeros": N_("Zeros: nothing tells neurons apart"),
    "large": N_("Large: far too large"),
}
AUGMENTATIONS: Mapping[str, str] = {
    "none": N_("None"),
    "light": N_("Light: small shifts and turns"),
    "moderate": N_("Moderate: shifts, small turns, scale, thickness"),
    "strong": N_("Strong: shifts, turns, scale, shear, stretch"),
    "custom": N_("Your own: how much of each kind"),
}
DEVICES: Mapping[str, str] = {
    "auto": N_("The fastest there is"),
    "cpu": N_("CPU"),
    "cuda": N_("NVIDIA GPU (CUDA)"),
    "mps": N_("Apple GPU (MPS)"),
}
PRECISIONS: Mapping[str, str] = {
    "auto": N_("Mixed on a GPU that can, else full"),
    "float32": N_("Full: float32"),
    "mixed": N_("Mixed: products in bfloat16, where the processor has it"),
}
STOPPING_METRICS: Mapping[str, str] = {
    "loss": N_("Validation loss"),
    "accuracy": N_("Validation accuracy"),
}
GROUPS: Mapping[str, str] = {
    "essentials": N_("The essentials"),
    "optimisation": N_("Optimisation"),
    "regularisation": N_("Regularisation"),
    "data": N_("Training data"),
    "stopping": N_("When to stop"),
    "machinery": N_("Machinery"),
}
"""Groups of fields in the order in which a form shows them."""
_MOST_MEMORY_BYTES = 1_000_000_000
"""Of the values between the layers of a custom network, for one batch."""


_CUSTOM = {"augmentation": {"custom"}}


def _titles(registry: Mapping[str, Any]) -> Mapping[str, str]:
    return {name: spec.title for name, spec in registry.items()}


def _models_with(setting: str) -> Mapping[str, set[str]]:
    """Where a setting of an architecture matters."""
    return {"model": {name for name, spec in MODELS.items() if setting in spec.settings}}


class TrainConfig(BaseModel):
    """One experiment. The defaults are the article's own: its network, its optimizer, its ten epochs of MNIST."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    dataset: str = knob(
        "mnist",
        N_("Dataset"),
        N_("The labelled images that the network learns from."),
        group="essentials",
        choices=_titles(DATASETS),
    )
    own_images: str = knob(
        "",
        N_("Set of images"),
        N_("The pictures that you brought. Only you, and whoever has the link, can choose them."),
        group="essentials",
        max_length=32,
        only_for={"dataset": {OWN_IMAGES}},
    )
    classes: str = knob(
        "",
        N_("Classes"),
        N_("Learn to tell these apart and no others, such as 0,1,7; empty for all."),
        group="essentials",
        max_length=2000,
    )
    model: str = knob(
        "article-cnn",
        N_("Model"),
        N_("The architecture: which layers, in which order."),
        group="essentials",
        choices=_titles(MODELS),
    )
    depth: int = knob(
        2,
        N_("Hidden layers"),
        N_("How many layers lie between the pixels and the answer."),
        group="essentials",
        step=1,
        ge=DEPTHS[0],
        le=DEPTHS[1],
        only_for=_models_with("depth"),
    )
    width: int = knob(
        128,
        N_("Width"),
        N_("Neurons in each hidden layer."),
        group="essentials",
        unit=N_("neurons"),
        logarithmic=True,
        ge=WIDTHS[0],
        le=WIDTHS[1],
        only_for=_models_with("width"),
    )
    layers: str = knob(
        stack.DEFAULT_LAYERS,
        N_("Layers"),
        N_("The network, layer after layer, separated by slashes. The layer that answers comes by itself."),
        group="essentials",
        max_length=stack.LONGEST_TEXT,
        only_for=_models_with("layers"),
    )
    epochs: int = knob(
        10,
        N_("Epochs"),
        N_("How many times the network sees every training image."),
        group="essentials",
        unit=N_("passes"),
        step=1,
        ge=1,
        le=200,
    )
    batch_size: int = knob(
        64,
        N_("Batch size"),
        N_("Images per update. Small batches are noisy and many, large ones smooth and few."),
        group="essentials",
        unit=N_("images"),
        logarithmic=True,
        ge=1,
        le=4096,
    )
    learning_rate: float = knob(
        0.001,
        N_("Learning rate"),
        N_("How far each update moves the weights. The knob that matters most: too small crawls, too large diverges."),
        group="essentials",
        logarithmic=True,
        gt=0,
        le=10,
    )
    optimizer: str = knob(
        "adam",
        N_("Optimizer"),
        N_("The rule that turns gradients into updates."),
        group="optimisation",
        choices=OPTIMIZERS,
    )
    momentum: float = knob(
        0.9,
        N_("Momentum"),
        N_(
            "How much of the last update carries over. SGD, Nesterov and RMSprop use it; Adam has its own, Adagrad none."
        ),
        group="optimisation",
        step=0.05,
        ge=0,
        lt=1,
    )
    schedule: str = knob(
        "constant",
        N_("Learning rate schedule"),
        N_("How the learning rate changes from the first step to the last."),
        group="optimisation",
        choices=SCHEDULES,
    )
    loss: str = knob(
        "cross-entropy",
        N_("Loss function"),
        N_("What training makes small: the surprise at the right answer, or the squared distance to it."),
        group="optimisation",
        choices=LOSSES,
    )
    gradient_clipping: float = knob(
        0.0,
        N_("Gradient clipping"),
        N_("Longest gradient allowed; a longer one is shortened to this."),
        zero=N_("off"),
        group="optimisation",
        step=0.5,
        ge=0,
        le=100,
    )
    activation: str = knob(
        "relu",
        N_("Activation"),
        N_("What a neuron makes of its sum. Without one, any number of layers is no more than one."),
        group="optimisation",
        choices=ACTIVATIONS,
        only_for=_models_with("activation"),
    )
    normalization: str = knob(
        "default",
        N_("Normalisation"),
        N_("Brings the values inside the network to a common scale, so that deep networks learn faster."),
        group="optimisation",
        choices=NORMALIZATIONS,
        only_for=_models_with("normalization"),
    )
    initialisation: str = knob(
        "default",
        N_("Initialisation"),
        N_("The weights before the first update. Learning can be won or lost there."),
        group="optimisation",
        choices=INITIALISATIONS,
    )
    start_from: str = knob(
        "",
        N_("Weights to begin with"),
        N_(
            "Begin with what another model has learned: pretrained, or the name of a run of the same architecture."
            " Empty: with random weights."
        ),
        group="optimisation",
        max_length=100,
    )
    ema: float = knob(
        0.0,
        N_("Averaged weights"),
        N_("Decay of a moving average of the weights, judged and kept in place of the last ones."),
        zero=N_("off"),
        group="optimisation",
        step=0.01,
        ge=0,
        lt=1,
    )
    weight_decay: float = knob(
        0.0,
        N_("Weight decay"),
        N_("Pulls every weight towards zero a little at each step, against over-fitting."),
        group="regularisation",
        logarithmic=True,
        ge=0,
        le=1,
    )
    l1: float = knob(
        0.0,
        N_("L1 penalty"),
        N_("Pulls every weight towards zero by the same amount at each step, until many are almost zero."),
        group="regularisation",
        logarithmic=True,
        ge=0,
        le=1,
    )
    dropout: float = knob(
        0.5,
        N_("Dropout"),
        N_("Share of neurons silenced at random before the last layer; half as much after convolutions."),
        group="regularisation",
        step=0.05,
        ge=0,
        le=0.95,
    )
    label_smoothing: float = knob(
        0.0,
        N_("Label smoothing"),
        N_("Spreads this share of each target over all classes, so that the network stays modest."),
        group="regularisation",
        step=0.01,
        ge=0,
        le=0.5,
    )
    augmentation: str = knob(
        "none",
        N_("Augmentation"),
        N_(
            "Changes every training image a little, differently each time, so that the network learns what does not matter."
        ),
        group="regularisation",
        choices=AUGMENTATIONS,
    )
    shift_pixels: float = knob(
        2.0,
        N_("Shift"),
        N_("Moves each image by up to this, to any side."),
        group="regularisation",
        unit=N_("pixels"),
        step=0.5,
        ge=0,
        le=16,
        only_for=_CUSTOM,
    )
    rotation_degrees: float = knob(
        10.0,
        N_("Rotation"),
        N_("Turns each image by up to this, either way."),
        group="regularisation",
        unit=N_("degrees"),
        step=5,
        ge=0,
        le=180,
        only_for=_CUSTOM,
    )
    scale_share: float = knob(
        0.1,
        N_("Scale"),
        N_("Enlarges or shrinks each image by up to this share."),
        group="regularisation",
        step=0.05,
        ge=0,
        le=1,
        only_for=_CUSTOM,
    )
    shear_degrees: float = knob(
        0.0,
        N_("Shear"),
        N_("Slants each image by up to this, to either side."),
        group="regularisation",
        unit=N_("degrees"),
        step=5,
        ge=0,
        le=45,
        only_for=_CUSTOM,
    )
    elastic_pixels: float = knob(
        0.0,
        N_("Elastic"),
        N_("Bends each image like a sheet of rubber, whose points move by up to this."),
        group="regularisation",
        unit=N_("pixels"),
        step=0.5,
        ge=0,
        le=6,
        only_for=_CUSTOM,
    )
    erasing_share: float = knob(
        0.0,
        N_("Erasing"),
        N_("Covers up to this share of each image with a rectangle of its mean colour."),
        group="regularisation",
        step=0.05,
        ge=0,
        le=0.5,
        only_for=_CUSTOM,
    )
    noise_levels: float = knob(
        0.0,
        N_("Noise"),
        N_("Adds noise to every pixel, with a standard deviation of up to this."),
        group="regularisation",
        unit=N_("of 255"),
        step=5,
        ge=0,
        le=100,
        only_for=_CUSTOM,
    )
    train_fraction: float = knob(
        1.0,
        N_("Share of the training images"),
        N_("Learn from this share of them only: the fewer, the easier it is to learn them by heart."),
        group="data",
        logarithmic=True,
        gt=0,
        le=1,
    )
    label_noise: float = knob(
        0.0,
        N_("Wrong labels"),
        N_("Share of the training labels replaced by a wrong one, at random. Validation and test labels stay right."),
        group="data",
        step=0.05,
        ge=0,
        le=0.9,
    )
    early_stopping: int = knob(
        0,
        N_("Patience"),
        N_("Stops when validation has not improved for this many epochs, and keeps the last weights."),
        zero=N_("off"),
        group="stopping",
        unit=N_("passes"),
        step=1,
        ge=0,
        le=100,
    )
    early_stopping_metric: str = knob(
        "loss",
        N_("What has to improve"),
        N_("What patience waits for: a lower loss, which also sees doubt, or a higher accuracy, which moves in jumps."),
        group="stopping",
        choices=STOPPING_METRICS,
    )
    target_accuracy: float = knob(
        0.0,
        N_("Target accuracy"),
        N_("Stops when the validation accuracy reaches this."),
        zero=N_("off"),
        group="stopping",
        step=0.01,
        ge=0,
        le=1,
    )
    time_budget: float = knob(
        0.0,
        N_("Time budget"),
        N_("Stops when the updates have taken this long. Evaluation and pauses do not count."),
        zero=N_("off"),
        group="stopping",
        unit=N_("minutes"),
        step=1,
        ge=0,
        le=1440,
    )
    validation_fraction: float = knob(
        0.1,
        N_("Validation share"),
        N_("Share of the training images held back to judge progress on images the network does not learn from."),
        group="machinery",
        step=0.05,
        ge=0.01,
        le=0.5,
    )
    seed: int = knob(
        0,
        N_("Seed"),
        N_("Start of all random numbers. Same seed, settings and threads: the same result, bit for bit."),
        group="machinery",
        step=1,
        ge=0,
        le=2**31 - 1,
    )
    device: str = knob(
        "auto",
        N_("Device"),
        N_("Where the arithmetic happens."),
        group="machinery",
        choices=DEVICES,
    )
    precision: str = knob(
        "auto",
        N_("Precision of the arithmetic"),
        N_("How exactly numbers are multiplied. Half the digits are enough to learn, and faster where it is built in."),
        group="machinery",
        choices=PRECISIONS,
    )
    threads: int = knob(
        0,
        N_("CPU threads"),
        N_("Cores that the arithmetic may use. Another number changes the last digits of a result."),
        zero=N_("all cores"),
        group="machinery",
        step=1,
        ge=0,
        le=256,
    )

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        for name, described in KNOBS.items():
            if described.choices is not None and getattr(self, name) not in described.choices:
                raise ValueError(name)
        return self

    @field_validator("layers")
    @classmethod
    def _read_layers(cls, text: str) -> str:
        """The same network is always the same text."""
        return stack.join(stack.parse(text))

    @model_validator(mode="after")
    def _check_network(self) -> Self:
        rows = self.table()
        memory_bytes = totals(rows).memory_bytes * self.batch_size
        if self.model == "custom" and memory_bytes > _MOST_MEMORY_BYTES:
            raise UserError(
                N_(
                    "A batch of {batch_size} images takes {value:,} bytes between the layers; at most {most:,} may be"
                    " kept here. Choose a smaller batch, or fewer channels."
                ),
                batch_size=self.batch_size,
                value=memory_bytes,
                most=_MOST_MEMORY_BYTES,
            )
        return self

    @property
    def options(self) -> ModelOptions:
        """What is chosen within the architecture."""
        return ModelOptions(**{name: getattr(self, name) for name in ModelOptions.model_fields})

    def table(self) -> list[Row]:
        """The network layer by layer, for the images of the dataset.

        Raises:
            UserError: a layer cannot take what reaches it, or a custom network is larger than a shared server can train.
        """
        try:
            spec = self.data()
        except UserError:  # pictures that are not there (yet), or classes that are refused where they are checked
            spec = DATASETS[self.dataset]
        return MODELS[self.model].table(
            in_channels=spec.channels,
            image_size=spec.image_size,
            classes=max(2, len(spec.class_names)),
            dropout=self.dropout,
            options=self.options,
        )

    @classmethod
    def parse(cls, values: Mapping[str, object], *, check_data: bool = True) -> "TrainConfig":
        """A configuration from untrusted values (URL, command line, JSON); text is read as numbers where needed.

        Args:
            values: by the names of the fields; what is missing takes its default.
            check_data: whether the chosen classes and own images must exist, and the classes are brought into their own
                order; not for a run of the past, whose pictures may be gone, nor for a form that is being filled in.

        Raises:
            UserError: naming the value, the rule and the remedy for the first value that does not fit.
        """
        try:
            config = cls.model_validate(dict(values))
        except ValidationError as error:
            raise _explain(error) from None
        if not check_data or (config.dataset != OWN_IMAGES and not config.classes):
            return config
        return config.model_copy(
            update={"classes": classes_text(whole := config.whole_data(), classes_of(whole, config.classes))}
        )

    def whole_data(self) -> DatasetSpec:
        """What is known of the dataset with all its classes.

        Raises:
            UserError: it is a set of own images that is not there.
        """
        return describe_data(self.dataset, own_images=self.own_images)

    def data(self) -> DatasetSpec:
        """What is known of what is learned from: the chosen classes only.

        Raises:
            UserError: it is a set of own images that is not there, or has no such classes.
        """
        return describe_data(self.dataset, own_images=self.own_images, classes=self.classes)


def _explain(error: ValidationError) -> UserError:
    first = error.errors(include_url=False)[0]
    if first["loc"]:
        name, value = str(first["loc"][0]), str(first["input"])
    else:  # a choice, checked after the fields: the message is the name
        name = str(first["ctx"]["error"])
        value = str(first["input"][name])
    if name not in KNOBS:
        return _no_such_setting(name[:40])
    template = N_("{name} must be one of {allowed}; got {value}.")
    if KNOBS[name].kind is str and KNOBS[name].choices is None:
        template = N_("{name} must be a text of at most {allowed} characters; got {value}.")
        return UserError(template, name=name, allowed=KNOBS[name].longest, value=value[:40])
    if KNOBS[name].choices is None:
        template = N_("{name} must be in {allowed}; got {value}.")
    return UserError(template, name=name, allowed=KNOBS[name].allowed, value=value[:40])


def _no_such_setting(name: str) -> UserError:
    shown = Verbatim(name)
    if close := difflib.get_close_matches(name.casefold().replace("-", "_"), KNOBS, n=3, cutoff=0.5):
        return UserError(
            N_(
                "There is no setting called {name}. Did you mean {close}? The form on the Train page shows all settings,"
                " and {command} lists their names."
            ),
            name=shown,
            close=Verbatim(", ".join(close)),
            command=_ALL_SETTINGS,
        )
    return UserError(
        N_(
            "There is no setting called {name}. The form on the Train page shows all settings, and {command} lists"
            " their names."
        ),
        name=shown,
        command=_ALL_SETTINGS,
    )


_ALL_SETTINGS = Verbatim("python -m dlcore train --help")

KNOBS: Mapping[str, Knob] = {name: describe(name, field) for name, field in TrainConfig.model_fields.items()}
"""Every field of :class:`TrainConfig` in order, described."""
