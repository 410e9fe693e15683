"""What there is to choose from, by the names that configurations use: English titles, for whoever shows them to translate."""

from collections.abc import Mapping

from dlcore.messages import N_

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
