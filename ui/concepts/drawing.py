"""The network of the six steps as a drawing: which numbers stand where, which are live, and the sum behind each."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from dlcore.concepts.six_steps import WEIGHT_NAMES, Experiment, Lap
from ui import palette
from ui.concepts.numbers import factor, plain
from ui.language import translate as _

_HERE = Path(__file__).resolve().parent
SYMBOLS = ("w₁₁", "w₁₂", "w₂₁", "w₂₂", "b₁", "b₂", "v₁", "v₂", "c")
"""The weights as a formula writes them, in the order of ``WEIGHT_NAMES``."""
_ENDS = (("x1", "h1"), ("x2", "h1"), ("x1", "h2"), ("x2", "h2"), None, None, ("h1", "p"), ("h2", "p"), None)
_BIAS_NODES = {"b1": "h1", "b2": "h2", "c": "p"}
_FACTORS = ("δ₁ · x₁", "δ₁ · x₂", "δ₂ · x₁", "δ₂ · x₂", "δ₁", "δ₂", "δ · h₁", "δ · h₂", "δ")
FLOWS = ("none", "forward", "forward", "backward", "none", "forward")
"""Which way things run through the network, by step."""


@cache
def _mount() -> Callable[..., Any]:
    css, js = ((_HERE / name).read_text(encoding="utf-8") for name in ("network.css", "network.js"))
    html = '<div class="network"><div class="note hint" aria-live="polite"></div></div>'
    component: Callable[..., Any] = st.components.v2.component(
        "six_steps_network", html=html, css=css, js=js, isolate_styles=False
    )
    return component


def network(experiment: Experiment, step: int, lap: Lap) -> None:
    """Draw the network at one of the six steps of ``lap``."""
    _mount()(data=network_data(experiment, step, lap), key="concepts.network")


def activation_name(experiment: Experiment) -> str:
    """The hidden activation as a formula writes it."""
    return {"sigmoid": "σ", "tanh": "tanh", "relu": "ReLU"}[experiment.hidden]


def network_data(experiment: Experiment, step: int, lap: Lap) -> dict[str, Any]:
    """Everything the browser needs for the drawing. ``lap`` is the round to show; at step 6 that is the next one."""
    return {
        "flow": FLOWS[step - 1],
        "nodes": _nodes(experiment, step, lap),
        "edges": [item for item in _weights(experiment, step, lap) if "from" in item],
        "biases": [item for item in _weights(experiment, step, lap) if "node" in item]
        + [
            {"id": "y", "node": "loss", "text": f"y = {plain(experiment.y)}", "color": palette.TEST, "live": step == 3}
            | {"note": _("The target: what the network should answer.")}
        ],
        "highlight": palette.HIGHLIGHT,
        "hint": _("Point at a number, tap it or reach it with Tab: here stands the sum that made it."),
        "description": _("The network with its numbers, step {step}").format(step=step),
    }


def _nodes(experiment: Experiment, step: int, lap: Lap) -> list[dict[str, Any]]:
    forward, back = lap.forward, lap.backward
    x, w, phi = experiment.x, lap.weights, activation_name(experiment)
    known, backward = step >= 2, step == 4
    unknown = _("Not computed yet: press Step.")
    nodes = [
        {"id": f"x{i}", "name": f"x{'₁₂'[i - 1]}", "value": plain(x[i - 1]), "live": step == 2}
        | {"note": _("An input: you set it above.")}
        for i in (1, 2)
    ]
    for i in (0, 1):
        sub = "₁₂"[i]
        first, second, bias = w[2 * i], w[2 * i + 1], w[4 + i]
        total = f"{factor(first)} · {factor(x[0])} + {factor(second)} · {factor(x[1])} + {factor(bias)}"
        note = (
            f"z{sub} = w{sub}₁ · x₁ + w{sub}₂ · x₂ + b{sub} = {total} = {plain(forward.z1[i])}\n"
            f"h{sub} = {phi}(z{sub}) = {phi}({plain(forward.z1[i])}) = {plain(forward.h[i])}"
        )
        slope = (
            f"δ{sub} = ∂L/∂z{sub} = v{sub} · δ · {phi}′(z{sub}) = "
            f"{factor(w[6 + i])} · {factor(back.z2)} · {factor(back.hidden_slope[i])} = {plain(back.z1[i])}"
        )
        nodes.append(
            {"id": f"h{i + 1}", "name": f"h{sub}", "value": plain(forward.h[i]) if known else "?", "unknown": not known}
            | {"live": step in (2, 4, 6), "note": f"{note}\n{slope}" if backward else note if known else unknown}
            | ({"second": f"δ{sub} = {plain(back.z1[i], 3)}"} if backward else {})
        )
    total = f"{factor(w[6])} · {factor(forward.h[0])} + {factor(w[7])} · {factor(forward.h[1])} + {factor(w[8])}"
    sigmoid = experiment.head.startswith("sigmoid")
    squashed = f"ŷ = σ(s) = σ({plain(forward.z2)})" if sigmoid else "ŷ = s"
    note = f"s = v₁ · h₁ + v₂ · h₂ + c = {total} = {plain(forward.z2)}\n{squashed} = {plain(forward.prediction)}"
    nodes.append(
        {"id": "p", "name": "ŷ", "value": plain(forward.prediction) if known else "?", "unknown": not known}
        | {
            "live": step in (2, 3, 4, 6),
            "note": note + (f"\nδ = ∂L/∂s = {plain(back.z2)}" if backward else "") if known else unknown,
        }
        | ({"second": f"δ = {plain(back.z2, 3)}"} if backward else {})
    )
    seen = step >= 3
    nodes.append(
        {"id": "loss", "name": "L", "value": plain(lap.loss) if seen else "?", "unknown": not seen}
        | {"live": step in (3, 4, 6), "note": loss_note(experiment, lap) if seen else unknown}
    )
    return nodes


def loss_note(experiment: Experiment, lap: Lap) -> str:
    """The loss with its numbers filled in, as text."""
    guess, y = lap.forward.prediction, experiment.y
    if experiment.head == "sigmoid-cross-entropy":
        filled = f"−[{plain(y)} · ln {plain(guess)} + (1 − {plain(y)}) · ln(1 − {plain(guess)})]"
        return f"L = −[y · ln ŷ + (1 − y) · ln(1 − ŷ)] = {filled} = {plain(lap.loss)}"
    return f"L = (ŷ − y)² = ({plain(guess)} − {factor(y)})² = {plain(lap.loss)}"


def _weights(experiment: Experiment, step: int, lap: Lap) -> list[dict[str, Any]]:
    largest = max(1.0, *(abs(weight) for weight in lap.weights))
    items = []
    rate = experiment.learning_rate
    for index, name in enumerate(WEIGHT_NAMES):
        before, after = lap.weights[index], lap.weights_after[index]
        slope = lap.gradients.autograd[index]
        symbol = SYMBOLS[index]
        match step:
            case 4:
                label = f"∂ {plain(slope, 3)}"
                note = f"∂L/∂{symbol} = {_FACTORS[index]} = {plain(slope)}"
                shown = slope
            case 5:
                label = f"{plain(before, 3)} → {plain(after, 3)}"
                note = (
                    f"{symbol} ← {symbol} − η · ∂L/∂{symbol} = "
                    f"{plain(before)} − {plain(rate)} · {factor(slope)} = {plain(after)}"
                )
                shown = after
            case _:
                label = plain(before, 3)
                note = f"{symbol} = {plain(before, 6)}"
                shown = before
        item = {
            "id": name,
            "text": label,
            "short": plain(after, 3) if step == 5 else label,
            "note": note,
            "color": palette.POSITIVE if shown > 0 else palette.NEGATIVE if shown < 0 else palette.NEUTRAL,
            "width": round(1 + 5 * abs(before) / largest, 2),
            "live": step in (1, 2, 4, 5),
        }
        ends = _ENDS[index]
        if ends:
            items.append(item | {"from": ends[0], "to": ends[1]})
        else:
            items.append(item | {"node": _BIAS_NODES[name], "text": label if step in (4, 5) else f"{symbol} = {label}"})
    items.append(
        {"id": "to-loss", "from": "p", "to": "loss", "text": "", "color": palette.NEUTRAL, "width": 2}
        | {"live": step in (3, 4), "note": _("The loss compares the prediction with the target.")}
    )
    return items
