"""Where a network's numbers stopped being numbers, or ran away, and what may help."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dlcore.messages import N_
from dlcore.training.events import Ended
from dlcore.training.state import TrainingState
from dlcore.training.telemetry import norm, rounded

_USUAL_RATIO = 0.01
"""Updates that move the weights by more than this share of their size are suspicious,"""
_LONG_GRADIENT = 10.0
"""and so are gradients longer than this."""
_NORMALISERS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)  # noqa: SLF001  # the common base of all three

WHAT: dict[str, str] = {
    "input": N_("what it was given was no number"),
    "weights": N_("its weights were no numbers any more"),
    "output": N_("its output was no number any more"),
    "loss": N_("the loss of its output was no number any more"),
    "gradient": N_("the gradient of its weights was no number any more"),
    "growth": N_("no other layer enlarges its signals so much"),
}


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The first place, in the order of the computation, where something is not finite."""

    layer: str
    what: str
    """A key of :data:`WHAT`."""


class _Trace:
    """Follows one forward pass through the layers of ``network``, in the order in which they are called."""

    def __init__(self, network: nn.Module) -> None:
        self.layers: list[str] = []
        self.origin: Origin | None = None
        names = {module: name for name, module in network.named_modules() if not list(module.children())}

        def before(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            name = names[module]
            # Between two layers stand functions, such as activations: what they spoil belongs to the layer before.
            layer, what = (self.layers[-1], "output") if self.layers else (name, "input")
            self._see(layer, what, inputs)
            self.layers.append(name)
            self._see(name, "weights", (*module.parameters(recurse=False), *module.buffers(recurse=False)))

        def after(module: nn.Module, _inputs: tuple[Any, ...], output: object) -> None:
            self._see(names[module], "output", (output,))

        for module in names:
            module.register_forward_pre_hook(before)
            module.register_forward_hook(after)

    def _see(self, layer: str, what: str, values: tuple[object, ...]) -> None:
        tensors = (value for value in values if isinstance(value, Tensor) and value.is_floating_point())
        if self.origin is None and not all(bool(tensor.isfinite().all()) for tensor in tensors):
            self.origin = Origin(layer=layer, what=what)


def find_origin(network: nn.Module, loss_of: Callable[[nn.Module], Tensor]) -> Origin:
    """Look for it with one more forward pass, and a backward pass if that was in order.

    Args:
        network: as it was before the update; neither it nor its averages are changed.
        loss_of: computes the loss of the offending batch with a network like this one.
    """
    twin = copy.deepcopy(network).requires_grad_(requires_grad=True)
    trace = _Trace(twin)
    with torch.enable_grad():
        loss = loss_of(twin)
    last = trace.layers[-1] if trace.layers else ""
    if trace.origin is not None:
        return trace.origin
    if not bool(loss.isfinite()):
        return Origin(layer=last, what="loss")
    loss.backward()  # type: ignore[no-untyped-call]
    return _of_gradient(twin, trace.layers) or Origin(layer=last, what="gradient")


def find_growth(network: nn.Module, inputs: Tensor) -> Origin:
    """The layer of a network, all of whose numbers are finite, that enlarges its signals most, root mean square.

    Args:
        network: left as it is.
        inputs: float32 (B, C, H, W), normalised.
    """
    growth: dict[str, float] = {}

    def after(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, inputs: tuple[Any, ...], output: object) -> None:
            if isinstance(output, Tensor) and inputs and isinstance(inputs[0], Tensor):
                before, now = (float(signal.double().square().mean().sqrt()) for signal in (inputs[0], output))
                growth[name] = now / before if before else 0.0

        return hook

    twin = copy.deepcopy(network).eval()
    for name, module in twin.named_modules():
        if any(True for _ in module.parameters(recurse=False)):
            module.register_forward_hook(after(name))
    with torch.no_grad():
        twin(inputs)
    return Origin(layer=max(growth, key=lambda name: growth[name], default=""), what="growth")


def _of_gradient(network: nn.Module, names: list[str]) -> Origin | None:
    """The layer next to the loss whose gradient is not finite: from there it went down to the first; else the largest."""
    norms = {
        name: norm([p.grad for p in network.get_submodule(name).parameters(recurse=False) if p.grad is not None])
        for name in names
    }
    broken = [name for name, length in norms.items() if not length < float("inf")]
    if broken:
        return Origin(layer=broken[-1], what="gradient")
    return Origin(layer=max(norms, key=lambda name: norms[name]), what="gradient") if norms else None


def diverged(state: TrainingState, origin: Origin, *, step: int, loss: float | None = None) -> Ended:
    """The end of a run that diverged at ``step``: where it began, and what to try, by what was measured until then.

    ``loss`` is the validation loss that ran away, where it is a number still.
    """
    ratio = state.meter.update_ratio if state.meter else None
    length = state.meter.gradient_norm if state.meter else None
    values: dict[str, Any] = {
        "step": step,
        "layer": origin.layer,
        "what": WHAT[origin.what],
        "learning_rate": state.learning_rate,  # the one that was set, not this step's
    }
    message = N_("Training diverged at step {step}. It began in the layer {layer}: {what}.")
    if loss is not None:
        values |= {"loss": f"{loss:.3g}", "untrained": f"{state.untrained_loss:.3g}"}
        message = N_(
            "Training diverged: after step {step} the validation loss is {loss}, and it began at {untrained}. No"
            " network learns its way back from there. Look at the layer {layer} first: {what}."
        )
    pull = state.learning_rate * state.weight_decay
    advice = []
    if state.config.initialisation == "large":
        advice.append(N_("The weights began far too large: choose another initialisation."))
    if pull > 1:
        values["pull"] = rounded(pull)
        advice.append(
            N_(
                "Learning rate times weight decay is {pull}; beyond 1 the decay pushes weights past zero. Lower one of them."
            )
        )
    if ratio is not None and _USUAL_RATIO < ratio < float("inf"):
        values["ratio"] = float(f"{ratio:.2g}")
        advice.append(
            N_(
                "An update moved the weights by {ratio} times their size; 0.001 is usual."
                " Lower the learning rate, now {learning_rate}, for example to a tenth."
            )
        )
    else:
        advice.append(N_("Lower the learning rate, now {learning_rate}, for example to a tenth."))
    if length is not None and not length <= _LONG_GRADIENT and not state.config.gradient_clipping:
        advice.append(N_("The gradients became very long: clip them, for example at 1."))
    if not any(isinstance(module, _NORMALISERS) for module in state.network.modules()):
        advice.append(
            N_(
                "Nothing in this network normalises its signals. One with batch normalisation bears a higher learning rate."
            )
        )
    return Ended(reason="diverged", message=message, values=values, advice=advice)
