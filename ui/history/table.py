"""The table of runs: searched, filtered and sorted in the browser, at once, however many there are.

``st.dataframe`` would import pandas and pyarrow into the server (70 MB), and knows no menu for a row.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from dlcore.config import KNOBS, TrainConfig
from dlcore.config.choices import OPTIMIZERS
from dlcore.data import DATASETS
from dlcore.models import MODELS
from dlcore.runs.overview import Overview
from dlcore.runs.status import STATUSES
from ui.history.naming import series
from ui.history.state import MOST_CHOSEN, RunsPage
from ui.language import current
from ui.language import translate as _
from ui.packing import packed
from ui.training.words import COLOURS, duration, title
from ui.visitor import local_time

KEY = "runs.table"
_SETTINGS = ("epochs", "learning_rate", "batch_size", "optimizer", "seed")
"""Those that have a column of their own."""
_HERE = Path(__file__).resolve().parent
_HTML = """
<div class="runs">
  <div class="tools">
    <input type="search" class="search" maxlength="100">
    <select class="by" data-by="status"></select>
    <select class="by" data-by="dataset"></select>
    <select class="by" data-by="model"></select>
    <select class="by" data-by="tag"></select>
    <label class="only"><input type="checkbox" class="pinned"><span></span></label>
    <span class="count" role="status"></span>
  </div>
  <div class="scroll" tabindex="0"><table><thead></thead><tbody></tbody></table></div>
  <button type="button" class="more" hidden></button>
</div>
"""


@cache
def _mount() -> Callable[..., Any]:
    css, js = ((_HERE / name).read_text(encoding="utf-8") for name in ("table.css", "table.js"))
    component: Callable[..., Any] = st.components.v2.component(
        "run_table", html=_HTML, css=css, js=js, isolate_styles=False
    )
    return component


def run_table(
    state: RunsPage, rows: Sequence[Overview], *, on_choice: Callable[[], None], on_act: Callable[[], None]
) -> None:
    """Show or update the table.

    ``on_choice`` is called when other runs are chosen, ``on_act`` when something is to be done with one; what was said
    is in ``st.session_state[KEY]``, from the browser and to be checked.
    """
    payload = {
        "rows": [_row(state, row) for row in rows],
        "columns": _columns(),
        "chosen": list(state.chosen),
        "revision": state.revision,
        "most": MOST_CHOSEN,
        "language": current(),
        "words": _words(),
    }
    _mount()(data=packed(payload), key=KEY, on_chosen_change=on_choice, on_act_change=on_act)


def _columns() -> list[dict[str, str]]:
    """The columns behind the name; their order is that of the cells of a row."""
    return [
        {"title": _("Test accuracy"), "first": "down"},
        {"title": _("Validation accuracy"), "first": "down"},
        {"title": _("Test loss"), "first": "up"},
        {"title": _("Parameters"), "first": "up"},
        {"title": _("Training time"), "first": "up"},
        *({"title": _(KNOBS[name].title), "first": "up"} for name in _SETTINGS),
        {"title": _("Started"), "first": "down"},
    ]


def _row(state: RunsPage, row: Overview) -> dict[str, Any]:
    run, config, label = row.run, row.run.config, row.label
    mine = run.owner == state.visitor
    words = title(config)
    tags = list(label.tags)
    if run.sweep:
        tags.insert(0, series(run.sweep))
    if run.imported:
        tags.insert(0, _("Imported"))
    return {
        "id": run.run_id,
        "name": label.name,
        "title": words,
        "mine": mine,
        "live": row.live,
        "pinned": label.pinned,
        "tags": tags,
        "note": label.note,
        "status": row.status,
        "statusTitle": _(STATUSES[row.status]),
        "colour": COLOURS[row.status],
        "dataset": _(DATASETS[config.dataset].title),
        "model": _(MODELS[config.model].title),
        "find": " ".join([run.run_id, words, label.name, *tags, label.note, _settings(config)]).casefold(),
        "cells": [
            [row.test_accuracy, _share(row.test_accuracy)],
            [row.validation_accuracy, _share(row.validation_accuracy)],
            [row.test_loss, "" if row.test_loss is None else f"{row.test_loss:.4f}"],
            [row.parameters, "" if row.parameters is None else f"{row.parameters:,}"],
            [row.train_seconds, "" if row.train_seconds is None else duration(row.train_seconds)],
            [config.epochs, f"{row.epoch}/{config.epochs}"],
            [config.learning_rate, f"{config.learning_rate:.3g}"],
            [config.batch_size, str(config.batch_size)],
            [config.optimizer, _(OPTIMIZERS[config.optimizer])],
            [config.seed, str(config.seed)],
            [run.created.timestamp(), _day(run.created)],
        ],
    }


def _day(moment: datetime) -> str:
    """When it was, as short as it is plain: without the year if that is this one."""
    return local_time(moment).removeprefix(f"{local_time(datetime.now(UTC))[:4]}-")


def _settings(config: TrainConfig) -> str:
    """What was set, to be found by its name and its value."""
    values = config.model_dump()
    return " ".join(f"{name}={value}" for name, value in values.items() if value != KNOBS[name].default)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def _words() -> dict[str, str]:
    return {
        "search": _("Search names, tags, notes, settings"),
        "searchHelp": _("Several words: all of them. A setting as learning_rate=0.01."),
        "status": _("Every status"),
        "dataset": _("Every dataset"),
        "model": _("Every model"),
        "tag": _("Every tag"),
        "pinned": _("Pinned"),
        "run": _("Run"),
        "count": _("{shown} of {all} runs"),
        "nothing": _("No run fits. Take a filter away."),
        "more": _("Show all {count}"),
        "choose": _("Compare {name}"),
        "chooseAll": _("Compare all that are shown"),
        "pin": _("Pin"),
        "unpin": _("Unpin"),
        "edit": _("Name, tags, note"),
        "delete": _("Delete"),
        "stopFirst": _("Stop it first."),
        "shell": _("Made in a shell"),
        "full": _("At most {most} runs can be compared at once."),
    }
