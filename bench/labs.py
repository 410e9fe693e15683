"""How quickly each lab answers, server side: all that it computes for one setting, nothing remembered from turn to turn.

``python -m bench.concepts labs`` prints it, the playground's recordings with it.
"""

import random
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from dlcore.concepts import convolution as conv
from dlcore.concepts import descent as race
from dlcore.concepts import generalisation as general
from dlcore.concepts import gradient_flow, losses
from dlcore.concepts import modes as small
from dlcore.concepts import neuron as one
from ui.concepts import convolution, descent, generalisation, loss, modes, neuron, own_network, price
from ui.concepts.controls import Choice, Controls, Slide, Steps, Switch

Values = Mapping[str, Any]


def timed(answer: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    start = time.perf_counter()
    answer()
    return 1000 * (time.perf_counter() - start)


def drawn(controls: Controls, draw: random.Random) -> Values:
    """Values of all controls, each drawn from its whole range."""
    values = controls.untouched
    for name, control in controls.controls.items():
        match control:
            case Choice():
                values[name] = draw.choice(list(control.options))
            case Steps():
                values[name] = draw.choice(list(control.values))
            case Switch():
                values[name] = draw.random() < 0.5
            case Slide():
                steps = round((control.high - control.low) / control.step)
                values[name] = type(control.default)(control.low + control.step * draw.randint(0, steps))
    return values


def answer_neuron(v: Values) -> None:
    weights = (v["w1"], v["w2"])
    one.saturation(v["activation"], weights, v["b"])
    one.value(v["activation"], np.linspace(-8, 8, 321))
    one.slope(v["activation"], np.linspace(-8, 8, 321))


def answer_loss(v: Values) -> None:
    logits = np.repeat(np.array([[v["cat"], v["dog"], v["fox"]]], dtype=float), 241, axis=0)
    for compute in (losses.cross_entropy, losses.squared_error):
        compute(logits, int(v["right"]), v["temperature"])
    for compute in (losses.cross_entropy_gradient, losses.squared_error_gradient):
        compute(logits, int(v["right"]), v["temperature"])


def answer_descent(v: Values) -> None:
    race.sweep.cache_clear()
    descent.raced.cache_clear()
    race.sweep(v["surface"], steps=v["steps"], momentum=v["momentum"], noisy=v["noisy"])
    descent.race_of(v)


def answer_generalisation(v: Values) -> None:
    for kept in (general.data, general.features, general.spectrum, general.over_capacity, general.over_count):
        kept.cache_clear()
    general.dropout.cache_clear()
    if v["view"] == "dropout":
        general.dropout(generalisation.experiment_of(v), int(v["width"]), float(v["rate"]))
    else:
        generalisation.sweep_of(v)


def answer_modes(v: Values) -> None:
    for kept in (modes.answers_of, modes.accuracies_of, small.gradient_noise):
        kept.cache_clear()
    match v["view"]:
        case "image":
            modes.answers_of(v["image"], v["batch"], dropping=v["dropping"], statistics=v["statistics"])
        case "test":
            modes.accuracies_of(dropping=v["dropping"], statistics=v["statistics"])
        case _:
            small.gradient_noise()


def answer_own(v: Values) -> None:
    own_network.round_of.cache_clear()
    own_network.round_of(own_network.plan_of(v), v["round"])


LABS: Mapping[str, tuple[Controls, Callable[[Values], object]]] = {
    "neuron": (neuron.CONTROLS, answer_neuron),
    "loss": (loss.CONTROLS, answer_loss),
    "descent": (descent.CONTROLS, answer_descent),
    "price": (price.CONTROLS, lambda v: gradient_flow.measure(**v)),
    "convolution": (convolution.CONTROLS, lambda v: convolution.maps_of(v, conv.picture("rings"))),
    "generalisation": (generalisation.CONTROLS, answer_generalisation),
    "modes": (modes.CONTROLS, answer_modes),
    "six steps, own network": (own_network.CONTROLS, answer_own),
}


def chapters(turns: int = 60) -> dict[str, dict[str, float]]:
    """Median, 95th percentile and worst in milliseconds, over settings drawn at random."""
    result = {}
    for name, (controls, answer) in LABS.items():
        draw = random.Random(0)
        answer(controls.untouched)  # the first call pays for imports and files
        settings = [drawn(controls, draw) for _turn in range(turns)]
        times = sorted(timed(partial(answer, values)) for values in settings)
        result[name] = {
            "median": round(statistics.median(times), 1),
            "p95": round(times[int(0.95 * (turns - 1))], 1),
            "worst": round(times[-1], 1),
        }
    return result
