"""Settings that change nothing beside the others of a configuration, and why. Torch-free."""

from dlcore.config import TrainConfig
from dlcore.config.choices import DEVICES, OPTIMIZERS
from dlcore.messages import N_, UserError
from dlcore.models import stack


def unused(config: TrainConfig) -> dict[str, UserError]:
    """By the name of the setting, the reason."""
    reasons = {}
    if config.optimizer in {"adam", "adamw"}:
        own = N_("Not used: {optimizer} has a momentum of its own.")
        reasons["momentum"] = UserError(own, optimizer=OPTIMIZERS[config.optimizer])
    if config.optimizer == "adagrad":
        reasons["momentum"] = UserError(N_("Not used: Adagrad has no momentum."))
    if config.model == "linear":
        reasons["dropout"] = UserError(N_("Not used: this model has no hidden neurons to silence."))
    elif config.model == "custom" and all(part != "dropout" for part in stack.split(config.layers)):
        reasons["dropout"] = UserError(N_("Not used: no layer leaves its share of dropout to this setting."))
    if config.device in {"cuda", "mps"}:
        where = N_("Not used: the arithmetic happens on the {device}.")
        reasons["threads"] = UserError(where, device=DEVICES[config.device])
    if _holds_back_itself(config):
        reasons["validation_fraction"] = UserError(N_("Not used: this dataset itself says which images are held back."))
    if not config.early_stopping:
        reasons["early_stopping_metric"] = UserError(N_("Not used: patience is off."))
    return reasons


def _holds_back_itself(config: TrainConfig) -> bool:
    try:
        return config.data().held_back > 0
    except UserError:  # the pictures were deleted since
        return False
