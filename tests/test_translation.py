"""Every message a visitor may read has its Chinese; nothing a visitor reads is written past the catalogue."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

PROJECT = Path(__file__).resolve().parents[1]
LOCALE = PROJECT / "content" / "locale"
LANGUAGES = sorted(path.name for path in LOCALE.iterdir() if path.is_dir())
FIELD = re.compile(r"{(\w*)")
WRITES = {"title", "header", "subheader", "markdown", "write", "caption", "text", "button", "info", "warning", "error"}
WRITES |= {"success", "toast", "expander", "tabs", "metric", "radio", "selectbox", "slider", "checkbox", "toggle"}
WRITES |= {"text_input", "number_input", "download_button", "link_button", "page_link", "badge", "popover"}


@cache
def messages_in_source() -> dict[str, str]:
    """Each marked message, with the place of its first use."""
    found: dict[str, str] = {}
    for folder in ("dlcore", "ui", "pages"):
        for name, line, message, _comments, _context in extract_from_dir(
            PROJECT / folder, method_map=[("**.py", "python")], keywords={"_": None, "N_": None}
        ):
            assert isinstance(message, str)
            found.setdefault(message, f"{folder}/{name}:{line}")
    return found


@cache
def catalogue(language: str) -> dict[str, list[tuple[str, str]]]:
    """Each message with its translations and the files they stand in."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted((LOCALE / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language, abort_invalid=True):
                if message.id:
                    assert not message.fuzzy, f"{path.name}: fuzzy {message.id!r}"
                    found.setdefault(str(message.id), []).append((str(message.string), path.name))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated(language):
    missing = {
        m: place for m, place in messages_in_source().items() if not catalogue(language).get(m, [("", "")])[0][0]
    }
    assert not missing


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_left_over(language):
    assert not set(catalogue(language)) - set(messages_in_source())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_has_one_translation_and_keeps_its_fields(language):
    for message, translations in catalogue(language).items():
        assert len({text for text, _file in translations}) == 1, f"{message!r}: {translations}"
        assert set(FIELD.findall(message)) == set(FIELD.findall(translations[0][0])), message


def literals_shown(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Text constants with letters in them that go straight into a Streamlit call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
            for argument in node.args[:1] + [
                k.value for k in node.keywords if k.arg in {"label", "help", "placeholder"}
            ]:
                for part in ast.walk(argument) if isinstance(argument, ast.JoinedStr) else [argument]:
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        text = re.sub(r":[\w-]+(/[\w-]+)?:|:[a-z]+\[|\$[^$]*\$|<[^>]*>|&\w+;", "", part.value)
                        if re.search(r"[A-Za-z\u4e00-\u9fff]{2,}", text):
                            yield node.lineno, part.value


def test_nothing_visible_is_written_past_the_catalogue():
    guilty = []
    for path in [*(PROJECT / "ui").rglob("*.py"), *(PROJECT / "pages").glob("*.py"), PROJECT / "streamlit_app.py"]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        guilty += [f"{path.relative_to(PROJECT)}:{line}: {text!r}" for line, text in literals_shown(tree)]
    assert not guilty


def test_prose_comes_in_pairs():
    names = {
        language: {p.name for p in (PROJECT / "content" / language).glob("*.md")} for language in ("en", *LANGUAGES)
    }
    assert all(files == names["en"] for files in names.values()), names


HAN, LATIN = "[\u4e00-\u9fff]", "[A-Za-z0-9]"
CHINESE_ITSELF = {"blame", "curve", "meaning", "praise", "summary", "x", "y"}
"""Fields whose values are always Chinese words."""


def chinese_texts() -> Iterator[tuple[str, str]]:
    """Every Chinese text that a visitor reads, without code, formulas and addresses, and where it stands."""
    for path in sorted((PROJECT / "content" / "zh").glob("*.md")):
        text = re.sub(r"```.*?```|\$\$.*?\$\$|<!--.*?-->", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        yield path.name, re.sub(r"\]\([^)]*\)", "]", text)
    for translations in catalogue("zh").values():
        for text, name in translations:
            yield name, re.sub(r":material/\w+:", "", text)
    for path in sorted((PROJECT / "content" / "resources").rglob("*.json")):
        for text in json_texts(json.loads(path.read_text(encoding="utf-8"))):
            yield path.name, text


def json_texts(value: object) -> Iterator[str]:
    """The texts in a JSON value, but for the spellings by which an entry is found."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key != "aliases":
                yield from json_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from json_texts(inner)
    elif isinstance(value, str):
        yield value


def test_between_chinese_and_latin_letters_or_digits_stands_a_space():
    mark = r"[*`$\[\]]*"  # of emphasis, code, a formula, a link
    tight = re.compile(rf"{HAN}{mark}{LATIN}|{LATIN}{mark}{HAN}")
    found = [
        (name, text[max(0, hit.start() - 8) : hit.end() + 8])
        for name, text in chinese_texts()
        for hit in tight.finditer(text)
    ]
    assert not found


def test_what_is_filled_in_does_not_touch_chinese_unless_it_is_chinese_itself():
    """The name of a dataset may be MNIST: a space, a colon or brackets keep it apart."""
    touching = re.compile(rf"{HAN}\**{{(\w*)[^}}]*}}|{{(\w*)[^}}]*}}\**(?={HAN})")
    for translations in catalogue("zh").values():
        for text, name in translations:
            fields = {before or after for before, after in touching.findall(text)}
            assert fields <= CHINESE_ITSELF, f"{name}: {text}"
