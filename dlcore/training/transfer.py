"""Begin with what another model has learned, in place of random weights.

Source: Yosinski et al., "How transferable are features in deep neural networks?" (2014).
"""

from collections.abc import Sequence

from torch import nn

from dlcore.config import TrainConfig
from dlcore.inference.sources import find_weights
from dlcore.messages import N_, UserError
from dlcore.training import tensor_file
from dlcore.training.compact import unpacked

_LIMIT_BYTES = 256_000_000


def begin_from(network: nn.Module, config: TrainConfig, class_names: Sequence[str]) -> None:
    """Copy the weights of the model that ``config.start_from`` names into ``network``.

    Its last linear layer stays as it is, freshly initialised, unless both have the same classes.

    Raises:
        UserError: there is no such model, its file is damaged, or it is of another architecture.
    """
    tensors, about = tensor_file.read(find_weights(config.start_from), limit_bytes=_LIMIT_BYTES)
    own = network.state_dict()
    fresh: set[str] = set()
    if list(about.get("class_names", [])) != list(class_names):
        last = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)][-1]
        fresh = {name for name in own if name.startswith(f"{last}.")}
    wanted = {name: tensor for name, tensor in own.items() if name not in fresh}
    try:
        if about.get("model") != config.model:
            raise ValueError("another architecture")  # noqa: TRY301  # said below, like all else that does not fit
        taken = unpacked(tensors, wanted)
    except ValueError as error:
        raise UserError(
            N_(
                "The model {source} has other layers than this run ({model}): weights only fit the architecture and the"
                " kind of images that they were learned with. Choose the same ones, or start from nothing."
            ),
            source=config.start_from[:100],
            model=config.model,
        ) from error
    network.load_state_dict(own | {name: taken[name] for name in wanted})
