"""The settings of an experiment, each with all that anyone shows of it: range, default, unit, group, and a line."""

from dlcore.config.choices import (
    AUGMENTATIONS,
    DEVICES,
    INITIALISATIONS,
    LOSSES,
    OPTIMIZERS,
    PRECISIONS,
    SCHEDULES,
    STOPPING_METRICS,
)
from dlcore.config.essentials import Essentials, models_with
from dlcore.knobs import knob
from dlcore.messages import N_
from dlcore.models.options import ACTIVATIONS, NORMALIZATIONS

_CUSTOM = {"augmentation": {"custom"}}


class Fields(Essentials):
    """The fields of a :class:`~dlcore.config.TrainConfig`, in the order in which forms show them."""

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
        only_for=models_with("activation"),
    )
    normalization: str = knob(
        "default",
        N_("Normalisation"),
        N_("Brings the values inside the network to a common scale, so that deep networks learn faster."),
        group="optimisation",
        choices=NORMALIZATIONS,
        only_for=models_with("normalization"),
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
