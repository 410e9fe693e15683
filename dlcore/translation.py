"""The catalogues of messages: one language a folder, one file a room, English as the keys."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from dlcore.messages import UserError

_LOCALES = Path(__file__).resolve().parents[1] / "content" / "locale"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All messages of one language: the catalogues of all rooms put together; nothing where there is no such folder."""
    from babel.messages.pofile import read_po  # noqa: PLC0415  # only where it is needed

    messages: dict[str, str] = {}
    for path in sorted((_LOCALES / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id and message.string and not message.fuzzy:
                    messages[str(message.id)] = str(message.string)
    return messages


def translator(language: str) -> Callable[[str], str]:
    """From an English message to the same in ``language``; English where the catalogue has nothing.

    For whoever writes text without a page, such as an exported program.

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
    messages = catalogue(language)
    return lambda message: messages.get(message, message)
