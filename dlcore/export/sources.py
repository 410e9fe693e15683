"""Parts of this project's own source, cut out for a program that stands alone. Nothing is imported: files are read.

So nothing is written twice: what an exported program computes is what training computes, letter for letter, less the
branches that its configuration never takes.
"""

import ast
import io
import tokenize
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_MARKS = ("# noqa", "# type:")
"""Comments for the linters of this project."""
WIDTH = 120
"""Columns of a line."""
Described = Callable[[str], str]
"""From the name of a definition, ``Class.field`` for a field, to its one-line description; empty for none."""


@cache
def _read(module: str) -> tuple[str, ast.Module]:
    text = (_PACKAGE / f"{module}.py").read_text(encoding="utf-8")
    return text, ast.parse(text)


def cut(
    module: str,
    roots: Sequence[str],
    *,
    describe: Described,
    translate: Callable[[str], str] = str,
    known: Mapping[str, bool] | None = None,
    renames: Mapping[str, str] | None = None,
    fields: Callable[[str, str], bool] = lambda _class, _field: True,
) -> str:
    """The definitions ``roots`` of ``dlcore/<module>.py`` and all others of that file that they need, in its order.

    Args:
        module: the path below ``dlcore``, without suffix.
        roots: names of functions, classes and constants.
        describe: what takes the place of the docstrings.
        translate: applied to the text of each comment.
        known: conditions as ``ast.unparse`` writes them, and whether they hold; the branches not taken are left out.
        renames: new names; a leading underscore is taken off anyway.
        fields: whether to keep a field, or a property, of a class.
    """
    text, tree = _read(module)
    found: dict[str, str] = {}
    for node in tree.body:
        for name in _names_defined(node):
            found[name] = _segment(text, node)
    found = {name: _prune(part, known or {}) for name, part in found.items()}
    wanted, left = set(), list(roots)
    while left:
        name = left.pop()
        if name not in wanted:
            wanted.add(name)
            left += [other for other in names_used(found[name]) if other in found]
    new_names = {name: name.lstrip("_") for name in wanted if name.startswith("_")} | dict(renames or {})
    parts: list[str] = []
    constants = False
    for name in found:
        if name in wanted:
            part = _retell(_describe(_keep(found[name], fields), describe), new_names, translate)
            constant = not _is_block(part)
            if constant and (told := describe(name)):
                part = f"# {told}\n{part}"
            if constant and constants:  # one below the other
                parts[-1] += f"\n{part}"
            else:
                parts.append(part)
            constants = constant
    return join(parts)


def arguments(module: str, name: str, key: str = "") -> dict[str, str]:
    """The keyword arguments, as text, of the call that a function ends with, or that stands under ``key`` in a constant."""
    text, tree = _read(module)
    [node] = [node for node in tree.body if name in _names_defined(node)]
    calls: list[ast.expr | None] = [node.body[-1].value] if isinstance(node, ast.FunctionDef) else []  # type: ignore[attr-defined]
    if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict):
        entries = zip(node.value.keys, node.value.values, strict=True)
        calls = [call for entry, call in entries if isinstance(entry, ast.Constant) and entry.value == key]
    [call] = calls
    assert isinstance(call, ast.Call)
    return {str(given.arg): ast.get_source_segment(text, given.value) or "" for given in call.keywords}


def width(line: str) -> int:
    """The columns that ``line`` takes: Chinese characters are two wide."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)


def call(function: str, arguments: Sequence[str], *, indent: str = "") -> str:
    """A call with its arguments as the formatter lays them out, for a line that begins with ``indent``."""
    inside = ", ".join(arguments)
    if len(f"{indent}{function}({inside})") <= WIDTH:
        return f"{function}({inside})"
    if len(f"{indent}    {inside}") <= WIDTH:
        return f"{function}(\n{indent}    {inside}\n{indent})"
    lines = "".join(f"{indent}    {argument},\n" for argument in arguments)
    return f"{function}(\n{lines}{indent})"


def names_used(text: str) -> set[str]:
    """All plain names in a piece of program."""
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def join(parts: Sequence[str]) -> str:
    """Pieces of program one below the other, with the blank lines between them that a formatter wants."""
    whole = ""
    for part in (part.strip("\n") for part in parts):
        if whole and part:
            apart = _ends_with_block(whole) or _is_block(part)
            whole += "\n\n\n" if apart else "\n\n"
        whole += part
    return whole


def _is_block(text: str) -> bool:
    return text.startswith(("def ", "class ", "@"))


def _ends_with_block(text: str) -> bool:
    return isinstance(ast.parse(text).body[-1], ast.FunctionDef | ast.ClassDef)


def _names_defined(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
    return []


def _segment(text: str, node: ast.stmt) -> str:
    """The whole lines of ``node``, with its decorators."""
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])


def _prune(text: str, known: Mapping[str, bool]) -> str:
    """``text`` without the conditions whose outcome is ``known``, and without the branches never taken."""
    while True:
        lines = text.splitlines()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.If) and (outcome := known.get(ast.unparse(node.test))) is not None:
                taken = node.body if outcome else node.orelse
                assert not (taken is node.orelse and node.orelse and isinstance(node.orelse[0], ast.If))
                kept = lines[taken[0].lineno - 1 : taken[-1].end_lineno] if taken else []
                lines[node.lineno - 1 : node.end_lineno] = [line.removeprefix("    ") for line in kept]
                text = "\n".join(lines)
                break
        else:
            return text


def _keep(text: str, fields: Callable[[str, str], bool]) -> str:
    """A class without the fields and properties that nobody asks for; anything else as it is."""
    [node] = ast.parse(text).body
    if not isinstance(node, ast.ClassDef):
        return text
    lines = text.splitlines()
    for index in reversed(range(len(node.body))):
        part = node.body[index]
        names = [name for name in _names_defined(part) if not name.startswith("__")]
        if not names or fields(node.name, names[0]):
            continue
        last = part.end_lineno
        if index + 1 < len(node.body) and _is_docstring(node.body[index + 1]):
            last = node.body[index + 1].end_lineno
        first = min([part.lineno, *(decorator.lineno for decorator in getattr(part, "decorator_list", []))])
        del lines[first - 1 : last]
    return "\n".join(lines).rstrip()


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _describe(text: str, describe: Described) -> str:
    """``text`` with other docstrings; those of fields become comments above them."""
    lines = text.splitlines()
    changes: list[tuple[int, int, int, list[str]]] = []
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        if not isinstance(body, list) or not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        for index, part in enumerate(body):
            if not _is_docstring(part):
                continue
            indent = " " * part.col_offset
            if index == 0:
                told = describe(node.name)
                changes.append((part.lineno, part.end_lineno, part.lineno, [f'{indent}"""{told}"""'] if told else []))
            else:
                (field,) = _names_defined(body[index - 1])
                told = describe(f"{node.name}.{field}")
                above = body[index - 1].lineno
                changes.append((part.lineno, part.end_lineno, above, [f"{indent}# {told}"] if told else []))
    for first, last, place, told_lines in sorted(changes, reverse=True):
        del lines[first - 1 : last]
        lines[place - 1 : place - 1] = told_lines
    return "\n".join(lines)


def _retell(text: str, new_names: Mapping[str, str], translate: Callable[[str], str]) -> str:
    """``text`` with other names and comments."""
    lines = text.splitlines()
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(text).readline))):
        if token.type not in (tokenize.NAME, tokenize.COMMENT):
            continue
        row, column = token.start
        line = lines[row - 1]
        if token.type == tokenize.NAME and token.string in new_names:
            lines[row - 1] = line[:column] + new_names[token.string] + line[token.end[1] :]
        elif token.type == tokenize.COMMENT:
            said = token.string
            for mark in _MARKS:
                said = said.partition(mark)[0].rstrip()
            said = said and "# " + translate(said.removeprefix("# "))
            lines[row - 1] = (line[:column] + said).rstrip()
    return "\n".join(lines)
