"""How a search goes: its results in their order, and what its settings weigh."""

from itertools import accumulate
from typing import Any

from dlcore.config import KNOBS
from dlcore.sweeps.directory import Progress
from dlcore.sweeps.plan import Plan
from ui.history.compare_figures import metric_title
from ui.history.naming import shown
from ui.language import translate as _
from ui.palette import HIGHLIGHT, NEUTRAL, TRAIN, faded
from ui.training.figures import Figure


def history_figure(plan: Plan, progress: Progress) -> Figure:
    """A point for each run, hollow if it was stopped early, and the best complete one so far as a stair."""
    measured = [trial for trial in progress.trials if trial.value is not None]
    complete = [trial for trial in measured if trial.state == "complete"]
    best = list(accumulate((trial.value or 0.0 for trial in complete), min if plan.smaller_is_better else max))
    share = not plan.smaller_is_better
    number = "%{y:.2%}" if share else "%{y:.4f}"
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": _("Best so far"),
            "x": [trial.number + 1 for trial in complete],
            "y": best,
            "line": {"shape": "hv", "color": HIGHLIGHT, "width": 2},
            "hoverinfo": "skip",
        }
    ]
    for name, states, colour, symbol in (
        (_("Complete"), ("complete",), TRAIN, "circle"),
        (_("Stopped early, or under way"), ("pruned", "running", "failed"), NEUTRAL, "circle-open"),
    ):
        trials = [trial for trial in measured if trial.state in states]
        told = [
            "<br>".join(
                f"{_(KNOBS[setting].title)}: {shown(setting, value)}"
                for setting, value in trial.values.items()
                if setting in KNOBS
            )
            for trial in trials
        ]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": [trial.number + 1 for trial in trials],
                "y": [trial.value for trial in trials],
                "text": told,
                "marker": {"size": 9, "color": faded(colour, 0.8), "symbol": symbol},
                "hovertemplate": number + "<br>%{text}<extra></extra>",
            }
        )
    y_axis: dict[str, Any] = {"title": {"text": metric_title(plan.objective)}}
    if share:
        y_axis |= {"tickformat": ".1%", "autorangeoptions": {"clipmin": 0, "clipmax": 1}}
    ticks = {"dtick": 1} if len(progress.trials) <= 12 else {}
    return traces, {"xaxis": {"title": {"text": _("Run")}, **ticks}, "yaxis": y_axis, "uirevision": "history"}


def importance_figure(progress: Progress) -> Figure:
    """A bar for each setting, the heaviest on top."""
    weights = sorted((item for item in progress.importance.items() if item[0] in KNOBS), key=lambda item: item[1])
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": [share for _name, share in weights],
        "y": [_(KNOBS[name].title) for name, _share in weights],
        "marker": {"color": TRAIN},
        "hovertemplate": "%{y}: %{x:.0%}<extra></extra>",
    }
    return [trace], {
        "xaxis": {"tickformat": ".0%", "range": [0, 1], "title": {"text": _("Share of the differences")}},
        "uirevision": "importance",
    }
