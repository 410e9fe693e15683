"""The URL is the experiment: a configuration from a link, and the link of a configuration.

What a link says is checked by the schema, field by field: a value that does not fit is refused with its reason and the
default stands in, the rest of the link still counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from dlcore.config import KNOBS, TrainConfig
from dlcore.data import OWN_IMAGES
from dlcore.data.availability import available
from dlcore.data.selection import describe
from dlcore.messages import UserError
from dlcore.presets import PRESETS
from ui.training.lesson import PARAMETERS

_OTHERS = {"lang", "run", "guess", "embed", "embed_options", "theme", *PARAMETERS}
"""Parameters that mean something to others than the schema."""
_MOST_REFUSALS = 5


@dataclass(frozen=True, kw_only=True)
class Link:
    """What a link asks for, after the schema has looked at it."""

    values: Mapping[str, object]
    """The hyperparameters that it names and that fit."""
    run_id: str
    refusals: tuple[UserError, ...]
    guess: float | None = None
    """The test accuracy that the visitor expects, in percent."""


def default_config() -> TrainConfig:
    """The experiment of a first visit: the article's where MNIST is at hand, else one that needs no download."""
    return PRESETS["article" if available("mnist") else "tiny"].config


def parse(query: Mapping[str, str]) -> Link:
    """Read a query string; nothing outside the schema gets through."""
    values: dict[str, object] = {}
    refusals = []
    for name, text in query.items():
        if name in _OTHERS or name.startswith("utm_"):
            continue
        try:
            values[name] = getattr(TrainConfig.parse({name: text}, check_data=False), name)
        except UserError as error:
            refusals.append(error)
    return Link(
        values=values,
        run_id=query.get("run", ""),
        refusals=tuple(refusals[:_MOST_REFUSALS]),
        guess=_percent(query.get("guess", "")),
    )


def _percent(text: str) -> float | None:
    try:
        value = float(text[:8])
    except ValueError:
        return None
    return round(value, 2) if 0 <= value <= 100 else None


def parameters(config: TrainConfig, run_id: str) -> dict[str, str]:
    """The query parameters that bring this experiment, and this run if one is shown, back.

    A setting that does not matter here, and was not touched, is left out.
    """
    values = config.model_dump()
    told = [name for name, knob in KNOBS.items() if knob.applies(values) or values[name] != knob.default]
    return {name: _text(values[name]) for name in told} | ({"run": run_id} if run_id else {})


def combine(base: TrainConfig, values: Mapping[str, object]) -> tuple[TrainConfig, tuple[UserError, ...]]:
    """``base`` changed by ``values``, each of which fits by itself; what does not fit together is refused and left."""
    try:
        return TrainConfig.parse(base.model_dump() | dict(values)), ()
    except UserError:
        pass  # said below, of the one value that is at fault
    config, refusals = base, []
    for name in KNOBS:
        if name in values:
            try:
                config = TrainConfig.parse(config.model_dump() | {name: values[name]}, check_data=False)
            except UserError as error:
                refusals.append(error)
    config, refused = with_data_that_exists(config)
    return config, (*refusals, *refused)[:_MOST_REFUSALS]


def with_data_that_exists(config: TrainConfig) -> tuple[TrainConfig, tuple[UserError, ...]]:
    """``config`` without a set of images that is not there and without classes that do not fit, and why."""
    refusals = []
    if config.own_images and not available(OWN_IMAGES, own_images=config.own_images):
        try:
            describe(OWN_IMAGES, own_images=config.own_images)
        except UserError as error:
            refusals.append(error)
        config = config.model_copy(update={"own_images": ""})
    if config.dataset == OWN_IMAGES and not config.own_images:
        return config, tuple(refusals)  # none chosen yet: the form says how to bring one
    try:
        return TrainConfig.parse(config.model_dump()), tuple(refusals)
    except UserError as error:
        return config.model_copy(update={"classes": ""}), (*refusals, error)


def write(config: TrainConfig, run_id: str, guess: float | None = None) -> None:
    """Make the browser's address the link of this experiment; parameters that others own stay."""
    before = st.query_params.to_dict()
    kept = {
        name: text for name, text in before.items() if name in _OTHERS - {"run", "guess"} or name.startswith("utm_")
    }
    after = kept | parameters(config, run_id) | ({} if guess is None else {"guess": f"{guess:g}"})
    if after != before:
        st.query_params.from_dict(after)


def _text(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)
