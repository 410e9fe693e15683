"""Messages that a person reads: marked here, translated elsewhere.

dlcore speaks English and knows no language switch. A message that may reach a visitor is marked with ``N_`` so that
the catalogues hold it, and travels as a template and its values so that whoever shows it can translate it first.
"""


def N_(message: str) -> str:
    """Mark ``message`` for translation and return it unchanged."""
    return message


class Verbatim(str):
    """A name from outside, or of something outside, such as a visitor's class or a file: never translated."""

    __slots__ = ()


class UserError(Exception):
    """Something a person can put right. Says what happened, why, and what to do.

    ``template`` is the English message with ``{name}`` fields, ``values`` fills them:
    ``str(error)`` is English, ``translate(error.template).format(**error.values)`` any other language.
    """

    def __init__(self, template: str, /, **values: object) -> None:  # so that a value may have any name
        super().__init__(template.format(**values))
        self.template = template
        self.values = values
