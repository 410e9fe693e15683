"""Short names that tell compared runs apart."""

from collections.abc import Mapping, Sequence

from dlcore.config import KNOBS
from dlcore.models import MODELS
from dlcore.runs.comparing import Value, differences
from dlcore.runs.overview import Overview
from ui.language import translate as _
from ui.training.words import title

_MOST_SETTINGS = 3
_KINDS = ("model", "dataset", "classes")
"""Settings that a title tells already, or that only say what is learned."""


def names_of(rows: Sequence[Overview], *, seeds: bool = True) -> list[str]:
    """Each run's own name, or the settings in which it differs from the others; the same twice is numbered.

    Without ``seeds`` the seed tells nothing, because each stands for all of its repeats.
    """
    differing = differences([row.run.config for row in rows])
    varied = {name: len({value for value in column if value is not None}) for name, column in differing.items()}
    told = [name for name in differing if varied[name] > 1 and name not in (*_KINDS, "seed")]
    told = sorted(told, key=lambda name: -varied[name])[:_MOST_SETTINGS]
    if seeds and varied.get("seed", 0) > 1:
        told.append("seed")
    names = []
    for place, row in enumerate(rows):
        parts = [_kind(row, differing)] if not told or not differing.keys().isdisjoint(_KINDS) else []
        parts += [
            _("{setting} {value}").format(setting=_(KNOBS[name].title), value=rounded(name, value))
            for name in told
            if (value := differing[name][place]) is not None
        ]
        names.append(row.label.name or _(", ").join(parts))
    numbers: dict[str, int] = {}
    unique = []
    for name in names:
        numbers[name] = numbers.get(name, 0) + 1
        unique.append(f"{name} ({numbers[name]})" if names.count(name) > 1 else name)
    return unique


def _kind(row: Overview, differing: Mapping[str, object]) -> str:
    """What was trained on what, as far as that tells it apart."""
    config = row.run.config
    if "model" in differing and "dataset" not in differing and "classes" not in differing:
        return _(MODELS[config.model].title)
    return title(config)


def series(sweep_id: str) -> str:
    """What the runs of a search or a repetition without a name of its own are called together."""
    return _("Series {name}").format(name=sweep_id[-4:])


def rounded(name: str, value: Value) -> str:
    """The value of a setting where there is little room: three digits of a fraction."""
    return f"{value:.3g}" if isinstance(value, float) else shown(name, value)


def shown(name: str, value: Value | None) -> str:
    """The value of a setting as a visitor reads it."""
    if value is None:
        return "–"
    choices: Mapping[str, str] | None = KNOBS[name].choices
    if choices is not None:
        return _(choices[str(value)])
    return f"{value:g}" if isinstance(value, float) else str(value)
