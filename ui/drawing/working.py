"""The arithmetic behind one number of a network, written out: what :mod:`dlcore.inference.microscope` found, as HTML."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from dlcore.inference import workings
from ui import palette
from ui.language import translate as _

_MOST_CHANNELS = 12
_MOST_INPUTS = 12
_MOST_ROWS = 11


def number(value: float) -> str:
    """Six digits, as many as float32 is sure of."""
    text = f"{value:.6g}"
    return text.replace("-", "−")


def _short(value: float) -> str:
    text = f"{value:.2f}" if abs(value) < 100 else f"{value:.3g}"
    if text == "-0.00":
        text = "0.00"
    return "0" if value == 0 else text.replace("-", "−")


def in_html(working: "workings.Working", names: Sequence[str]) -> str:
    """The whole working; ``names`` are those of the classes, for softmax."""
    match working:
        case workings.WeightedPatch():
            body = _patch(working)
        case workings.WeightedSum():
            body = _sum(working)
        case workings.Pooled():
            body = _pooled(working)
        case workings.Softmaxed():
            body = _softmax(working, names)
        case _:
            body = _line(in_a_line(working))
    return f'<style>{_STYLE}</style><div class="working">{body}{_verdict(working)}</div>'


def in_a_line(working: "workings.Working") -> str:
    """The working of a layer that takes one value or two, as a formula."""
    result = f"<b>{number(working.result)}</b>"
    match working:
        case workings.Normalized():
            formula = (
                f"({number(working.value)} − {_signed(working.mean)}) / √({number(working.variance)} + {working.epsilon:g})"
                f" × {_signed(working.scale)} + {_signed(working.shift)} = {result}"
            )
            words = (
                _(
                    "value − mean, divided by the root of the variance, times scale, plus shift; mean and variance as learned in training"
                )
                if working.over == "batch"
                else _(
                    "value − mean, divided by the root of the variance, times scale, plus shift; mean and variance of this image's own values"
                )
            )
            return f"{formula}<br><small>{escape(words)}</small>"
        case workings.Activated():
            return f"{_FORMULAS[working.function].format(x=_signed(working.value))} = {result}"
        case workings.Added():
            words = _("what the shortcut hands on, plus what the block adds")
            return f"{number(working.shortcut)} + {_signed(working.body)} = {result}<br><small>{escape(words)}</small>"
        case workings.Deskewed():
            words = (
                _(
                    "taken from between columns {left} and {right} of this row: for each row below the middle of the ink,"
                    " the ink lies {slope} columns further right"
                )
                if working.slope >= 0
                else _(
                    "taken from between columns {left} and {right} of this row: for each row below the middle of the ink,"
                    " the ink lies {slope} columns further left"
                )
            ).format(left=working.column, right=working.column + 1, slope=number(round(abs(working.slope), 4)))
            formula = f"{number(1 - working.share)} × {_signed(working.left)} + {number(working.share)} × {_signed(working.right)}"
            return f"{formula} = {result}<br><small>{escape(words)}</small>"
    words = _("handed on as it was")
    return f"{result}<br><small>{escape(words)}</small>"


_FORMULAS = {
    "relu": "max(0, {x})",
    "leaky-relu": "max({x}, 0.01 · {x})",
    "tanh": "tanh({x})",
    "sigmoid": "1 / (1 + exp(−{x}))",
    "gelu": "{x} · Φ({x})",
    "silu": "{x} / (1 + exp(−{x}))",
}


def _signed(value: float) -> str:
    return f"({number(value)})" if value < 0 else number(value)


def _line(html: str) -> str:
    return f'<p class="formula">{html}</p>'


def _with_bias(total: float, bias: float, result: float) -> str:
    words = (escape(_("sum")), escape(_("bias")))
    return _line(f"{words[0]} {number(total)} + {words[1]} {_signed(bias)} = <b>{number(result)}</b>")


def _verdict(working: "workings.Working") -> str:
    words = _("PyTorch computed {value}; the difference is {difference}.").format(
        value=number(working.torch_value), difference=f"{abs(working.result - working.torch_value):.2g}"
    )
    return f"<p><small>{escape(words)}</small></p>"


def _cells(values: Iterable[Iterable[float]], most: float, marked: tuple[int, int] | None = None) -> str:
    rows = []
    for row, line in enumerate(values):
        cells = "".join(
            f'<td style="background:{_tint(value, most)}"{" class=won" if (row, column) == marked else ""}>{_short(value)}</td>'
            for column, value in enumerate(line)
        )
        rows.append(f"<tr>{cells}</tr>")
    return f"<table>{''.join(rows)}</table>"


def _tint(value: float, most: float) -> str:
    share = min(1.0, abs(value) / most) if most else 0.0
    return palette.faded(palette.POSITIVE if value >= 0 else palette.NEGATIVE, round(0.55 * share, 3))


def _most(values: np.ndarray) -> float:
    return float(np.abs(values).max(initial=0))


def _patch(working: "workings.WeightedPatch") -> str:
    sums = working.channel_sums
    order = np.argsort(-np.abs(sums), kind="stable").tolist()
    shown, rest = order[:_MOST_CHANNELS], order[_MOST_CHANNELS:]
    largest = [_most(values) for values in (working.patch, working.kernel, working.products)]
    head = "".join(
        f"<span>{escape(text)}</span>" for text in (_("patch"), "", _("kernel"), "", _("products"), "", _("sum"))
    )
    grid = []
    for channel in shown:
        patch, kernel, products = (
            _cells(values[channel], most)
            for values, most in zip((working.patch, working.kernel, working.products), largest, strict=True)
        )
        name = escape(_("channel {number}").format(number=working.first_channel + channel))
        sign = f"<b>{number(float(sums[channel]))}</b><br><small>{name}</small>"
        grid.append(f"{patch}<span>×</span>{kernel}<span>=</span>{products}<span>Σ</span><span>{sign}</span>")
    words = ""
    if rest:
        words = _("And {count} more channels, which add {sum}.").format(
            count=len(rest), sum=number(float(sums[rest].sum()))
        )
    total = float(sums.sum())
    return (
        f'<div class="patches"><div class="patch head">{head}</div>'
        + "".join(f'<div class="patch">{row}</div>' for row in grid)
        + f"</div><p>{escape(words)}</p>"
        + _with_bias(total, working.bias, working.result)
    )


def _sum(working: "workings.WeightedSum") -> str:
    top = working.top(_MOST_INPUTS)
    products = working.products
    most = _most(products[top])
    rows = [
        f"<tr><td>{index}</td><td>{number(float(working.inputs[index]))}</td><td>{number(float(working.weights[index]))}</td>"
        f'<td style="background:{_tint(float(products[index]), most)}">{number(float(products[index]))}</td></tr>'
        for index in top
    ]
    rest = float(products.sum() - products[top].sum())
    count = len(products) - len(top)
    if count:
        words = _("{count} more inputs").format(count=count)
        rows.append(f'<tr><td colspan="3">{escape(words)}</td><td>{number(rest)}</td></tr>')
    head = "".join(f"<th>{escape(text)}</th>" for text in (_("input"), _("value"), _("weight"), _("product")))
    return f'<table class="list"><tr>{head}</tr>{"".join(rows)}</table>' + _line(
        f"{escape(_('sum'))} {number(float(products.sum()))} + {escape(_('bias'))} {_signed(working.bias)}"
        f" = <b>{number(working.result)}</b>"
    )


def _pooled(working: "workings.Pooled") -> str:
    shown = working.window[:_MOST_ROWS, :_MOST_ROWS]
    cells = _cells(shown, _most(working.window), working.winner)
    if working.winner is None:
        words = _("the mean of {count} values").format(count=working.window.size)
    else:
        words = _("the largest of {count} values: row {row}, column {column}").format(
            count=working.window.size, row=working.winner[0] + working.top, column=working.winner[1] + working.left
        )
    return f"{cells}{_line(f'<b>{number(working.result)}</b><br><small>{escape(words)}</small>')}"


def _softmax(working: "workings.Softmaxed", names: Sequence[str]) -> str:
    powers, shares = working.exponentials, working.probabilities
    chosen = working.place[0]
    rows = []
    for index, name in enumerate(names):
        mark = ' class="chosen"' if index == chosen else ""
        rows.append(
            f"<tr{mark}><td>{escape(name)}</td><td>{number(float(working.scores[index]))}</td>"
            f'<td>{number(float(powers[index]))}</td><td style="background:{_tint(float(shares[index]), 1)}">'
            f"{number(float(shares[index]))}</td></tr>"
        )
    titles = (_("class"), _("score"), "exp(score − max)", _("probability"))
    head = "".join(f"<th>{escape(text)}</th>" for text in titles)
    formula = (
        f"{number(float(powers[chosen]))} / {number(float(powers.sum()))} = <b>{number(float(shares[chosen]))}</b><br>"
        f"log {number(float(shares[chosen]))} = <b>{number(working.result)}</b>"
    )
    return f'<table class="list"><tr>{head}</tr>{"".join(rows)}</table>{_line(formula)}'


_STYLE = """
.working { font-variant-numeric: tabular-nums; font-size: .85rem; overflow-x: auto; }
.working table { border-collapse: collapse; width: auto; margin: 0; }
.working td, .working th { border: 1px solid rgba(124,130,152,.3); padding: .12rem .35rem; text-align: right; white-space: nowrap; font-weight: 400; }
.working .list td, .working .list th { padding: .2rem .7rem; }
.working td.won { outline: 2px solid HIGHLIGHT; outline-offset: -2px; font-weight: 700; }
.working tr.chosen td { font-weight: 700; }
.working .patches { display: grid; grid-template-columns: repeat(7, max-content); gap: .5rem .7rem; align-items: center; }
.working .patch { display: contents; }
.working .head { opacity: .75; }
.working .formula { font-size: 1rem; margin: .7rem 0 .2rem; }
.working p { margin: .3rem 0; }
""".replace("HIGHLIGHT", palette.HIGHLIGHT)
