"""The six steps on a network that the visitor builds: slow motion along its graph, every number opened, the optimizer's memory."""

from functools import lru_cache
from html import escape
from typing import Any

import streamlit as st

from dlcore.concepts import any_network
from dlcore.concepts.any_network import Plan, Round, layers_of, names_of, play
from dlcore.concepts.descent import OPTIMIZERS
from dlcore.concepts.six_steps import HIDDEN
from dlcore.messages import N_
from ui import palette
from ui.concepts.controls import Choice, Controls, Slide, Steps, Values
from ui.concepts.numbers import factor, plain
from ui.concepts.shown import initial, shown
from ui.figure import figure
from ui.language import translate as _

CONTROLS = Controls.of(
    "own-network",
    "s.",
    Slide(name="inputs", title=N_("Inputs"), default=2, low=1, high=any_network.INPUTS_LIMIT, step=1),
    Slide(name="layers", title=N_("Hidden layers"), default=1, low=1, high=any_network.LAYERS_LIMIT, step=1),
    Slide(name="neurons", title=N_("Neurons in each"), default=3, low=1, high=any_network.NEURONS_LIMIT, step=1),
    Slide(name="outputs", title=N_("Outputs"), default=2, low=1, high=any_network.OUTPUTS_LIMIT, step=1),
    Choice(name="activation", title=N_("Activation"), default="tanh", options=HIDDEN),
    Choice(name="loss", title=N_("Loss"), default="cross-entropy", options=any_network.LOSSES),
    Choice(name="optimizer", title=N_("Optimizer"), default="adam", options=OPTIMIZERS),
    Steps(name="rate", title=N_("Learning rate"), default=0.1, values=(0.001, 0.01, 0.03, 0.1, 0.3, 1.0)),
    Slide(name="seed", title=N_("Seed"), default=0, low=0, high=99, step=1),
    Slide(name="round", title=N_("Updates made before"), default=0, low=0, high=any_network.ROUNDS_LIMIT, step=1),
    Slide(name="moment", title="", default=0, low=0, high=60, step=1),
)
_SMALL = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def plan_of(values: Values) -> Plan:
    """The network as set."""
    return Plan(
        sizes=(int(values["inputs"]), *[int(values["neurons"])] * int(values["layers"]), int(values["outputs"])),
        activation=values["activation"],
        loss=values["loss"],
        optimizer=values["optimizer"],
        learning_rate=float(values["rate"]),
        seed=int(values["seed"]),
    )


@lru_cache(maxsize=64)
def round_of(plan: Plan, rounds: int) -> tuple[Round, list[float], list[float]]:
    """A round, and its gradients by autograd and by finite differences."""
    found = play(plan, rounds)
    exact = any_network.autograd(plan, found.parameters).tolist()
    return found, exact, any_network.finite_difference(plan, found.parameters).tolist()


Moment = tuple[str, int, int]
"""What happens (forward, loss, backward or update), in which layer (1 is the first after the input), to which neuron."""


def moments_of(plan: Plan) -> list[Moment]:
    """A round in slow motion: one neuron after the other forwards, the loss, the same way back, the update."""
    forward = [(layer, neuron) for layer, width in enumerate(plan.sizes[1:], 1) for neuron in range(width)]
    return [
        *(("forward", *place) for place in forward),
        ("loss", len(plan.sizes) - 1, 0),
        *(("backward", *place) for place in reversed(forward)),
        ("update", 0, 0),
    ]


def show_own_network() -> None:
    """Builder, slow motion, and the table of all parameters."""
    values = CONTROLS.restore()
    plan = plan_of(values)
    moments = moments_of(plan)
    st.markdown(_("##### The same six steps on a network of your own"))
    shape, how = st.columns(2, gap="medium")
    with shape:
        for column, names in zip(
            st.columns(2), (("inputs", "layers", "seed"), ("neurons", "outputs", "round")), strict=True
        ):
            with column:
                CONTROLS.draw(*names)
    with how:
        one, other = st.columns(2)
        with one:
            CONTROLS.draw("activation", "loss")
        with other:
            CONTROLS.draw("optimizer", "rate")
    found, exact, differences = round_of(plan, int(values["round"]))
    place = min(int(values["moment"]), len(moments) - 1)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for step, icon, label in (
            (-1, ":material/arrow_back:", _("Back")),
            (1, ":material/arrow_forward:", _("Next moment")),
        ):
            st.button(
                label,
                key=f"concepts.own-network.{'back' if step < 0 else 'next'}",
                icon=icon,
                on_click=_move,
                args=(place, step, len(moments), int(values["round"])),
                disabled=step < 0 and place == 0 and values["round"] == 0,
                type="primary" if step > 0 else "secondary",
            )
        st.markdown(
            _("Moment **{place}** of {count}, round {round}; loss {loss}").format(
                place=place + 1, count=len(moments), round=found.number, loss=plain(found.loss)
            )
        )
    key = shown("own-network.moment", place + 1, len(moments))
    st.slider(
        _("Slow motion: from neuron to neuron, and back"),
        1,
        len(moments),
        initial("own-network.moment"),  # type: ignore[arg-type]
        key=key,
        on_change=_wind,
        args=(key,),
    )
    told = _told(plan, found, moments[place])
    _drawing(plan, found, moments, place, told)
    # No st.code: its highlighter with all its languages costs the browser a third of a second, and there is nothing to colour.
    st.html(f'<pre class="opened-sum" aria-live="polite">{escape(told)}</pre>')
    with st.expander(
        _("All weights: three gradients, the optimizer's memory, the step"),
        icon=":material/table:",
        key="concepts.own-network.table",
    ):
        _table(plan, found, exact, differences)


def _wind(key: str) -> None:
    CONTROLS.set(moment=int(st.session_state[key]) - 1)


def _move(place: int, step: int, count: int, rounds: int) -> None:
    """One moment on or back, over the edge into the next round or the last."""
    new = place + step
    if 0 <= new < count:
        CONTROLS.set(moment=new)
    elif new >= count and rounds < any_network.ROUNDS_LIMIT:
        CONTROLS.set(moment=0, round=rounds + 1)
    elif new < 0 and rounds > 0:
        CONTROLS.set(moment=count - 1, round=rounds - 1)


def _name(letter: str, layer: int, *indices: int) -> str:
    return f"{letter}{str(layer).translate(_RAISED)}{''.join(str(index + 1).translate(_SMALL) for index in indices)}"


def _source(layer: int, index: int) -> str:
    return f"x{str(index + 1).translate(_SMALL)}" if layer == 0 else _name("a", layer, index)


def _told(plan: Plan, found: Round, moment: Moment) -> str:
    """The moment's number as the sum that it is."""
    kind, layer, neuron = moment
    layers = layers_of(plan, found.parameters)
    last = len(plan.sizes) - 1
    match kind:
        case "forward":
            weight, bias = layers[layer - 1]
            before = found.values[layer - 1]
            sum_ = found.sums[layer - 1][neuron]
            names = " + ".join(
                f"{_name('w', layer, neuron, source)}·{_source(layer - 1, source)}" for source in range(len(before))
            )
            filled = " + ".join(
                f"{factor(float(w))}·{factor(float(v))}" for w, v in zip(weight[neuron], before, strict=True)
            )
            z = _name("z", layer, neuron)
            lines = [
                f"{z} = {names} + {_name('b', layer, neuron)}",
                f"   = {filled} + {factor(float(bias[neuron]))} = {plain(float(sum_))}",
            ]
            if layer < last:
                phi = {"sigmoid": "σ", "tanh": "tanh", "relu": "ReLU"}[plan.activation]
                lines.append(f"{_name('a', layer, neuron)} = {phi}({z}) = {plain(float(found.values[layer][neuron]))}")
            return "\n".join(lines)
        case "loss":
            if plan.classifies:
                shares = ", ".join(plain(float(share)) for share in found.answers)
                return f"p = softmax({', '.join(plain(float(z)) for z in found.values[-1])}) = ({shares})\nL = −ln p₁ = {plain(found.loss)}"
            terms = " + ".join(
                f"({plain(float(out))} − {plain(float(want))})²"
                for out, want in zip(found.values[-1], plan.y, strict=True)
            )
            return f"L = {terms} = {plain(found.loss)}"
        case "backward":
            return _told_back(plan, found, layer, neuron)
        case _:
            return _told_update(plan, found)


def _told_back(plan: Plan, found: Round, layer: int, neuron: int) -> str:
    delta = float(found.deltas[layer - 1][neuron])
    name = _name("δ", layer, neuron)
    if layer == len(plan.sizes) - 1:
        want = float(plan.y[neuron])
        out = float(found.answers[neuron])
        letter = "p" if plan.classifies else "z"
        left = f"{letter} − y" if plan.classifies else f"2·({letter} − y)"
        inner = f"{plain(out)} − {plain(want)}"
        lines = [f"{name} = ∂L/∂z = {left} = {inner if plan.classifies else f'2·({inner})'} = {plain(delta)}"]
    else:
        above = layers_of(plan, found.parameters)[layer][0][:, neuron]
        blame = found.deltas[layer]
        total = float(above @ blame)
        steep = float(any_network.slope(plan.activation, found.sums[layer - 1])[neuron])
        names = " + ".join(
            f"{_name('w', layer + 1, to, neuron)}·{_name('δ', layer + 1, to)}" for to in range(len(blame))
        )
        filled = " + ".join(f"{factor(float(w))}·{factor(float(d))}" for w, d in zip(above, blame, strict=True))
        lines = [
            f"{name} = ({names}) · φ′({_name('z', layer, neuron)})",
            f"   = ({filled}) · {factor(steep)}",
            f"   = {factor(total)} · {factor(steep)} = {plain(delta)}",
        ]
    for source, value in enumerate(found.values[layer - 1]):
        lines.append(
            f"∂L/∂{_name('w', layer, neuron, source)} = {name}·{_source(layer - 1, source)} = "
            f"{factor(delta)}·{factor(float(value))} = {plain(delta * float(value))}"
        )
    lines.append(f"∂L/∂{_name('b', layer, neuron)} = {name} = {plain(delta)}")
    return "\n".join(lines)


def _told_update(plan: Plan, found: Round) -> str:
    """The first weight's update; the table has the others."""
    g, m, v = (float(part[0]) for part in (found.closed_form, found.memory.first, found.memory.second))
    m0, v0 = float(found.memory_before.first[0]), float(found.memory_before.second[0])
    rate, beta, change = plain(plan.learning_rate), plain(plan.momentum), float(found.change[0])
    weight = _name("w", 1, 0, 0)
    lines = [f"g = ∂L/∂{weight} = {plain(g)}"]
    match plan.optimizer:
        case "sgd":
            lines.append(f"Δ{weight} = −η·g = −{rate}·{factor(g)} = {plain(change)}")
        case "momentum":
            lines += [
                f"m ← β·m + g = {beta}·{factor(m0)} + {factor(g)} = {plain(m)}",
                f"Δ{weight} = −η·m = −{rate}·{factor(m)} = {plain(change)}",
            ]
        case "nesterov":
            lines += [
                f"m ← β·m + g = {beta}·{factor(m0)} + {factor(g)} = {plain(m)}",
                f"Δ{weight} = −η·(g + β·m) = {plain(change)}",
            ]
        case "rmsprop":
            lines += [
                f"v ← 0.99·v + 0.01·g² = {plain(v)}",
                f"Δ{weight} = −η·g/(√v + ε) = −{rate}·{factor(g)}/{plain(v**0.5)} = {plain(change)}",
            ]
        case _:
            n = found.number
            m_hat, v_hat = m / (1 - 0.9**n), v / (1 - 0.999**n)
            power = str(n).translate(_RAISED)
            lines += [
                f"m ← 0.9·m + 0.1·g = 0.9·{factor(m0)} + 0.1·{factor(g)} = {plain(m)}",
                f"v ← 0.999·v + 0.001·g² = 0.999·{factor(v0)} + 0.001·{factor(g)}² = {plain(v)}",
                f"m̂ = m/(1 − 0.9{power}) = {plain(m_hat)},  v̂ = v/(1 − 0.999{power}) = {plain(v_hat)}",
                f"Δ{weight} = −η·m̂/(√v̂ + ε) = −{rate}·{factor(m_hat)}/{plain(v_hat**0.5)} = {plain(change)}",
            ]
    lines.append(f"{weight} ← {plain(float(found.parameters[0]))} + {factor(change)} = {plain(float(found.after[0]))}")
    return "\n".join(lines)


def _place(plan: Plan, layer: int, neuron: int) -> tuple[float, float]:
    return float(layer), (plan.sizes[layer] - 1) / 2 - neuron


def _drawing(plan: Plan, found: Round, moments: list[Moment], place: int, told: str) -> None:
    """The graph: what is computed has its number, what is live is lit, what is still to come has none."""
    kind, live_layer, live_neuron = moments[place]
    done = set(moments[: place + 1])
    back = kind in {"backward", "update"}
    layers = layers_of(plan, found.parameters)
    largest = max(float(abs(found.parameters).max()), 1e-9)
    # Lines as shapes: one trace for each of up to a hundred lines would take the browser far longer.
    lines: list[dict[str, Any]] = []
    for layer, (weight, _bias) in enumerate(layers, 1):
        for to in range(weight.shape[0]):
            for source in range(weight.shape[1]):
                lit = (kind == "forward" and (layer, to) == (live_layer, live_neuron)) or (
                    kind == "backward"
                    and ((layer, to) == (live_layer, live_neuron) or (layer - 1, source) == (live_layer, live_neuron))
                )
                (x0, y0), (x1, y1) = _place(plan, layer - 1, source), _place(plan, layer, to)
                w = float(weight[to, source])
                colour = palette.POSITIVE if w > 0 else palette.NEGATIVE
                lines.append(
                    {
                        "type": "line",
                        "layer": "below",
                        "x0": x0,
                        "x1": x1,
                        "y0": y0,
                        "y1": y1,
                        "line": {
                            "color": colour if lit else palette.faded(colour, 0.35),
                            "width": round(1 + 4 * abs(w) / largest + 2 * lit, 2),
                        },
                    }
                )
    xs, ys, texts, colours, hovers = [], [], [], [], []
    for layer, width in enumerate(plan.sizes):
        for neuron in range(width):
            x, y = _place(plan, layer, neuron)
            known = layer == 0 or ("forward", layer, neuron) in done or back or kind == "loss"
            text = plain(float(found.values[layer][neuron]), 2) if known else "?"
            if layer and ("backward", layer, neuron) in done:
                text += f"<br>δ {plain(float(found.deltas[layer - 1][neuron]), 2)}"
            lit = (layer, neuron) == (live_layer, live_neuron) and kind in {"forward", "backward"}
            lit = lit or (kind == "loss" and layer == len(plan.sizes) - 1) or (kind == "update" and layer > 0)
            xs.append(x)
            ys.append(y)
            texts.append(text)
            hovers.append(_source(layer, neuron) if layer < len(plan.sizes) - 1 else _name("z", layer, neuron))
            colours.append(palette.HIGHLIGHT if lit else palette.TRAIN if known else palette.NEUTRAL)
    data = [
        {
            "type": "scatter",
            "mode": "markers+text",
            "x": xs,
            "y": ys,
            "text": texts,
            "textposition": "bottom center",
            "hovertext": hovers,
            "hoverinfo": "text",
            "marker": {"size": 20, "color": colours, "line": {"color": "#fff", "width": 1.5}},
            "cliponaxis": False,
            "showlegend": False,
        }
    ]
    tallest = max(plan.sizes)
    hidden = {"visible": False, "fixedrange": True}
    layout = {
        "xaxis": hidden | {"range": [-0.3, len(plan.sizes) - 0.7]},
        "yaxis": hidden | {"range": [-(tallest - 1) / 2 - 0.8, (tallest - 1) / 2 + 0.4]},
        "margin": {"l": 0, "r": 0, "t": 4, "b": 4},
        "shapes": lines,
    }
    figure(data, layout, key="concepts-own-network", height=110 + 70 * tallest, description=told)


def _table(plan: Plan, found: Round, exact: list[float], differences: list[float]) -> None:
    rows = []
    for index, name in enumerate(names_of(plan)):
        kind, _dot, rest = name.partition(".")
        indices = [int(part) - 1 for part in rest.split(".")]
        row = {
            _("Weight"): _name(kind[0], int(kind[1:]), *indices),
            _("before"): plain(float(found.parameters[index])),
            _("Autograd"): f"{exact[index]:+.10f}".replace("-", "−"),
            _("Chain rule"): f"{found.closed_form[index]:+.10f}".replace("-", "−"),
            _("Finite difference"): f"{differences[index]:+.10f}".replace("-", "−"),
        }
        if plan.optimizer in {"momentum", "nesterov", "adam"}:
            row["m"] = plain(float(found.memory.first[index]))
        if plan.optimizer in {"rmsprop", "adam"}:
            row["v"] = plain(float(found.memory.second[index]))
        row["Δw"] = plain(float(found.change[index]))
        row[_("after")] = plain(float(found.after[index]))
        rows.append(row)
    st.table(rows, hide_index=True)
    worst = max(abs(a - b) for a, b in zip(exact, found.closed_form.tolist(), strict=True))
    apart = max(abs(a - b) for a, b in zip(exact, differences, strict=True))
    st.caption(
        _(
            "Largest difference between autograd and the chain rule: {closed}; between autograd and the finite difference: {finite}."
        ).format(closed=plain(worst, 2), finite=plain(apart, 2))
    )
