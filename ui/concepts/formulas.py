"""The formulas of the six steps with the numbers filled in, as KaTeX, narrow enough for a phone."""

from dlcore.concepts.six_steps import Experiment, Lap, Weights
from ui.concepts.numbers import tex, tex_factor

_NAMES = ("w_{11}", "w_{12}", "w_{21}", "w_{22}", "b_1", "b_2", "v_1", "v_2", "c")
_ACTIVATIONS = {"sigmoid": r"\sigma", "tanh": r"\tanh", "relu": r"\operatorname{ReLU}"}
_SLOPES = {
    "sigmoid": r"\sigma'(z_i) = h_i(1-h_i)",
    "tanh": r"\tanh'(z_i) = 1-h_i^2",
    "relu": r"\operatorname{ReLU}'(z_i) = 1 \text{ if } z_i>0 \text{, else } 0",
}


def _aligned(*rows: str) -> str:
    return r"\begin{aligned}" + r"\\[2pt]".join(rows) + r"\end{aligned}"


def initialise(weights: Weights) -> list[str]:
    """Step 1: the weights as matrices."""
    w = [tex(value) for value in weights]
    return [
        (
            rf"W^{{(1)}} = \begin{{pmatrix}}w_{{11}}&w_{{12}}\\w_{{21}}&w_{{22}}\end{{pmatrix}}"
            rf" = \begin{{pmatrix}}{w[0]}&{w[1]}\\{w[2]}&{w[3]}\end{{pmatrix}}"
        ),
        rf"b^{{(1)}} = \begin{{pmatrix}}b_1\\b_2\end{{pmatrix}} = \begin{{pmatrix}}{w[4]}\\{w[5]}\end{{pmatrix}}",
        (
            rf"W^{{(2)}} = \begin{{pmatrix}}v_1&v_2\end{{pmatrix}} = \begin{{pmatrix}}{w[6]}&{w[7]}\end{{pmatrix}}"
            rf",\quad b^{{(2)}} = c = {w[8]}"
        ),
    ]


def forward(experiment: Experiment, lap: Lap) -> list[str]:
    """Step 2: both hidden neurons and the output neuron."""
    w, x, numbers = lap.weights, experiment.x, lap.forward
    phi = _ACTIVATIONS[experiment.hidden]
    blocks = [
        _aligned(
            rf"z_{i} &= w_{{{i}1}}x_1 + w_{{{i}2}}x_2 + b_{i}",
            rf"&= {tex_factor(a)}\cdot{tex_factor(x[0])} + {tex_factor(b)}\cdot{tex_factor(x[1])} + {tex_factor(bias)}",
            rf"&= {tex(z)}",
            rf"h_{i} &= {phi}(z_{i}) = {phi}({tex(z)}) = \mathbf{{{tex(h)}}}",
        )
        for i, a, b, bias, z, h in (
            (1, w[0], w[1], w[4], numbers.z1[0], numbers.h[0]),
            (2, w[2], w[3], w[5], numbers.z1[1], numbers.h[1]),
        )
    ]
    h, s, prediction = numbers.h, tex(numbers.z2), tex(numbers.prediction)
    sigmoid = experiment.head.startswith("sigmoid")
    last = rf"\sigma(s) = \sigma({s}) = \mathbf{{{prediction}}}" if sigmoid else rf"s = \mathbf{{{prediction}}}"
    blocks.append(
        _aligned(
            r"s &= v_1h_1 + v_2h_2 + c",
            rf"&= {tex_factor(w[6])}\cdot{tex_factor(h[0])} + {tex_factor(w[7])}\cdot{tex_factor(h[1])} + {tex_factor(w[8])}",
            rf"&= {s}",
            rf"\hat y &= {last}",
        )
    )
    return blocks


def loss(experiment: Experiment, lap: Lap) -> list[str]:
    """Step 3: the loss."""
    prediction, y, value = tex(lap.forward.prediction), tex(experiment.y), tex(lap.loss)
    if experiment.head == "sigmoid-cross-entropy":
        return [
            _aligned(
                r"L &= -\bigl[y\ln\hat y + (1-y)\ln(1-\hat y)\bigr]",
                rf"&= -\bigl[{y}\cdot\ln {prediction}",
                rf"&\qquad + (1-{y})\cdot\ln(1-{prediction})\bigr]",
                rf"&= \mathbf{{{value}}}",
            )
        ]
    return [
        _aligned(
            r"L &= (\hat y - y)^2",
            rf"&= \bigl({prediction} - {tex_factor(experiment.y)}\bigr)^2",
            rf"&= \mathbf{{{value}}}",
        )
    ]


def backward_output(experiment: Experiment, lap: Lap) -> list[str]:
    """Step 4, first half: the derivative by the output's sum, then by the output's weights."""
    back, h = lap.backward, lap.forward.h
    prediction, y, delta = tex(lap.forward.prediction), tex_factor(experiment.y), tex(back.z2)
    if experiment.head == "sigmoid-cross-entropy":
        rows = [
            r"\delta = \frac{\partial L}{\partial s} &= \frac{\hat y-y}{\hat y(1-\hat y)}\cdot\hat y(1-\hat y) = \hat y - y",
            rf"&= {prediction} - {y} = \mathbf{{{delta}}}",
        ]
    else:
        rows = [
            r"\frac{\partial L}{\partial\hat y} &= 2(\hat y - y)",
            rf"&= 2\,({prediction} - {y}) = {tex(back.prediction)}",
        ]
        if experiment.head == "sigmoid-squared":
            rows += [
                r"\delta = \frac{\partial L}{\partial s} &= \frac{\partial L}{\partial\hat y}\cdot\underbrace{\hat y(1-\hat y)}_{\sigma'(s)}",
                rf"&= {tex_factor(back.prediction)}\cdot{tex_factor(back.output_slope)} = \mathbf{{{delta}}}",
            ]
        else:
            rows.append(
                rf"\delta = \frac{{\partial L}}{{\partial s}} &= \frac{{\partial L}}{{\partial\hat y}} = \mathbf{{{delta}}}"
            )
    g = lap.gradients.autograd
    return [
        _aligned(*rows),
        _aligned(
            *(
                rf"\frac{{\partial L}}{{\partial v_{i}}} &= \delta\cdot h_{i} = {tex_factor(back.z2)}\cdot{tex_factor(h[i - 1])} = \mathbf{{{tex(g[5 + i])}}}"
                for i in (1, 2)
            ),
            rf"\frac{{\partial L}}{{\partial c}} &= \delta = \mathbf{{{tex(g[8])}}}",
        ),
    ]


def backward_hidden(experiment: Experiment, lap: Lap) -> list[str]:
    """Step 4, second half: back through the hidden neurons to their weights."""
    back, x, g, w = lap.backward, experiment.x, lap.gradients.autograd, lap.weights
    phi = _ACTIVATIONS[experiment.hidden]
    blocks = [
        rf"\delta_i = \frac{{\partial L}}{{\partial z_i}} = v_i\cdot\delta\cdot {phi}'(z_i)",
        _SLOPES[experiment.hidden],
    ]
    for i in (1, 2):
        delta = back.z1[i - 1]
        blocks.append(
            _aligned(
                rf"\delta_{i} &= {tex_factor(w[5 + i])}\cdot{tex_factor(back.z2)}\cdot{tex_factor(back.hidden_slope[i - 1])} = {tex(delta)}",
                *(
                    rf"\frac{{\partial L}}{{\partial w_{{{i}{j}}}}} &= \delta_{i}\cdot x_{j} = {tex_factor(delta)}\cdot{tex_factor(x[j - 1])} = \mathbf{{{tex(g[2 * i - 3 + j])}}}"
                    for j in (1, 2)
                ),
                rf"\frac{{\partial L}}{{\partial b_{i}}} &= \delta_{i} = \mathbf{{{tex(g[3 + i])}}}",
            )
        )
    return blocks


def update(experiment: Experiment, lap: Lap) -> list[str]:
    """Step 5: all nine weights."""
    rate = tex_factor(experiment.learning_rate)
    return [
        r"w \leftarrow w - \eta\,\frac{\partial L}{\partial w}",
        _aligned(
            *(
                rf"{name} &\leftarrow {tex(before)} - {rate}\cdot{tex_factor(slope)} = \mathbf{{{tex(after)}}}"
                for name, before, slope, after in zip(
                    _NAMES, lap.weights, lap.gradients.autograd, lap.weights_after, strict=True
                )
            )
        ),
    ]


def repeat(lap: Lap) -> list[str]:
    """Step 6: the loss before and after the update."""
    sign = "<" if lap.loss_after < lap.loss else ">" if lap.loss_after > lap.loss else "="
    return [
        rf"L_{{\text{{new}}}} = \mathbf{{{tex(lap.loss_after, 5)}}} \;{sign}\; {tex(lap.loss, 5)} = L_{{\text{{old}}}}"
    ]
