"""The seven fields' numbers opened: each demonstration's headline as the sum that it is, with what stands there now."""

from collections.abc import Callable, Mapping, Sequence
from math import fsum, log

import numpy as np
import streamlit as st

from dlcore.concepts import field_driving, field_finance, field_games, field_medical, field_speech, field_vision
from dlcore.concepts.field_language import tokens_of
from ui.concepts import field_acting, field_figures
from ui.concepts.controls import Values
from ui.concepts.numbers import plain, tex, tex_factor
from ui.language import translate as _

_TERMS = 5
"""The largest terms of a long sum that are written out."""


def _aligned(rows: Sequence[str]) -> None:
    st.latex(r"\begin{aligned}" + r"\\[4pt]".join(rows) + r"\end{aligned}")


def _summed(terms: Sequence[str], each: int) -> list[str]:
    """A sum as rows of so many terms each: a long one would leave a phone's screen."""
    rows = [" + ".join(terms[start : start + each]) for start in range(0, len(terms), each)]
    return [rows[0], *(f"+ {row}" for row in rows[1:])]


def _vision(values: Values) -> None:
    data = field_vision.digits()
    pixels = field_vision.moved(data.test_images[[values["digit"]]], values["right"], values["down"])[0]
    learned = field_vision.weights(trained_on_moved=values["moved"])
    answer = int((pixels @ learned[:-1] + learned[-1]).argmax())
    terms = learned[:-1, answer] * pixels
    largest = np.argsort(-np.abs(terms))[:_TERMS]
    written = [
        rf"{tex_factor(float(learned[place, answer]), 3)}\cdot{tex(float(pixels[place]), 3)}" for place in largest
    ]
    rest, bias = float(terms.sum() - terms[largest].sum()), float(learned[-1, answer])
    st.markdown(
        _("The score of {digit}: 64 times weight times pixel, black counting as 1, and the bias.").format(digit=answer)
    )
    _aligned(
        [
            *(f"&{row}" for row in _summed([*written, r"\cdots"], 2)),
            rf"&= {tex(float(terms[largest].sum()))} + {tex_factor(rest)} + {tex_factor(bias)}",
            rf"&= \mathbf{{{tex(float(terms.sum()) + bias)}}}",
        ]
    )
    st.caption(_("The five largest terms, the other 59 together, the bias."))


def _language(values: Values) -> None:
    judge = field_figures.judge()
    text = values["text"] or field_figures.first_sentence()
    tokens = tokens_of(text, judge.vocabulary)
    prior, evidence = log(judge.praises / judge.blames), [judge.evidence(token) for token in tokens]
    st.markdown(_("The evidence of all words is added up; then the sum is turned into a share."))
    total = fsum([prior, *evidence])
    written = [tex_factor(value, 3) for value in (prior, *evidence[:12])] + [r"\cdots"] * (len(evidence) > 12)
    first, *others = _summed(written, 3)
    share = judge.probability_of_praise(tokens)
    rows_of_z = [f"z &= {first}", *(f"&{row}" for row in others), f"&= {tex(total)}"]
    _aligned([*rows_of_z, rf"P &= \frac{{1}}{{1+e^{{-z}}}} = \mathbf{{{tex(share)}}}"])
    size = len(judge.vocabulary)
    rows = [
        {
            _("word"): token,
            _("times in praise"): judge.praise.get(token, 0),
            _("times in blame"): judge.blame.get(token, 0),
            _("evidence"): plain(value, 3),
        }
        for token, value in zip(tokens, evidence, strict=True)
    ]
    if rows:
        st.table(rows, hide_index=True)
    st.caption(
        _(
            "Evidence: the logarithm of ({praise} counts + 1)/{all_praise} over ({blame} counts + 1)/{all_blame}; the first "
            "term is that of praise and blame themselves."
        ).format(
            praise=_("praise"),
            blame=_("blame"),
            all_praise=sum(judge.praise.values()) + size,
            all_blame=sum(judge.blame.values()) + size,
        )
    )


def _speech(values: Values) -> None:
    window, rate = int(values["window"]), field_speech.SAMPLE_RATE
    _aligned(
        [
            rf"\Delta t &= \frac{{n}}{{r}} = \frac{{{window}}}{{{rate}}} = \mathbf{{{tex(window / rate)}}}\ \mathrm{{s}}",
            rf"\Delta f &= \frac{{r}}{{n}} = \frac{{{rate}}}{{{window}}} = \mathbf{{{tex(rate / window)}}}\ \mathrm{{Hz}}",
            rf"\Delta t\cdot\Delta f &= {tex(window / rate)}\cdot{tex(rate / window)} = 1",
        ]
    )
    st.caption(_("Point at the spectrogram: time, frequency and level of that place."))


def _medical(values: Values) -> None:
    scan = field_medical.scan(values["patient"], values["radius"], gain=values["gain"])
    found = field_medical.outlined(scan.picture)
    both, marked, true = int((found & scan.truth).sum()), int(found.sum()), int(scan.truth.sum())
    right, pixels = int((found == scan.truth).sum()), found.size
    ill = values["ill"] / 100
    share = field_medical.positive_predictive_value(0.95, 0.95, ill)
    ill_word = _("ill")
    rows = [
        rf"\text{{Dice}} &= \frac{{2\cdot{both}}}{{{marked}+{true}}} = \mathbf{{{tex(field_medical.dice(found, scan.truth), 3)}}}",
        rf"\frac{{{right}}}{{{pixels}}} &= \mathbf{{{tex(right / pixels, 4)}}}",
        (
            rf"P(\text{{{ill_word}}}\mid +) &= "
            rf"\frac{{0.95\cdot{tex(ill)}}}{{0.95\cdot{tex(ill)} + 0.05\cdot{tex(1 - ill)}}}"
        ),
        rf"&= \mathbf{{{tex(share, 3)}}}",
    ]
    st.markdown(_("Pixels in both outlines, in the one found, in the true one; pixels labelled rightly; the test."))
    _aligned(rows if marked + true else rows[1:])


def _finance(values: Values) -> None:
    found = field_finance.forecast(values["tosses"], int(values["neurons"]))
    days = field_finance.DAYS
    past, future = round(found.past_hits * days), round(found.future_hits * days)
    spread = 0.5 / days**0.5
    _aligned(
        [
            (
                rf"\frac{{{past}}}{{{days}}} &= \mathbf{{{tex(past / days)}}},\qquad "
                rf"\frac{{{future}}}{{{days}}} = \mathbf{{{tex(future / days)}}}"
            ),
            rf"\frac{{1}}{{2}} &\pm 2\cdot\frac{{1}}{{2\sqrt{{{days}}}}} = {tex(0.5 - 2 * spread, 3)} \dots {tex(0.5 + 2 * spread, 3)}",
        ]
    )
    st.caption(_("Days that it got right, before and after; and where 95% of all coins end up by chance."))


def _driving(values: Values) -> None:
    gains = field_driving.imitated(with_recoveries=values["recoveries"])
    good = field_driving.EXPERT
    turn = field_driving.GUST
    st.markdown(_("The steering just after the gust, in the middle of a straight road: what each has learned to do."))
    _aligned(
        [
            row
            for name, k in ((_("good driver"), good), (_("learned"), gains))
            for row in (
                rf"u_{{\text{{{name}}}}} &= -{tex_factor(k[0], 2)}\cdot 0 - {tex_factor(k[1], 2)}\cdot {turn}",
                rf"&+ {tex_factor(k[2], 2)}\cdot 0 = \mathbf{{{tex(-k[1] * turn, 2)}}}\ /\mathrm{{m}}",
            )
        ]
    )
    delay, speed = float(values["delay"]), float(values["speed"])
    metres = field_driving.metres_travelled(speed, delay)
    st.latex(rf"\frac{{{speed:g}}}{{3.6}}\cdot\frac{{{delay:g}}}{{1000}} = \mathbf{{{tex(metres, 3)}}}\ \mathrm{{m}}")
    st.caption(_("Below: how far the car goes while it computes."))


def _games(values: Values) -> None:
    learned = field_games.recorded()[int(values["games"])]
    machine_begins = bool(values["second"])
    moves = field_acting.with_reply(values["moves"], learned, machine_begins=machine_begins)
    board = field_acting.board_of(moves)
    st.markdown(_("What the board is worth to who has just moved, and what one more game would change about it."))
    now = field_games.value(learned, board)
    free = field_games.moves(board)
    if not free:
        st.latex(rf"V = \mathbf{{{tex(now, 3)}}}")
        return
    following = field_games.value(learned, field_games.after(board, field_games.best_move(learned, board)))
    rate = field_games.STEP_SIZE
    _aligned(
        [
            r"V &\leftarrow V + \alpha\,(-V' - V)",
            (
                rf"&= {tex_factor(now, 3)} + {rate}\,(-{tex_factor(following, 3)} - {tex_factor(now, 3)}) "
                rf"= \mathbf{{{tex(now + rate * (-following - now), 3)}}}"
            ),
        ]
    )
    st.caption(_("V′: the board after the best answer, as the machine sees it."))


NUMBERS: Mapping[str, Callable[[Values], None]] = {
    "vision": _vision,
    "language": _language,
    "speech": _speech,
    "medical": _medical,
    "finance": _finance,
    "driving": _driving,
    "games": _games,
}
