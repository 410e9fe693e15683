"""The catalogues that programs are commented from, for whoever exports one without a page."""

from collections.abc import Callable
from pathlib import Path

from dlcore.messages import UserError

_LOCALES = Path(__file__).resolve().parents[2] / "content" / "locale"


def translator(language: str) -> Callable[[str], str]:
    """From an English message to the same in ``language``; English where the catalogue has nothing.

    Raises:
        UserError: there is no such language.
    """
    if language == "en":
        return str
    known = sorted(path.name for path in _LOCALES.iterdir() if path.is_dir()) if _LOCALES.is_dir() else []
    if language not in known:
        raise UserError(
            "--language must be one of {known}; got {value}.", known=", ".join(["en", *known]), value=language[:40]
        )
    from babel.messages.pofile import read_po  # noqa: PLC0415  # only where it is needed

    messages: dict[str, str] = {}
    for path in sorted((_LOCALES / language).glob("*.po")):
        with path.open("rb") as file:
            messages |= {
                str(message.id): str(message.string) for message in read_po(file) if message.id and message.string
            }
    return lambda message: messages.get(message, message)
