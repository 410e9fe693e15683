"""What a form, a help text or a URL parser wants to know of a setting, declared beside the setting itself."""

from collections.abc import Mapping
from typing import Any, cast

from annotated_types import Ge, Gt, Le, Lt, MaxLen
from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo


class Knob(BaseModel, frozen=True):
    """One setting, as its declaration describes it."""

    name: str
    title: str
    """English; marked for translation, as is ``description``."""
    description: str
    group: str
    kind: type
    """``int``, ``float`` or ``str``."""
    default: int | float | str
    minimum: int | float | None = None
    maximum: int | float | None = None
    minimum_excluded: bool = False
    maximum_excluded: bool = False
    step: float | None = None
    logarithmic: bool = False
    """Whether a slider or number field moves by factors."""
    unit: str = ""
    zero: str = ""
    """What 0 means where it is no amount, such as "off"."""
    choices: Mapping[str, str] | None = None
    """Value to English title, for fields of text that offer a choice."""
    longest: int | None = None
    """Most characters of a field of free text."""
    only_for: Mapping[str, set[str]] = {}
    """Other settings, and the values of each under which this one matters; where it does not, a form hides it."""

    def applies(self, values: Mapping[str, object]) -> bool:
        """Whether this setting matters, given the values of all settings."""
        return all(values[name] in wanted for name, wanted in self.only_for.items())

    @property
    def allowed(self) -> str:
        """The allowed values: an interval as mathematics writes it, ``(0, 10]``, or the choices, or the most characters."""
        if self.choices is not None:
            return ", ".join(self.choices)
        if self.kind is str:
            return f"≤ {self.longest}"
        opening = "(" if self.minimum_excluded else "["
        closing = ")" if self.maximum_excluded else "]"
        return f"{opening}{self.minimum}, {self.maximum}{closing}"


def knob(
    default: int | float | str,
    title: str,
    description: str,
    *,
    group: str,
    choices: Mapping[str, str] | None = None,
    step: float | None = None,
    logarithmic: bool = False,
    unit: str = "",
    zero: str = "",
    only_for: Mapping[str, set[str]] | None = None,
    **bounds: float,
) -> Any:
    """A field of a schema, with all that is shown of it.

    ``bounds`` are pydantic's ``ge``, ``gt``, ``le`` and ``lt`` for numbers; free text has ``max_length``.
    ``only_for={"model": {"mlp"}}`` says that the setting matters only where ``model`` is ``mlp``.
    """
    shown: Any = {
        "group": group,
        "choices": choices,
        "step": step,
        "logarithmic": logarithmic,
        "unit": unit,
        "zero": zero,
        "only_for": only_for or {},
    }
    finite: dict[str, Any] = {"allow_inf_nan": False} if isinstance(default, float) else {}
    return Field(
        default=default,
        title=title,
        description=description,
        json_schema_extra={"knob": shown},
        **finite,
        **cast(Any, bounds),
    )


def describe(name: str, field: FieldInfo) -> Knob:
    """What :func:`knob` was told of the field ``name``."""
    extra = cast(dict[str, Any], cast(dict[str, Any], field.json_schema_extra)["knob"])
    bounds: dict[str, Any] = {}
    for rule in field.metadata:
        match rule:
            case Ge(ge=low):
                bounds["minimum"] = low
            case Gt(gt=low):
                bounds |= {"minimum": low, "minimum_excluded": True}
            case Le(le=high):
                bounds["maximum"] = high
            case Lt(lt=high):
                bounds |= {"maximum": high, "maximum_excluded": True}
            case MaxLen(max_length=longest):
                bounds["longest"] = longest
    assert not field.is_required()
    return Knob(
        name=name,
        title=field.title or name,
        description=field.description or "",
        kind=cast(type, field.annotation),
        default=field.default,
        **bounds,
        **extra,
    )
