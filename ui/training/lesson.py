"""A teacher's link: ``&lock=epochs,seed&hide=l1`` lets some settings be seen but not changed, and others not be seen.

It keeps a class on one subject; it is no protection, since whoever edits the address is free of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from dlcore.config import KNOBS, TrainConfig
from dlcore.messages import N_, UserError, Verbatim
from ui.language import translate as _

PARAMETERS = ("lock", "hide")
LOCKABLE = tuple(name for name in KNOBS if name not in ("own_images", "classes", "layers"))
"""Those with a plain widget; the others have editors of their own."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a link locks and hides, and the values that stay."""

    locked: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    values: Mapping[str, object] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.locked or self.hidden)

    def of(self, config: TrainConfig) -> "Lesson":
        """The same lesson with the values of ``config``."""
        return Lesson(self.locked, self.hidden, {name: getattr(config, name) for name in (*self.locked, *self.hidden)})

    def hold(self, config: TrainConfig) -> TrainConfig:
        """``config`` with what is locked or hidden as the link has it, whatever a preset or a run brought."""
        if all(getattr(config, name) == value for name, value in self.values.items()):
            return config
        try:
            return TrainConfig.parse(config.model_dump() | dict(self.values), check_data=False)
        except UserError:  # it does not go together with what was just changed: the lesson's own settings do
            return TrainConfig.parse(dict(self.values), check_data=False)


def read(query: Mapping[str, str]) -> tuple[Lesson, tuple[UserError, ...]]:
    """The lesson that a query string names, and what of it was refused."""
    named, refusals = {}, []
    for parameter in PARAMETERS:
        words = [word.strip() for word in query.get(parameter, "")[:2000].split(",") if word.strip()]
        named[parameter] = tuple(dict.fromkeys(word for word in words if word in LOCKABLE))
        refusals += [_refusal(parameter, word) for word in words if word not in LOCKABLE]
    locked = tuple(name for name in named["lock"] if name not in named["hide"])
    return Lesson(locked, named["hide"]), tuple(refusals[:3])


def lesson_fold(config: TrainConfig, parameters: Mapping[str, str]) -> None:
    """A fold that makes such a link of the settings in the form."""
    titles = {name: _(KNOBS[name].title) for name in LOCKABLE}
    with st.expander(_("A link for a class"), icon=":material/school:", key="train.lesson"):
        st.caption(
            _("The link opens these settings. Locked ones can be seen but not changed, hidden ones are not shown.")
        )
        offered = [name for name in LOCKABLE if KNOBS[name].applies(config.model_dump())]
        chosen = {}
        for parameter, label in (("lock", _("Lock")), ("hide", _("Hide"))):
            chosen[parameter] = st.multiselect(
                label,
                offered,
                format_func=lambda name: titles[name],
                key=f"train.lesson.{parameter}",
                placeholder=_("Choose settings"),
            )
        told = {name: ",".join(names) for name, names in chosen.items() if names}
        if told:
            kept = {name: text for name, text in parameters.items() if name != "run"}
            place = urlsplit(st.context.url or "")
            address = urlunsplit((place.scheme, place.netloc, place.path, urlencode(kept | told, safe=","), ""))
            st.code(address, language=None, wrap_lines=True)


def _refusal(parameter: str, word: str) -> UserError:
    return UserError(
        N_("The link asks to {what} {name}, which is no setting that can be. These can: {names}."),
        what=Verbatim(parameter),
        name=Verbatim(word[:40]),
        names=Verbatim(", ".join(LOCKABLE)),
    )
