"""Chance or not: the same settings with several seeds, and two settings held against each other by a test."""

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

import streamlit as st

from dlcore.messages import N_
from dlcore.runs.comparing import METRICS, measured, repeatable, repeats
from dlcore.runs.overview import Overview
from dlcore.runs.significance import Comparison, compare, mean_interval
from ui.history.naming import names_of
from ui.history.state import RunsPage
from ui.history.tables import Line, table
from ui.language import translate as _
from ui.shell import plain_text

_JUDGED: Mapping[str, str] = {
    "test_accuracy": N_("Test accuracy"),
    "validation_accuracy": N_("Validation accuracy"),
    "test_loss": N_("Test loss"),
    "validation_loss": N_("Validation loss"),
}
_SIGNIFICANT = 0.05


def repeats_view(state: RunsPage, rows: list[Overview], _names: list[str]) -> None:
    """The groups of repeats with their means; the test of two of them."""
    asked = state.view.get("metric", "")
    judged = list(_JUDGED)
    titles = {name: _(title) for name, title in _JUDGED.items()}
    metric = st.selectbox(
        _("Judge by"),
        judged,
        index=judged.index(asked) if asked in judged else 0,
        format_func=lambda name: titles[name],
        key="runs.judge",
        filter_mode=None,
    )
    state.view["metric"] = metric
    counted = [row for row in rows if repeatable(row) and measured(row, metric) is not None]
    groups = repeats(counted)
    if left_out := len(rows) - len(counted):
        st.caption(
            _("Left out: {count} that did not train to the end, or were changed by hand meanwhile.").format(
                count=left_out
            )
        )
    if not groups:
        st.caption(_("Nothing was measured yet."))
        return
    names = names_of([group[0] for group in groups], seeds=False)
    values = [[value for row in group if (value := measured(row, metric)) is not None] for group in groups]
    if sum(map(len, groups)) < len(counted):
        st.caption(
            _("Runs with the same settings and the same seed are one run here: computed twice, they say nothing new.")
        )
    share = METRICS[metric].share
    _means(names, values, share=share)
    tested = [place for place, found in enumerate(values) if len(found) >= 2]
    if len(tested) < 2:
        st.info(
            _(
                "A single run says little: another seed gives another result. Repeat two settings with three or more seeds"
                " each, tick all of those runs, and they are tested against each other here."
            ),
            icon=":material/casino:",
        )
        return
    first, second = _two(tested, names)
    if first == second:
        st.caption(_("Choose two different settings."))
        return
    told = compare(values[first], values[second])
    better = told.difference < 0 if METRICS[metric].smaller_is_better else told.difference > 0
    _verdict(told, names[first], names[second], better=better, share=share)


def _means(names: Sequence[str], values: Sequence[Sequence[float]], *, share: bool) -> None:
    heads = [_("Runs"), _("Mean"), _("95% interval of the mean"), _("Spread from seed to seed")]
    lines = []
    for name, found in zip(names, values, strict=True):
        low, high = mean_interval(found)
        interval = _("{low} to {high}").format(low=_number(low, share=share), high=_number(high, share=share))
        spread = f"± {_difference(stdev(found), share=share)}" if len(found) > 1 else "–"
        cells = [str(len(found)), _number(fmean(found), share=share), interval if len(found) > 1 else "–", spread]
        lines.append(Line(name, cells))
    table(_("Settings"), heads, lines)


def _two(tested: Sequence[int], names: Sequence[str]) -> tuple[int, int]:
    left, right = st.columns(2)
    key = "-".join(map(str, tested))
    first = left.selectbox(
        _("Is it better than this"), tested, format_func=lambda place: names[place], key=f"runs.first.{key}"
    )
    second = right.selectbox(
        _("Is this one"), tested, index=1, format_func=lambda place: names[place], key=f"runs.second.{key}"
    )
    return first, second


def _verdict(told: Comparison, first: str, second: str, *, better: bool, share: bool) -> None:
    values = {
        "first": plain_text(first),
        "second": plain_text(second),
        "difference": _difference(abs(told.difference), share=share),
        "p": _likelihood(told.permutation_p),
    }
    both = told.welch_p < _SIGNIFICANT and told.permutation_p < _SIGNIFICANT
    if both:
        words = (
            _(
                "**{second}** is better than {first}, by {difference} on average. Chance alone would do this in {p} of cases."
            )
            if better
            else _(
                "**{second}** is worse than {first}, by {difference} on average. Chance alone would do this in {p} of cases."
            )
        )
        st.success(words.format(**values), icon=":material/check:")
    else:
        words = _(
            "No difference is shown between {second} and {first}: {difference} apart on average, and seeds alone do as much"
            " in {p} of cases. That is no proof that they are equal."
        )
        st.warning(words.format(**values), icon=":material/casino:")
    if told.smallest_p > _SIGNIFICANT:
        st.caption(
            _(
                "So few repeats can never give less than {smallest:.2g} by rearranging: run four or more seeds each."
            ).format(smallest=told.smallest_p)
        )
    st.caption(
        _(
            "Welch's t test: difference {low} to {high} with 95% confidence, p = {welch:.3g}. Permutation test: p = {exact:.3g}."
            " “Better” is said only if both stay below 0.05. Testing many pairs will find one by chance."
        ).format(
            low=_difference(told.low, share=share),
            high=_difference(told.high, share=share),
            welch=told.welch_p,
            exact=told.permutation_p,
        )
    )


def _likelihood(p: float) -> str:
    return f"{p:.2g}%" if (p := 100 * p) < 10 else f"{p:.0f}%"


def _number(value: float, *, share: bool) -> str:
    return f"{value:.2%}" if share else f"{value:.4f}"


def _difference(value: float, *, share: bool) -> str:
    return _("{points:.2f} points").format(points=100 * value) if share else f"{value:.4f}"
