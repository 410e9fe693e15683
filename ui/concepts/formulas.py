"""The formulas of the six steps with the numbers filled in, as KaTeX, narrow enough for a phone.

Each function gives one formula a part of the network: hidden neuron 1, hidden neuron 2, output neuron; ``backward``
the other way round, as the blame travels.
"""

from dlcore.concepts.six_steps import Experiment, Lap, Weights
from ui.concepts.numbers import tex, tex_factor

_NAMES = ("w_{11}", "w_{12}", "w_{21}", "w_{22}", "b_1", "b_2", "v_1", "v_2", "c")
_ACTIVATIONS = {"sigmoid": r"\sigma", "tanh": r"\tanh", "relu": r"\operatorname{ReLU}"}


def _aligned(*rows: str) -> str:
    return r"\begin{aligned}" + r"\\[2pt]".join(rows) + r"\end{aligned}"


def initialise(weights: Weights) -> list[str]:
    """Step 1: each neuron's row of the weight matrix and its bias."""
    w = [tex(value) for value in weights]
    return [
        _aligned(rf"(w_{{11}},\,w_{{12}}) &= ({w[0]},\;{w[1]})", rf"b_1 &= {w[4]}"),
        _aligned(rf"(w_{{21}},\,w_{{22}}) &= ({w[2]},\;{w[3]})", rf"b_2 &= {w[5]}"),
        _aligned(rf"(v_1,\,v_2) &= ({w[6]},\;{w[7]})", rf"c &= {w[8]}"),
    ]


def forward(experiment: Experiment, lap: Lap) -> list[str]:
    """Step 2: the sum and the activation of each neuron."""
    w, x, numbers = lap.weights, experiment.x, lap.forward
    phi = _ACTIVATIONS[experiment.hidden]
    blocks = [
        _aligned(
            rf"z_{i} &= w_{{{i}1}}x_1 + w_{{{i}2}}x_2 + b_{i}",
            rf"&= {tex_factor(a)}\cdot{tex_factor(x[0])} + {tex_factor(b)}\cdot{tex_factor(x[1])}",
            rf"&\quad + {tex_factor(bias)} = {tex(z)}",
            rf"h_{i} &= {phi}(z_{i}) = {phi}({tex(z)})",
            rf"&= \mathbf{{{tex(h)}}}",
        )
        for i, a, b, bias, z, h in (
            (1, w[0], w[1], w[4], numbers.z1[0], numbers.h[0]),
            (2, w[2], w[3], w[5], numbers.z1[1], numbers.h[1]),
        )
    ]
    h, s, prediction = numbers.h, tex(numbers.z2), tex(numbers.prediction)
    sigmoid = experiment.head.startswith("sigmoid")
    blocks.append(
        _aligned(
            r"s &= v_1h_1 + v_2h_2 + c",
            rf"&= {tex_factor(w[6])}\cdot{tex_factor(h[0])} + {tex_factor(w[7])}\cdot{tex_factor(h[1])}",
            rf"&\quad + {tex_factor(w[8])} = {s}",
            rf"\hat y &= \sigma(s) = \sigma({s})" if sigmoid else r"\hat y &= s",
            rf"&= \mathbf{{{prediction}}}",
        )
    )
    return blocks


def loss(experiment: Experiment, lap: Lap) -> str:
    """Step 3: the loss."""
    prediction, y, value = tex(lap.forward.prediction), tex(experiment.y), tex(lap.loss)
    if experiment.head == "sigmoid-cross-entropy":
        return _aligned(
            r"L &= -\bigl[y\ln\hat y + (1-y)\ln(1-\hat y)\bigr]",
            rf"&= -\bigl[{y}\cdot\ln {prediction}",
            rf"&\qquad + (1-{y})\cdot\ln(1-{prediction})\bigr]",
            rf"&= \mathbf{{{value}}}",
        )
    return _aligned(
        r"L &= (\hat y - y)^2",
        rf"&= \bigl({prediction} - {tex_factor(experiment.y)}\bigr)^2",
        rf"&= \mathbf{{{value}}}",
    )


def backward(experiment: Experiment, lap: Lap) -> list[str]:
    """Step 4: the derivative of the loss by each neuron's sum, then by its weights; the output neuron comes first."""
    return [_output_gradients(experiment, lap), *(_hidden_gradients(experiment, lap, i) for i in (1, 2))]


def _partial(name: str) -> str:
    return rf"\frac{{\partial L}}{{\partial {name}}}"


def _output_gradients(experiment: Experiment, lap: Lap) -> str:
    back, h, g = lap.backward, lap.forward.h, lap.gradients.autograd
    prediction, y, delta = tex(lap.forward.prediction), tex_factor(experiment.y), tex(back.z2)
    error = rf"{prediction} - {y}"
    by_prediction = _partial(r"\hat y")
    match experiment.head:
        case "sigmoid-cross-entropy":
            rows = [
                rf"\delta = {_partial('s')} &= \frac{{\hat y-y}}{{\hat y(1-\hat y)}}\cdot\underbrace{{\hat y(1-\hat y)}}_{{\sigma'(s)}}",
                rf"&= \hat y - y = {error}",
                rf"&= \mathbf{{{delta}}}",
            ]
        case "sigmoid-squared":
            rows = [
                rf"{by_prediction} &= 2(\hat y - y)",
                rf"&= 2\,({error})",
                rf"&= {tex(back.prediction)}",
                rf"\delta = {_partial('s')} &= {by_prediction}\cdot\underbrace{{\hat y(1-\hat y)}}_{{\sigma'(s)}}",
                rf"&= {tex_factor(back.prediction)}\cdot{tex_factor(back.output_slope)}",
                rf"&= \mathbf{{{delta}}}",
            ]
        case _:
            rows = [rf"\delta = {_partial('s')} &= 2(\hat y - y)", rf"&= 2\,({error})", rf"&= \mathbf{{{delta}}}"]
    for i in (1, 2):
        rows.append(rf"{_partial(f'v_{i}')} &= \delta\,h_{i}")
        rows.append(rf"&= {tex_factor(back.z2)}\cdot{tex_factor(h[i - 1])}")
        rows.append(rf"&= \mathbf{{{tex(g[5 + i])}}}")
    rows.append(rf"{_partial('c')} &= \delta = \mathbf{{{tex(g[8])}}}")
    return _aligned(*rows)


def _hidden_gradients(experiment: Experiment, lap: Lap, i: int) -> str:
    back, x, g, w = lap.backward, experiment.x, lap.gradients.autograd, lap.weights
    phi, slope, delta = _ACTIVATIONS[experiment.hidden], tex(back.hidden_slope[i - 1]), back.z1[i - 1]
    match experiment.hidden:
        case "sigmoid":
            slope = f"h_{i}(1-h_{i}) = {slope}"
        case "tanh":
            slope = f"1-h_{i}^2 = {slope}"
        case _:
            relation = ">" if back.hidden_slope[i - 1] else r"\le"
            slope += rf"\quad(z_{i} {relation} 0)"
    rows = [
        rf"{phi}'(z_{i}) &= {slope}",
        rf"\delta_{i} = {_partial(f'z_{i}')} &= v_{i}\cdot\delta\cdot {phi}'(z_{i})",
        rf"&= {tex_factor(w[5 + i])}\cdot{tex_factor(back.z2)}",
        rf"&\quad\cdot{tex_factor(back.hidden_slope[i - 1])}",
        rf"&= \mathbf{{{tex(delta)}}}",
    ]
    for j in (1, 2):
        weight = f"w_{{{i}{j}}}"
        rows.append(rf"{_partial(weight)} &= \delta_{i}\,x_{j}")
        rows.append(rf"&= {tex_factor(delta)}\cdot{tex_factor(x[j - 1])}")
        rows.append(rf"&= \mathbf{{{tex(g[2 * i - 3 + j])}}}")
    rows.append(rf"{_partial(f'b_{i}')} &= \delta_{i} = \mathbf{{{tex(g[3 + i])}}}")
    return _aligned(*rows)


def update(experiment: Experiment, lap: Lap) -> list[str]:
    """Step 5: the three weights of each neuron."""
    rate = tex_factor(experiment.learning_rate)
    blocks = []
    for indices in ((0, 1, 4), (2, 3, 5), (6, 7, 8)):
        rows = []
        for index in indices:
            before, slope = tex(lap.weights[index]), tex_factor(lap.gradients.autograd[index])
            rows.append(rf"{_NAMES[index]} &\leftarrow {before} - {rate}\cdot{slope}")
            rows.append(rf"&= \mathbf{{{tex(lap.weights_after[index])}}}")
        blocks.append(_aligned(*rows))
    return blocks


def repeat(lap: Lap) -> str:
    """Step 6: the loss after the update and before it."""
    sign = "<" if lap.loss_after < lap.loss else ">" if lap.loss_after > lap.loss else "="
    return (
        rf"L_{{\text{{new}}}} = \mathbf{{{tex(lap.loss_after, 5)}}} \;{sign}\; {tex(lap.loss, 5)} = L_{{\text{{old}}}}"
    )
