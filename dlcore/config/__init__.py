"""One validated schema of an experiment, from which the form, the URL, the command line and ``config.json`` derive.

The fields stand in :mod:`dlcore.config.essentials` and :mod:`dlcore.config.fields`: a declaration holds all that anyone
shows of one. Here they become a whole that is checked.
Nothing here imports torch, so the server can read a configuration without it.
"""

import difflib
from collections.abc import Mapping
from typing import Self

from pydantic import ValidationError, field_validator, model_validator

from dlcore.config.fields import Fields
from dlcore.data import DATASETS, OWN_IMAGES, DatasetSpec
from dlcore.data.selection import classes_of, classes_text
from dlcore.data.selection import describe as describe_data
from dlcore.knobs import Knob, describe
from dlcore.messages import N_, UserError, Verbatim
from dlcore.models import MODELS, stack
from dlcore.models.options import ModelOptions
from dlcore.models.table import Row, totals

_MOST_MEMORY_BYTES = 1_000_000_000
"""Of the values between the layers of a custom network, for one batch."""


class TrainConfig(Fields):
    """One experiment. The defaults are the article's own: its network, its optimizer, its ten epochs of MNIST."""

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        for name, described in KNOBS.items():
            if described.choices is not None and getattr(self, name) not in described.choices:
                raise ValueError(name)
        return self

    @field_validator("layers")
    @classmethod
    def _read_layers(cls, text: str) -> str:
        """The same network is always the same text."""
        return stack.join(stack.parse(text))

    @model_validator(mode="after")
    def _check_network(self) -> Self:
        rows = self.table()
        memory_bytes = totals(rows).memory_bytes * self.batch_size
        if self.model == "custom" and memory_bytes > _MOST_MEMORY_BYTES:
            raise UserError(
                N_(
                    "A batch of {batch_size} images takes {value:,} bytes between the layers; at most {most:,} may be"
                    " kept here. Choose a smaller batch, or fewer channels."
                ),
                batch_size=self.batch_size,
                value=memory_bytes,
                most=_MOST_MEMORY_BYTES,
            )
        return self

    @property
    def options(self) -> ModelOptions:
        """What is chosen within the architecture."""
        return ModelOptions(**{name: getattr(self, name) for name in ModelOptions.model_fields})

    def table(self) -> list[Row]:
        """The network layer by layer, for the images of the dataset.

        Raises:
            UserError: a layer cannot take what reaches it, or a custom network is larger than a shared server can train.
        """
        try:
            spec = self.data()
        except UserError:  # pictures that are not there (yet), or classes that are refused where they are checked
            spec = DATASETS[self.dataset]
        return MODELS[self.model].table(
            in_channels=spec.channels,
            image_size=spec.image_size,
            classes=max(2, len(spec.class_names)),
            dropout=self.dropout,
            options=self.options,
        )

    @classmethod
    def parse(cls, values: Mapping[str, object], *, check_data: bool = True) -> "TrainConfig":
        """A configuration from untrusted values (URL, command line, JSON); text is read as numbers where needed.

        Args:
            values: by the names of the fields; what is missing takes its default.
            check_data: whether the chosen classes and own images must exist, and the classes are brought into their own
                order; not for a run of the past, whose pictures may be gone, nor for a form that is being filled in.

        Raises:
            UserError: naming the value, the rule and the remedy for the first value that does not fit.
        """
        try:
            config = cls.model_validate(dict(values))
        except ValidationError as error:
            raise _explain(error) from None
        if not check_data or (config.dataset != OWN_IMAGES and not config.classes):
            return config
        return config.model_copy(
            update={"classes": classes_text(whole := config.whole_data(), classes_of(whole, config.classes))}
        )

    def whole_data(self) -> DatasetSpec:
        """What is known of the dataset with all its classes.

        Raises:
            UserError: it is a set of own images that is not there.
        """
        return describe_data(self.dataset, own_images=self.own_images)

    def data(self) -> DatasetSpec:
        """What is known of what is learned from: the chosen classes only.

        Raises:
            UserError: it is a set of own images that is not there, or has no such classes.
        """
        return describe_data(self.dataset, own_images=self.own_images, classes=self.classes)


def _explain(error: ValidationError) -> UserError:
    first = error.errors(include_url=False)[0]
    if first["loc"]:
        name, value = str(first["loc"][0]), str(first["input"])
    else:  # a choice, checked after the fields: the message is the name
        name = str(first["ctx"]["error"])
        value = str(first["input"][name])
    if name not in KNOBS:
        return _no_such_setting(name[:40])
    template = N_("{name} must be one of {allowed}; got {value}.")
    if KNOBS[name].kind is str and KNOBS[name].choices is None:
        template = N_("{name} must be a text of at most {allowed} characters; got {value}.")
        return UserError(template, name=name, allowed=KNOBS[name].longest, value=value[:40])
    if KNOBS[name].choices is None:
        template = N_("{name} must be in {allowed}; got {value}.")
    return UserError(template, name=name, allowed=KNOBS[name].allowed, value=value[:40])


def _no_such_setting(name: str) -> UserError:
    shown = Verbatim(name)
    if close := difflib.get_close_matches(name.casefold().replace("-", "_"), KNOBS, n=3, cutoff=0.5):
        return UserError(
            N_(
                "There is no setting called {name}. Did you mean {close}? The form on the Train page shows all settings,"
                " and {command} lists their names."
            ),
            name=shown,
            close=Verbatim(", ".join(close)),
            command=_ALL_SETTINGS,
        )
    return UserError(
        N_(
            "There is no setting called {name}. The form on the Train page shows all settings, and {command} lists"
            " their names."
        ),
        name=shown,
        command=_ALL_SETTINGS,
    )


_ALL_SETTINGS = Verbatim("python -m dlcore train --help")

KNOBS: Mapping[str, Knob] = {name: describe(name, field) for name, field in TrainConfig.model_fields.items()}
"""Every field of :class:`TrainConfig` in order, described."""
