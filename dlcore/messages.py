"""Messages that a person reads: marked here, translated elsewhere.

dlcore speaks English and knows no language switch. A message that may reach a visitor is marked with ``N_`` so that
the catalogues hold it, and travels as a template and its values so that whoever shows it can translate it first.
"""

from typing import Any


def N_(message: str) -> str:
    """Mark ``message`` for translation and return it unchanged."""
    return message


class Verbatim(str):
    """A name from outside, or of something outside, such as a visitor's class or a file: never translated."""

    __slots__ = ()


SYSTEM_REASONS = (
    N_("No space left on device"),
    N_("Disk quota exceeded"),
    N_("Permission denied"),
    N_("Operation not permitted"),
    N_("Read-only file system"),
    N_("Input/output error"),
    N_("No such file or directory"),
    N_("Is a directory"),
    N_("Not a directory"),
    N_("File exists"),
    N_("File name too long"),
    N_("Too many open files"),
    N_("Cannot allocate memory"),
    N_("Resource temporarily unavailable"),
)
"""What the operating system says, marked here since it stands in no source of ours: errors carry it as their reason."""


_LONGEST_VALUE = 300
"""Of what another process says."""


class UserError(Exception):
    """Something a person can put right. Says what happened, why, and what to do.

    ``template`` is the English message with ``{name}`` fields, ``values`` fills them:
    ``str(error)`` is English, ``translate(error.template).format(**error.values)`` any other language. A value may be
    another error, the reason of this one.
    """

    def __init__(self, template: str, /, **values: object) -> None:  # so that a value may have any name
        super().__init__(template.format(**values))
        self.template = template
        self.values = values

    def as_data(self) -> dict[str, Any]:
        """The template and its values for JSON, so that another process can tell it in any language."""
        values = {
            name: value if isinstance(value, int | float | str) else str(value) for name, value in self.values.items()
        }
        verbatim = [name for name, value in self.values.items() if isinstance(value, Verbatim)]
        return {"template": self.template, "values": values, "verbatim": verbatim}


def from_data(data: Any) -> UserError | None:
    """The error that :meth:`UserError.as_data` described; None for whatever does not describe one."""
    match data:
        case {"template": str(template), "values": dict(values), "verbatim": list(verbatim)}:
            told = {name: value[:_LONGEST_VALUE] if isinstance(value, str) else value for name, value in values.items()}
            told |= {name: Verbatim(told[name]) for name in verbatim if name in told}
            try:
                return UserError(template, **told)
            except (KeyError, IndexError, ValueError, TypeError, AttributeError):  # a field without its value
                return None
    return None


def refused(error: OSError) -> UserError:
    """What the operating system said, without the path that it said it of."""
    return UserError("{reason}", reason=error.strerror or type(error).__name__)
